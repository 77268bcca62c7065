/**
 * Directories for what is written in thousands of files or synced at every step. In memory that costs next to nothing; on
 * a disk, a repository of a server took seconds to write and a minute to remove.
 */
import { accessSync, constants, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { freemem, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { runTool } from './composefs-tools.ts';

const IN_MEMORY = '/dev/shm';

/** What a test may put there, in bytes: the largest write an image of 1 GB three times over. */
const ROOM = 4 * 2 ** 30;

/** The directory of temporary files that is in memory and has room, or else the usual one. */
export function temporaryMemory(): string {
  return isWritable(IN_MEMORY) && room(IN_MEMORY) > ROOM ? IN_MEMORY : tmpdir();
}

/** A directory in memory, where there is room, that is removed after the file's tests. */
export function memoryDirectory(): string {
  return removedAfterwards(mkdtempSync(join(temporaryMemory(), 'planish-test-')));
}

/** The same for trees with attributes of users, which files in memory have since Linux 6.6 only. */
export function memoryDirectoryForTrees(): string {
  const directory = memoryDirectory();
  const { status } = runTool('setfattr', ['-n', 'user.planish', '-v', 'kept', directory]);
  return status === 0 ? directory : removedAfterwards(mkdtempSync(join(tmpdir(), 'planish-test-')));
}

function removedAfterwards(directory: string): string {
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Bytes that fit there, of which half are left to the programs that run. */
function room(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return Math.min(bavail * bsize, freemem() / 2);
}
