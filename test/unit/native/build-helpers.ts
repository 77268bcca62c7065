/** Builds the C helpers for a test, apart from what `npm run build:native` left, and says loudly where it cannot. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { NativeHelpers } from '../../../src/native/contract.ts';
import { loadNative } from '../../../src/native/load.ts';
import { freshDirectory } from '../io/rootfs-fixture.ts';

const BUILD = new URL('../../../native-helpers/build.mjs', import.meta.url).pathname;

/** The C compiler, or `undefined` after saying so. */
export function findCompiler(): string | undefined {
  const candidates = [process.env['CC'] ?? 'cc', 'gcc', 'clang'];
  const found = candidates.find((name) => spawnSync(name, ['--version']).status === 0);
  if (found === undefined) process.stderr.write('SKIPPED: native helpers: there is no C compiler\n');
  return found;
}

/** The file of freshly built helpers; throws what the compiler says. Warnings are errors. */
export function buildHelpers(...flags: string[]): string {
  const output = join(freshDirectory(), 'helpers.node');
  const args = [BUILD, '--require', '--strict', ...flags, '--output', output];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`building the native helpers failed:\n${stderr}`);
  return output;
}

/** Freshly built helpers, or `undefined` where there is no compiler. */
export function freshHelpers(): NativeHelpers | undefined {
  if (findCompiler() === undefined) return undefined;
  const { helpers, status } = loadNative(buildHelpers(), '');
  if (helpers === undefined) throw new Error(JSON.stringify(status));
  return helpers;
}
