/**
 * The one door to block hashing. fs-verity hashes nothing but 4096-byte blocks and 256-byte descriptors, so a backend
 * needs one function: bytes in, digest as a one-byte-a-character string out (the cheapest form to take from OpenSSL and
 * to write into a tree block). It may have faster ones for many blocks and many contents at once.
 *
 * The C helpers are the default where they are built (several streams at once, see `native-helpers/hash.h`), else
 * `node:crypto`; `@noble/hashes` stands in where that lacks an algorithm, and is the second opinion of the tests.
 */

import { createHash, hash } from 'node:crypto';
import { createRequire } from 'node:module';
import { DIGEST_BYTES, type HashAlgorithm } from '../bytes/digest.ts';
import { PlanishError } from '../errors.ts';
import { CHOSEN_KERNEL, HASH_ALGORITHM_ID, type HashHelpers } from '../native/contract.ts';
import { nativeHelpers } from '../native/load.ts';
import { VERITY_BLOCK_BYTES } from './descriptor.ts';
import type { StreamHash } from './stream-hash.ts';

/** Digest of a message in latin1. */
export type BlockHash = (bytes: Uint8Array) => string;

/** A way to hash blocks. */
export interface HashBackend {
  readonly name: string;
  readonly hash: Readonly<Record<HashAlgorithm, BlockHash>>;
  /** Digests of `count` blocks of 4096 bytes that lie at `start`, one behind another to `digests` from `at` on. */
  readonly hashBlocks?: (
    algorithm: HashAlgorithm,
    bytes: Uint8Array,
    start: number,
    count: number,
    digests: Uint8Array,
    at: number,
  ) => void;
  /** fs-verity digests of contents of a window, given as offset and size in turns, one behind another. */
  readonly measureContents?: (algorithm: HashAlgorithm, window: Uint8Array, ranges: Float64Array) => Buffer;
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

/** Pure JavaScript, an order of magnitude slower; loaded when it is first used, which it hardly ever is. */
export const NOBLE_BACKEND: HashBackend = {
  name: '@noble/hashes',
  hash: {
    sha256: (bytes) => Buffer.from(noble().sha256(bytes)).toString('latin1'),
    sha512: (bytes) => Buffer.from(noble().sha512(bytes)).toString('latin1'),
  },
};

type Noble = typeof import('@noble/hashes/sha2.js');

let loadedNoble: Noble | undefined;

function noble(): Noble {
  loadedNoble ??= createRequire(import.meta.url)('@noble/hashes/sha2.js') as Noble;
  return loadedNoble;
}

/**
 * The C helpers for many blocks, the other backend for one. `kernel` is an index of `hashKernels`, for tests. What waits of
 * `beside` is hashed by the way, as far as it goes.
 */
export function makeNativeBackend(
  helpers: HashHelpers,
  single: HashBackend,
  kernel: number = CHOSEN_KERNEL,
  beside?: StreamHash,
): HashBackend {
  return {
    name: 'native-helpers',
    hash: single.hash,
    hashBlocks(algorithm, bytes, start, count, digests, at): void {
      const id = HASH_ALGORITHM_ID[algorithm];
      const [state, waiting] = [beside?.state, beside?.waiting];
      const left = helpers.hashBlocks(
        bytes,
        start,
        count,
        VERITY_BLOCK_BYTES,
        id,
        digests,
        at,
        kernel,
        state,
        waiting,
      );
      settle(left, beside);
    },
    measureContents(algorithm, window, ranges): Buffer {
      const digests = Buffer.alloc((ranges.length / 2) * DIGEST_BYTES[algorithm]);
      const [state, waiting] = [beside?.state, beside?.waiting];
      settle(
        helpers.verityBatch(window, ranges, HASH_ALGORITHM_ID[algorithm], digests, state, waiting),
        beside,
      );
      return digests;
    },
  };
}

function settle(result: number, beside: StreamHash | undefined): void {
  if (result < 0)
    throw new PlanishError('INVARIANT', 'the native helpers refused to hash', { actual: result });
  beside?.leave(result);
}

let chosen: HashBackend | undefined;

/** The fastest backend that has both algorithms here; found when first asked for. */
export function defaultBackend(): HashBackend {
  chosen ??= chooseBackend(nativeHelpers());
  return chosen;
}

/** The same, which hashes a stream by the way where it can: see {@link StreamHash}. */
export function backendBeside(stream: StreamHash): HashBackend {
  return chooseBackend(nativeHelpers(), stream);
}

function chooseBackend(helpers: HashHelpers | undefined, beside?: StreamHash): HashBackend {
  const single = ['sha256', 'sha512'].every(isKnown) ? CRYPTO_BACKEND : NOBLE_BACKEND;
  return helpers === undefined ? single : makeNativeBackend(helpers, single, CHOSEN_KERNEL, beside);
}

/** Whether OpenSSL has an algorithm. Asking for the list of all makes it load each. */
function isKnown(algorithm: string): boolean {
  try {
    createHash(algorithm);
    return true;
  } catch {
    return false;
  }
}
