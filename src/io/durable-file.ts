/** Files and directories that are made, flushed and put in place; every failure names the action and the file. */
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { fromSystemError } from '../errors.ts';

/** Makes a directory and its parents; it may exist. */
export function makeDirectory(path: string): void {
  attempt('making a directory', path, () => mkdirSync(path, { recursive: true }));
}

/** Makes a directory that only its owner may use, and its parents; it may exist. */
export function makePrivateDirectory(path: string): void {
  attempt('making a directory', path, () => mkdirSync(path, { recursive: true, mode: 0o700 }));
}

/** Renames within a file system. */
export function renamePath(from: string, to: string): void {
  attempt('renaming', to, () => renameSync(from, to));
}

/** Writes a file that must not exist, and flushes it to disk. */
export function writeNewFile(path: string, pieces: Iterable<Uint8Array>): void {
  const descriptor = openNewFile(path);
  try {
    for (const piece of pieces) writeFully(descriptor, piece, path);
    attempt('flushing a file', path, () => fsyncSync(descriptor));
  } finally {
    closeSync(descriptor);
  }
}

/** Opens a file that must not exist for writing; the caller closes it. */
export function openNewFile(path: string): number {
  return attempt('creating a file', path, () => openSync(path, 'wx', 0o666));
}

/** Flushes the entries of a directory, so that names in it survive a loss of power. */
export function syncDirectory(path: string): void {
  attempt('flushing a directory', path, () => {
    const descriptor = openSync(path, 'r');
    try {
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  });
}

/** Runs a system call; its failure names the action and the file. */
export function attempt<T>(action: string, file: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw fromSystemError(error, action, { file });
  }
}

/** Writes all bytes, where the file stands or at a position of it. Throws `DISK_FULL`, `SYSCALL_FAILED`. */
export function writeFully(descriptor: number, bytes: Uint8Array, file: string, position?: number): void {
  try {
    for (let done = 0; done < bytes.length; ) {
      const at = position === undefined ? null : position + done;
      done += writeSync(descriptor, bytes, done, bytes.length - done, at);
    }
  } catch (error) {
    throw fromSystemError(error, 'writing a file', { file });
  }
}
