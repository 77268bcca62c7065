/**
 * The lock around the change of a layout's `index.json`, so that two builds into one layout both keep their tag. A
 * file created exclusively, naming its owner; one whose owner has died is taken away.
 */
import {
  closeSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fromSystemError, PlanishError } from '../errors.ts';
import { isOwnerDead, ownerText } from './owner.ts';
import { TEMPORARY_PREFIX } from './temporary.ts';

/** Name of the lock in the layout. */
export const LOCK_NAME: string = `${TEMPORARY_PREFIX}lock`;

const POLL_MS = 20;
const WAIT_MS = 60_000;
/** A lock without an owner's name is one that is being written, unless it is older than this. */
const UNNAMED_PATIENCE_MS = 60_000;

/** A lock that is held. */
export interface LayoutLock {
  /** Whether it is still this owner's: to be asked right before the change. */
  isHeld(): boolean;
  release(): void;
}

/**
 * Takes the lock of a layout; waits up to a minute for another run. `staging` is a directory of the caller's on the
 * same file system. Throws `SYSCALL_FAILED` when the wait was in vain or the directory cannot be written to.
 */
export async function lockLayout(layout: string, staging: string): Promise<LayoutLock> {
  const path = join(layout, LOCK_NAME);
  const mine = ownerText(true);
  const deadline = Date.now() + WAIT_MS;
  while (!createLock(path, mine)) {
    if (breakDeadLock(path, staging)) continue;
    if (Date.now() > deadline) {
      throw new PlanishError('SYSCALL_FAILED', 'another run holds the lock of the layout', {
        file: path,
        hint: 'if no other run is at work there, remove that file',
      });
    }
    await sleep(POLL_MS);
  }
  const isHeld = (): boolean => readLock(path)?.owner === mine;
  return {
    isHeld,
    release: () => {
      if (isHeld()) unlinkSync(path);
    },
  };
}

function createLock(path: string, owner: string): boolean {
  try {
    const descriptor = openSync(path, 'wx', 0o644);
    try {
      writeSync(descriptor, owner);
    } finally {
      closeSync(descriptor);
    }
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw fromSystemError(error, 'locking the layout', { file: path });
  }
}

/**
 * Takes away a lock whose owner is dead. It is renamed aside and looked at again: had another run meanwhile replaced
 * it by a live one, that is put back.
 */
function breakDeadLock(path: string, staging: string): boolean {
  const seen = readLock(path);
  if (seen === undefined) return true;
  if (!isDead(seen)) return false;
  const aside = join(staging, 'dead-lock');
  try {
    renameSync(path, aside);
    if (readLock(aside)?.owner !== seen.owner) linkSync(aside, path);
    unlinkSync(aside);
  } catch {
    // Another run was quicker; the next attempt sees what is there now.
  }
  return true;
}

interface SeenLock {
  readonly owner: string;
  readonly ageMs: number;
}

function isDead(lock: SeenLock): boolean {
  if (lock.owner === '') return lock.ageMs > UNNAMED_PATIENCE_MS;
  return isOwnerDead(lock.owner, lock.ageMs);
}

function readLock(path: string): SeenLock | undefined {
  try {
    return { owner: readFileSync(path, 'latin1'), ageMs: Date.now() - statSync(path).mtimeMs };
  } catch {
    return undefined;
  }
}
