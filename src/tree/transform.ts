/**
 * What composefs-rs does to a tree between flattening it and making an image of it ("transform_for_oci"). A container
 * runtime or a build may give `/` and `/run` any metadata, so hosts take both from `/usr`; and they keep only
 * attributes that every path of delivery keeps. The result is digested and never shipped. Changing anything here
 * changes digests.
 *
 * Each step changes a tree in place and says what it did; a transform is a list of steps on one copy.
 */
import { type ByteString, byteString } from '../bytes/byte-string.ts';
import { PlanishError } from '../errors.ts';
import { copyTree } from './copy.ts';
import { keepXattrs, sameMetadata, sameTime } from './metadata.ts';
import type { Directory, Metadata, Node } from './tree.ts';

/**
 * Which extended attributes count: `security.capability` only, `user.*` as well, or all of them (hosts before July
 * 2026). Changing this changes digests.
 */
export type XattrMode = 'allowlist-only' | 'keep-user-xattrs' | 'all';

export interface ContainerTransformOptions {
  /** Default `allowlist-only`, as on hosts. */
  readonly xattrs?: XattrMode | undefined;
}

/** What a transform changed; plain data. */
export interface TransformReport {
  /** Whether the root's metadata was another than `/usr`'s. */
  readonly rootChanged: boolean;
  /** Names that were directly in `/run`. */
  readonly runEntriesRemoved: number;
  /** Whether `/run` had another time than `/usr`. */
  readonly runTimeChanged: boolean;
  /** Inodes that lost extended attributes. */
  readonly xattrsFiltered: number;
}

/** The tree a host digests, and how it differs from the one that went in. */
export interface TransformResult {
  readonly root: Directory;
  readonly report: TransformReport;
}

/**
 * The tree of which a composefs host computes the digest of a container image; `root` is left alone. Throws
 * `HOST_TREE_INVALID` where there is no `/usr`, or where it or `/run` is no directory: hosts refuse such a tree.
 */
export function transformForContainer(
  root: Directory,
  options: ContainerTransformOptions = {},
): TransformResult {
  const copy = copyTree(root);
  return { root: copy, report: transformInPlace(copy, options) };
}

/** As {@link transformForContainer}, but it changes the tree that it is given: for one that nobody else has. */
export function transformInPlace(root: Directory, options: ContainerTransformOptions = {}): TransformReport {
  const usr = requireUsr(root).metadata;
  const rootChanged = copyMetadataToRoot(root, usr);
  const run = resetRun(root, usr);
  // After the copy, so that the root's attributes are filtered as /usr's are.
  const xattrsFiltered = filterXattrs(root, xattrFilter(options.xattrs ?? 'allowlist-only'));
  return { rootChanged, runEntriesRemoved: run.removed, runTimeChanged: run.timeChanged, xattrsFiltered };
}

/** `/usr`, which hosts take metadata from. Throws `HOST_TREE_INVALID` where there is no such directory. */
function requireUsr(root: Directory): Directory {
  const usr = topDirectory(root, 'usr');
  if (usr !== undefined) return usr;
  throw new PlanishError('HOST_TREE_INVALID', 'the tree has no /usr, so hosts compute no digest of it', {
    path: '/usr',
  });
}

function topDirectory(root: Directory, name: 'usr' | 'run'): Directory | undefined {
  const node = root.children.get(byteString(name));
  if (node === undefined || node.type === 'directory') return node;
  const what = `/${name} is of type ${node.type}, not a directory, so hosts compute no digest of the tree`;
  throw new PlanishError('HOST_TREE_INVALID', what, { path: `/${name}` });
}

/** Gives the root all of `metadata`: mode, owners, time to the nanosecond, attributes. Returns whether it had others. */
function copyMetadataToRoot(root: Directory, metadata: Metadata): boolean {
  const changed = !sameMetadata(root.metadata, metadata);
  root.metadata = metadata;
  return changed;
}

/**
 * Empties `/run`, where there is one, and gives it the time of `usr`, to the nanosecond; mode, owners and attributes
 * stay. Throws `HOST_TREE_INVALID` where `/run` is no directory, as composefs-rs 0.9.4 does.
 */
function resetRun(root: Directory, usr: Metadata): { removed: number; timeChanged: boolean } {
  const run = topDirectory(root, 'run');
  if (run === undefined) return { removed: 0, timeChanged: false };
  const removed = run.children.size;
  const timeChanged = !sameTime(run.metadata.mtime, usr.mtime);
  run.children.clear();
  run.metadata = { ...run.metadata, mtime: usr.mtime };
  return { removed, timeChanged };
}

/** The test that an {@link XattrMode} stands for: whether hosts keep the attribute of a name. */
function xattrFilter(mode: XattrMode): (name: ByteString) => boolean {
  if (mode === 'all') return () => true;
  if (mode === 'allowlist-only') return (name) => name === 'security.capability';
  return (name) => name === 'security.capability' || name.startsWith('user.');
}

/** Drops, everywhere in the tree, the attributes that `keep` refuses. Returns how many inodes lost any. */
function filterXattrs(root: Directory, keep: (name: ByteString) => boolean): number {
  let filtered = 0;
  const pending: Node[] = [root];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    const kept = node.metadata.xattrs.size === 0 ? node.metadata : keepXattrs(node.metadata, keep);
    if (kept !== node.metadata) filtered++;
    node.metadata = kept;
    if (node.type === 'directory') for (const child of node.children.values()) pending.push(child);
  }
  return filtered;
}
