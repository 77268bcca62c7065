/** The fs-verity digest of bytes that are at hand as a whole. */
import type { HashAlgorithm, VerityDigest } from '../bytes/digest.ts';
import { DEFAULT_BACKEND, type HashBackend } from './hash.ts';
import { VerityHasher } from './verity-hasher.ts';

/** The fs-verity digest of bytes that are at hand as a whole. */
export function computeVerityDigest(
  bytes: Uint8Array,
  algorithm: HashAlgorithm,
  backend: HashBackend = DEFAULT_BACKEND,
): VerityDigest {
  return new VerityHasher(algorithm, backend).update(bytes).digest();
}
