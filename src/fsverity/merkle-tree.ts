/**
 * What a file system keeps beside the data of a file with fs-verity (Linux, Documentation/filesystems/fsverity.rst): the
 * Merkle tree, its levels from the root down, and the descriptor. A tree of one block of data has no level.
 */
import { DIGEST_BYTES, type HashAlgorithm, type VerityDigest, verityDigest } from '../bytes/digest.ts';
import { encodeVerityDescriptor, VERITY_BLOCK_BYTES } from './descriptor.ts';
import { type BlockHash, defaultBackend } from './hash.ts';

/** See the module. */
export interface VerityMetadata {
  /** Whole blocks. */
  readonly tree: Uint8Array;
  readonly descriptor: Uint8Array;
  /** What the kernel will measure. */
  readonly digest: VerityDigest;
}

/** Reads `length` bytes of the file at an offset; only what lies inside is asked for. */
export type ReadRange = (offset: number, length: number) => Uint8Array;

/** Bytes that are read at a time. */
const PIECE = 1 << 20;

/** Builds it for a file of `size` bytes. Memory grows by 1.6 % (SHA-512) of the size. */
export function buildVerityMetadata(size: number, read: ReadRange, algorithm: HashAlgorithm): VerityMetadata {
  const hash = defaultBackend().hash[algorithm];
  const levels: Buffer[] = [];
  let hashes = hashData(size, read, hash, DIGEST_BYTES[algorithm]);
  while (hashes.length > DIGEST_BYTES[algorithm]) {
    levels.unshift(paddedToBlocks(hashes));
    hashes = hashBlocks(levels[0] as Buffer, hash, DIGEST_BYTES[algorithm]);
  }
  const descriptor = encodeVerityDescriptor(algorithm, size, hashes.toString('latin1'));
  const digest = verityDigest(Buffer.from(hash(descriptor), 'latin1').toString('hex'));
  return { tree: Buffer.concat(levels), descriptor, digest };
}

function hashData(size: number, read: ReadRange, hash: BlockHash, digestBytes: number): Buffer {
  const pieces: Buffer[] = [];
  for (let offset = 0; offset < size; offset += PIECE) {
    const piece = Buffer.from(read(offset, Math.min(PIECE, size - offset)));
    pieces.push(hashBlocks(paddedToBlocks(piece), hash, digestBytes));
  }
  return Buffer.concat(pieces);
}

function hashBlocks(blocks: Buffer, hash: BlockHash, digestBytes: number): Buffer {
  const count = blocks.length / VERITY_BLOCK_BYTES;
  const hashes = Buffer.alloc(count * digestBytes);
  for (let index = 0; index < count; index++) {
    const start = index * VERITY_BLOCK_BYTES;
    hashes.write(hash(blocks.subarray(start, start + VERITY_BLOCK_BYTES)), index * digestBytes, 'latin1');
  }
  return hashes;
}

function paddedToBlocks(bytes: Buffer): Buffer {
  const missing = -bytes.length & (VERITY_BLOCK_BYTES - 1);
  return missing === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(missing)]);
}
