/**
 * The checksum by which ostree names the content of a file: SHA-256 over a header of owner, mode, link target and
 * extended attributes, and the content of regular files. Times have no part in it.
 *
 * The header is a GVariant `(uuuusa(ayay))` with numbers in big-endian order, after its length in four bytes and four
 * zeros.
 */
import { createHash } from 'node:crypto';
import { byteString, toBytes } from '../bytes/byte-string.ts';
import { type Leaf, TYPE_BITS } from '../tree/tree.ts';

/** The checksum as hexadecimal digits; `undefined` for devices, FIFOs and sockets, which ostree does not store. */
export function ostreeChecksum(node: Leaf, content: Iterable<Uint8Array>): string | undefined {
  if (node.type !== 'regular' && node.type !== 'symlink') return undefined;
  const header = fileHeader(node);
  const hash = createHash('sha256');
  hash.update(numbers([header.length, 0]));
  hash.update(header);
  if (node.type === 'regular') for (const piece of content) hash.update(piece);
  return hash.digest('hex');
}

function fileHeader(node: Extract<Leaf, { type: 'regular' | 'symlink' }>): Uint8Array {
  const { uid, gid, mode, xattrs } = node.metadata;
  // Linux gives every symbolic link the mode 0777, whatever a tar says.
  const permissions = node.type === 'symlink' ? 0o777 : mode;
  const target = node.type === 'symlink' ? node.target : byteString('');
  const attributes = [...xattrs]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => frame([terminated(name), value], 1));
  const owner = numbers([uid, gid, TYPE_BITS[node.type] | permissions, 0]);
  return frame([Buffer.concat([owner, terminated(target)]), frame(attributes, attributes.length)], 1);
}

function numbers(values: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [ordinal, value] of values.entries()) bytes.writeUInt32BE(value, ordinal * 4);
  return bytes;
}

function terminated(text: ReturnType<typeof byteString>): Uint8Array {
  return Buffer.concat([toBytes(text), Buffer.alloc(1)]);
}

/**
 * Members one after another, then where the first `ends` of them end, in little-endian numbers as narrow as the whole
 * allows: an array has the ends of all its elements, in order; a tuple of two that of its first.
 */
function frame(members: readonly Uint8Array[], ends: number): Uint8Array {
  const body = Buffer.concat(members);
  if (ends === 0) return body;
  const width = [1, 2, 4].find((bytes) => body.length + ends * bytes < 256 ** bytes) ?? 8;
  const offsets = Buffer.alloc(ends * width);
  let end = 0;
  for (const [ordinal, member] of members.slice(0, ends).entries()) {
    end += member.length;
    offsets.writeUIntLE(end, ordinal * width, Math.min(width, 6));
  }
  return Buffer.concat([body, offsets]);
}
