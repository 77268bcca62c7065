/**
 * Runs `build` on something that must be refused, to a destination that does not exist or to one that holds another
 * image, and tells all that a user and the file system could see of it.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { MAIN, type Run, type RunOptions } from './cli.ts';
import { CommandServer } from './command-server.ts';
import { type MadeLayout, makeLayout } from './layout-maker.ts';
import { snapshot } from './snapshot.ts';
import { smallTar } from './tar-maker.ts';

/** What a refusal came to. Names of this machine and digests are replaced, see {@link Arena.plain}. */
export interface Refusal {
  readonly status: number | null;
  /** All of standard error, line by line. */
  readonly stderr: readonly string[];
}

/**
 * What is expected of every case of a table: `fixtures/hostile/NAME.expect.json`, which was written down once and read
 * line by line. Demands that the file and the table name the same cases.
 */
export function expectations(table: string, names: readonly string[]): (name: string) => Refusal {
  const path = new URL(`../../fixtures/hostile/${table}.expect.json`, import.meta.url);
  const document = JSON.parse(readFileSync(path, 'utf8')) as Record<string, Refusal>;
  expect(Object.keys(document)).toEqual(names);
  return (name) => document[name] as Refusal;
}

/** How to run it. */
export interface AsyncRunOptions extends RunOptions {
  /** A command in front, given its own arguments and then those of the run. */
  readonly through?: readonly string[];
  /** User and group to run as. */
  readonly uid?: number;
}

/** As `planish`, without blocking: tests may run two at once. */
export function runPlanish(args: readonly string[], options: AsyncRunOptions = {}): Promise<Run> {
  const [program, ...before] = options.through ?? [];
  const command = [...before, process.execPath, ...(options.nodeOptions ?? []), MAIN, ...args];
  const child = spawn(program ?? (command.shift() as string), command, {
    cwd: options.cwd,
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
    env: { ...process.env, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (piece: Buffer) => stdout.push(piece));
  child.stderr.on('data', (piece: Buffer) => stderr.push(piece));
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) => {
      resolve({ status, signal, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() });
    });
  });
}

/** Lines of standard error. Whether zstd is native here is no matter of these tests. */
export function errorLines(stderr: string): string[] {
  return stderr.split('\n').filter((line) => line !== '' && !line.includes('SLOW_FALLBACK'));
}

/** A directory with a destination in use, a place for one that does not exist, and one for temporary files. */
export class Arena {
  readonly root: string;
  readonly temporary: string;
  /** A layout that holds the image `old`. */
  readonly used: string;
  /** Nothing lies here. */
  readonly absent: string;
  readonly #server = new CommandServer();
  #turn = 0;

  private constructor(root: string) {
    this.root = root;
    this.temporary = join(root, 'tmp');
    this.used = join(root, 'used/layout');
    this.absent = join(root, 'absent/layout');
  }

  static async create(): Promise<Arena> {
    const arena = new Arena(realpathSync(mkdtempSync(join(tmpdir(), 'planish-test-'))));
    for (const name of ['tmp', 'used', 'absent', 'sources']) mkdirSync(join(arena.root, name));
    await makeLayout(arena.used, [{ tar: smallTar(), compression: 'gzip' }], { tag: 'old' });
    return arena;
  }

  /** A new path for a source. */
  source(): string {
    return mkdtempSync(join(this.root, 'sources/s-'));
  }

  /** Everything that a run may not touch. */
  snapshot(): string[] {
    return snapshot(this.root, 'sources');
  }

  /**
   * Builds to both destinations in turns, or each time to both in CI: then once in a process of its own, and once in one
   * that has seen all earlier runs. The run must be refused, print no result, and leave everything as it was; two runs
   * must say the same.
   */
  async refuse(source: string, options: readonly string[] = [], made?: MadeLayout): Promise<Refusal> {
    const before = this.snapshot();
    const args = ['build', source, '--tmpdir', this.temporary, ...options];
    const [own, shared] = this.#destinations().map((path) => [...args, '-o', `oci:${path}:new`]);
    const runs = await Promise.all([
      ...(own === undefined ? [] : [runPlanish(own)]),
      ...(shared === undefined ? [] : [this.#server.run(shared)]),
    ]);
    expect(this.snapshot()).toEqual(before);
    const refusals = runs.map(({ status, stdout, stderr }) => {
      expect(stdout.toString()).toBe('');
      return { status, stderr: this.#lines(stderr, made) };
    });
    expect(refusals.at(-1)).toEqual(refusals[0]);
    return refusals[0] as Refusal;
  }

  #destinations(): string[] {
    this.#turn += 1;
    const both = this.#turn % 2 === 0 ? [this.used, this.absent] : [this.absent, this.used];
    return process.env['CI'] === 'true' ? both : both.slice(0, 1);
  }

  /** Removes everything. */
  close(): void {
    this.#server.close();
    rmSync(this.root, { recursive: true, force: true });
  }

  #lines(stderr: string, made: MadeLayout | undefined): string[] {
    return errorLines(this.plain(stderr, made));
  }

  /** Text with the names of digests and directories that differ from run to run. */
  plain(text: string, made?: MadeLayout): string {
    let result = text;
    if (made !== undefined) {
      const names: [string, string][] = [
        ...made.layers.map(({ digest }, index): [string, string] => [digest, `<layer ${index}>`]),
        [made.manifest.digest, '<manifest>'],
        [made.config.digest, '<config>'],
      ];
      for (const [digest, name] of names) {
        result = result.replaceAll(digest, name).replaceAll(digest.replace(':', '/'), name);
      }
      result = result.replaceAll(made.directory, '<source>');
    }
    return result
      .replaceAll(/sha256[:/][0-9a-f]{64}/g, '<digest>')
      .replaceAll(this.used, '<dest>')
      .replaceAll(this.absent, '<dest>')
      .replaceAll(/\.planish-[0-9a-f-]+/g, '.planish-x')
      .replaceAll(/(?<=\/blobs-in-progress\/layer-)[0-9]+/g, 'N')
      .replaceAll(/(?<=\/sources\/s-)[A-Za-z0-9]{6}/g, 'x')
      .replaceAll(this.root, '<root>');
  }
}
