/**
 * Writing gzip: one member, whose bytes are a function of content and level and of nothing else.
 *
 * `node:zlib` cannot promise that. Its deflate is whatever the Node at hand was built with: Chromium's fork of zlib in
 * official builds, the system's zlib (zlib-ng, on some) in those of distributions; Node 26.7 with a shared zlib was seen
 * to give other bytes than 25.9. The deflate here is therefore pako's, a port of zlib to JavaScript with the hash
 * of Chromium's fork: integer arithmetic on typed arrays, alike everywhere. Official Node 20, 22, 24 and 26 (x64) happen
 * to give the same bytes, which makes a second opinion.
 *
 * Measured on 64 MiB of a system root at level 6, MB per CPU-second and size: node:zlib 43 and 45.51 %; this 22 and
 * 45.51 %; pako with the original hash, whose bytes are those of the reference zlib, 15 and 44.75 %; fflate 22 to 28
 * and 45.61 %; gzip(1) 23 and 44.79 %. Who wants speed uses zstd.
 *
 * Changing anything here changes digests of layers.
 */
import { crc32 } from 'node:zlib';
import { Deflate } from 'pako';
import { PlanishError } from '../errors.ts';
import { fixedPieces } from './fixed-pieces.ts';
import { CANONICAL_HEADER, encodeTrailer } from './gzip-format.ts';

/** Bytes given to the encoder at a time. */
const INPUT_BYTES = 256 * 1024;

/** Bytes of a piece of output. */
const OUTPUT_BYTES = 256 * 1024;

/** Compresses a stream to one gzip member at a level of 1 to 9. */
export async function* gzip(
  input: AsyncIterable<Uint8Array>,
  level: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const deflater = new Deflater(level);
  let crc = 0;
  let size = 0;
  yield CANONICAL_HEADER.slice();
  for await (const piece of fixedPieces(input, INPUT_BYTES)) {
    crc = crc32(piece, crc);
    size += piece.length;
    yield* deflater.push(piece, false);
  }
  yield* deflater.push(new Uint8Array(0), true);
  yield encodeTrailer(crc, size);
}

class Deflater {
  readonly #deflate: Deflate;
  #ready: Uint8Array[] = [];

  constructor(level: number) {
    this.#deflate = new Deflate({ level, raw: true, chunkSize: OUTPUT_BYTES });
    // The encoder fills a fresh buffer every time, so pieces need no copy.
    this.#deflate.onData = (piece) => this.#ready.push(piece);
    this.#deflate.onEnd = () => {};
  }

  push(piece: Uint8Array, last: boolean): Uint8Array[] {
    if (!this.#deflate.push(piece, last)) {
      throw new PlanishError('INVARIANT', `deflate failed: ${this.#deflate.msg}`);
    }
    const ready = this.#ready;
    this.#ready = [];
    return ready;
  }
}
