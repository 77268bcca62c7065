/** What stands at a path of a tree, symbolic links followed inside it and never out of it. */
import { type ByteString, byteString } from '../../bytes/byte-string.ts';
import type { Directory, Node } from '../../tree/tree.ts';
import { joinPath, lookup } from '../../tree/walk.ts';

/** Symlinks followed on one path, as the kernel's limit. */
const MAX_SYMLINKS = 40;

/**
 * Follows symlinks as the kernel does with the image as root: `..` of the root is the root. `pass` is told each directory
 * on the way by its path, but for the root; where it refuses one, nothing is found.
 */
export function resolvePath(
  root: Directory,
  path: ByteString,
  pass: (directory: ByteString) => boolean = () => true,
): Node | undefined {
  let at = byteString('/');
  let pending = path.split('/').filter(Boolean);
  for (let symlinks = 0; ; ) {
    const name = pending.shift();
    if (name === undefined) return lookup(root, at);
    if (name === '.') continue;
    if (name === '..') {
      at = byteString(at.slice(0, Math.max(1, at.lastIndexOf('/'))));
      continue;
    }
    const next = joinPath(at, byteString(name));
    const node = lookup(root, next);
    if (node?.type !== 'symlink') {
      if (node === undefined || (node.type === 'directory' && !pass(next))) return undefined;
      at = next;
      continue;
    }
    if (++symlinks > MAX_SYMLINKS) return undefined;
    if (node.target.startsWith('/')) at = byteString('/');
    pending = [...node.target.split('/').filter(Boolean), ...pending];
  }
}
