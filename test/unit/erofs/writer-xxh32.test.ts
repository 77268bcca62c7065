import { describe, expect, it } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import { filterBit } from '../../../src/erofs/xattrs.ts';
import { xxh32 } from '../../../src/erofs/xxh32.ts';

const hash = (text: string, seed = 0): number => xxh32(byteString(text), seed);

describe('xxh32', () => {
  it('equals the published values', () => {
    expect(hash('')).toBe(0x02cc5d05);
    expect(hash('abc')).toBe(0x32d153ff);
    expect(hash('a')).toBe(0x550d7456);
    expect(hash('Nobody inspects the spammish repetition')).toBe(0xe2293b2f);
  });

  it('takes the seed modulo 2^32 and every byte value', () => {
    expect(hash('', 0x9e3779b1)).toBe(0x36b78ae7);
    expect(hash('abc', 1)).toBe(hash('abc', 1 + 2 ** 32));
    expect(hash('\xff')).not.toBe(hash('\x7f'));
  });
});

describe('filterBit', () => {
  // The table of the format: which bit a name clears in the filters of its inodes.
  it.each([
    [4, 'overlay.metacopy', 31],
    [4, 'overlay.redirect', 17],
    [4, 'overlay.opaque', 20],
    [4, 'overlay.overlay.whiteout', 4],
    [4, 'overlay.overlay.whiteouts', 12],
    [4, 'overlay.overlay.opaque', 5],
    [1, 'foo', 12],
    [0, 'lustre.lov', 9],
    [5, 'lov', 21],
    [1, 'overlay.whiteout', 9],
    [1, 'overlay.whiteouts', 20],
    [1, 'overlay.opaque', 10],
    [6, 'selinux', 11],
    [6, 'capability', 29],
    [2, '', 30],
    [3, '', 21],
  ])('of prefix %i and %j is bit %i', (prefix, suffix, bit) => {
    expect(filterBit(prefix, byteString(suffix)) >>> 0).toBe(2 ** bit);
  });
});
