/** Writing to standard output and standard error. */
import { writeSync } from 'node:fs';

/**
 * Writes everything even where the descriptor is a pipe that takes little at a time, and nothing more once its reader has
 * gone away. Throws the errors of the system.
 */
export function writeFully(fd: number, bytes: Uint8Array): void {
  let done = 0;
  while (done < bytes.length) {
    try {
      done += writeSync(fd, bytes, done);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
      else if (code === 'EPIPE') return;
      else throw error;
    }
  }
}
