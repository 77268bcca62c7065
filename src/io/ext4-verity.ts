/**
 * fs-verity metadata of files of ext4 images (`ext4-image.ts`), written without the kernel, for builders whose own file
 * system has none.
 *
 * ext4 keeps the Merkle tree of a file behind its data, from the next boundary of 64 KiB, then the descriptor, and in
 * the last four bytes of the last block the descriptor's size (Linux, fs/ext4/verity.c). So a file is made longer by
 * those bytes, debugfs copies it with the holes between, and sets the true size and the flag that says that a file has
 * fs-verity. What comes out is what the kernel writes when fs-verity is switched on.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import type { HashAlgorithm, VerityDigest } from '../bytes/digest.ts';
import { fromSystemError, PlanishError } from '../errors.ts';
import { VERITY_BLOCK_BYTES } from '../fsverity/descriptor.ts';
import { buildVerityMetadata } from '../fsverity/merkle-tree.ts';

/** Where the tree begins is a multiple of this. */
const METADATA_ALIGNMENT = 65_536;

/** What was put behind a file. */
export interface ExtendedFile {
  /** Of the data alone. */
  readonly size: number;
  /** Blocks of data and metadata together. */
  readonly blocks: number;
  readonly digest: VerityDigest;
}

/** Puts the metadata behind the data of a file, with a hole between. Throws `SYSCALL_FAILED`, `DISK_FULL`. */
export function appendVerityMetadata(file: string, algorithm: HashAlgorithm): ExtendedFile {
  try {
    const fd = openSync(file, 'r+');
    try {
      return appendTo(fd, algorithm);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw fromSystemError(error, 'writing fs-verity metadata', { file });
  }
}

function appendTo(fd: number, algorithm: HashAlgorithm): ExtendedFile {
  const { size } = fstatSync(fd);
  const { tree, descriptor, digest } = buildVerityMetadata(
    size,
    (at, length) => readFully(fd, at, length),
    algorithm,
  );
  const start = Math.ceil(size / METADATA_ALIGNMENT) * METADATA_ALIGNMENT;
  const last = Buffer.alloc(VERITY_BLOCK_BYTES);
  last.set(descriptor);
  last.writeUInt32LE(descriptor.length, VERITY_BLOCK_BYTES - 4);
  writeFully(fd, tree, start);
  writeFully(fd, last, start + tree.length);
  ftruncateSync(fd, start + tree.length + last.length);
  const blocks = Math.ceil(size / VERITY_BLOCK_BYTES) + tree.length / VERITY_BLOCK_BYTES + 1;
  return { size, blocks, digest };
}

function readFully(fd: number, offset: number, length: number): Uint8Array {
  const bytes = Buffer.alloc(length);
  for (let done = 0; done < length; ) {
    const count = readSync(fd, bytes, done, length - done, offset + done);
    if (count === 0) throw new PlanishError('CONTENT_CHANGED', 'a file became shorter while it was read');
    done += count;
  }
  return bytes;
}

function writeFully(fd: number, bytes: Uint8Array, offset: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(fd, bytes, done, bytes.length - done, offset + done);
  }
}
