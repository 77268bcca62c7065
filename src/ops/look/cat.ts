/** `cat`: the content of one file of a source. */
import { type ByteString, byteString, display, fromUtf8 } from '../../bytes/byte-string.ts';
import { PlanishError } from '../../errors.ts';
import type { Directory, Node, RegularFile } from '../../tree/tree.ts';
import { joinPath, lookup } from '../../tree/walk.ts';
import { type SourceOptions, withTree } from '../load/load-tree.ts';
import { TreeFileReader } from '../load/tree-file-reader.ts';
import { Session } from '../session.ts';

/** Symlinks followed on one path, as the kernel's limit. */
const MAX_SYMLINKS = 40;

/**
 * Writes the content of the regular file at `path` to `sink`, in pieces. Symlinks are followed inside the image and
 * never out of it. Throws `PATH_NOT_FOUND`.
 */
export async function cat(
  source: string,
  path: string,
  sink: (piece: Uint8Array) => void,
  options: SourceOptions = {},
): Promise<void> {
  await Session.use(options, (session) =>
    withTree(session, source, options, { contents: true, digests: false }, async ({ root, contents }) => {
      const file = resolveFile(root, fromUtf8(path));
      const reader = new TreeFileReader(root, contents);
      try {
        for (const piece of reader.pieces(file.content)) sink(piece);
      } finally {
        reader.close();
      }
    }),
  );
}

function resolveFile(root: Directory, path: ByteString): RegularFile {
  const node = resolve(root, path);
  if (node?.type === 'regular') return node;
  const what = node === undefined ? 'the image holds no such path' : `the path is a ${node.type}, not a file`;
  throw new PlanishError('PATH_NOT_FOUND', what, { path: display(path) });
}

/** Follows symlinks as the kernel does with the image as root: `..` of the root is the root. */
function resolve(root: Directory, path: ByteString): Node | undefined {
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
      if (node === undefined) return undefined;
      at = next;
      continue;
    }
    if (++symlinks > MAX_SYMLINKS) return undefined;
    if (node.target.startsWith('/')) at = byteString('/');
    pending = [...node.target.split('/').filter(Boolean), ...pending];
  }
}
