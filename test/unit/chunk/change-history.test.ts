import { describe, expect, test } from 'vitest';
import {
  type ChangeHistory,
  type ChangeKind,
  DEVELOPMENT_WEIGHT,
  followsRelease,
  mergeHistories,
  weighChanges,
} from '../../../src/chunk/change-history.ts';
import { estimateRate } from '../../../src/chunk/rates.ts';

const history = (...changes: [number, ChangeKind][]): ChangeHistory => new Map(changes);

describe('histories', () => {
  test('keep of a day what says the most', () => {
    const one = history([1, 'development'], [2, 'security'], [3, 'release']);
    const two = history([1, 'security'], [2, 'release'], [3, 'security'], [4, 'development']);
    const both: [number, ChangeKind][] = [
      [1, 'security'],
      [2, 'release'],
      [3, 'release'],
      [4, 'development'],
    ];
    expect([...mergeHistories([one, two])]).toEqual(both);
    expect([...mergeHistories([two, one])]).toEqual(both);
    expect(mergeHistories([]).size).toBe(0);
  });

  test('weigh development little in a release, and whole elsewhere', () => {
    const known = history([30, 'release'], [20, 'security'], [10, 'development']);
    const released = [
      [30, 1],
      [20, 1],
      [10, DEVELOPMENT_WEIGHT],
    ];
    expect([...(weighChanges(known, true) ?? [])]).toEqual(released);
    expect([...(weighChanges(known, false) ?? [])].map(([, weight]) => weight)).toEqual([1, 1, 1]);
  });

  test('of a single day are none', () => {
    expect(weighChanges(history([1, 'release']), true)).toBeUndefined();
    expect(weighChanges(undefined, true)).toBeUndefined();
  });

  test('give rates with a memory of two years', () => {
    const known = history([20_000, 'release'], [19_635, 'security'], [19_270, 'development']);
    const rate = (isRelease: boolean): number =>
      estimateRate(known.keys(), 20_000, weighChanges(known, isRelease));
    // (1 + 2^(-365/730) + 0.02 / 2 + 0.25) / (150.46 / 2 + 74), and with 1 for 0.02.
    expect([rate(true), rate(false)]).toEqual([13_182, 16_466]);
  });
});

describe('an image', () => {
  const stable = history([100, 'release'], [1, 'development']);
  const calm = history([5, 'development']);
  const taken = history([99, 'release'], [98, 'development'], [97, 'development']);
  const fresh = history([99, 'development']);

  test('follows a release where the newest changes are for it', () => {
    expect(followsRelease([stable, calm, calm, taken])).toBe(true);
    expect(followsRelease([stable, fresh])).toBe(true);
    expect(followsRelease([])).toBe(true);
    expect(followsRelease([history(), stable])).toBe(true);
  });

  test('follows development where most are for that', () => {
    expect(followsRelease([stable, fresh, fresh])).toBe(false);
    expect(followsRelease([calm])).toBe(false);
  });

  test('is told by the last 90 days', () => {
    expect(followsRelease([stable, history([11, 'development']), fresh])).toBe(false);
    expect(followsRelease([stable, history([10, 'development']), fresh])).toBe(true);
  });
});
