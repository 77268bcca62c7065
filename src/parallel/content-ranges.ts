/** Which parts of an uncompressed layer are at hand, and where they lie among what was kept of it. */
import type { Content } from '../tree/tree.ts';

/** Numbers a row takes up in {@link ContentRanges}: start and end in the tar, position among what is kept. */
const ROW = 3;

/** Gaps up to this many bytes are kept as well: headers and padding, so that neighbours are one range. */
const GAP_BYTES = 4096;

/** Rows of {@link ROW} numbers in order, apart from each other; what they cover is kept one behind another. */
export type ContentRanges = Float64Array<ArrayBuffer>;

/** A part of a tar: first byte, and the one behind the last. */
export type Span = readonly [start: number, end: number];

/** The ranges that hold all spans. */
export function rangesOf(spans: Iterable<Span>): ContentRanges {
  const rows: number[] = [];
  let position = 0;
  for (const [start, end] of [...spans].sort((a, b) => a[0] - b[0])) {
    const last = rows.length - ROW;
    const lastEnd = last < 0 ? Number.NEGATIVE_INFINITY : (rows[last + 1] as number);
    if (start - lastEnd > GAP_BYTES) {
      rows.push(start, end, position);
      position += end - start;
    } else if (end > lastEnd) {
      rows[last + 1] = end;
      position += end - lastEnd;
    }
  }
  return Float64Array.from(rows);
}

/** The stored parts of a content, in its layer. */
export function* spansOf(content: Content): Generator<Span, void, undefined> {
  if (content.kind === 'inline') return;
  for (const { offset, length } of content.location?.extents ?? []) yield [offset, offset + length];
}

/** The ranges as spans. */
export function* spansIn(ranges: ContentRanges): Generator<Span, void, undefined> {
  for (let row = 0; row < ranges.length; row += ROW) yield [ranges[row] as number, ranges[row + 1] as number];
}

/** Bytes that the ranges cover. */
export function lengthOf(ranges: ContentRanges): number {
  let length = 0;
  for (const [start, end] of spansIn(ranges)) length += end - start;
  return length;
}

/** Position among what is kept of the `length` bytes at `offset`; `undefined` where not all are there. */
export function positionIn(
  ranges: ContentRanges | undefined,
  offset: number,
  length: number,
): number | undefined {
  if (ranges === undefined) return offset;
  let low = 0;
  let high = ranges.length / ROW;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ranges[middle * ROW] as number) <= offset) low = middle + 1;
    else high = middle;
  }
  const row = (low - 1) * ROW;
  if (row < 0 || offset + length > (ranges[row + 1] as number)) return undefined;
  return offset - (ranges[row] as number) + (ranges[row + 2] as number);
}
