/** One tree of a directory. */
import type { HashAlgorithm } from '../../bytes/digest.ts';
import { stampOf, verifyFileStamps } from '../../io/file-stamps.ts';
import { measureTree, scanRootfs } from '../../io/rootfs.ts';
import type { ContentWish } from '../../io/rootfs-backend.ts';
import type { Rootfs, StoredContents } from '../../io/rootfs-scan.ts';
import { nativeHelpers } from '../../native/load.ts';
import type { ContentFile } from '../../parallel/content-file.ts';
import type { RegularFile } from '../../tree/tree.ts';
import type { Session } from '../session.ts';
import type { LoadedTree, Needs, SourceOptions } from './load-tree.ts';
import { BARE, measuringAlgorithm } from './loaded-tree.ts';
import { measureFiles, storeFiles } from './measure-files.ts';

/** The tree of a directory, with the digests of its files where they are needed. */
export async function loadRootfsTree(
  session: Session,
  directory: string,
  options: SourceOptions,
  needs: Needs,
): Promise<LoadedTree> {
  const algorithm = measuringAlgorithm(options, needs);
  const store =
    needs.store === undefined
      ? undefined
      : (await import('./store-place.ts')).storePlace(needs.store, directory);
  const wish = needs.digests ? { algorithm, store, stamps: stampsWanted(needs, store) } : undefined;
  const { onWarning } = session;
  const scan = await scanRootfs(directory, {
    onWarning,
    xattrs: options.xattrs ?? 'all',
    contents: wish,
    width: session.pool.width,
    onTurn: () => session.checkInterrupted(),
  });
  const { root, files, leaves, stored } = scan;
  const stamps = needs.contents !== false ? stampsOf(scan) : [];
  if (wish !== undefined) await measure(session, { ...scan, stamps }, wish);
  const contents = files.map((path): ContentFile => ({ kind: 'path', path, base: 0 }));
  return {
    ...BARE,
    kind: 'rootfs',
    root,
    algorithm,
    contents,
    verifyUnchanged: () => verifyFileStamps(files, stamps),
    stored: store === undefined ? undefined : { contents: stored, areAll: leaves.every(isStoredIn(stored)) },
  };
}

/** What was stored need not be looked at again: an object is what was read. */
function stampsWanted({ contents }: Needs, store: ContentWish['store']): ContentWish['stamps'] {
  if (contents === false) return 'none';
  return store === undefined ? 'all' : 'left';
}

/** What tells that files have not changed since they were listed, or at least from now on; not of those that are stored. */
function stampsOf({ files, leaves, stamps, stored }: Rootfs): (string | undefined)[] {
  const isStored = isStoredIn(stored);
  return files.map((file, source) => {
    const leaf = leaves[source];
    return stamps[source] ?? (leaf !== undefined && isStored(leaf) ? undefined : stampOf(file));
  });
}

function isStoredIn(stored: StoredContents): (leaf: RegularFile) => boolean {
  return ({ content }) =>
    content.kind === 'external' && content.verity !== undefined && stored.has(content.verity);
}

/** What was not read with the directories: what is large, or has several names. */
async function measure(
  session: Session,
  scan: Rootfs,
  { algorithm, store }: { algorithm: HashAlgorithm; store: ContentWish['store'] },
): Promise<void> {
  const helpers = nativeHelpers();
  await measureTree(scan, (files) =>
    store === undefined || helpers === undefined
      ? measureFiles(session, files, algorithm, helpers)
      : storeFiles(session, files, { algorithm, store }, { stored: scan.stored, helpers }),
  );
}
