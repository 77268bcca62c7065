/**
 * The fs-verity descriptor (Linux, Documentation/filesystems/fsverity.rst, `struct fsverity_descriptor`): 256 bytes,
 * little-endian, whose hash is the digest that names a file. Block size 4096, no salt. Changing anything here changes
 * digests.
 */
import { DIGEST_BYTES, type HashAlgorithm } from '../bytes/digest.ts';

/** Bytes of a block of data or of the Merkle tree. */
export const VERITY_BLOCK_BYTES = 4096;

/** log2 of {@link VERITY_BLOCK_BYTES}, as names of algorithms end (`fsverity-sha512-12`). */
const VERITY_BLOCK_LOG = 12;

/** Kernel identifiers of the algorithms (`FS_VERITY_HASH_ALG_*`). */
const VERITY_ALGORITHM_ID: Readonly<Record<HashAlgorithm, number>> = { sha256: 1, sha512: 2 };

const DESCRIPTOR_BYTES = 256;
const DESCRIPTOR_VERSION = 1;
const DATA_SIZE_OFFSET = 8;
const ROOT_HASH_OFFSET = 16;

/** The descriptor of `size` bytes of data with this root hash (latin1; empty for no data). */
export function encodeVerityDescriptor(algorithm: HashAlgorithm, size: number, root: string): Uint8Array {
  const bytes = Buffer.alloc(DESCRIPTOR_BYTES);
  bytes[0] = DESCRIPTOR_VERSION;
  bytes[1] = VERITY_ALGORITHM_ID[algorithm];
  bytes[2] = VERITY_BLOCK_LOG;
  bytes.writeBigUInt64LE(BigInt(size), DATA_SIZE_OFFSET);
  bytes.write(root, ROOT_HASH_OFFSET, 'latin1');
  return bytes;
}

const FORMATTED_MAGIC = 'FSVerity';
const FORMATTED_HEADER_BYTES = 12;

/**
 * What an fs-verity signature signs (`struct fsverity_formatted_digest`): magic, algorithm and size as little-endian
 * 16-bit numbers, digest.
 */
export function formatDigestForSigning(algorithm: HashAlgorithm, digest: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(FORMATTED_HEADER_BYTES + DIGEST_BYTES[algorithm]);
  bytes.write(FORMATTED_MAGIC, 0, 'latin1');
  bytes.writeUInt16LE(VERITY_ALGORITHM_ID[algorithm], 8);
  bytes.writeUInt16LE(DIGEST_BYTES[algorithm], 10);
  bytes.set(digest, FORMATTED_HEADER_BYTES);
  return bytes;
}

/** Name of an algorithm as composefs writes it: `fsverity-sha512-12`. */
export function verityAlgorithmName(algorithm: HashAlgorithm): string {
  return `fsverity-${algorithm}-${VERITY_BLOCK_LOG}`;
}
