/** Cutting a stream into pieces of one size, so that what an encoder makes of it cannot depend on how it arrives. */

/**
 * The same bytes in pieces of exactly `size`, the last one shorter; none for an empty stream. One buffer is used again
 * and again: a piece is valid until the next is asked for. Pieces that already fit are passed on uncopied.
 */
export async function* fixedPieces(
  input: AsyncIterable<Uint8Array>,
  size: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let buffer: Uint8Array | undefined;
  let used = 0;
  for await (const piece of input) {
    let at = 0;
    while (at < piece.length) {
      if (used === 0 && piece.length - at >= size) {
        yield piece.subarray(at, at + size);
        at += size;
        continue;
      }
      buffer ??= new Uint8Array(size);
      const taken = Math.min(size - used, piece.length - at);
      buffer.set(piece.subarray(at, at + taken), used);
      used += taken;
      at += taken;
      if (used === size) {
        yield buffer;
        used = 0;
      }
    }
  }
  if (buffer !== undefined && used > 0) yield buffer.subarray(0, used);
}
