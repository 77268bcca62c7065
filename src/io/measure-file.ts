/**
 * Contents of the files of a root file system: small ones at once, large ones measured later. Files are opened
 * without following a last link and without waiting for the other end of a pipe that took a file's place.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { type ByteString, display, toBytes } from '../bytes/byte-string.ts';
import type { HashAlgorithm, VerityDigest } from '../bytes/digest.ts';
import { PlanishError } from '../errors.ts';
import { VerityHasher } from '../fsverity/verity-hasher.ts';
import { systemCallError } from './system-call.ts';

const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

/** Bytes of one read. Calls are synchronous, so one buffer a thread is enough. */
const READ_BYTES = 1 << 20;

let readBuffer: Uint8Array | undefined;

/** Reads a file of at most a few kilobytes whole. Throws `CONTENT_CHANGED` where it has another size. */
export function readSmallFile(path: ByteString, size: number): Uint8Array {
  // One byte more than there should be tells a file that has grown, without another call.
  const bytes = new Uint8Array(size + 1);
  const length = withFile(path, (fd) => readSync(fd, bytes, 0, size + 1, null));
  if (length !== size) throw changed(path, size, length);
  return bytes.slice(0, size);
}

/**
 * fs-verity digest of a file of `size` bytes, streamed. Throws `CONTENT_CHANGED` where it has another size or is no
 * regular file any more.
 */
export function measureFile(path: ByteString, size: number, algorithm: HashAlgorithm): VerityDigest {
  return withFile(path, (fd) => {
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.size !== size) throw changed(path, size, stat.size);
    return hashContent(fd, path, size, algorithm);
  });
}

function hashContent(fd: number, path: ByteString, size: number, algorithm: HashAlgorithm): VerityDigest {
  readBuffer ??= new Uint8Array(READ_BYTES);
  const hasher = new VerityHasher(algorithm);
  let done = 0;
  for (;;) {
    const length = readSync(fd, readBuffer, 0, READ_BYTES, null);
    done += length;
    if (done > size || (length === 0 && done < size)) throw changed(path, size, done);
    if (length === 0) return hasher.digest();
    hasher.update(readBuffer, 0, length);
  }
}

function withFile<T>(path: ByteString, use: (fd: number) => T): T {
  let fd: number | undefined;
  try {
    fd = openSync(toBytes(path) as Buffer, FLAGS);
    return use(fd);
  } catch (error) {
    if (error instanceof PlanishError) throw error;
    throw systemCallError((error as NodeJS.ErrnoException).code ?? String(error), 'reading', path, error);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function changed(path: ByteString, expected: number, actual: number): PlanishError {
  return new PlanishError('CONTENT_CHANGED', 'a file has another size than when it was listed', {
    file: display(path),
    expected,
    actual,
  });
}
