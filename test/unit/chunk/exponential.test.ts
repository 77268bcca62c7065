import { describe, expect, test } from 'vitest';
import { expNegative } from '../../../src/chunk/packing/exponential.ts';

// Little-endian doubles of exp(-x).
const BITS = [
  '000000000000f03f',
  '811d21e7fdffef3f',
  '0a966ffcb268e33f',
  '38ef2c36568bd73f',
  'af27100421fc353f',
  '76afe2141f8cea36',
];

describe('expNegative', () => {
  test('agrees with the exponential to twelve digits', () => {
    for (let step = 0; step <= 7000; step++) {
      const x = step * 0.0731;
      expect(Math.abs(expNegative(x) / Math.exp(-x) - 1)).toBeLessThan(1e-12);
    }
  });

  test('has these very bits on every platform', () => {
    expect(
      [0, 1e-6, 0.5, 1, 8, 100].map((x) =>
        Buffer.from(new Float64Array([expNegative(x)]).buffer).toString('hex'),
      ),
    ).toEqual(BITS);
  });

  test('is 1 below zero and 0 far above', () => {
    expect(expNegative(-3)).toBe(1);
    expect(expNegative(Number.NaN)).toBe(1);
    expect(expNegative(745)).toBe(0);
    expect(expNegative(Number.POSITIVE_INFINITY)).toBe(0);
  });
});
