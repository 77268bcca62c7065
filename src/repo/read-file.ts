/** Reading files of a repository: regular ones only, through no link, never more than a limit. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { fromSystemError, PlanishError } from '../errors.ts';
import type { LimitName } from '../limits.ts';
import { LIMITS } from '../limits.ts';

/** An open regular file. Whoever opened it closes it. */
export interface OpenFile {
  readonly fd: number;
  readonly size: number;
}

/**
 * Opens a regular file; `undefined` where nothing is there. Throws `REPOSITORY_BAD` for anything else, a symbolic link
 * above all, and `SYSCALL_FAILED`.
 */
export function openRegular(file: string): OpenFile | undefined {
  const fd = openQuietly(file);
  if (fd === undefined) return undefined;
  const stat = fstatSync(fd);
  if (stat.isFile()) return { fd, size: stat.size };
  closeSync(fd);
  throw new PlanishError('REPOSITORY_BAD', 'not a regular file', { file });
}

function openQuietly(file: string): number | undefined {
  try {
    return openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (code === 'ELOOP') throw new PlanishError('REPOSITORY_BAD', 'a link where a file should be', { file });
    throw fromSystemError(error, 'opening a file', { file });
  }
}

/** A whole regular file of at most as many bytes as a limit; `undefined` where nothing is there. */
export function readRegular(file: string, limit: LimitName): Uint8Array | undefined {
  const open = openRegular(file);
  if (open === undefined) return undefined;
  try {
    if (open.size > LIMITS[limit]) {
      throw new PlanishError('LIMIT_EXCEEDED', `the file is larger than the limit ${limit}`, {
        file,
        limit,
        expected: LIMITS[limit],
        actual: open.size,
      });
    }
    return readWhole(open, file);
  } finally {
    closeSync(open.fd);
  }
}

function readWhole({ fd, size }: OpenFile, file: string): Uint8Array {
  const bytes = Buffer.allocUnsafeSlow(size);
  for (let done = 0; done < size; ) {
    const count = readAt(fd, bytes.subarray(done), done, file);
    if (count === 0) throw new PlanishError('CONTENT_CHANGED', 'the file became shorter', { file });
    done += count;
  }
  return bytes;
}

const PIECE_BYTES = 256 * 1024;

/** The pieces of an open file, in one buffer that is used again. */
export function* filePieces({ fd, size }: OpenFile, file: string): Generator<Uint8Array, void, undefined> {
  const buffer = Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, Math.max(size, 1)));
  for (let done = 0; done < size; ) {
    const count = readAt(fd, buffer, done, file);
    if (count === 0) throw new PlanishError('CONTENT_CHANGED', 'the file became shorter', { file });
    yield buffer.subarray(0, Math.min(count, size - done));
    done += count;
  }
}

/** Reads to `target` from a position, as far as one call goes. Throws `SYSCALL_FAILED`. */
export function readAt(fd: number, target: Uint8Array, position: number, file: string): number {
  try {
    return readSync(fd, target, 0, target.length, position);
  } catch (error) {
    throw fromSystemError(error, 'reading a file', { file });
  }
}
