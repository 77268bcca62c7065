/** Chunk arithmetic of files outside the image: all their chunks are holes, but count and size are written. */
import { BLOCK_BITS, CHUNK_BITS_MAX } from './format.ts';

/** Bits that a non-negative safe integer takes, 0 for 0. */
function bitLength(value: number): number {
  if (value < 2 ** 32) return 32 - Math.clz32(value);
  return 64 - Math.clz32(Math.floor(value / 2 ** 32));
}

/** log2 of the chunk size that v0 and v1 choose for a file: the least that makes it one chunk, 12 to 43. */
export function chunkBits(size: number): number {
  return Math.min(Math.max(bitLength(Math.max(size - 1, 0)), BLOCK_BITS), CHUNK_BITS_MAX);
}

/** Chunks of a file in v0 and v1: 0 for none, 1 up to 8 TiB, at most 1024 for a safe integer. */
export function chunkCount(size: number): number {
  const bits = chunkBits(size);
  if (bits < CHUNK_BITS_MAX) return size > 0 ? 1 : 0;
  return Math.ceil(size / 2 ** CHUNK_BITS_MAX);
}
