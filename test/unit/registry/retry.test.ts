import { describe, expect, it } from 'vitest';
import { isPassing, waitBefore } from '../../../src/registry/retry.ts';

const NOW = Date.UTC(2026, 0, 1);

describe('waitBefore', () => {
  it.each([
    [1, undefined, 1000],
    [2, undefined, 2000],
    [4, undefined, 8000],
    [40, undefined, 60_000],
    [1, '7', 7000],
    [1, '0', 0],
    [3, '999999999', 60_000],
    [1, 'Thu, 01 Jan 2026 00:00:05 GMT', 5000],
    [1, 'Thu, 01 Jan 2015 00:00:05 GMT', 0],
    [1, 'Thu, 01 Jan 2099 00:00:05 GMT', 60_000],
    [2, 'soon', 2000],
  ])('after %s failures and %s', (failures, header, expected) => {
    expect(waitBefore(failures, header, NOW)).toBe(expected);
  });

  it('tells what passes', () => {
    expect([200, 400, 404, 408, 429, 500, 501, 503, 504].filter(isPassing)).toEqual([
      408, 429, 500, 503, 504,
    ]);
  });
});
