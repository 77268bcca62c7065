/**
 * Blobs as they lie in files: a whole file of a layout, or a stretch of an archive. Plain data that may cross a
 * thread; whoever reads opens the file itself.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { fromSystemError, PlanishError } from '../errors.ts';
import { bringBlob } from './late-blob.ts';

/** A stretch of a file. */
export interface BlobFile {
  /** Path on this machine. */
  readonly file: string;
  /** Bytes before the blob. */
  readonly offset: number;
  /** Bytes of the blob. */
  readonly size: number;
}

const CHUNK_BYTES = 256 * 1024;

/** How {@link readBlob} reads. */
export interface ReadBlobOptions {
  readonly chunkBytes?: number;
  /** One buffer for all pieces, each the receiver's until it asks for the next. No pages are cleared, none collected. */
  readonly oneBuffer?: boolean;
}

/**
 * The bytes of a blob in pieces, each a fresh buffer that the receiver may keep unless it is `oneBuffer`. Reads are
 * synchronous: this is meant for threads that do nothing else. Throws `CONTENT_CHANGED` when the file is shorter than it
 * was, `SYSCALL_FAILED`.
 */
export async function* readBlob(
  blob: BlobFile,
  { chunkBytes = CHUNK_BYTES, oneBuffer = false }: ReadBlobOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  await bringBlob(blob);
  const descriptor = openForReading(blob.file);
  const buffer = oneBuffer ? takeBuffer(Math.min(chunkBytes, blob.size)) : undefined;
  try {
    for (let done = 0; done < blob.size; ) {
      const length = Math.min(chunkBytes, blob.size - done);
      yield readExactly(
        descriptor,
        blob,
        done,
        buffer?.subarray(0, length) ?? Buffer.allocUnsafeSlow(length),
      );
      done += length;
    }
  } finally {
    closeSync(descriptor);
    if (buffer?.length === CHUNK_BYTES && IDLE.length < IDLE_BUFFERS) IDLE.push(buffer);
  }
}

/** Buffers that are left for other blobs. */
const IDLE: Buffer[] = [];
const IDLE_BUFFERS = 4;

function takeBuffer(length: number): Buffer {
  return (length === CHUNK_BYTES ? IDLE.pop() : undefined) ?? Buffer.allocUnsafeSlow(length);
}

/** A whole blob of at most `limit` bytes. Throws `LIMIT_EXCEEDED`, and as {@link readBlob}. */
export function readSmallBlob(blob: BlobFile, limit: number): Uint8Array {
  if (blob.size > limit) {
    throw new PlanishError('LIMIT_EXCEEDED', 'the file is larger than what it is read as can be', {
      file: blob.file,
      expected: limit,
      actual: blob.size,
    });
  }
  return readPart(blob, 0, blob.size);
}

/** Bytes `[start, start + length)` of a blob, fewer where the blob ends. */
export function readPart(blob: BlobFile, start: number, length: number): Uint8Array {
  const descriptor = openForReading(blob.file);
  try {
    const bytes = Buffer.allocUnsafeSlow(Math.max(0, Math.min(length, blob.size - start)));
    return readExactly(descriptor, blob, start, bytes);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Opens a blob for as long as `use` takes, to be read by position: a buffer is filled with the bytes at an offset of the
 * blob. Throws as {@link readBlob}, also for what lies outside of the file.
 */
export async function withBlob<T>(
  blob: BlobFile,
  use: (read: (position: number, target: Uint8Array) => void) => Promise<T>,
): Promise<T> {
  await bringBlob(blob);
  const descriptor = openForReading(blob.file);
  try {
    return await use((position, target) => void readExactly(descriptor, blob, position, target));
  } finally {
    closeSync(descriptor);
  }
}

/** A whole regular file as a blob. Throws `ARCHIVE_BAD_LAYOUT` when it is none, `SYSCALL_FAILED`. */
export function wholeFile(file: string): BlobFile {
  const descriptor = openForReading(file);
  try {
    const stat = fstatSync(descriptor);
    if (stat.isFile()) return { file, offset: 0, size: stat.size };
    throw new PlanishError('ARCHIVE_BAD_LAYOUT', 'not a regular file', { file });
  } finally {
    closeSync(descriptor);
  }
}

/** Opens a file for reading; the caller closes it. A FIFO is not waited for. */
function openForReading(file: string): number {
  try {
    return openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw fromSystemError(error, 'opening a file', { file });
  }
}

/** Fills `bytes` with what lies at `start` of a blob. */
function readExactly(descriptor: number, blob: BlobFile, start: number, bytes: Uint8Array): Uint8Array {
  for (let done = 0; done < bytes.length; ) {
    const count = readAt(descriptor, blob, bytes, done, start);
    if (count === 0) {
      const offset = blob.offset + start + done;
      throw new PlanishError('CONTENT_CHANGED', 'the file became shorter while it was read', {
        file: blob.file,
        offset,
      });
    }
    done += count;
  }
  return bytes;
}

function readAt(descriptor: number, blob: BlobFile, bytes: Uint8Array, done: number, start: number): number {
  try {
    return readSync(descriptor, bytes, done, bytes.length - done, blob.offset + start + done);
  } catch (error) {
    throw fromSystemError(error, 'reading a file', { file: blob.file });
  }
}
