/** xxHash with 32 bits, as EROFS hashes names of extended attributes (xxHash specification, XXH32). */
import type { ByteString } from '../bytes/byte-string.ts';

const PRIME_1 = 0x9e3779b1;
const PRIME_2 = 0x85ebca77;
const PRIME_3 = 0xc2b2ae3d;
const PRIME_4 = 0x27d4eb2f;
const PRIME_5 = 0x165667b1;

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

/** The little-endian 32-bit number at an index of a byte string. */
function wordAt(text: ByteString, at: number): number {
  return (
    text.charCodeAt(at) |
    (text.charCodeAt(at + 1) << 8) |
    (text.charCodeAt(at + 2) << 16) |
    (text.charCodeAt(at + 3) << 24)
  );
}

function round(lane: number, word: number): number {
  return Math.imul(rotate((lane + Math.imul(word, PRIME_2)) | 0, 13), PRIME_1);
}

/** Four lanes over whole stripes of 16 bytes, `end` being the end of the last one. */
function hashStripes(text: ByteString, seed: number, end: number): number {
  let a = (seed + PRIME_1 + PRIME_2) | 0;
  let b = (seed + PRIME_2) | 0;
  let c = seed | 0;
  let d = (seed - PRIME_1) | 0;
  for (let at = 0; at < end; at += 16) {
    a = round(a, wordAt(text, at));
    b = round(b, wordAt(text, at + 4));
    c = round(c, wordAt(text, at + 8));
    d = round(d, wordAt(text, at + 12));
  }
  return (rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18)) | 0;
}

function avalanche(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 15), PRIME_2);
  mixed = Math.imul(mixed ^ (mixed >>> 13), PRIME_3);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** Hash of a byte string, 0 to 2^32-1. `seed` is taken modulo 2^32. Changing this changes digests. */
export function xxh32(text: ByteString, seed: number): number {
  const { length } = text;
  let at = length & ~15;
  let hash = (length >= 16 ? hashStripes(text, seed, at) : (seed + PRIME_5) | 0) + length;
  for (; at + 4 <= length; at += 4) {
    hash = Math.imul(rotate((hash + Math.imul(wordAt(text, at), PRIME_3)) | 0, 17), PRIME_4);
  }
  for (; at < length; at++) {
    hash = Math.imul(rotate((hash + Math.imul(text.charCodeAt(at), PRIME_5)) | 0, 11), PRIME_1);
  }
  return avalanche(hash | 0);
}
