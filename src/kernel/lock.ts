/**
 * Locks of whole directories by `flock(2)`, as composefs repositories have them: shared for whoever reads or adds,
 * exclusive for whoever removes. A lock goes with its descriptor, so a killed run leaves none. By the native helpers,
 * else by flock(1) of util-linux, which locks the descriptor that it inherits.
 */
import { closeSync, constants, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fromSystemError, PlanishError } from '../errors.ts';
import type { KernelCalls } from '../native/contract.ts';
import { nativeHelpers } from '../native/load.ts';
import { callError, errnoName, runStandIn } from './call.ts';

/** Who may hold a lock beside this one: others that share, or nobody. */
export type LockKind = 'shared' | 'exclusive';

/** A lock that is held. */
export interface DirectoryLock {
  /** The open directory, for `syncFilesystem` and the like. */
  readonly fd: number;
  /** Tries to change the kind without waiting; whether it worked. What was held may be lost where it did not. */
  change(kind: LockKind): boolean;
  /** Gives it up; a second call does nothing. */
  release(): void;
}

/** How long to wait. */
export interface LockOptions {
  /** Milliseconds; default a minute. 0 tries once. */
  readonly wait?: number;
}

/** Locks an open descriptor without waiting; whether it worked. Throws `SYSCALL_FAILED`. */
export type TryLock = (fd: number, kind: LockKind) => boolean;

const OPERATIONS: Readonly<Record<LockKind, number>> = { shared: 1, exclusive: 2 };
const NON_BLOCKING = 4;
const POLL_MS = 20;
const WAIT_MS = 60_000;
const ACTION = 'locking a directory';

/**
 * Locks a directory; polls, since a call that waits would hold up the thread. Throws `LOCKED` where others hold it
 * for longer than the wait, `SYSCALL_FAILED` where it cannot be opened or locked at all.
 */
export async function lockDirectory(
  path: string,
  kind: LockKind,
  { wait = WAIT_MS }: LockOptions = {},
  tryLock: TryLock = bestTryLock(),
): Promise<DirectoryLock> {
  const fd = openDirectory(path);
  try {
    const deadline = Date.now() + wait;
    while (!tryLock(fd, kind)) {
      if (Date.now() >= deadline) throw locked(path);
      await sleep(POLL_MS);
    }
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return heldLock(fd, tryLock);
}

function openDirectory(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    throw fromSystemError(error, 'opening a directory to lock it', { file: path });
  }
}

function locked(path: string): PlanishError {
  return new PlanishError('LOCKED', 'another program holds the lock', {
    file: path,
    hint: 'wait for it to end',
  });
}

function heldLock(fd: number, tryLock: TryLock): DirectoryLock {
  let open = true;
  return {
    fd,
    change: (kind) => tryLock(fd, kind),
    release: () => {
      if (open) closeSync(fd);
      open = false;
    },
  };
}

function bestTryLock(): TryLock {
  const helpers = nativeHelpers();
  return helpers === undefined ? toolTryLock : nativeTryLock(helpers);
}

/** By the C helpers. */
export function nativeTryLock(helpers: KernelCalls): TryLock {
  return (fd, kind) => {
    const result = helpers.lockDescriptor(fd, OPERATIONS[kind] | NON_BLOCKING);
    if (result === 0) return true;
    const errno = errnoName(result);
    if (errno === 'EAGAIN') return false;
    throw callError(errno, ACTION, {});
  };
}

/** By flock(1): with `-n` its status is 1, and it says nothing, where another holds the lock. */
export const toolTryLock: TryLock = (fd, kind) => {
  const tool = { action: ACTION, tool: 'flock (package util-linux)' };
  const result = runStandIn(['flock', '-n', kind === 'shared' ? '-s' : '-x', '3'], [fd], tool);
  if ('output' in result) return true;
  if (result.errno === 'status 1') return false;
  throw callError(result.errno, ACTION, {});
};
