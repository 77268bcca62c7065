import { describe, expect, test } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import type { ComponentKind } from '../../../src/chunk/component.ts';
import { pack } from '../../../src/chunk/packing/pack.ts';
import { type LayerPlan, type PlanInput, planLayers } from '../../../src/chunk/plan.ts';
import { ALWAYS_RATE } from '../../../src/chunk/rates.ts';
import { isPlanishError } from '../../../src/errors.ts';
import { randomItems } from '../../property/plan-instances.ts';
import { cpuSecondsSince } from '../../support/cpu-time.ts';

const component = (key: string, size: number, rate: number, kind: ComponentKind = 'package'): PlanInput => ({
  key: byteString(key),
  size,
  rate,
  kind,
});
const keys = (plan: LayerPlan): string[][] => plan.layers.map(({ members }) => members.map(({ key }) => key));
const DB = component('@db', 2_000_000, ALWAYS_RATE, 'database');

describe('planLayers', () => {
  test('gives every component a layer where there are enough, the database last', () => {
    const plan = planLayers([DB, component('b', 1000, 50_000), component('a', 1000, 10_000)], {
      maxLayers: 3,
    });
    expect(keys(plan)).toEqual([['a'], ['b'], ['@db']]);
    expect(plan.totals.ratio).toBe(1);
    expect(plan.model.reserved).toBe(0);
  });

  test('keeps the database, and small things that always change, in the last layer', () => {
    const parts = [DB, component('tiny', 4096, ALWAYS_RATE), component('huge', 2 ** 30, ALWAYS_RATE)];
    const more = Array.from({ length: 10 }, (_, index) => component(`p${index}`, 1000 * (index + 1), 10_000));
    const plan = planLayers([...parts, ...more], { maxLayers: 5 });
    expect(plan.layers.length).toBe(5);
    expect(keys(plan).at(-1)).toEqual(['@db', 'tiny']);
    expect(keys(plan).at(-2)).toEqual(['huge']);
  });

  test('leaves one layer in fifty for growth', () => {
    const parts = [DB, ...randomItems(5, 300).map((item) => ({ ...item, kind: 'package' as const }))];
    for (const [maxLayers, layers] of [
      [64, 63],
      [32, 32],
      [16, 16],
      [127, 125],
      [9, 9],
    ] as const) {
      const plan = planLayers(parts, { maxLayers });
      expect(plan.layers.length).toBe(layers);
      expect(plan.model.reserved).toBe(maxLayers - layers);
    }
    expect(planLayers(parts).model.maxLayers).toBe(64);
  });

  test('works with one layer, two layers, and nothing', () => {
    const parts = [DB, component('a', 10, 1), component('b', 10, 1)];
    expect(keys(planLayers(parts, { maxLayers: 1 }))).toEqual([['@db', 'a', 'b']]);
    expect(keys(planLayers(parts, { maxLayers: 2 }))).toEqual([['a', 'b'], ['@db']]);
    expect(planLayers([]).layers).toEqual([]);
    expect(planLayers([]).totals).toEqual({ components: 0, size: 0, cost: 0, bound: 0, ratio: 1 });
    expect(keys(planLayers([DB, component('z', 1, ALWAYS_RATE)], { maxLayers: 1 }))).toEqual([['@db', 'z']]);
  });

  test('says what a plan costs', () => {
    // 1000 bytes at one change a week, 3000 bytes at half of that, in one layer.
    const plan = planLayers([component('a', 1000, 1_000_000), component('b', 3000, 500_000)], {
      maxLayers: 1,
    });
    const cost = 4000 * (1 - Math.exp(-1.5));
    const bound = 1000 * (1 - Math.exp(-1)) + 3000 * (1 - Math.exp(-0.5));
    expect(plan.totals.cost).toBeCloseTo(cost, 6);
    expect(plan.totals.bound).toBeCloseTo(bound, 6);
    expect(plan.totals.ratio).toBeCloseTo(cost / bound, 12);
    expect(plan.layers).toMatchObject([{ size: 4000, rate: 1_500_000, share: 1 }]);
    expect(plan.layers[0]?.stability).toBeCloseTo(Math.exp(-1.5), 12);
  });

  test('is plain JSON', () => {
    const plan = planLayers([DB, component('a', 1000, 10_000)]);
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
  });

  test.each([0, -1, 1.5, 1001, Number.NaN])('refuses %d layers', (maxLayers) => {
    try {
      planLayers([], { maxLayers });
      expect.unreachable();
    } catch (error) {
      expect(isPlanishError(error, 'BAD_OPTION')).toBe(true);
    }
  });

  test('refuses a key that occurs twice', () => {
    try {
      planLayers([DB, DB]);
      expect.unreachable();
    } catch (error) {
      expect(isPlanishError(error, 'INVARIANT')).toBe(true);
    }
  });
});

describe('pack', () => {
  test('gives a large item that changes often a group of its own', () => {
    const items = [
      component('big', 400_000_000, 200_000),
      ...Array.from({ length: 8 }, (_, index) => component(`s${index}`, 1_000_000, 1000 * (index + 1))),
    ];
    const { groups } = pack(items, 2);
    expect(
      groups.map((group) => group.map(({ key }) => key)).find((group) => group.includes(byteString('big'))),
    ).toEqual(['big']);
  });

  test.each([
    [500, 64, 699_416_078.956, 10],
    [3000, 128, 8_572_229_194.87, 50],
    [20_000, 64, 98_174_324_523.2, 50],
  ])('packs %d items into %d groups, at this cost and in time', (count, slots, expected, limit) => {
    const items = randomItems(count, count);
    const since = process.cpuUsage();
    const { groups, cost } = pack(items, slots);
    // Twenty times what it takes on a slow machine: a guard against another order of growth.
    expect(cpuSecondsSince(since)).toBeLessThan(limit);
    expect(groups.length).toBe(slots);
    expect(groups.flat().length).toBe(count);
    expect(new Set(groups.flat().map(({ key }) => key)).size).toBe(count);
    expect(cost / expected).toBeCloseTo(1, 9);
  });

  test.each([
    ['equal items', () => [512, 6757]],
    ['items that never change', () => [512, 0]],
    ['the largest items', () => [2 ** 43, ALWAYS_RATE]],
    ['empty items', () => [0, 5]],
  ])('copes with %s', (_, make) => {
    const items = Array.from({ length: 700 }, (__, index) => {
      const [size = 0, rate = 0] = make();
      return component(`k${index}`, size, rate);
    });
    const { groups, cost } = pack(items, 20);
    expect(groups.flat().length).toBe(700);
    expect(Number.isFinite(cost)).toBe(true);
  });
});
