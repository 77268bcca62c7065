/** What the calls of this folder share: errors of the kernel, and programs that stand in for the native helpers. */
import { spawnSync } from 'node:child_process';
import { getSystemErrorName } from 'node:util';
import { type ErrorDetail, fromSystemError, PlanishError } from '../errors.ts';

/** Names of errors that stand-ins print, as `strerror` spells them in the C locale. */
const MESSAGES: Readonly<Record<string, string>> = {
  'No data available': 'ENODATA',
  'Inappropriate ioctl for device': 'ENOTTY',
  'Operation not supported': 'EOPNOTSUPP',
  'File exists': 'EEXIST',
  'Text file busy': 'ETXTBSY',
  'Required key not available': 'ENOKEY',
  'Key was rejected by service': 'EKEYREJECTED',
  'Bad message': 'EBADMSG',
  'Operation not permitted': 'EPERM',
  'Permission denied': 'EACCES',
  'Read-only file system': 'EROFS',
  'No space left on device': 'ENOSPC',
};

/** Errors that Node has no name for, or another one. */
const FURTHER_NAMES: Readonly<Record<number, string>> = {
  15: 'ENOTBLK',
  65: 'ENOPKG',
  74: 'EBADMSG',
  95: 'EOPNOTSUPP',
  117: 'EUCLEAN',
  126: 'ENOKEY',
  129: 'EKEYREJECTED',
};

/** The name of a negative errno that a native helper returned: `EEXIST` and so on. */
export function errnoName(result: number): string {
  return FURTHER_NAMES[-result] ?? getSystemErrorName(result);
}

/** The error of a system call that failed for a reason that nobody expects: `SYSCALL_FAILED` or `DISK_FULL`. */
export function callError(errno: string, action: string, detail: ErrorDetail): PlanishError {
  return fromSystemError({ code: errno }, action, detail);
}

/** How a program that stands in for a call ended: its output, or what it complained of. */
export type ToolOutcome =
  | { readonly output: string }
  /** `errno` is the name of the error in its message where one is known, else the message. */
  | { readonly errno: string };

/**
 * Runs a program that stands in for a system call; descriptors are passed on as 3 and so on. Throws
 * `NATIVE_UNAVAILABLE` where there is none, naming `purpose` and the package.
 */
export function runStandIn(
  program: readonly [string, ...string[]],
  descriptors: readonly number[],
  purpose: { readonly action: string; readonly tool: string },
): ToolOutcome {
  const [name, ...args] = program;
  const result = spawnSync(name, args, {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'pipe', ...descriptors],
  });
  if (result.error !== undefined) throw unavailable(purpose.action, `install ${purpose.tool}`, result.error);
  if (result.status === 0) return { output: result.stdout };
  const said = result.stderr.trim().split('\n', 1)[0] ?? '';
  const known = Object.keys(MESSAGES).find((message) => result.stderr.includes(message));
  return { errno: known === undefined ? said || `status ${result.status}` : (MESSAGES[known] as string) };
}

/** `NATIVE_UNAVAILABLE`: neither the helpers nor a stand-in is here. */
function unavailable(action: string, otherwise: string, cause: unknown): PlanishError {
  const hint = `build the native helpers (npm run build:native) or ${otherwise}`;
  return new PlanishError('NATIVE_UNAVAILABLE', `${action} needs the native helpers`, { hint }, cause);
}
