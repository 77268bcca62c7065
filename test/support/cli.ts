/** Runs the built command line as a user would. `npm test` builds it first. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { openNapiZstd } from '../../src/compress/zstd-napi.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const MAIN = join(ROOT, 'dist/cli/main.js');
export const DEMO = join(ROOT, 'fixtures/demo/demo.oci.tar');

/**
 * Where the native zstd is missing the other is asked for by name, so that no notice of it stands among what tests
 * expect.
 */
export const ZSTD: Readonly<Record<string, string>> = await openNapiZstd().then(
  () => ({}),
  () => ({ PLANISH_ZSTD: 'wasm' }),
);

export interface Run {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: Uint8Array;
  readonly cwd?: string;
  /** Another Node to run it on. */
  readonly node?: string;
  readonly nodeOptions?: readonly string[];
}

/** Runs `planish` with these arguments to its end. */
export function planish(args: readonly string[], options: RunOptions = {}): Run {
  if (!existsSync(MAIN)) throw new Error('dist/ is missing: run npm run build');
  const { status, signal, stdout, stderr } = spawnSync(
    options.node ?? process.execPath,
    [...(options.nodeOptions ?? []), MAIN, ...args],
    {
      input: options.input,
      cwd: options.cwd,
      maxBuffer: 2 ** 30,
      env: { ...ZSTD, ...process.env, ...options.env },
    },
  );
  return { status, signal, stdout, stderr: stderr.toString() };
}

/** Runs with `--json`, demands success, and gives the document. */
// biome-ignore lint/suspicious/noExplicitAny: tests look at documents of many shapes.
export function planishJson(args: readonly string[], options: RunOptions = {}): any {
  const run = planish(['--json', ...args], options);
  if (run.status !== 0) throw new Error(`planish ${args.join(' ')}: exit ${run.status}\n${run.stderr}`);
  return JSON.parse(run.stdout.toString());
}

/** A directory that is removed after the file's tests. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'planish-test-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
