/** A file of this machine that is read in parts. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { ByteSource } from '../../bytes/byte-source.ts';
import { fromSystemError, PlanishError } from '../../errors.ts';

/** See the module. Close it when done. */
export interface FileSource extends ByteSource {
  close(): void;
}

/** Opens a regular file. Throws `SYSCALL_FAILED`, and while reading `CONTENT_CHANGED`. */
export function openFileSource(file: string): FileSource {
  const fd = guarded(file, () => openSync(file, 'r'));
  const stat = guarded(file, () => fstatSync(fd));
  if (!stat.isFile()) {
    closeSync(fd);
    throw new PlanishError('BAD_OPTION', 'not a regular file', { file });
  }
  const read = (offset: number, length: number): Uint8Array => {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const count = guarded(file, () => readSync(fd, bytes, done, length - done, offset + done));
      if (count === 0)
        throw new PlanishError('CONTENT_CHANGED', 'a file became shorter while it was read', { file });
      done += count;
    }
    return bytes;
  };
  return { size: stat.size, read, close: () => closeSync(fd) };
}

/** Opens several for as long as `use` takes. */
export async function withFileSources<T>(
  files: readonly string[],
  use: (sources: readonly ByteSource[]) => Promise<T>,
): Promise<T> {
  const opened: FileSource[] = [];
  try {
    for (const file of files) opened.push(openFileSource(file));
    return await use(opened);
  } finally {
    for (const source of opened) source.close();
  }
}

function guarded<T>(file: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw fromSystemError(error, 'reading a file', { file });
  }
}
