/** Writing a single output file: aside, flushed, and renamed into place. */
import { closeSync, fsyncSync, openSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { fromSystemError } from '../errors.ts';

/**
 * Replaces `file` with these bytes. A run that fails or is killed leaves the old file or none, never half. Throws
 * `DISK_FULL` and `SYSCALL_FAILED`.
 */
export function writeFileAside(file: string, bytes: Uint8Array): void {
  writePiecesAside(file, [bytes]);
}

/** The same of bytes that come in pieces. */
export function writePiecesAside(file: string, pieces: Iterable<Uint8Array>): void {
  const aside = `${file}.planish-${process.pid}`;
  try {
    const fd = openSync(aside, 'wx', 0o644);
    try {
      for (const bytes of pieces) {
        for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
      }
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(aside, file);
  } catch (error) {
    removeQuietly(aside);
    throw fromSystemError(error, 'writing the output', { file });
  }
}

function removeQuietly(file: string): void {
  try {
    unlinkSync(file);
  } catch {
    // It was never made.
  }
}
