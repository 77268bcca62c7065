import { createHash } from 'node:crypto';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import type { VerityDigest } from '../../../src/bytes/digest.ts';
import { computeVerityDigest } from '../../../src/fsverity/digest.ts';
import { CRYPTO_BACKEND } from '../../../src/fsverity/hash.ts';
import { canHashParts, PartsHash, type PartsHelpers } from '../../../src/io/parts-hash.ts';
import { sample } from '../compress/streams.ts';
import { freshHelpers } from '../native/build-helpers.ts';
import { freshDirectory, removeDirectories } from './rootfs-fixture.ts';

afterAll(removeDirectories);

const native = freshHelpers();
const canRun = native !== undefined && canHashParts(native);

const SIZES = [0, 1, 63, 64, 65, 4096, 4097, 131_071, 131_072, 131_073, 524_288, 524_289, 1_300_000];
const GAPS = [0, 1, 64, 512, 700, 1024, 524_288, 600_000];

interface Part {
  readonly between: Uint8Array;
  readonly path: string;
  readonly content: Uint8Array;
}

/** Files of all sizes behind gaps of all sizes, then many small ones. */
function makeParts(): Part[] {
  const top = freshDirectory();
  const content = sample(1_300_000);
  const sizes = [
    ...SIZES,
    ...GAPS.map((_, index) => 200_000 + index),
    ...Array.from({ length: 600 }, (_, i) => i),
  ];
  return sizes.map((size, index) => {
    const part = { path: `${top}/ü${index}`, content: content.subarray(index, index + size) };
    writeFileSync(part.path, part.content);
    return { ...part, between: content.subarray(7, 7 + (GAPS[index % GAPS.length] as number)) };
  });
}

const measured = (content: Uint8Array, algorithm: 'sha256' | 'sha512'): VerityDigest =>
  computeVerityDigest(content, algorithm, CRYPTO_BACKEND);

describe.skipIf(!canRun)('PartsHash', () => {
  const helpers = native as PartsHelpers;

  it.each(['sha256', 'sha512'] as const)(
    'measures files and hashes what they are parts of, %s',
    async (algorithm) => {
      const parts = makeParts();
      const hash = new PartsHash(algorithm, helpers, () => undefined);
      const expected = createHash('sha256');
      for (const { between, path, content } of parts) {
        hash.addBytes(between);
        hash.addFile(path, content.length, measured(content, algorithm));
        expected.update(between).update(content);
        if (hash.isFull) await hash.flush();
      }
      hash.addBytes(Buffer.from('end'));
      expect(await hash.digest()).toBe(`sha256:${expected.update('end').digest('hex')}`);
      expect(hash.total).toBe(
        parts.reduce((sum, part) => sum + part.between.length + part.content.length, 3),
      );
      const files = parts.map(({ content }) => [measured(content, algorithm), content.length] as const);
      expect(hash.sound).toEqual(new Map(files));
    },
  );

  it('hashes what has no files', async () => {
    const hash = new PartsHash('sha512', helpers, () => undefined);
    hash.addBytes(Buffer.alloc(3_000_000, 7));
    const expected = createHash('sha256').update(Buffer.alloc(3_000_000, 7)).digest('hex');
    expect(await hash.digest()).toBe(`sha256:${expected}`);
    expect(await new PartsHash('sha512', helpers, () => undefined).digest()).toBe(
      `sha256:${createHash('sha256').digest('hex')}`,
    );
  });

  it('tells what was sound where not all is', async () => {
    const top = freshDirectory();
    writeFileSync(`${top}/good`, 'abc');
    writeFileSync(`${top}/last`, 'abcd');
    mkdirSync(`${top}/directory`);
    symlinkSync('good', `${top}/link`);
    const good = measured(Buffer.from('abc'), 'sha512');
    const last = measured(Buffer.from('abcd'), 'sha512');
    const soundWith = async (name: string, size: number, expected = good): Promise<VerityDigest[]> => {
      const hash = new PartsHash('sha512', helpers, () => undefined);
      hash.addFile(`${top}/good`, 3, good);
      hash.addFile(`${top}/${name}`, size, expected);
      hash.addFile(`${top}/last`, 4, last);
      await expect(hash.digest()).rejects.toMatchObject({ code: 'VERITY_MISMATCH' });
      return [...hash.sound.keys()];
    };
    for (const [name, size] of [
      ['good', 2],
      ['good', 4],
      ['good', 1e6],
      ['directory', 0],
      ['link', 3],
      ['none', 3],
    ] as const) {
      expect(await soundWith(name, size)).toEqual([good]);
    }
    // What can be read and is another is no end of the others.
    expect(await soundWith('good', 3, last)).toEqual([good, last]);
  });

  it('ends with what progress throws', async () => {
    const hash = new PartsHash('sha256', helpers, () => {
      throw new Error('enough');
    });
    hash.addBytes(Buffer.from('x'));
    await hash.flush();
    await hash.settle();
    await expect(hash.flush()).rejects.toThrow('enough');
    await hash.settle();
  });

  it('refuses at once what no call may have', async () => {
    const [paths, sizes, state] = [
      Buffer.from('a\0'),
      new Float64Array(1),
      new Uint8Array(helpers.streamStateBytes()),
    ];
    const call = (stream: Uint8Array, gaps: Float64Array): Promise<number> =>
      helpers.measurePartsLater(paths, sizes, 1, new Uint8Array(32), stream, new Uint8Array(1), gaps);
    expect(() => call(state, new Float64Array(1))).toThrow(TypeError);
    helpers.beginStream(state);
    expect(() => call(state, new Float64Array(2))).toThrow(TypeError);
    expect(await call(state, Float64Array.of(2))).toBe(-22);
    expect(await call(state, Float64Array.of(Number.NaN))).toBe(-22);
  });
});
