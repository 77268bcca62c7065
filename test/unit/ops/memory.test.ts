/** Contents held in memory, written aside, or decompressed again: the same bytes every time. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { build } from '../../../src/ops/build/build.ts';
import { guessTarSize } from '../../../src/ops/load/layer-size.ts';
import { MemoryBudget } from '../../../src/ops/load/memory-budget.ts';
import { fingerprint } from '../../support/layout-fingerprint.ts';
import { type MadeLayout, makeLayout } from '../../support/layout-maker.ts';
import { archive, directory, file, pseudoRandom } from '../../support/tar-maker.ts';

const root = mkdtempSync(join(tmpdir(), 'planish-memory-'));
afterAll(() => rmSync(root, { recursive: true }));

const tarOf = (name: string, count: number): Buffer =>
  archive(
    directory('usr/'),
    ...Array.from({ length: count }, (_, index) =>
      file(`usr/${name}${index}`, pseudoRandom(100 + 7000 * index)),
    ),
  );

let image: MadeLayout;
let expected: Record<string, string>;
let serial = 0;

/** Builds and gives what was built, by its bytes. */
async function built(options: { memory: number; cache?: string; temporaryDirectory?: string }) {
  const layout = join(root, `out-${serial++}`);
  await build(image.reference, { destination: `oci:${layout}:t`, jobs: 1, ...options });
  return fingerprint(layout);
}

/** Tars of 1.4, 0.7 and 0.4 MB; of the second, in two members, its end says half. */
beforeAll(async () => {
  image = await makeLayout(join(root, 'image'), [
    { tar: tarOf('a', 20), compression: 'gzip' },
    { tar: tarOf('b', 14), compression: 'gzip', members: 2 },
    { tar: tarOf('c', 10), compression: 'zstd' },
  ]);
  expected = await built({ memory: 0 });
});

describe('an image is the same', () => {
  test.each([0, 1, 400_000, 800_000, 1_500_000, 3_000_000, 100_000_000])('with %i bytes', async (memory) => {
    expect(await built({ memory })).toEqual(expected);
  });

  test.each([0, 800_000, 100_000_000])('with %i bytes and layers that are known', async (memory) => {
    const cache = join(root, `cache-${memory}`);
    expect(await built({ memory, cache })).toEqual(expected);
    expect(await built({ memory, cache })).toEqual(expected);
  });
});

test('what fits in memory needs no place for temporary files', async () => {
  const temporaryDirectory = join(root, 'nothing');
  expect(await built({ memory: 100_000_000, temporaryDirectory })).toEqual(expected);
  const failing = built({ memory: 2_000_000, temporaryDirectory });
  await expect(failing).rejects.toMatchObject({ code: 'SYSCALL_FAILED' });
});

test('a budget is kept to the byte', () => {
  const budget = new MemoryBudget(100);
  expect([budget.reserve(60), budget.reserve(41), budget.reserve(40), budget.reserve(1)]).toEqual([
    true,
    false,
    true,
    false,
  ]);
  budget.giveBack(10);
  expect([budget.reserve(11), budget.reserve(10)]).toEqual([false, true]);
  expect(() => new MemoryBudget(-1)).toThrow('memory must be a number of bytes');
  expect(() => new MemoryBudget(1.5)).toThrow('memory must be a number of bytes');
});

test('the size of a layer is what a gzip stream of one member says, and else a guess', () => {
  const path = join(root, 'blob');
  const guess = (bytes: Uint8Array, kind: 'gzip' | 'zstd'): number => {
    writeFileSync(path, bytes);
    return guessTarSize({ file: path, offset: 0, size: bytes.length }, kind);
  };
  const one = gzipSync(pseudoRandom(5000));
  expect(guess(gzipSync(Buffer.alloc(123_456)), 'gzip')).toBe(123_456);
  expect(guess(Buffer.concat([gzipSync(pseudoRandom(50_000)), one]), 'gzip')).toBe(
    4 * (gzipSync(pseudoRandom(50_000)).length + one.length),
  );
  expect(guess(Buffer.alloc(10), 'zstd')).toBe(40);
  expect(guess(Buffer.alloc(3), 'gzip')).toBe(12);
});
