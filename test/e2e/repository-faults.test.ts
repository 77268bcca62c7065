/**
 * Killed, out of room, refused, side by side: a repository stays sound, what was there stays, and running again finishes
 * the work. PLANISH_KILLS says how often each verb is killed (default 10); `emit-killed.test.ts` ends runs at every change they make.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { repoFsck } from '../../src/ops/repository/repo-fsck.ts';
import { DEMO, MAIN, planish, planishJson } from '../support/cli.ts';
import { memoryDirectory } from '../support/memory-directory.ts';
import { linksBelow } from '../support/repository.ts';
import { copyRepository, smallRepository } from '../support/small-repository.ts';

const KILLS = Number(process.env['PLANISH_KILLS'] ?? 10);
/** Milliseconds for all kills of a verb, on a machine with much else to do; see `vitest.config.ts`. */
const timeout = Math.max(900_000, KILLS * 60_000);
const directory = memoryDirectory();
const demo = `oci-archive:${DEMO}`;
let base: string;
let small: string;
/** Milliseconds that the fastest undisturbed run took. */
let duration = Number.POSITIVE_INFINITY;

beforeAll(async () => {
  const made = await smallRepository(directory);
  base = made.repository;
  small = made.layout;
  await start(['emit', demo, '--repo', copyRepository(base, join(directory, 'timed'))]);
});

/** When to kill: the rounds are spread over a run. */
const moment = (round: number): number => (duration * (round + 0.5)) / KILLS;

/** Starts planish; gives how it ended. It is killed after `after` milliseconds where that is given. */
function start(args: readonly string[], after?: number): Promise<{ status: number | null; stderr: string }> {
  const began = performance.now();
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [MAIN, '--quiet', ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (text) => {
      stderr += text;
    });
    const timer = after === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), after);
    child.on('exit', (status) => {
      clearTimeout(timer);
      if (status === 0) duration = Math.min(duration, performance.now() - began);
      resolve({ status, stderr });
    });
  });
}

async function expectSound(repository: string): Promise<void> {
  expect((await repoFsck(repository)).findings).toEqual([]);
}

/** Every link of the base, which must be there whatever happens. */
function expectBase(repository: string): void {
  expect(linksBelow(repository)).toMatchObject(linksBelow(base));
}

/** A directory of files of up to nine kilobytes, all different. */
function manyFiles(top: string): string {
  for (let at = 0; at < 1500; at++) {
    const folder = join(top, String(at % 40));
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${at}`), `${at} `.repeat(1 + (at % 18) * 100));
  }
  return top;
}

/** Sizes of the files below a directory, which need not be there, by path; without what lies under a hidden name until it is whole. */
function filesBelow(top: string): Record<string, number> {
  if (!existsSync(top)) return {};
  const files = readdirSync(top, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !file.slice(top.length).includes('/.'));
  return Object.fromEntries(files.map((file) => [file.slice(top.length + 1), statSync(file).size]));
}

const leftBehind = (repository: string): string[] =>
  readdirSync(repository).filter((name) => name.startsWith('.planish'));

describe('a run that is killed', () => {
  test('while it emits leaves a sound repository, and the next one finishes', { timeout }, async () => {
    const repository = copyRepository(base, join(directory, 'killed'));
    let unfinished = 0;
    for (let round = 0; round < KILLS; round++) {
      const { status } = await start(['emit', demo, '--repo', repository], moment(round));
      if (status !== 0) unfinished += 1;
      await expectSound(repository);
      expectBase(repository);
      if (status === 0) copyRepository(base, repository);
    }
    expect(unfinished).toBeGreaterThan(0);
    expect((await start(['emit', demo, '--repo', repository])).status).toBe(0);
    await expectSound(repository);
    expect(linksBelow(repository)).toEqual(linksBelow(join(directory, 'timed')));
    expect(leftBehind(repository)).toEqual([]);
    expect(planishJson(['emit', demo, '--repo', repository]).objects.added).toBe(0);
  });

  test('while it stores a directory leaves whole objects, and an image with all of them', {
    timeout,
  }, async () => {
    const source = `rootfs:${manyFiles(join(directory, 'tree'))}`;
    const options = ['--layout', 'mkcomposefs', '--skip-xattrs'];
    const args = (store: string): string[] => ['emit', source, '--repo', store, ...options];
    const whole = join(directory, 'whole');
    duration = Number.POSITIVE_INFINITY;
    await start(args(whole));
    const all = filesBelow(whole);
    const store = join(directory, 'killed-store');
    let unfinished = 0;
    for (let round = 0; round < KILLS; round++) {
      if (round % 4 === 0) rmSync(store, { recursive: true, force: true });
      if ((await start(args(store), moment(round))).status !== 0) unfinished += 1;
      const left = filesBelow(store);
      expect(left).toEqual(Object.fromEntries(Object.entries(all).filter(([path]) => path in left)));
      if ('image.cfs' in left) expect(left).toEqual(all);
    }
    expect(unfinished).toBeGreaterThan(0);
    expect((await start(args(store))).status).toBe(0);
    expect(filesBelow(store)).toEqual(all);
  });

  test('while it collects leaves a sound repository, and the next one finishes', { timeout }, async () => {
    const repository = join(directory, 'collected');
    const full = copyRepository(join(directory, 'timed'), join(directory, 'full'));
    expect(planish(['repo', 'untag', full, 'demo']).status).toBe(0);
    for (let round = 0; round < KILLS; round++) {
      if (round % 4 === 0) copyRepository(full, repository);
      await start(['repo', 'gc', repository], moment(round));
      await expectSound(repository);
      expectBase(repository);
    }
    expect((await start(['repo', 'gc', repository])).status).toBe(0);
    await expectSound(repository);
    expect(linksBelow(repository)).toEqual(linksBelow(base));
    expect(planishJson(['repo', 'gc', repository]).objects).toBe(0);
  });
});

describe('runs at the same time', () => {
  test('of the same image and of another all succeed', async () => {
    const repository = join(directory, 'together');
    expect(planish(['repo', 'init', repository, '--insecure']).status).toBe(0);
    const runs = await Promise.all([
      start(['emit', demo, '--repo', repository]),
      start(['emit', demo, '--repo', repository, '--tag', 'second']),
      start(['emit', small, '--repo', repository]),
    ]);
    expect(runs).toEqual([0, 0, 0].map((status) => ({ status, stderr: '' })));
    await expectSound(repository);
    const { tags } = planishJson(['repo', 'ls', repository]);
    expect(tags.map(({ tag }: { tag: string }) => tag)).toEqual(['demo', 'second', 'small']);
  });

  test('of emit and gc never lose what is emitted', async () => {
    const repository = copyRepository(base, join(directory, 'beside'));
    for (let round = 0; round < 3; round++) {
      planish(['repo', 'untag', repository, 'demo']);
      const runs = await Promise.all([
        start(['emit', demo, '--repo', repository]),
        start(['repo', 'gc', repository]),
        start(['repo', 'gc', repository]),
      ]);
      expect(runs.map(({ status }) => status)).toEqual([0, 0, 0]);
      await expectSound(repository);
      expectBase(repository);
      expect(linksBelow(repository)).toEqual(linksBelow(join(directory, 'timed')));
    }
  });
});

/** A file system of a few megabytes; says what is skipped where it cannot be had. */
function smallDisk(): string | undefined {
  const disk = join(directory, 'disk');
  mkdirSync(disk);
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]).status === 0;
  if (mounted) return disk;
  process.stderr.write('SKIPPED: emitting to a full disk: no tmpfs can be mounted here\n');
  return undefined;
}

describe('a disk', () => {
  const disk = smallDisk() ?? '';
  afterAll(() => {
    if (disk !== '') spawnSync('umount', [disk]);
  });

  test.skipIf(disk === '')('that is full, then larger, then read-only', async () => {
    const remount = (options: string): void => {
      expect(spawnSync('mount', ['-o', `remount,${options}`, disk]).status).toBe(0);
    };
    const repository = join(disk, 'repository');
    expect(planish(['emit', small, '--repo', repository]).status).toBe(0);
    const before = linksBelow(repository);
    const full = await start(['emit', demo, '--repo', repository]);
    expect(full.status).toBe(5);
    expect(full.stderr).toContain('DISK_FULL');
    await expectSound(repository);
    expect(linksBelow(repository)).toEqual(before);
    expect(leftBehind(repository)).toEqual([]);
    remount('size=64m');
    expect((await start(['emit', demo, '--repo', repository])).status).toBe(0);
    await expectSound(repository);
    remount('ro');
    for (const args of [
      ['emit', small, '--repo', repository, '--tag', 'new'],
      ['emit', demo, '--repo', join(disk, 'other')],
      ['repo', 'gc', repository],
      ['repo', 'untag', repository, 'demo'],
    ]) {
      const refused = await start(args);
      expect([args[1], refused.status]).toEqual([args[1], args.includes('gc') ? 0 : 5]);
    }
    await expectSound(repository);
    expect(existsSync(join(disk, 'other'))).toBe(false);
  });
});
