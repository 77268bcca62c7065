/** Digests beside those of `fsverity digest` (fsverity-utils), on files of every interesting size. */
import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { HashAlgorithm } from '../../src/bytes/digest.ts';
import { computeVerityDigest } from '../../src/fsverity/digest.ts';
import { VerityHasher } from '../../src/fsverity/verity-hasher.ts';
import { hasTool, runTool } from '../support/composefs-tools.ts';
import { sample } from '../unit/compress/streams.ts';

const work = mkdtempSync(join(tmpdir(), 'planish-fsverity-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const BLOCK = 4096;
const SIZES = [
  ...[0, 1, 2, 100, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK],
  ...[64, 65, 127, 128, 129, 192, 256].flatMap((blocks) => [
    blocks * BLOCK - 1,
    blocks * BLOCK,
    blocks * BLOCK + 1,
  ]),
  ...[64 * 64, 128 * 128].flatMap((blocks) => [blocks * BLOCK - 1, blocks * BLOCK, blocks * BLOCK + 1]),
  (128 * 128 + 129) * BLOCK + 17,
];

function toolDigests(file: string, algorithm: HashAlgorithm): string {
  const { status, stdout, stderr } = runTool('fsverity', [
    'digest',
    `--hash-alg=${algorithm}`,
    '--compact',
    file,
  ]);
  expect([status, stderr]).toEqual([0, '']);
  return stdout.toString().trim();
}

describe.skipIf(!hasTool('fsverity', 'fs-verity digests by fsverity-utils'))('fsverity digest', () => {
  it('agrees on every size', () => {
    const content = sample(Math.max(...SIZES));
    const file = join(work, 'shrinking');
    writeFileSync(file, content);
    for (const size of SIZES.toSorted((a, b) => b - a)) {
      truncateSync(file, size);
      const part = content.subarray(0, size);
      for (const algorithm of ['sha256', 'sha512'] as const) {
        const told = [algorithm, size, toolDigests(file, algorithm)];
        expect([algorithm, size, computeVerityDigest(part, algorithm)]).toEqual(told);
      }
    }
  });

  it.each<HashAlgorithm>(['sha256', 'sha512'])('agrees on a sparse file: %s', (algorithm) => {
    const file = join(work, 'sparse');
    const descriptor = openSync(file, 'w');
    writeSync(descriptor, Buffer.from('island'), 0, 6, 100_000_001);
    ftruncateSync(descriptor, 300_000_000);
    closeSync(descriptor);
    const digest = new VerityHasher(algorithm)
      .updateZeros(100_000_001)
      .update(Buffer.from('island'))
      .updateZeros(300_000_000 - 100_000_007)
      .digest();
    expect(digest).toBe(toolDigests(file, algorithm));
  });
});
