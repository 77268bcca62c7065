/**
 * Writing gzip: one member, whose bytes are a function of content and level and of nothing else.
 *
 * `node:zlib` cannot promise that. Its deflate is whatever the Node at hand was built with: Chromium's fork of zlib in
 * official builds, the system's zlib (zlib-ng, on some) in those of distributions. So the deflate is our own
 * (`native-helpers/deflate.h`), chunk by chunk, joined to one member: one source, as native code or WebAssembly.
 *
 * Measured on 64 MiB of a system root, seconds of processor time and size: gzip(1) at level 6 4.1 and 28.46 %; this at
 * level 6 1.65 and 28.24 % (WebAssembly 2.5), at level 1 1.12 and 29.76 %, at level 9 6.9 and 27.74 %.
 *
 * Changing anything here changes digests of layers.
 */
import { crc32 } from 'node:zlib';
import { CHUNK_BYTES, type ChunkDeflater, HISTORY_BYTES, openDeflater } from './deflater.ts';
import { CANONICAL_HEADER, encodeTrailer } from './gzip-format.ts';

/** Compresses a stream to one gzip member at a level of 1 to 9. */
export async function* gzip(
  input: AsyncIterable<Uint8Array>,
  level: number,
  deflater: ChunkDeflater = openDeflater(),
): AsyncGenerator<Uint8Array, void, undefined> {
  const window = new Uint8Array(HISTORY_BYTES + CHUNK_BYTES);
  let history = 0;
  let length = 0;
  let crc = 0;
  let size = 0;
  yield CANONICAL_HEADER.slice();
  for await (const piece of input) {
    crc = crc32(piece, crc);
    size += piece.length;
    for (let at = 0; at < piece.length; ) {
      if (length === CHUNK_BYTES) {
        yield deflater.deflate(chunkOf(window, history, length), history, level, false);
        window.copyWithin(0, window.length - HISTORY_BYTES);
        history = HISTORY_BYTES;
        length = 0;
      }
      const part = piece.subarray(at, at + CHUNK_BYTES - length);
      window.set(part, HISTORY_BYTES + length);
      length += part.length;
      at += part.length;
    }
  }
  yield deflater.deflate(chunkOf(window, history, length), history, level, true);
  yield encodeTrailer(crc, size);
}

/** A chunk with the history before it. A chunk is deflated only when it is known whether it is the last. */
function chunkOf(window: Uint8Array, history: number, length: number): Uint8Array {
  return window.subarray(HISTORY_BYTES - history, HISTORY_BYTES + length);
}
