import { createHash } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { DIGEST_BYTES, type HashAlgorithm } from '../../../src/bytes/digest.ts';
import { computeVerityDigest, computeVerityDigests } from '../../../src/fsverity/digest.ts';
import { CRYPTO_BACKEND, makeNativeBackend, NOBLE_BACKEND } from '../../../src/fsverity/hash.ts';
import { HASH_ALGORITHM_ID, type HashHelpers, type NativeHelpers } from '../../../src/native/contract.ts';
import { loadNative } from '../../../src/native/load.ts';
import { fc } from '../../support/property.ts';
import { sample } from '../compress/streams.ts';
import { removeDirectories } from '../io/rootfs-fixture.ts';
import { buildHelpers, findCompiler, freshHelpers } from './build-helpers.ts';

afterAll(removeDirectories);

const ALGORITHMS: HashAlgorithm[] = ['sha256', 'sha512'];
const helpers = freshHelpers() as NativeHelpers;
const present = findCompiler() !== undefined;

/** The AVX-512 kernels with their vectors taken apart, which any x86 runs. */
function plainVectors(): HashHelpers | undefined {
  if (!present || process.arch !== 'x64') return undefined;
  return loadNative(buildHelpers('--plain-vectors'), '').helpers;
}

interface Kernel {
  readonly helpers: HashHelpers;
  readonly algorithm: HashAlgorithm;
  readonly name: string;
  readonly index: number;
}

function kernelsOf(helpers: HashHelpers | undefined, wanted: (name: string) => boolean): Kernel[] {
  if (helpers === undefined) return [];
  return ALGORITHMS.flatMap((algorithm) =>
    helpers.hashKernels(HASH_ALGORITHM_ID[algorithm]).flatMap((row, index) => {
      const [name = '', state = ''] = row.split('\n');
      if (state !== 'chosen' && state !== 'slower here') {
        process.stderr.write(`SKIPPED: kernel ${algorithm} ${name}: ${state}\n`);
        return [];
      }
      return wanted(name) ? [{ helpers, algorithm, name, index }] : [];
    }),
  );
}

const kernels = [
  ...kernelsOf(helpers, () => true),
  ...kernelsOf(plainVectors(), (name) => name.startsWith('avx512')),
];

const reference = (algorithm: HashAlgorithm, bytes: Uint8Array): string =>
  createHash(algorithm).update(bytes).digest('hex');

describe.skipIf(!present).each(kernels)('kernel $name of $algorithm', ({ helpers, algorithm, index }) => {
  const id = HASH_ALGORITHM_ID[algorithm];
  const length = DIGEST_BYTES[algorithm];

  it('hashes as FIPS 180-4 says, whatever the number and size of blocks', () => {
    const bytes = sample(100 * 4096 + 7);
    for (const [block, counts] of [
      [4096, [1, 2, 3, 4, 5, 15, 16, 17, 97]],
      [256, [1, 7, 8, 9, 100]],
      [128, [1, 33]],
      [65_536, [1, 5]],
    ] as const) {
      for (const count of counts) {
        const digests = Buffer.alloc(count * length + 2, 9);
        expect(helpers.hashBlocks(bytes, 7, count, block, id, digests, 1, index)).toBe(0);
        const found = Array.from({ length: count }, (_, at) =>
          digests.toString('hex', 1 + at * length, 1 + (at + 1) * length),
        );
        const wanted = found.map((_, at) =>
          reference(algorithm, bytes.subarray(7 + at * block, 7 + (at + 1) * block)),
        );
        expect([block, count, found]).toEqual([block, count, wanted]);
        expect([digests[0], digests.at(-1)]).toEqual([9, 9]);
      }
    }
  });

  it('hashes zeros and ends in zeros', () => {
    const bytes = Buffer.alloc(20 * 4096);
    for (let at = 0; at < 20; at++) bytes.fill(at + 1, at * 4096, at * 4096 + at * 211);
    const digests = Buffer.alloc(20 * length);
    helpers.hashBlocks(bytes, 0, 20, 4096, id, digests, 0, index);
    for (let at = 0; at < 20; at++) {
      const wanted = reference(algorithm, bytes.subarray(at * 4096, (at + 1) * 4096));
      expect(digests.toString('hex', at * length, (at + 1) * length)).toBe(wanted);
    }
  });

  it('gives the fs-verity digests of its twin', () => {
    const { measureContents: _, ...backend } = makeNativeBackend(helpers, NOBLE_BACKEND, index);
    const bytes = sample(600_000);
    for (const size of [0, 1, 4096, 4097, 12_288, 262_144, 262_145, 528_385, 600_000]) {
      const part = bytes.subarray(0, size);
      expect([size, computeVerityDigest(part, algorithm, backend)]).toEqual([
        size,
        computeVerityDigest(part, algorithm, CRYPTO_BACKEND),
      ]);
    }
  });
});

describe.skipIf(!present)('verityBatch', () => {
  it('names a kernel that is chosen, and a reason for each that cannot run', () => {
    for (const id of [1, 2]) {
      const rows = helpers.hashKernels(id).map((row) => row.split('\n'));
      expect(rows[0]?.[0]).toBe('portable');
      expect(rows.filter(([, state]) => state === 'chosen')).toHaveLength(1);
      for (const [, state] of rows)
        expect(state).toMatch(/^(chosen|slower here|the processor (or the kernel )?has no .+)$/);
    }
  });

  it.each(ALGORITHMS)('%s equals its twin for any contents of a window', (algorithm) => {
    const window = sample(1_500_000);
    const size = fc.oneof(
      { weight: 6, arbitrary: fc.nat(5000) },
      { weight: 1, arbitrary: fc.nat(600_000) },
      { weight: 1, arbitrary: fc.constantFrom(0, 1, 4095, 4096, 4097, 8192, 262_144, 524_288) },
    );
    const contents = fc.array(fc.tuple(fc.nat(900_000), size), { maxLength: 300 });
    const native = makeNativeBackend(helpers, CRYPTO_BACKEND);
    fc.assert(
      fc.property(contents, (ranges) => {
        const offsets = ranges.map(([offset]) => offset);
        const sizes = ranges.map(([, size]) => size);
        expect(computeVerityDigests(window, offsets, sizes, algorithm, native)).toEqual(
          computeVerityDigests(window, offsets, sizes, algorithm, CRYPTO_BACKEND),
        );
      }),
      { numRuns: 12 },
    );
  });

  it('takes more contents than one batch has', () => {
    const window = sample(8192);
    const offsets = Array.from({ length: 2100 }, (_, index) => index);
    const sizes = offsets.map((index) => (index * 7) % 6000);
    expect(
      computeVerityDigests(window, offsets, sizes, 'sha256', makeNativeBackend(helpers, CRYPTO_BACKEND)),
    ).toEqual(computeVerityDigests(window, offsets, sizes, 'sha256', NOBLE_BACKEND));
  });

  it('refuses what lies outside, and arguments of the wrong type', () => {
    const window = new Uint8Array(10);
    const digests = new Uint8Array(64);
    const batch = (...numbers: number[]): number =>
      helpers.verityBatch(window, Float64Array.from(numbers), 1, digests);
    expect(batch(0, 10)).toBe(0);
    for (const numbers of [
      [0, 11],
      [11, 0],
      [-1, 2],
      [0.5, 1],
      [0, Number.NaN],
      [2 ** 60, 2 ** 60],
      [5, 6],
    ]) {
      expect([numbers, batch(...numbers)]).toEqual([numbers, -22]);
    }
    expect(batch(0, 1, 0, 1, 0, 1)).toBe(-22);
    expect(() => computeVerityDigests(window, [5], [6], 'sha256')).toThrow('outside of its window');
    expect(() => computeVerityDigests(window, [0.5], [1], 'sha256')).toThrow('outside of its window');
    expect(() => helpers.verityBatch(window, window as never, 1, digests)).toThrow(TypeError);
    expect(() => helpers.verityBatch(window, new Float64Array(2), 3, digests)).toThrow(TypeError);
    const blocks = (...args: number[]): number =>
      helpers.hashBlocks(
        window,
        args[0] as number,
        args[1] as number,
        args[2] as number,
        1,
        digests,
        args[3] as number,
        args[4] as number,
      );
    expect(blocks(0, 0, 128, 0, -1)).toBe(0);
    for (const args of [
      [0, 1, 128, 0, -1],
      [11, 0, 128, 0, -1],
      [0, 0, 100, 0, -1],
      [0, 0, 0, 0, -1],
      [0, 0, 131_072, 0, -1],
      [0, 0, 128, 65, -1],
      [0, 0, 128, 0, 99],
      [0, 0, 128, 0, -2],
    ]) {
      expect([args, blocks(...args)]).toEqual([args, -22]);
    }
  });
});
