import { describe, expect, it } from 'vitest';
import { compress } from '../../../src/compress/compress.ts';
import { checkLevel, DEFAULT_LEVEL, LEVEL_RANGE } from '../../../src/compress/level.ts';
import { pieces } from './streams.ts';

describe('levels', () => {
  it('are these', () => {
    expect(DEFAULT_LEVEL).toEqual({ none: 0, gzip: 6, zstd: 3 });
    expect(LEVEL_RANGE).toEqual({ none: [0, 0], gzip: [1, 9], zstd: [1, 19] });
  });

  it.each([
    ['gzip', 1],
    ['gzip', 9],
    ['zstd', 1],
    ['zstd', 19],
    ['none', 0],
    ['none', 99],
  ] as const)('%s has %i', (kind, level) => expect(() => checkLevel(kind, level)).not.toThrow());

  it.each([
    ['gzip', 0],
    ['gzip', 10],
    ['gzip', 1.5],
    ['gzip', Number.NaN],
    ['zstd', 0],
    ['zstd', -1],
    ['zstd', 20],
    ['zstd', 22],
  ] as const)('%s does not have %d', (kind, level) => {
    const error = expect.objectContaining({ code: 'BAD_OPTION' });
    expect(() => checkLevel(kind, level)).toThrow(error);
    expect(() => compress(pieces(new Uint8Array(1)), { kind, level })).toThrow(error);
  });
});
