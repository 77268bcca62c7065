import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import { isPlanishError } from '../../../src/errors.ts';
import { computeVerityDigest } from '../../../src/fsverity/digest.ts';
import { measureFile } from '../../../src/io/measure-file.ts';
import { freshDirectory, onPaths, raw, removeDirectories } from './rootfs-fixture.ts';

afterAll(removeDirectories);

/** Bytes that no two blocks share. */
function pattern(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let index = 0; index < size; index++) bytes[index] = (index * 31 + (index >> 12)) & 0xff;
  return bytes;
}

function refused(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    if (!isPlanishError(error)) throw error;
    return { code: error.code, ...error.detail };
  }
  throw new Error('nothing was thrown');
}

describe('measureFile', () => {
  const top = freshDirectory();

  // Sizes around the 1 MiB of one read and the blocks of 4 KiB.
  it.each([0, 1, 65, 4095, 4096, 4097, 2 ** 20 - 1, 2 ** 20, 2 ** 20 + 1, 3 * 2 ** 20 + 5])(
    'streams %i bytes to the digest of all at once',
    (size) => {
      const file = byteString(`${top}/\xff${size}`);
      const content = pattern(size);
      writeFileSync(raw(file), content);
      expect(measureFile(file, size, 'sha256')).toBe(computeVerityDigest(content, 'sha256'));
      expect(measureFile(file, size, 'sha512')).toBe(computeVerityDigest(content, 'sha512'));
    },
  );

  it('knows the digest of an empty file, as fsverity-utils tells it', () => {
    writeFileSync(join(top, 'none'), '');
    expect(measureFile(byteString(`${top}/none`), 0, 'sha256')).toBe(
      '3d248ca542a24fc62d1c43b916eae5016878e2533c88238480b26128a1f1af95',
    );
  });

  it('refuses another size', () => {
    const file = byteString(`${top}/hundred`);
    writeFileSync(raw(file), pattern(100));
    for (const expected of [0, 99, 101, 2 ** 30]) {
      expect(refused(() => measureFile(file, expected, 'sha256'))).toEqual({
        code: 'CONTENT_CHANGED',
        file,
        expected,
        actual: 100,
      });
    }
  });

  it('refuses what is no regular file, without waiting for it', () => {
    mkdirSync(join(top, 'dir'));
    symlinkSync('hundred', join(top, 'link'));
    onPaths(['mkfifo'], `${top}/pipe`);
    const codes = ['dir', 'link', 'pipe', 'missing'].map((name) =>
      refused(() => measureFile(byteString(`${top}/${name}`), 100, 'sha256')),
    );
    expect(codes).toMatchObject([
      { code: 'CONTENT_CHANGED', expected: 100 },
      { code: 'CONTENT_CHANGED', errno: 'ELOOP' },
      { code: 'CONTENT_CHANGED', expected: 100, actual: 0 },
      { code: 'CONTENT_CHANGED', errno: 'ENOENT' },
    ]);
  });
});
