/** A file as an image to look into: read in pages, of which the last few are kept. */
import type { ByteSource } from '../../bytes/byte-source.ts';
import type { ImageView } from '../../erofs/image-view.ts';

const PAGE_BYTES = 64 * 1024;
const PAGES_MAX = 64;

/** A view of a source that stays open and unchanged. What lies in one page is not copied. */
export function pagedView(source: ByteSource): ImageView {
  const pages = new Map<number, Uint8Array>();
  const page = (ordinal: number): Uint8Array => {
    const start = ordinal * PAGE_BYTES;
    const found = pages.get(ordinal) ?? source.read(start, Math.min(PAGE_BYTES, source.size - start));
    // Put last, so that what was not looked at for longest comes first.
    pages.delete(ordinal);
    pages.set(ordinal, found);
    if (pages.size > PAGES_MAX) pages.delete(pages.keys().next().value as number);
    return found;
  };
  return {
    size: source.size,
    bytes: (offset, length) => {
      const first = Math.floor(offset / PAGE_BYTES);
      const from = offset - first * PAGE_BYTES;
      if (from + length > PAGE_BYTES) return source.read(offset, length);
      return page(first).subarray(from, from + length);
    },
  };
}
