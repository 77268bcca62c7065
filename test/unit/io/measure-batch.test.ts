import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import { isPlanishError } from '../../../src/errors.ts';
import { computeVerityDigest } from '../../../src/fsverity/digest.ts';
import { CRYPTO_BACKEND } from '../../../src/fsverity/hash.ts';
import { measureFileBatch, measureFileBatchLater } from '../../../src/io/measure-batch.ts';
import type { HashHelpers } from '../../../src/native/contract.ts';
import { sample } from '../compress/streams.ts';
import { freshHelpers } from '../native/build-helpers.ts';
import { freshDirectory, raw, removeDirectories } from './rootfs-fixture.ts';

afterAll(removeDirectories);

const native = freshHelpers();
const ways = [
  { name: 'the helpers', find: (): HashHelpers | undefined => native, present: native !== undefined },
  { name: 'their twin', find: (): HashHelpers | undefined => undefined, present: true },
].filter(({ present }) => present);

const SIZES = [0, 1, 100, 4096, 4097, 131_071, 131_072, 131_073, 524_288, 524_289, 1_300_000];

describe.each(ways)('measureFileBatch by $name', ({ find }) => {
  it('measures files of any size', () => {
    const top = freshDirectory();
    const content = sample(1_300_000);
    const files = SIZES.concat(Array.from({ length: 600 }, (_, index) => index * 17)).map((size, index) => {
      const path = byteString(`${top}/\xff${index}`);
      writeFileSync(raw(path), content.subarray(0, size));
      return { path, size };
    });
    for (const algorithm of ['sha256', 'sha512'] as const) {
      const expected = files.map(({ size }) =>
        computeVerityDigest(content.subarray(0, size), algorithm, CRYPTO_BACKEND),
      );
      expect(measureFileBatch(files, algorithm, find)).toEqual(expected);
    }
    expect(measureFileBatch([], 'sha256', find)).toEqual([]);
  });

  it('refuses what is not as it was listed, by the same error', () => {
    const top = freshDirectory();
    writeFileSync(`${top}/good`, 'abc');
    mkdirSync(`${top}/directory`);
    symlinkSync('good', `${top}/link`);
    const refusal = (name: string, size: number, way = find): string => {
      const files = [
        { path: byteString(`${top}/good`), size: 3 },
        { path: byteString(`${top}/${name}`), size },
      ];
      try {
        return String(measureFileBatch(files, 'sha512', way));
      } catch (error) {
        return isPlanishError(error) ? error.code : String(error);
      }
    };
    expect(refusal('good', 2)).toBe('CONTENT_CHANGED');
    expect(refusal('good', 4)).toBe('CONTENT_CHANGED');
    expect(refusal('good', 2.5)).toBe('CONTENT_CHANGED');
    expect(refusal('good', 1e6)).toBe('CONTENT_CHANGED');
    expect(refusal('directory', 0)).toBe('CONTENT_CHANGED');
    for (const [name, size] of [
      ['link', 3],
      ['none', 3],
      ['n\0ne', 3],
      ['n'.repeat(300), 3],
    ] as const) {
      expect(refusal(name, size)).toMatch(/^[A-Z_]+$/);
      expect(refusal(name, size)).toBe(refusal(name, size, () => undefined));
    }
  });
});

describe.skipIf(native === undefined)('measureFileBatchLater', () => {
  const helpers = native as HashHelpers;

  it('gives what the same call gives at once, of several batches together', async () => {
    const top = freshDirectory();
    const content = sample(600_000);
    const files = SIZES.slice(0, -1).map((size, index) => {
      const path = byteString(`${top}/\xfe${index}`);
      writeFileSync(raw(path), content.subarray(0, size));
      return { path, size };
    });
    const batches = Array.from({ length: 9 }, (_, index) => files.slice(index % 3));
    for (const algorithm of ['sha256', 'sha512'] as const) {
      const promised = batches.map((batch) => measureFileBatchLater(batch, algorithm, helpers));
      const expected = batches.map((batch) => measureFileBatch(batch, algorithm, () => undefined));
      expect(await Promise.all(promised)).toEqual(expected);
    }
    expect(await measureFileBatchLater([], 'sha256', helpers)).toEqual([]);
  });

  it('refuses what is not as it was listed', async () => {
    const top = freshDirectory();
    writeFileSync(`${top}/good`, 'abc');
    const good = { path: byteString(`${top}/good`), size: 3 };
    for (const [name, size, code] of [
      ['good', 4, 'CONTENT_CHANGED'],
      ['none', 3, 'CONTENT_CHANGED'],
    ] as const) {
      const bad = { path: byteString(`${top}/${name}`), size };
      await expect(measureFileBatchLater([good, bad, good], 'sha256', helpers)).rejects.toMatchObject({
        code,
      });
    }
  });

  it('refuses at once what no call may have', () => {
    const paths = Buffer.from('a\0');
    const sizes = new Float64Array(1);
    expect(() => helpers.measureFilesLater(paths, sizes, 1, new Uint8Array(31))).toThrow(TypeError);
    expect(() => helpers.measureFilesLater(paths, sizes, 3, new Uint8Array(64))).toThrow(TypeError);
  });
});
