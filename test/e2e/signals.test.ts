/** Runs that end early leave the destination as it was, and the next run finds nothing in its way. */
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEMO, MAIN, planish } from '../support/cli.ts';
import { type Moment, strike } from '../support/interruption.ts';
import { compressed, digestOf, makeLayout } from '../support/layout-maker.ts';
import { Arena, errorLines, runPlanish } from '../support/refusal.ts';
import { snapshot } from '../support/snapshot.ts';
import { archive, directory, file, pseudoRandom } from '../support/tar-maker.ts';

let arena: Arena;
let source: string;
beforeAll(async () => {
  arena = await Arena.create();
  source = await largeImage(arena.source());
});
afterAll(() => arena.close());

/** 150 MB that nothing compresses, so that every stage takes its time: a plain layer and one that is spooled. */
async function largeImage(path: string): Promise<string> {
  const bytes = pseudoRandom(5_000_000);
  const files = (prefix: string, count: number): Buffer =>
    archive(
      directory('usr/'),
      ...Array.from({ length: count }, (_, index) => file(`usr/${prefix}${index}`, bytes.subarray(index))),
    );
  const spooled = files('gzip', 10);
  // Stored, not deflated: this is about time, not about gzip.
  const blob = gzipSync(spooled, { level: 0 });
  const layers = [
    { tar: files('plain', 20) },
    {
      tar: blob,
      diffId: digestOf(spooled),
      descriptor: { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip' },
    },
  ];
  return (await makeLayout(path, layers)).reference;
}

type Place = 'used' | 'absent';
const MOMENTS: readonly Moment[] = ['reading', 'flattening', 'planning', 'digesting', 'writing', 'finishing'];
let serial = 0;

/** A destination of its own for one test, with `old` in it or absent. */
function destination(place: Place): { parent: string; layout: string; reference: string } {
  const parent = join(arena.root, `${place}-${serial++}`);
  mkdirSync(parent);
  const layout = join(parent, 'layout');
  if (place === 'used') cpSync(arena.used, layout, { recursive: true });
  return { parent, layout, reference: `oci:${layout}:new` };
}

const verifies = (reference: string): void => {
  const { status, stderr } = planish(['verify', reference]);
  expect({ status, stderr: errorLines(stderr) }).toEqual({ status: 0, stderr: [] });
};

describe('interrupted', () => {
  // Each moment once, alternately with and without something there.
  const cases = MOMENTS.map((moment, index): [Moment, Place] => [
    moment,
    index % 2 === 0 ? 'used' : 'absent',
  ]);

  test.each(cases)('by SIGINT while %s, the destination %s', async (moment, place) => {
    const { parent, layout, reference } = destination(place);
    const before = snapshot(parent);
    const run = await strike(['build', source, '-o', reference], moment, ['SIGINT']);
    expect(run.struck).toBe(true);
    // Once the new index is in place it is too late: then the run has done what it was asked to do, and says so.
    if (moment === 'finishing' && run.status === 0) return verifies(`oci:${layout}:new`);
    expect({ ...run, stdout: run.stdout.toString() }).toEqual({
      status: 130,
      signal: null,
      stdout: '',
      stderr: 'planish: INTERRUPTED: the run was interrupted\n',
      struck: true,
    });
    expect(snapshot(parent)).toEqual(before);
  });

  test.each([
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('by %s', async (signal, status) => {
    const { parent, reference } = destination('used');
    const before = snapshot(parent);
    const run = await strike(['build', source, '-o', reference], 'writing', [signal]);
    expect({ status: run.status, stderr: run.stderr }).toEqual({
      status,
      stderr: 'planish: INTERRUPTED: the run was interrupted\n',
    });
    expect(snapshot(parent)).toEqual(before);
  });

  test('while it decompresses an archive', async () => {
    // Two gigabytes that decompress without ever waiting for anything, in 70 kB.
    const zeros = Buffer.from(await compressed(Buffer.alloc(64 * 2 ** 20), 'zstd'));
    const path = join(arena.source(), 'archive.tar.zst');
    writeFileSync(path, Buffer.concat(Array.from({ length: 32 }, () => zeros)));
    const child = spawn(process.execPath, [
      MAIN,
      'digest',
      `oci-archive:${path}`,
      '--tmpdir',
      arena.temporary,
    ]);
    let stderr = '';
    child.stderr.on('data', (piece: Buffer) => (stderr += piece.toString()));
    const ended = new Promise((resolve) => child.on('close', (...how) => resolve(how)));
    while (readdirSync(arena.temporary).length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    child.kill('SIGINT');
    expect(await ended).toEqual([130, null]);
    expect(stderr).toBe('planish: INTERRUPTED: the run was interrupted\n');
    expect(readdirSync(arena.temporary)).toEqual([]);
  });

  test('while it waits for standard input', async () => {
    const child = spawn(process.execPath, [MAIN, '--progress', 'plain', 'dump', 'dump:-']);
    let stderr = '';
    child.stderr.on('data', (piece: Buffer) => (stderr += piece.toString()));
    const ended = new Promise((resolve) => child.on('close', (...how) => resolve(how)));
    // More than pipes hold, so that what is written has been read; and then nothing more.
    const line = (name: string): string => `/${name} 0 100644 1 0 0 0 0.0 - - -\n`;
    const names = Array.from({ length: 40_000 }, (_, index) => `f${String(index).padStart(5, '0')}`);
    const text = `/ 4096 40755 2 0 0 0 0.0 - - -\n${names.map(line).join('')}`;
    await new Promise((resolve) => child.stdin.write(text, resolve));
    child.kill('SIGINT');
    expect(await ended).toEqual([130, null]);
    expect(stderr).toBe('planish: INTERRUPTED: the run was interrupted\n');
  });
});

describe('killed', () => {
  const cases = (['reading', 'writing', 'finishing'] as const).flatMap((moment): [Moment, Place][] => [
    [moment, 'used'],
    [moment, 'absent'],
  ]);

  test.each(cases)('while %s, the destination %s', async (moment, place) => {
    const { parent, layout, reference } = destination(place);
    const before = snapshot(parent);
    const run = await strike(['build', source, '-o', reference], moment, ['SIGKILL']);
    expect({ ...run, stdout: run.stdout.toString() }).toEqual({
      status: null,
      signal: 'SIGKILL',
      stdout: '',
      stderr: '',
      struck: true,
    });
    const left = snapshot(parent);
    expect(left.filter((line) => before.includes(line))).toEqual(before);
    // Temporary names, and blobs that nothing refers to yet.
    const more = left.filter((line) => !before.includes(line));
    expect(
      more.filter((line) => !/^(layout\/)?\.planish-|^layout\/blobs\/sha256\/[0-9a-f]{64} /.test(line)),
    ).toEqual([]);
    if (place === 'used') verifies(`oci:${layout}:old`);

    const next = await runPlanish(['build', source, '-o', reference]);
    expect({ status: next.status, stderr: errorLines(next.stderr) }).toEqual({ status: 0, stderr: [] });
    expect(snapshot(parent).filter((line) => line.includes('.planish-'))).toEqual([]);
    verifies(`oci:${layout}:new`);
    if (place === 'used') verifies(`oci:${layout}:old`);
  });
});

describe('two builds at once', () => {
  test.each(['used', 'absent'] as const)('into one layout, %s, both count', async (place) => {
    const { parent, layout } = destination(place);
    const runs = await Promise.all(
      ['one', 'two', 'three'].map((tag) =>
        runPlanish(['build', `oci-archive:${DEMO}`, '-o', `oci:${layout}:${tag}`, '--label', `tag=${tag}`]),
      ),
    );
    expect(runs.map(({ status, stderr }) => ({ status, stderr: errorLines(stderr) }))).toEqual(
      Array(3).fill({ status: 0, stderr: [] }),
    );
    for (const tag of ['one', 'two', 'three']) verifies(`oci:${layout}:${tag}`);
    if (place === 'used') verifies(`oci:${layout}:old`);
    expect(snapshot(parent).filter((line) => line.includes('.planish-'))).toEqual([]);
  });
});
