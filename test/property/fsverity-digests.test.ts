/** Laws of fs-verity digests: no split, no backend and no way of giving zeros changes one. */

import { describe, expect, it } from 'vitest';
import type { HashAlgorithm } from '../../src/bytes/digest.ts';
import { computeVerityDigest } from '../../src/fsverity/digest.ts';
import { CRYPTO_BACKEND, NOBLE_BACKEND } from '../../src/fsverity/hash.ts';
import { VerityHasher } from '../../src/fsverity/verity-hasher.ts';
import { fc } from '../support/property.ts';
import { sample } from '../unit/compress/streams.ts';

const algorithm = fc.constantFrom<HashAlgorithm>('sha256', 'sha512');
const seed = fc.integer({ min: 1, max: 2 ** 31 });
/** Lengths near blocks, near full tree blocks, and anywhere. */
const length = fc.oneof(
  fc
    .tuple(fc.integer({ min: 0, max: 300 }), fc.integer({ min: -1, max: 1 }))
    .map(([blocks, by]) => Math.max(0, blocks * 4096 + by)),
  fc.integer({ min: 0, max: 1_500_000 }),
);

describe('fs-verity digests', () => {
  it('do not depend on how content is split', () => {
    const cuts = fc.array(
      fc.oneof(fc.integer({ min: 0, max: 200_000 }), fc.constantFrom(1, 4095, 4096, 4097, 8192)),
    );
    fc.assert(
      fc.property(algorithm, length, seed, cuts, (name, size, from, splits) => {
        const content = sample(size, from);
        const hasher = new VerityHasher(name);
        let at = 0;
        for (const cut of splits) {
          const end = Math.min(size, at + cut);
          hasher.update(content, at, end);
          at = end;
        }
        expect(hasher.update(content, at).digest()).toBe(computeVerityDigest(content, name));
      }),
      { numRuns: 150 },
    );
  });

  it('do not depend on the backend', () => {
    fc.assert(
      fc.property(algorithm, fc.integer({ min: 0, max: 100_000 }), seed, (name, size, from) => {
        const content = sample(size, from);
        expect(computeVerityDigest(content, name, NOBLE_BACKEND)).toBe(
          computeVerityDigest(content, name, CRYPTO_BACKEND),
        );
      }),
      { numRuns: 60 },
    );
  });

  it('do not depend on whether zeros are fed or counted', () => {
    const stretch = fc.record({ zeros: length, data: fc.integer({ min: 0, max: 20_000 }), from: seed });
    fc.assert(
      fc.property(algorithm, fc.array(stretch, { maxLength: 5 }), (name, stretches) => {
        const counted = new VerityHasher(name);
        const fed = new VerityHasher(name);
        for (const { zeros, data, from } of stretches) {
          const content = sample(data, from);
          counted.updateZeros(zeros).update(content);
          fed.update(Buffer.alloc(zeros)).update(content);
        }
        expect(counted.digest()).toBe(fed.digest());
      }),
      { numRuns: 100 },
    );
  });

  it('tell contents apart, also by trailing zeros', () => {
    fc.assert(
      fc.property(algorithm, length, seed, fc.integer({ min: 1, max: 5000 }), (name, size, from, zeros) => {
        const content = sample(size, from);
        const longer = new VerityHasher(name).update(content).updateZeros(zeros).digest();
        expect(longer).not.toBe(computeVerityDigest(content, name));
      }),
      { numRuns: 60 },
    );
  });
});
