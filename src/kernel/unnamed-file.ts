/**
 * Files that have no name until they are whole: made by `O_TMPFILE`, so that nothing is left when a run ends early.
 * Only with the native helpers can they be given a name; without them, or on file systems that know no such files,
 * callers write under a temporary name and rename.
 */
import { closeSync, constants, openSync } from 'node:fs';
import { type ByteString, display, toBytes } from '../bytes/byte-string.ts';
import type { KernelCalls } from '../native/contract.ts';
import { nativeHelpers } from '../native/load.ts';
import { callError, errnoName } from './call.ts';

/** Files without names in one place. */
export interface UnnamedFiles {
  /** An empty file, open for reading and writing, on the file system of `directory`. Throws as `open` does. */
  open(directory: string, mode: number): number;
  /** Names it; false where the name is taken, which is left as it is. Throws `SYSCALL_FAILED`, `DISK_FULL`. */
  link(fd: number, path: ByteString): boolean;
}

/** `O_TMPFILE` of all architectures but alpha, parisc and sparc; Node does not name it. */
const TMPFILE = 0o20000000 | constants.O_DIRECTORY;

/** Files without names below `directory`, or `undefined` where there are none: tried out, since only that tells. */
export function unnamedFiles(directory: string): UnnamedFiles | undefined {
  const helpers = nativeHelpers();
  if (helpers === undefined) return undefined;
  const files = nativeUnnamedFiles(helpers);
  try {
    closeSync(files.open(directory, 0o600));
    return files;
  } catch {
    return undefined;
  }
}

/** By the C helpers, without trying. */
export function nativeUnnamedFiles(helpers: KernelCalls): UnnamedFiles {
  return {
    open: (directory, mode) => openSync(directory, TMPFILE | constants.O_RDWR, mode),
    link: (fd, path) => {
      const result = helpers.linkDescriptor(fd, toBytes(path));
      if (result === 0) return true;
      const errno = errnoName(result);
      if (errno === 'EEXIST') return false;
      throw callError(errno, 'naming a file', { file: display(path) });
    },
  };
}
