/** `emit --layout mkcomposefs`: a tree as mkcomposefs leaves it, an image file beside a store of objects. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { HashAlgorithm, VerityDigest } from '../../bytes/digest.ts';
import { imageDigest } from '../../erofs/image-digest.ts';
import type { FormatVersion } from '../../erofs/writer.ts';
import { PlanishError } from '../../errors.ts';
import { encodeHostImage } from '../../host/host-digest.ts';
import { type HostProfileName, hostProfile } from '../../host/profiles.ts';
import { attempt } from '../../io/durable-file.ts';
import { isWithin } from '../../io/is-within.ts';
import type { OpenedSource } from '../../io/open-image.ts';
import type { StoredContents } from '../../io/rootfs-scan.ts';
import { createTemporaryDirectory } from '../../io/temporary.ts';
import { writeFileAside } from '../../io/write-file.ts';
import { lockDirectory } from '../../kernel/lock.ts';
import { syncFilesystem } from '../../kernel/sync.ts';
import type { ContentToStore } from '../../parallel/store-contents.ts';
import { probeVerity } from '../../repo/create.ts';
import { addCounts, noObjects, type ObjectCounts, type ObjectTarget } from '../../repo/object-writer.ts';
import type { Directory } from '../../tree/tree.ts';
import { walk } from '../../tree/walk.ts';
import { chosenRoot } from '../hosts/host-root.ts';
import { type LoadedTree, loadTree, type SourceOptions, withSource } from '../load/load-tree.ts';
import { Session } from '../session.ts';

/** Options of {@link emitStore}. */
export interface EmitStoreOptions extends SourceOptions {
  /** Directory that gets `objects` and the image file; made where it is not there. */
  readonly directory: string;
  /** Name of the image file; default `image.cfs`. */
  readonly name?: string | undefined;
  /** Whose rules make the image; default `mkcomposefs`. Changes digests, as `format` does. */
  readonly profile?: HostProfileName | undefined;
  readonly format?: FormatVersion | undefined;
}

/** Result of {@link emitStore}. */
export interface EmitStoreResult {
  readonly source: string;
  readonly directory: string;
  /** Path of the image file. */
  readonly image: string;
  readonly digest: VerityDigest;
  readonly size: number;
  readonly format: FormatVersion;
  readonly algorithm: HashAlgorithm;
  /** Whether new objects have fs-verity. */
  readonly verity: ObjectTarget['verity'];
  readonly objects: ObjectCounts;
}

/**
 * Emits any tree that has contents. The image appears last, when all its objects are on the disk. Throws what loading the tree
 * throws, `UNREPRESENTABLE` for contents that the source does not have, `LOCKED`, `DISK_FULL`.
 */
export async function emitStore(source: string, options: EmitStoreOptions): Promise<EmitStoreResult> {
  const { directory, name = 'image.cfs', profile = 'mkcomposefs' } = options;
  if (name === '' || name.includes('/') || name === 'objects') {
    throw new PlanishError('BAD_OPTION', 'the image must have the name of a file', { actual: name });
  }
  const { algorithm } = hostProfile(profile);
  const needs = { contents: true, digests: true, algorithm };
  return await Session.use(options, (session) =>
    withSource(session, source, options, async (opened) => {
      const load = (store?: ObjectTarget): Promise<LoadedTree> =>
        loadTree(session, opened, options, { ...needs, store });
      return await emitTree(
        { session, source, directory, name, profile, options },
        { load, isStoredAsRead: isWhole(opened, profile, directory) },
      );
    }),
  );
}

/**
 * Whether contents may be stored before the tree is there: it has all that the source has, and what is stored is no part of
 * what is being listed.
 */
function isWhole(opened: OpenedSource, profile: HostProfileName, directory: string): boolean {
  const { container, boot } = hostProfile(profile);
  if (opened.kind !== 'rootfs' || container !== undefined || boot !== undefined) return false;
  return !isWithin(directory, opened.path);
}

/** What is to be done, options being complete. */
interface Job {
  readonly session: Session;
  readonly source: string;
  readonly directory: string;
  readonly name: string;
  readonly profile: HostProfileName;
  readonly options: EmitStoreOptions;
}

interface Loading {
  readonly load: (store?: ObjectTarget) => Promise<LoadedTree>;
  readonly isStoredAsRead: boolean;
}

async function emitTree(job: Job, { load, isStoredAsRead }: Loading): Promise<EmitStoreResult> {
  const { session, profile, options } = job;
  const make = async (tree: LoadedTree): Promise<MadeTree> => {
    const root = await chosenRoot(session, tree, { profile });
    const { algorithm, facts } = tree;
    const { format } = options;
    return { tree, root, ...encodeHostImage(root, hostProfile(profile), { algorithm, format, facts }) };
  };
  if (!isStoredAsRead) {
    const made = await make(await load());
    return await withStore(job.directory, made.tree.algorithm, (store) => writeTree(job, made, store));
  }
  const algorithm = options.algorithm ?? hostProfile(profile).algorithm;
  return await withStore(job.directory, algorithm, async (store) =>
    writeTree(job, await make(await load(store.target)), store),
  );
}

/** A tree and its image. */
interface MadeTree {
  readonly tree: LoadedTree;
  readonly root: Directory;
  readonly image: Uint8Array;
  readonly format: FormatVersion;
}

/** A directory of objects in work. */
interface OpenStore {
  readonly target: ObjectTarget;
  /** A descriptor on its file system. */
  readonly fd: number;
}

async function withStore<T>(
  directory: string,
  algorithm: HashAlgorithm,
  use: (store: OpenStore) => Promise<T>,
): Promise<T> {
  const objects = join(directory, 'objects');
  attempt('making a directory', objects, () => mkdirSync(objects, { recursive: true }));
  const lock = await lockDirectory(directory, 'shared');
  const staging = createTemporaryDirectory(directory);
  try {
    const verity = probeVerity(staging.path, { algorithm }) ? 'enabled' : 'none';
    const target = { directory: objects, staging: staging.path, algorithm, verity } as const;
    return await use({ target, fd: lock.fd });
  } finally {
    staging.close();
    lock.release();
  }
}

async function writeTree(
  { session, source, directory, name }: Job,
  { tree, root, image: bytes, format }: MadeTree,
  { target, fd }: OpenStore,
): Promise<EmitStoreResult> {
  const objects = await storeAll(session, tree, root, target);
  syncFilesystem(fd);
  const image = join(directory, name);
  writeFileAside(image, bytes);
  const { algorithm } = tree;
  const digest = imageDigest(bytes, algorithm);
  const size = bytes.length;
  const { verity } = target;
  return { source, directory, image, digest, size, format, algorithm, verity, objects };
}

/** Bytes of contents that a thread is given at a time, and their number. */
const BATCH_BYTES = 32 * 1024 * 1024;
const BATCH_CONTENTS = 2000;

/** Stores what was not stored when it was read. */
async function storeAll(
  session: Session,
  { contents: files, kind, stored, verifyUnchanged }: LoadedTree,
  root: Directory,
  target: ObjectTarget,
): Promise<ObjectCounts> {
  const counts = countStored(stored?.contents);
  if (stored?.areAll === true) return counts;
  const batches = batchesOf(root, stored?.contents);
  const whole = files.map((file) =>
    file.kind === 'path' && kind === 'rootfs' ? { ...file, isWhole: true } : file,
  );
  const results = batches.map((contents) => {
    const sources = [...new Set(contents.map(({ location }) => location.source))];
    const numbers = new Map(sources.map((source, index) => [source, index]));
    const renumbered = contents.map(({ location, ...content }) => ({
      ...content,
      location: { source: numbers.get(location.source) ?? 0, extents: location.extents },
    }));
    const own = sources.map((source) => whole[source] as (typeof whole)[number]);
    return session.pool.run('storeContents', { target, files: own, contents: renumbered });
  });
  for (const result of await Promise.all(results)) addCounts(counts, result);
  verifyUnchanged();
  return counts;
}

function countStored(stored: StoredContents | undefined): ObjectCounts {
  const counts = noObjects();
  for (const size of stored?.written.values() ?? []) {
    counts.added += 1;
    counts.addedBytes += size;
  }
  for (const [digest, size] of stored?.found ?? []) {
    if (stored?.written.has(digest) === true) continue;
    counts.present += 1;
    counts.presentBytes += size;
  }
  return counts;
}

/** The contents of a tree that are not stored yet, each once, in the order of their places, which is how they are read fastest. */
function batchesOf(root: Directory, stored: StoredContents | undefined): ContentToStore[][] {
  const found = new Map<VerityDigest, ContentToStore>();
  for (const { node, path } of walk(root)) {
    if (node.type !== 'regular' || node.content.kind !== 'external') continue;
    const { verity, size, location } = node.content;
    if (verity !== undefined && stored?.has(verity) === true) continue;
    if (verity === undefined || location === undefined) {
      throw new PlanishError('UNREPRESENTABLE', 'the source does not have the contents of its files', {
        path: path.slice(0, 160),
      });
    }
    found.set(verity, { digest: verity, size, location });
  }
  const place = ({ location }: ContentToStore): number => location.extents[0]?.offset ?? 0;
  const sorted = [...found.values()].sort(
    (a, b) => a.location.source - b.location.source || place(a) - place(b),
  );
  return cut(sorted);
}

function cut(contents: readonly ContentToStore[]): ContentToStore[][] {
  const batches: ContentToStore[][] = [];
  let bytes = BATCH_BYTES;
  for (const content of contents) {
    const batch = batches.at(-1);
    if (batch === undefined || bytes >= BATCH_BYTES || batch.length >= BATCH_CONTENTS) {
      batches.push([content]);
      bytes = content.size;
    } else {
      batch.push(content);
      bytes += content.size;
    }
  }
  return batches;
}
