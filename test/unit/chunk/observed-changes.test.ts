import { describe, expect, test } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import type { Component } from '../../../src/chunk/component.ts';
import { daysToRemember, observeChanges } from '../../../src/chunk/observed-changes.ts';
import { estimateRate } from '../../../src/chunk/rates.ts';
import type { RememberedPlan } from '../../../src/chunk/warm-plan.ts';

const KEY = byteString('file/opt/a');
const THEN = 20_000;
const TODAY = 20_007;

function component(changeDays: readonly number[], guessed = true): Component {
  const lastChange = changeDays.length === 0 ? undefined : Math.max(...changeDays);
  const rate = estimateRate(changeDays, TODAY);
  return { key: KEY, kind: 'file', paths: [], size: 1, tarSize: 512, rate, lastChange, changeDays, guessed };
}

function remember(digest: string | undefined, changeDays?: readonly number[]): RememberedPlan {
  return {
    layers: [{ members: [{ key: KEY, size: 1, rate: 1, digest, changeDays }] }],
    regret: 0,
    today: THEN,
  };
}

/** Days and rate of the component after an image that had it as `old`, or not at all. */
function observed(now: Component, previous: RememberedPlan, digest = 'new'): unknown[] {
  const digests = new Map([[KEY, digest]]);
  const [{ changeDays, lastChange, rate } = now] = observeChanges([now], previous, { digests, today: TODAY });
  return [changeDays, lastChange, rate];
}

const known = (...days: number[]): unknown[] => [days, days[0], estimateRate(days, TODAY)];

describe('a component of which nobody tells but its newest file', () => {
  test('has changed on the day of that, where it is newer than the previous image', () => {
    expect(observed(component([20_004]), remember('old', [19_000]))).toEqual(known(20_004, 19_000));
  });

  test('has changed by the day of the image, where its files say nothing of it', () => {
    expect(observed(component([19_000]), remember('old', [19_000]))).toEqual(known(TODAY, 19_000));
    expect(observed(component([90_000]), remember('old', [19_000]))).toEqual(known(90_000, TODAY, 19_000));
    expect(observed(component([]), remember('old'))).toEqual(known(TODAY));
  });

  test('has not changed where its digest is the same, or is not known', () => {
    expect(observed(component([20_004]), remember('new', [20_004, 19_000]))).toEqual(known(20_004, 19_000));
    expect(observed(component([20_004]), remember(undefined, [19_000]))).toEqual(known(19_000));
    expect(observed(component([20_004]), remember('new'))).toEqual(known(20_004));
    expect(observed(component([20_004]), remember('old', [19_000]), '')).toEqual(known(19_000));
  });

  test('is the same when an image is built after itself', () => {
    const [first] = observeChanges([component([20_004])], remember('old', [19_000]), {
      digests: new Map([[KEY, 'new']]),
      today: TODAY,
    });
    const itself = { ...remember('new', first && daysToRemember(first)), today: TODAY };
    expect(observed(component([20_004]), itself)).toEqual(known(20_004, 19_000));
  });

  test('is remembered by its newest 32 days', () => {
    const days = Array.from({ length: 40 }, (_, at) => 19_999 - at);
    expect(observed(component([20_004]), remember('old', days))).toEqual(known(20_004, ...days.slice(0, 31)));
  });
});

test('changelogs know better', () => {
  const now = component([20_004, 19_500], false);
  expect(observed(now, remember('old', [19_000]))).toEqual(known(20_004, 19_500));
  expect(daysToRemember(now)).toBeUndefined();
});

test('without memory all is as it was', () => {
  const components = [component([20_004])];
  const image = { digests: new Map([[KEY, 'new']]), today: TODAY };
  expect(observeChanges(components, { layers: [], regret: 0 }, image)).toBe(components);
  const other = { ...remember('old'), layers: [{ members: [{ key: byteString('x'), size: 1, rate: 1 }] }] };
  expect(observeChanges(components, other, image)).toEqual(components);
});

test('days are written newest first, without those that no plan can hold', () => {
  expect(daysToRemember(component([19_000, 20_000]))).toEqual([20_000, 19_000]);
  expect(daysToRemember(component([-1, 1_000_000]))).toBeUndefined();
});
