/** Bytes that an entry takes in a layer's tar, before any tar is written. */
import type { ByteString } from '../bytes/byte-string.ts';
import type { Metadata } from '../tree/tree.ts';
import { contentSize } from '../tree/tree.ts';
import type { TreeItem } from './tree-index.ts';

const BLOCK = 512;
/** Bytes of the name fields of a ustar header. */
const NAME_BYTES = 100;
/** Greatest owner that seven octal digits hold, and greatest size that eleven do. */
const OWNER_MAX = 0o7777777;
const SIZE_MAX = 0o77777777777;

function padded(bytes: number): number {
  return Math.ceil(bytes / BLOCK) * BLOCK;
}

/** Bytes of a PAX record `LENGTH KEY=VALUE\n`, whose length counts its own digits. */
function recordBytes(key: number, value: number): number {
  const rest = key + value + 3;
  let total = rest + 1;
  while (rest + String(total).length > total) total++;
  return total;
}

function xattrBytes(metadata: Metadata): number {
  let bytes = 0;
  for (const [name, value] of metadata.xattrs) {
    bytes += recordBytes('SCHILY.xattr.'.length + name.length, value.length);
  }
  return bytes;
}

function linkTarget(item: TreeItem): ByteString | '' {
  if (item.firstPath !== undefined) return item.firstPath;
  return item.node.type === 'symlink' ? item.node.target : '';
}

/**
 * Bytes of the tar entry of an item: header, extended header where something does not fit into ustar fields,
 * content, padding. An estimate in that the writer may still find a shorter spelling of a long name.
 */
export function estimateTarBytes(item: TreeItem): number {
  const { node } = item;
  const path = item.path.length - 1 + (node.type === 'directory' ? 1 : 0);
  const target = linkTarget(item).length;
  const size = node.type === 'regular' && item.firstPath === undefined ? contentSize(node.content) : 0;
  let pax = xattrBytes(node.metadata);
  if (path > NAME_BYTES) pax += recordBytes('path'.length, path);
  if (target > NAME_BYTES) pax += recordBytes('linkpath'.length, target);
  if (size > SIZE_MAX) pax += recordBytes('size'.length, String(size).length);
  for (const owner of [node.metadata.uid, node.metadata.gid]) {
    if (owner > OWNER_MAX) pax += recordBytes('uid'.length, String(owner).length);
  }
  return BLOCK + (pax === 0 ? 0 : BLOCK + padded(pax)) + padded(size);
}
