/** One tree of a directory. */
import { takeFileStamps, verifyFileStamps } from '../../io/file-stamps.ts';
import { measureTree, scanRootfs } from '../../io/rootfs.ts';
import type { ContentFile } from '../../parallel/content-file.ts';
import type { Session } from '../session.ts';
import type { LoadedTree, Needs, SourceOptions } from './load-tree.ts';
import { BARE, measuringAlgorithm } from './loaded-tree.ts';
import { measureFiles } from './measure-files.ts';

/** The tree of a directory, with the digests of its files where they are needed. */
export async function loadRootfsTree(
  session: Session,
  directory: string,
  options: SourceOptions,
  needs: Needs,
): Promise<LoadedTree> {
  const algorithm = measuringAlgorithm(options, needs);
  const { onWarning } = session;
  const scan = await scanRootfs(directory, { onWarning, xattrs: options.xattrs ?? 'all' });
  const stamps = needs.contents !== false ? takeFileStamps(scan.files) : [];
  if (needs.digests) await measureTree(scan, (files) => measureFiles(session, files, algorithm));
  const contents = scan.files.map((path): ContentFile => ({ kind: 'path', path, base: 0 }));
  const verifyUnchanged = (): void => {
    if (needs.contents !== false) verifyFileStamps(scan.files, stamps);
  };
  return { ...BARE, kind: 'rootfs', root: scan.root, algorithm, contents, verifyUnchanged };
}
