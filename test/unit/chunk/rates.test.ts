import { describe, expect, test } from 'vitest';
import {
  ALWAYS_RATE,
  dayOf,
  estimateRate,
  roundRate,
  stabilityOf,
  unionRate,
} from '../../../src/chunk/rates.ts';

describe('estimateRate', () => {
  // Expected values from the formula in another language: (sum 2^(-age/180) + 0.25) / (weeks + 74).
  test('without a day is the prior', () => {
    expect(estimateRate([], 20_000)).toBe(3378);
  });

  test('decays with age', () => {
    expect(estimateRate([20_000], 20_000)).toBe(16_892);
    expect(estimateRate([19_635], 20_000)).toBe(4855);
  });

  test('counts a day once, in any order', () => {
    expect(estimateRate([20_000, 19_635, 19_635, 19_270], 20_000)).toBe(14_287);
    expect(estimateRate([19_270, 20_000, 19_635], 20_000)).toBe(14_287);
  });

  test('takes the future for today', () => {
    expect(estimateRate([20_500], 20_000)).toBe(16_892);
  });
});

describe('rates', () => {
  test('add up, and end at always', () => {
    expect(unionRate([1, 2, 3])).toBe(6);
    expect(unionRate([ALWAYS_RATE, 1])).toBe(ALWAYS_RATE);
    expect(roundRate(1e9)).toBe(ALWAYS_RATE);
    expect(roundRate(0.000_000_5)).toBe(1);
  });

  test('tell the probability to stay', () => {
    expect(stabilityOf(0)).toBe(1);
    expect(stabilityOf(1_000_000)).toBeCloseTo(0.367_879_441, 9);
    expect(stabilityOf(ALWAYS_RATE)).toBeLessThan(0.000_4);
  });

  test('days are UTC days', () => {
    expect(dayOf(0)).toBe(0);
    expect(dayOf(86_399)).toBe(0);
    expect(dayOf(-1)).toBe(-1);
  });
});
