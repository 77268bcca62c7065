/** Parts of a file of a loaded tree, for files too large to be read whole. */
import { type ByteSource, byteSource } from '../../bytes/byte-source.ts';
import { PlanishError } from '../../errors.ts';
import type { ContentReader } from '../../parallel/content-file.ts';
import type { Content } from '../../tree/tree.ts';

/**
 * A content as a {@link ByteSource}. Throws `UNREPRESENTABLE` where the source of the tree holds digests alone; `read`
 * throws `INVARIANT` for what lies outside the content.
 */
export function contentSource(reader: ContentReader, content: Content): ByteSource {
  if (content.kind === 'inline') return byteSource(content.bytes);
  const { size, location } = content;
  if (location === undefined) {
    throw new PlanishError('UNREPRESENTABLE', 'the content of a file is not in this source, only its digest');
  }
  return { size, read: (offset, length) => readRange(reader, location, size, offset, length) };
}

type Location = NonNullable<Extract<Content, { kind: 'external' }>['location']>;

function readRange(
  reader: ContentReader,
  { source, extents }: Location,
  size: number,
  offset: number,
  length: number,
): Uint8Array {
  if (offset < 0 || length < 0 || offset + length > size) {
    throw new PlanishError('INVARIANT', 'a part of a file lies outside of it');
  }
  const target = new Uint8Array(length);
  for (const extent of extents) {
    const start = Math.max(offset, extent.at);
    const end = Math.min(offset + length, extent.at + extent.length);
    if (start >= end) continue;
    reader.read(source, extent.offset + start - extent.at, target.subarray(start - offset, end - offset));
  }
  return target;
}
