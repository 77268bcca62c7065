/**
 * The one door to block hashing. fs-verity hashes nothing but 4096-byte blocks and 256-byte descriptors, so a backend
 * is one function: bytes in, digest as a one-byte-a-character string out (the cheapest form to take from OpenSSL and
 * to write into a tree block). `node:crypto` is the default; `@noble/hashes` stands in where that lacks an algorithm,
 * and is the second opinion of the tests.
 */

import { createHash, getHashes, hash } from 'node:crypto';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import type { HashAlgorithm } from '../bytes/digest.ts';

/** Digest of `bytes[start, end)` in latin1, or of all of it. */
export type BlockHash = (bytes: Uint8Array) => string;

/** A way to hash blocks. */
export interface HashBackend {
  readonly name: string;
  readonly hash: Readonly<Record<HashAlgorithm, BlockHash>>;
}

function oneShot(algorithm: HashAlgorithm): BlockHash {
  if (typeof hash === 'function') return (bytes) => hash(algorithm, bytes, 'binary');
  return (bytes) => createHash(algorithm).update(bytes).digest('binary');
}

/** OpenSSL through Node. */
export const CRYPTO_BACKEND: HashBackend = {
  name: 'node:crypto',
  hash: { sha256: oneShot('sha256'), sha512: oneShot('sha512') },
};

/** Pure JavaScript, an order of magnitude slower. */
export const NOBLE_BACKEND: HashBackend = {
  name: '@noble/hashes',
  hash: {
    sha256: (bytes) => Buffer.from(sha256(bytes)).toString('latin1'),
    sha512: (bytes) => Buffer.from(sha512(bytes)).toString('latin1'),
  },
};

/** The fastest backend that has both algorithms here. */
export const DEFAULT_BACKEND: HashBackend = ['sha256', 'sha512'].every((name) => getHashes().includes(name))
  ? CRYPTO_BACKEND
  : NOBLE_BACKEND;
