import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { DIGEST_BYTES, type HashAlgorithm } from '../../../src/bytes/digest.ts';
import { computeVerityDigest } from '../../../src/fsverity/digest.ts';
import { CRYPTO_BACKEND, NOBLE_BACKEND } from '../../../src/fsverity/hash.ts';
import { VerityHasher } from '../../../src/fsverity/verity-hasher.ts';
import { cpuSeconds } from '../../support/cpu-time.ts';
import { sample } from '../compress/streams.ts';
import { VECTORS } from './vectors.ts';

const ALGORITHMS: HashAlgorithm[] = ['sha256', 'sha512'];
const KIB = 1024;

/** The tree as the kernel's documentation tells it, level by level, with nothing clever. */
function plainDigest(content: Buffer, algorithm: HashAlgorithm): string {
  const hash = (bytes: Uint8Array): Buffer => createHash(algorithm).update(bytes).digest();
  const hashBlocks = (bytes: Buffer): Buffer => {
    const padded = Buffer.concat([bytes, Buffer.alloc(-bytes.length & 4095)]);
    const blocks = Array.from({ length: padded.length / 4096 }, (_, index) =>
      hash(padded.subarray(index * 4096, (index + 1) * 4096)),
    );
    return Buffer.concat(blocks);
  };
  let level = hashBlocks(content);
  while (level.length > DIGEST_BYTES[algorithm]) level = hashBlocks(level);
  const descriptor = Buffer.alloc(256);
  descriptor.set([1, algorithm === 'sha256' ? 1 : 2, 12]);
  descriptor.writeBigUInt64LE(BigInt(content.length), 8);
  level.copy(descriptor, 16);
  return hash(descriptor).toString('hex');
}

describe.each([CRYPTO_BACKEND, NOBLE_BACKEND])('by $name', (backend) => {
  // Pure JavaScript takes seconds for 64 MiB.
  const vectors = VECTORS.filter(([name]) => backend === CRYPTO_BACKEND || !name.startsWith('64 MiB'));

  it.each(vectors)('%s', (_, content, sha256, sha512) => {
    expect(computeVerityDigest(content(), 'sha256', backend)).toBe(sha256);
    const long = computeVerityDigest(content(), 'sha512', backend);
    expect([long.slice(0, 32), long.length]).toEqual([sha512, 128]);
  });

  it.each(ALGORITHMS)('%s of contents around every boundary', (algorithm) => {
    const content = sample(2 * 512 * KIB + 4097);
    const sizes = [1, 4095, 4096, 4097, 8192, 64 * 4096, 128 * 4096, 256 * 4096];
    for (const size of sizes.flatMap((size) => [size - 1, size, size + 1, size + 4095, size + 4096])) {
      const part = content.subarray(0, size);
      expect([size, computeVerityDigest(part, algorithm, backend)]).toEqual([
        size,
        plainDigest(part, algorithm),
      ]);
    }
  });
});

describe.each(ALGORITHMS)('VerityHasher of %s', (algorithm) => {
  it('takes ranges of buffers', () => {
    const content = sample(100_000);
    const hasher = new VerityHasher(algorithm)
      .update(content, 5, 70_001)
      .update(content, 70_001)
      .update(content, 9, 9);
    expect(hasher.digest()).toBe(computeVerityDigest(content.subarray(5), algorithm));
  });

  it('does not keep what it is given', () => {
    const content = sample(20_000);
    const hasher = new VerityHasher(algorithm);
    const reused = Buffer.alloc(1000);
    for (let at = 0; at < content.length; at += 1000) {
      content.copy(reused, 0, at, at + 1000);
      hasher.update(reused);
    }
    reused.fill(0);
    expect(hasher.digest()).toBe(plainDigest(content, algorithm));
  });

  it('starts afresh after reset', () => {
    const hasher = new VerityHasher(algorithm);
    for (const size of [700_000, 0, 4097, 1, 300_000, 4096]) {
      const content = sample(size, size + 1);
      hasher.update(Buffer.alloc(12_345, 1)).reset();
      expect(hasher.update(content).digest()).toBe(plainDigest(content, algorithm));
      expect(hasher.digest()).toBe(plainDigest(content, algorithm));
      hasher.reset();
    }
  });

  it('takes zeros by number as if they were fed', () => {
    const content = sample(300_000);
    for (const before of [0, 1, 4096, 5000, 128 * 4096, 130 * 4096 + 7]) {
      for (const zeros of [
        0,
        1,
        4095,
        4096,
        64 * 4096,
        128 * 4096,
        129 * 4096 + 5,
        64 * 64 * 4096,
        3_000_000,
      ]) {
        const fed = Buffer.concat([
          content.subarray(0, before),
          Buffer.alloc(zeros),
          content.subarray(0, 4097),
        ]);
        const counted = new VerityHasher(algorithm)
          .update(content, 0, Math.min(before, content.length))
          .updateZeros(zeros)
          .update(content, 0, 4097);
        expect([before, zeros, counted.digest()]).toEqual([
          before,
          zeros,
          computeVerityDigest(fed, algorithm),
        ]);
      }
    }
  });

  it('takes the largest file of zeros at once', () => {
    const digest = (size: number): string => new VerityHasher(algorithm).updateZeros(size).digest();
    expect(digest(2 ** 26)).toBe(computeVerityDigest(Buffer.alloc(2 ** 26), algorithm));
    const hasher = new VerityHasher(algorithm);
    for (let left = 2 ** 43; left > 0; left -= 2 ** 33) hasher.updateZeros(2 ** 33);
    const inParts = hasher.digest();
    // Hashing 8 TiB block by block would take hours.
    expect(cpuSeconds(() => expect(digest(2 ** 43)).toBe(inParts))).toBeLessThan(60);
  });

  it('refuses what no caller can mean', () => {
    const error = expect.objectContaining({ code: 'INVARIANT' });
    const bytes = Buffer.alloc(10);
    const fresh = (): VerityHasher => new VerityHasher(algorithm);
    expect(() => fresh().update(bytes, -1, 5)).toThrow(error);
    expect(() => fresh().update(bytes, 0, 11)).toThrow(error);
    expect(() => fresh().update(bytes, 6, 5)).toThrow(error);
    expect(() => fresh().update(bytes, Number.NaN)).toThrow(error);
    expect(() => fresh().updateZeros(-1)).toThrow(error);
    expect(() => fresh().updateZeros(0.5)).toThrow(error);
    expect(() => fresh().updateZeros(2 ** 53)).toThrow(error);
    const finished = fresh().update(bytes);
    finished.digest();
    expect(() => finished.update(bytes)).toThrow(error);
    expect(() => finished.updateZeros(1)).toThrow(error);
    expect(finished.reset().update(bytes).digest()).toBe(computeVerityDigest(bytes, algorithm));
  });
});
