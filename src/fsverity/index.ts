/** fs-verity: Merkle trees, descriptors and digests as the kernel computes them. */
export {
  encodeVerityDescriptor,
  formatDigestForSigning,
  VERITY_BLOCK_BYTES,
  verityAlgorithmName,
} from './descriptor.ts';
export { computeVerityDigest, computeVerityDigests } from './digest.ts';
export { CRYPTO_BACKEND, type HashBackend, NOBLE_BACKEND } from './hash.ts';
export { VerityHasher } from './verity-hasher.ts';
