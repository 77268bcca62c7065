/**
 * What composefs-rs does to a tree before it is booted, after the transform for containers ("transform_for_boot"): a
 * UKI in /boot carries the digest of the tree, so what is in /boot cannot count for it. Relabelling, the last step,
 * needs the policy of the tree and so is elsewhere; dropping labels where there is no policy is here. The result is
 * digested and never shipped. Changing anything here changes digests.
 *
 * Each step changes a tree in place and says what it did. Inodes that nothing names any more are gone by themselves:
 * a tree has no table of inodes that would have to be compacted.
 */
import { byteString } from '../bytes/byte-string.ts';
import type { Timestamp } from '../bytes/stat.ts';
import { PlanishError } from '../errors.ts';
import { keepXattrs, sameTime } from './metadata.ts';
import type { Directory, Node } from './tree.ts';

/**
 * How much of /usr's time goes to what is emptied: whole seconds, the fraction staying what it was (composefs-rs
 * before its pull request 396 of September 2026), or all of it.
 */
export type BootTimes = 'seconds' | 'nanoseconds';

/** What emptying one directory changed; plain data. */
export interface EmptiedDirectory {
  readonly path: '/boot' | '/sysroot';
  /** Names that were directly in it. */
  readonly entriesRemoved: number;
  readonly timeChanged: boolean;
}

/** Directories that hosts require and empty, in the order in which they look for them. */
const EMPTIED = ['boot', 'sysroot'] as const;

/** The attribute of SELinux. */
const SELINUX_XATTR = 'security.selinux';

/**
 * Empties /boot and /sysroot and gives them the time of /usr; modes, owners and attributes stay. Throws
 * `HOST_TREE_INVALID` unless all three are directories: hosts refuse such a tree.
 */
export function emptyBootDirectories(root: Directory, times: BootTimes): EmptiedDirectory[] {
  const { mtime } = requireDirectory(root, 'usr').metadata;
  return EMPTIED.map((name) => {
    const directory = requireDirectory(root, name);
    const entriesRemoved = directory.children.size;
    directory.children.clear();
    return { path: `/${name}` as const, entriesRemoved, timeChanged: setTime(directory, mtime, times) };
  });
}

function requireDirectory(root: Directory, name: 'usr' | 'boot' | 'sysroot'): Directory {
  const node = root.children.get(byteString(name));
  if (node?.type === 'directory') return node;
  const what =
    node === undefined
      ? `the tree has no /${name}, so hosts compute no bootable digest of it`
      : `/${name} is of type ${node.type}, not a directory, so hosts compute no bootable digest of the tree`;
  throw new PlanishError('HOST_TREE_INVALID', what, { path: `/${name}` });
}

function setTime(directory: Directory, time: Timestamp, times: BootTimes): boolean {
  const { mtime } = directory.metadata;
  const wanted = times === 'seconds' ? { sec: time.sec, nsec: mtime.nsec } : time;
  directory.metadata = { ...directory.metadata, mtime: wanted };
  return !sameTime(mtime, wanted);
}

/** Drops every SELinux label, as hosts do where the tree names no policy. Returns how many inodes had one. */
export function stripLabels(root: Directory): number {
  let stripped = 0;
  const pending: Node[] = [root];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    const kept =
      node.metadata.xattrs.size === 0
        ? node.metadata
        : keepXattrs(node.metadata, (name) => name !== SELINUX_XATTR);
    if (kept !== node.metadata) stripped++;
    node.metadata = kept;
    if (node.type === 'directory') for (const child of node.children.values()) pending.push(child);
  }
  return stripped;
}
