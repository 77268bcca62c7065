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
import { nativeHelpers } from '../native/load.ts';
import { fastestCrc32 } from './crc32.ts';
import {
  CHUNK_BYTES,
  type ChunkDeflater,
  HISTORY_BYTES,
  type LaterDeflater,
  openDeflater,
} from './deflater.ts';
import { CANONICAL_HEADER, encodeTrailer } from './gzip-format.ts';

/** Compresses a stream to one gzip member at a level of 1 to 9. */
export async function* gzip(
  input: AsyncIterable<Uint8Array>,
  level: number,
  deflater: ChunkDeflater = openDeflater(),
): AsyncGenerator<Uint8Array, void, undefined> {
  const sums: Sums = { crc: 0, size: 0 };
  yield CANONICAL_HEADER.slice();
  for await (const { data, history, isLast } of chunksOf(input, 1, sums)) {
    yield deflater.deflate(data, history, level, isLast);
  }
  yield encodeTrailer(sums.crc, sums.size);
}

/** The same bytes, with several chunks of the one member deflated at once. */
export async function* gzipOnThreads(
  input: AsyncIterable<Uint8Array>,
  level: number,
  deflater: LaterDeflater,
): AsyncGenerator<Uint8Array, void, undefined> {
  const sums: Sums = { crc: 0, size: 0 };
  const running: Promise<Uint8Array>[] = [];
  yield CANONICAL_HEADER.slice();
  try {
    for await (const { data, history, isLast } of chunksOf(input, deflater.width, sums)) {
      running.push(deflater.deflate(data, history, level, isLast));
      if (running.length === deflater.width) yield await (running.shift() as Promise<Uint8Array>);
    }
    while (running.length > 0) yield await (running.shift() as Promise<Uint8Array>);
  } finally {
    await Promise.allSettled(running);
  }
  yield encodeTrailer(sums.crc, sums.size);
}

/** What the trailer says, once all chunks are through. */
interface Sums {
  crc: number;
  size: number;
}

interface Chunk {
  /** The history and the chunk. */
  readonly data: Uint8Array;
  readonly history: number;
  readonly isLast: boolean;
}

/**
 * The stream in chunks. One comes only when it is known whether it is the last. Its bytes stay until `width` more have been
 * asked for.
 */
async function* chunksOf(
  input: AsyncIterable<Uint8Array>,
  width: number,
  sums: Sums,
): AsyncGenerator<Chunk, void, undefined> {
  const crc32 = fastestCrc32(nativeHelpers());
  const windows = Array.from({ length: width + 1 }, () => new Uint8Array(HISTORY_BYTES + CHUNK_BYTES));
  let ordinal = 0;
  let window = windows[0] as Uint8Array;
  let length = 0;
  for await (const piece of input) {
    sums.crc = crc32(piece, sums.crc);
    sums.size += piece.length;
    for (let at = 0; at < piece.length; ) {
      if (length === CHUNK_BYTES) {
        yield chunkOf(window, ordinal, length, false);
        const history = window.subarray(window.length - HISTORY_BYTES);
        window = windows[++ordinal % windows.length] as Uint8Array;
        window.set(history);
        length = 0;
      }
      const part = piece.subarray(at, at + CHUNK_BYTES - length);
      window.set(part, HISTORY_BYTES + length);
      length += part.length;
      at += part.length;
    }
  }
  yield chunkOf(window, ordinal, length, true);
}

function chunkOf(window: Uint8Array, ordinal: number, length: number, isLast: boolean): Chunk {
  const history = ordinal === 0 ? 0 : HISTORY_BYTES;
  return { data: window.subarray(HISTORY_BYTES - history, HISTORY_BYTES + length), history, isLast };
}
