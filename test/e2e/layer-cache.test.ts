/** The layer cache as runs use it: the same results with and without, from any number of runs, whatever is in it. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { MAIN, planish, planishJson } from '../support/cli.ts';
import { blobPath, type MadeLayout, makeLayout } from '../support/layout-maker.ts';
import { archive, padded, rawHeader } from '../unit/tar/support.ts';

let root = '';
let cache = '';
let layout: MadeLayout;
let image = '';

const directory = (name: string): Buffer => rawHeader({ name, type: '5', mode: '0000755' });
const file = (name: string, content: string): Buffer =>
  Buffer.concat([rawHeader({ name, size: content.length }), padded(content)]);

const STATUS = 'Package: x\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n';

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'planish-cached-'));
  const base = archive(
    ...['usr/', 'var/', 'var/lib/', 'var/lib/dpkg/', 'var/lib/dpkg/info/'].map(directory),
    file('usr/base', 'b'.repeat(200_000)),
    file('var/lib/dpkg/status', STATUS),
    file('var/lib/dpkg/info/x.list', `/.\n/usr\n/usr/base\n${'/none\n'.repeat(20)}`),
  );
  layout = await makeLayout(join(root, 'image'), [
    { tar: base, compression: 'gzip' },
    { tar: archive(directory('usr/'), file('usr/top', 't'.repeat(1000))), compression: 'zstd' },
  ]);
  image = layout.reference;
});

beforeEach(() => {
  cache = mkdtempSync(join(root, 'cache-'));
});

afterAll(() => {
  rmSync(root, { recursive: true });
});

const files = (): string[] => readdirSync(cache).sort();
const digest = (...options: string[]): unknown => {
  const { digests, warnings } = planishJson(['digest', image, ...options]);
  return { digests, warnings };
};

/** Runs something while the blobs of layers hold nothing but zeros. */
function withoutBlobs<T>(work: () => T): T {
  const blobs = layout.layers.map(({ digest }) => blobPath(layout.directory, digest));
  const sound = blobs.map((path) => readFileSync(path));
  try {
    for (const path of blobs) writeFileSync(path, Buffer.alloc(statSync(path).size));
    return work();
  } finally {
    for (const [ordinal, path] of blobs.entries()) writeFileSync(path, sound[ordinal] as Buffer);
  }
}

describe('layers that were read before', () => {
  test('are not read again', () => {
    const fresh = digest('--no-cache');
    expect(files()).toEqual([]);
    expect(digest('--cache', cache)).toEqual(fresh);
    expect(files()).toHaveLength(2);
    withoutBlobs(() => {
      expect(digest('--cache', cache)).toEqual(fresh);
      expect(planish(['digest', image, '--no-cache']).stderr).toContain('DIGEST_MISMATCH');
    });
  });

  test('are read again for another algorithm', () => {
    digest('--cache', cache);
    const sha256 = digest('--algorithm', 'sha256', '--no-cache');
    expect(digest('--algorithm', 'sha256', '--cache', cache)).toEqual(sha256);
    expect(files()).toHaveLength(4);
  });

  test('give the same image, and are checked when their contents are needed', () => {
    const build = (name: string, ...options: string[]): unknown =>
      planishJson(['build', image, '-o', `oci:${join(cache, name)}:x`, ...options]).manifest;
    const fresh = build('fresh', '--no-cache');
    expect(build('cold', '--cache', join(cache, 'c'))).toEqual(fresh);
    expect(build('warm', '--cache', join(cache, 'c'))).toEqual(fresh);
    expect(build('warm-again', '--cache', join(cache, 'c'), '--jobs', '1')).toEqual(fresh);
    withoutBlobs(() => {
      const args = ['build', image, '-o', `oci:${join(cache, 'bad')}:x`, '--cache', join(cache, 'c')];
      expect(planish(args)).toMatchObject({ status: 4, stderr: expect.stringContaining('DIGEST_MISMATCH') });
    });
  });

  test('are planned by what the cache keeps of them', () => {
    const plan = (...options: string[]): unknown => planishJson(['plan', image, ...options]).layers;
    const fresh = plan('--no-cache');
    expect(JSON.stringify(fresh)).toContain('dpkg/x');
    expect(plan('--cache', cache)).toEqual(fresh);
    withoutBlobs(() => expect(plan('--cache', cache)).toEqual(fresh));
  });
});

describe('a damaged file', () => {
  test('is told, ignored, and made again', () => {
    const fresh = digest('--cache', cache) as { digests: unknown };
    const [first = ''] = files();
    const path = join(cache, first);
    const sound = readFileSync(path);
    writeFileSync(path, sound.subarray(0, -1));
    const verified = planish(['cache', 'verify', '--cache', cache]);
    expect(verified.status).toBe(1);
    expect(verified.stdout.toString()).toContain('does not have its own digest\n2 files, 1 damaged\n');
    const again = planishJson(['digest', image, '--cache', cache]);
    expect(again.digests).toEqual(fresh.digests);
    expect(again.warnings.map(({ code }: { code: string }) => code)).toContain('CACHE_IGNORED');
    expect(readFileSync(path)).toEqual(sound);
    expect(planish(['cache', 'verify', '--cache', cache]).status).toBe(0);
  });

  test('does no harm where the cache cannot be written', () => {
    const nowhere = join(cache, 'file');
    writeFileSync(nowhere, '');
    const run = planishJson(['digest', image, '--cache', nowhere]);
    expect(run.digests).toEqual((digest('--no-cache') as { digests: unknown }).digests);
    expect(run.warnings.map(({ code }: { code: string }) => code)).toContain('CACHE_IGNORED');
  });
});

describe('runs at the same time', () => {
  test('share a cache, also when some are killed', async () => {
    const fresh = JSON.stringify((digest('--no-cache') as { digests: unknown }).digests);
    const runs = Array.from({ length: 8 }, (_, ordinal) => start(ordinal % 2 === 1));
    for (const text of await Promise.all(runs)) {
      if (text !== undefined) expect(JSON.stringify(JSON.parse(text).digests)).toBe(fresh);
    }
    expect(planish(['cache', 'verify', '--cache', cache]).status).toBe(0);
    expect(JSON.stringify((digest('--cache', cache) as { digests: unknown }).digests)).toBe(fresh);
  });
});

/** A run's output, or nothing if it is one that is killed as soon as something is in the cache. */
function start(kill: boolean): Promise<string | undefined> {
  const child = spawn(process.execPath, [MAIN, '--json', 'digest', image, '--cache', cache], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let output = '';
  child.stdout.on('data', (piece: Buffer) => (output += piece.toString()));
  const watch = setInterval(() => {
    if (kill && files().length > 0) child.kill('SIGKILL');
  }, 1);
  return new Promise((resolve) => {
    child.on('close', (status) => {
      clearInterval(watch);
      resolve(status === 0 ? output : undefined);
    });
  });
}

describe('planish cache', () => {
  test('lists and prunes', () => {
    digest('--cache', cache);
    const listed = planishJson(['cache', 'ls', '--cache', cache]);
    expect(listed.files).toHaveLength(2);
    expect(listed.size).toBe(listed.files.reduce((sum: number, { size }: { size: number }) => sum + size, 0));
    const [last, first] = listed.files;
    const pruned = planishJson(['cache', 'prune', '--cache', cache, '--max-size', String(last.size)]);
    expect(pruned.removed).toEqual([first]);
    expect(pruned.files).toEqual([last]);
    expect(planishJson(['cache', 'prune', '--cache', cache, '--max-size', '0']).files).toEqual([]);
    expect(planish(['cache', 'prune', '--cache', cache, '--max-size', 'all']).status).toBe(2);
  });

  test('is where PLANISH_CACHE or the XDG specification says', () => {
    const where = (env: Record<string, string>): string =>
      JSON.parse(planish(['--json', 'cache', 'ls'], { env }).stdout.toString()).directory;
    expect(where({ PLANISH_CACHE: '/c' })).toBe('/c');
  });
});
