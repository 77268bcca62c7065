/**
 * Temporary directories: private, removed when closed, and removable all at once when the run ends early. What a
 * killed run left is removed by the next one that works in the same place.
 */
import { lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromSystemError } from '../errors.ts';
import { isOwnerDead, ownerText } from './owner.ts';

/** A directory of mode 0700 that is removed, with all it holds, by `close`. */
export interface TemporaryDirectory {
  readonly path: string;
  /** Removes it; a second call does nothing. */
  close(): void;
}

/** Begin of every temporary name. */
export const TEMPORARY_PREFIX = '.planish-';

const live = new Set<string>();

/**
 * Makes a temporary directory in `parent` (default: the system's place for them), after removing those there whose
 * process has died. Throws `SYSCALL_FAILED`, `DISK_FULL`.
 */
export function createTemporaryDirectory(parent: string = tmpdir()): TemporaryDirectory {
  removeStaleDirectories(parent);
  const path = join(parent, `${TEMPORARY_PREFIX}${ownerText(true)}`);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    throw fromSystemError(error, 'making a temporary directory', { file: path });
  }
  live.add(path);
  return { path, close: () => removeTemporary(path) };
}

/**
 * Removes every temporary directory of this thread that is not closed yet. For the caller's exit and signal
 * handlers; never throws.
 */
export function removeAllTemporary(): void {
  for (const path of live) {
    try {
      removeTemporary(path);
    } catch {
      // The process is ending; the next run removes what stays.
    }
  }
}

/** Whether a directory entry is a temporary name of planish, whoever made it. */
export function isTemporaryName(name: string): boolean {
  return name.startsWith(TEMPORARY_PREFIX);
}

function removeTemporary(path: string): void {
  if (!live.delete(path)) return;
  try {
    rmSync(path, { recursive: true, force: true });
  } catch (error) {
    throw fromSystemError(error, 'removing a temporary directory', { file: path });
  }
}

/**
 * Removes what dead runs left in a directory. Only directories of this user, by name and by owner, are touched;
 * never throws, failures are left for the next run.
 */
export function removeStaleDirectories(parent: string): void {
  for (const name of listQuietly(parent)) {
    if (!isTemporaryName(name)) continue;
    const path = join(parent, name);
    try {
      const stat = lstatSync(path);
      const mine = stat.isDirectory() && (process.getuid === undefined || stat.uid === process.getuid());
      const dead = isOwnerDead(name.slice(TEMPORARY_PREFIX.length), Date.now() - stat.mtimeMs);
      if (mine && dead) rmSync(path, { recursive: true, force: true });
    } catch {
      // Another run was quicker.
    }
  }
}

function listQuietly(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
