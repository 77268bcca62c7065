/** Trees and files of a directory on disk, as far as labels need them. */
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ByteString, byteString } from '../../src/bytes/byte-string.ts';
import type { FileReader } from '../../src/selinux/policy-files.ts';
import type { Directory, Leaf, Node } from '../../src/tree/tree.ts';
import { device, dir, external, fifo, file, socket, symlink } from './tree-builder.ts';

/** Reads files below a directory; names are bytes. */
export function diskReader(root: string): FileReader {
  return { read: (path) => readFileSync(diskPath(root, path)) };
}

function diskPath(root: string, path: string): Buffer {
  return Buffer.concat([Buffer.from(root), Buffer.from(path, 'latin1')]);
}

/** The tree below a directory: names, types and hard links; metadata and contents are made up. */
export function diskTree(root: string): Directory {
  const leaves = new Map<string, Leaf>();
  const scan = (path: string): Directory => {
    const names = readdirSync(diskPath(root, path), { encoding: 'buffer' }).map((name) =>
      name.toString('latin1'),
    );
    const children = new Map<ByteString, Node>();
    for (const name of names) {
      const below = join(path, name);
      const stat = lstatSync(diskPath(root, below));
      if (stat.isDirectory()) {
        children.set(byteString(name), scan(below));
        continue;
      }
      const inode = `${stat.dev}:${stat.ino}`;
      const leaf = leaves.get(inode) ?? leafOf(stat);
      leaves.set(inode, leaf);
      children.set(byteString(name), leaf);
    }
    return { ...dir(), children };
  };
  return scan('/');
}

function leafOf(stat: ReturnType<typeof lstatSync> & object): Leaf {
  if (stat.isSymbolicLink()) return symlink('target');
  if (stat.isFIFO()) return fifo();
  if (stat.isSocket()) return socket();
  if (stat.isCharacterDevice()) return device('character', 1, 3);
  if (stat.isBlockDevice()) return device('block', 1, 3);
  return file(external(Number(stat.size), 'disk'));
}
