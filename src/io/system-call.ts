/** Failures of system calls on a tree that is being read, as errors of planish. */
import { getSystemErrorName } from 'node:util';
import { type ByteString, display } from '../bytes/byte-string.ts';
import { PlanishError } from '../errors.ts';

/** What a name that was there a moment ago answers when somebody removed or replaced it. */
const GONE = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'EISDIR', 'ESTALE']);

/** A failure at a path that was listed before: `CONTENT_CHANGED` where it is gone, else `SYSCALL_FAILED`. */
export function systemCallError(
  code: number | string,
  action: string,
  path: ByteString,
  cause?: unknown,
): PlanishError {
  const errno = typeof code === 'number' ? getSystemErrorName(code) : code;
  const file = display(path);
  if (GONE.has(errno)) {
    const message = 'a file vanished or was replaced while it was read';
    return new PlanishError('CONTENT_CHANGED', message, { file, errno }, cause);
  }
  return new PlanishError('SYSCALL_FAILED', `${action}: ${errno}`, { file, errno }, cause);
}
