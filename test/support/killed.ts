/**
 * Ends of runs at every change that they make of the file system. A run goes on in this process, but from some change on none
 * happens any more, whatever it tries, as after SIGKILL: no cleaning up, nothing half undone.
 */
import fs, { readdirSync, renameSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { nativeHelpers } from '../../src/native/load.ts';

type Call = (...args: never[]) => unknown;
type Table = Record<string, Call>;

const CHANGES = [
  'chmodSync',
  'copyFileSync',
  'ftruncateSync',
  'linkSync',
  'mkdirSync',
  'renameSync',
  'rmSync',
  'rmdirSync',
  'symlinkSync',
  'unlinkSync',
  'writeSync',
] as const;

const NATIVE_CHANGES = ['linkDescriptor', 'enableVerity'] as const;

/** Whether `openSync` makes or empties a file. */
const makes = (flags: unknown): boolean =>
  typeof flags === 'string'
    ? flags !== 'r'
    : (Number(flags) & (fs.constants.O_CREAT | fs.constants.O_TRUNC)) !== 0;

/**
 * Runs `work` until it is about to make change number `at`, counted from 0; how it takes that is no matter. Gives whether
 * it came so far, else what it threw is thrown.
 */
export async function killedAt(at: number, work: () => Promise<unknown>): Promise<boolean> {
  const state = { left: at };
  const step = (): void => {
    if (state.left-- <= 0) throw new Error('the process was killed');
  };
  const undo = [...guardAll(fs as unknown as Table, CHANGES, step), guardOpen(step)];
  const helpers = nativeHelpers() as unknown as Table | undefined;
  if (helpers !== undefined) undo.push(...guardAll(helpers, NATIVE_CHANGES, step));
  syncBuiltinESMExports();
  try {
    await work();
  } catch (error) {
    if (state.left >= 0) throw error;
    await quiet(state);
  } finally {
    for (const one of undo) one();
    syncBuiltinESMExports();
  }
  return state.left < 0;
}

/** What else was on its way comes to its end, or tries to. */
async function quiet(state: { readonly left: number }): Promise<void> {
  for (let before = Number.NaN; before !== state.left; ) {
    before = state.left;
    for (let turn = 0; turn < 20; turn++) await setImmediate();
  }
}

function guardAll(table: Table, names: readonly string[], step: () => void): (() => void)[] {
  return names
    .filter((name) => table[name] !== undefined)
    .map((name) => {
      const original = table[name] as Call;
      table[name] = (...args) => {
        step();
        return original(...args);
      };
      return () => {
        table[name] = original;
      };
    });
}

function guardOpen(step: () => void): () => void {
  const { openSync } = fs;
  fs.openSync = (path, flags, mode) => {
    if (makes(flags)) step();
    return openSync(path, flags, mode);
  };
  return () => {
    fs.openSync = openSync;
  };
}

/** Makes temporary directories of this process, which lives, those of one that is dead: of another start time. */
export function disownTemporary(directory: string): void {
  for (const name of readdirSync(directory)) {
    const dead = name.replace(/^(\.planish-[0-9a-f]{8}-[0-9]+)-[0-9]+/, '$1-1');
    if (dead !== name) renameSync(join(directory, name), join(directory, dead));
  }
}
