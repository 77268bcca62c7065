/** Builds the C helpers for a test, apart from what `npm run build:native` left, and says loudly where it cannot. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NativeHelpers } from '../../../src/native/contract.ts';
import { loadNative } from '../../../src/native/load.ts';
import { freshDirectory } from '../io/rootfs-fixture.ts';

const SOURCES = fileURLToPath(new URL('../../../native-helpers', import.meta.url));
const BUILD = join(SOURCES, 'build.mjs');

/** The C compiler, or `undefined` after saying so. */
export function findCompiler(): string | undefined {
  const candidates = [process.env['CC'] ?? 'cc', 'gcc', 'clang'];
  const found = candidates.find((name) => spawnSync(name, ['--version']).status === 0);
  if (found === undefined) process.stderr.write('SKIPPED: native helpers: there is no C compiler\n');
  return found;
}

/**
 * The file of helpers built from these very sources; throws what the compiler says. Warnings are errors. Tests share it:
 * its name holds a digest of all that goes into it.
 */
export function buildHelpers(...flags: string[]): string {
  const output = join(SOURCES, 'build', `test-${fingerprint(flags)}.node`);
  if (existsSync(output)) return output;
  const part = join(freshDirectory(), 'helpers.node');
  const args = [BUILD, '--require', '--strict', ...flags, '--output', part];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`building the native helpers failed:\n${stderr}`);
  mkdirSync(dirname(output), { recursive: true });
  copyFileSync(part, `${output}.${process.pid}`);
  renameSync(`${output}.${process.pid}`, output);
  return output;
}

/** A digest of the sources, the compiler and the options. */
function fingerprint(flags: readonly string[]): string {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([flags, findCompiler(), process.version, process.arch]));
  for (const name of readdirSync(SOURCES).sort()) {
    const file = join(SOURCES, name);
    if (statSync(file).isFile()) hash.update(`\0${name}\0`).update(readFileSync(file));
  }
  return hash.digest('hex').slice(0, 32);
}

/** Freshly built helpers, or `undefined` where there is no compiler. */
export function freshHelpers(): NativeHelpers | undefined {
  if (findCompiler() === undefined) return undefined;
  const { helpers, status } = loadNative(buildHelpers(), '');
  if (helpers === undefined) throw new Error(JSON.stringify(status));
  return helpers;
}
