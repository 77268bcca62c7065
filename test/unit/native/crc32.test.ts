import { crc32 } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { fastestCrc32 } from '../../../src/compress/crc32.ts';
import type { NativeHelpers } from '../../../src/native/contract.ts';
import { sample } from '../compress/streams.ts';
import { removeDirectories } from '../io/rootfs-fixture.ts';
import { findCompiler, freshHelpers } from './build-helpers.ts';

afterAll(removeDirectories);

const helpers = freshHelpers() as NativeHelpers;

describe.skipIf(findCompiler() === undefined)('crc32', () => {
  it('equals its twin, for every length and place, behind any sum', () => {
    const bytes = sample(70_000);
    expect(helpers.crc32(Buffer.from('123456789'), 0)).toBe(0xcbf43926);
    expect(helpers.crc32(bytes, 0)).toBe(crc32(bytes));
    for (let length = 0; length < 400; length++) {
      const part = bytes.subarray(length % 17, (length % 17) + length);
      const before = crc32(bytes.subarray(0, length));
      expect(helpers.crc32(part, before)).toBe(crc32(part, before));
    }
  });

  it('is used where it is faster, and throws for wrong types only', () => {
    const portable = { crc32Kernel: 'portable', crc32: helpers.crc32 };
    expect(fastestCrc32(undefined)).toBe(crc32);
    expect(fastestCrc32(portable)).toBe(crc32);
    expect(fastestCrc32({ ...portable, crc32Kernel: 'pclmulqdq' })).toBe(helpers.crc32);
    expect(['pclmulqdq', 'armv8', 'portable']).toContain(helpers.crc32Kernel);
    expect(() => helpers.crc32('' as unknown as Uint8Array, 0)).toThrow(TypeError);
  });
});
