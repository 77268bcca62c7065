/**
 * What some readers of a tree never see: names that share an inode, fractions of seconds. Each step changes a tree in
 * place and says how often. Changing anything here changes digests.
 */
import type { Directory, Leaf, Node } from './tree.ts';

/** Gives every further name of a hard link an inode of its own. Returns how many names got one. */
export function separateLinks(root: Directory): number {
  const seen = new Set<Leaf>();
  let separated = 0;
  const pending: Directory[] = [root];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    for (const [name, node] of directory.children) {
      if (node.type === 'directory') pending.push(node);
      else if (seen.has(node)) {
        directory.children.set(name, { ...node });
        separated++;
      } else seen.add(node);
    }
  }
  return separated;
}

/** Drops fractions of seconds. Returns how many inodes had one. */
export function dropFractions(root: Directory): number {
  let dropped = 0;
  const pending: Node[] = [root];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    const { mtime } = node.metadata;
    if (mtime.nsec !== 0) {
      node.metadata = { ...node.metadata, mtime: { sec: mtime.sec, nsec: 0 } };
      dropped++;
    }
    if (node.type === 'directory') for (const child of node.children.values()) pending.push(child);
  }
  return dropped;
}
