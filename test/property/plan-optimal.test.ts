import { describe, expect, test } from 'vitest';
import { byteString } from '../../src/bytes/byte-string.ts';
import { pack } from '../../src/chunk/packing/pack.ts';
import { type PlanInput, planLayers } from '../../src/chunk/plan.ts';
import { ALWAYS_RATE } from '../../src/chunk/rates.ts';
import { bruteForce, randomItems, randomNumbers } from './plan-instances.ts';

const SETS = [
  { count: 8, layers: 3, instances: 60 },
  { count: 10, layers: 2, instances: 60 },
  { count: 10, layers: 3, instances: 60 },
  { count: 10, layers: 4, instances: 60 },
  { count: 12, layers: 4, instances: 24 },
  { count: 12, layers: 5, instances: 24 },
];

describe('packing against all partitions', () => {
  test.each(SETS)(
    '$instances instances of $count items in $layers layers',
    ({ count, layers, instances }) => {
      let sum = 0;
      let worst = 1;
      let optimal = 0;
      for (let seed = 1; seed <= instances; seed++) {
        const items = randomItems(seed * 1009 + count * 31 + layers, count);
        const ratio = pack(items, layers).cost / (bruteForce(items, layers)[layers - 1] as number);
        expect(ratio).toBeGreaterThan(1 - 1e-9);
        worst = Math.max(worst, ratio);
        sum += ratio;
        if (ratio < 1 + 1e-9) optimal++;
      }
      process.stderr.write(
        `packing ${count}/${layers}: ${optimal} of ${instances} optimal, mean ${(sum / instances).toFixed(5)}, worst ${worst.toFixed(5)}\n`,
      );
      expect(worst).toBeLessThan(1.025);
      expect(sum / instances).toBeLessThan(1.0015);
      expect(optimal / instances).toBeGreaterThan(0.85);
    },
  );
});

/** Ways to make up an image of `count` components. */
const KINDS: Readonly<Record<string, (seed: number, count: number) => PlanInput[]>> = {
  'sizes and rates as in images': (seed, count) => packages(randomItems(seed, count)),
  'a database among them': (seed, count) => [...packages(randomItems(seed, count - 1)), database(seed)],
  'equal sizes': (seed, count) => packages(randomItems(seed, count)).map((item) => ({ ...item, size: 5000 })),
  'equal rates': (seed, count) => packages(randomItems(seed, count)).map((item) => ({ ...item, rate: 9000 })),
  'few different ones, and some that never or always change': few,
};

function packages(items: ReturnType<typeof randomItems>): PlanInput[] {
  return items.map((item) => ({ ...item, kind: 'package' }));
}

function database(seed: number): PlanInput {
  return { key: byteString('@db'), kind: 'database', size: 1000 * (1 + (seed % 5000)), rate: ALWAYS_RATE };
}

function few(seed: number, count: number): PlanInput[] {
  const random = randomNumbers(seed);
  const choose = (values: readonly number[]): number =>
    values[Math.floor(random() * values.length)] as number;
  return Array.from({ length: count }, (_, at) => ({
    key: byteString(`k${at}`),
    kind: 'package',
    size: choose([0, 1, 1024, 1_000_000, 1_000_001, 500_000_000]),
    rate: choose([0, 1, 3378, 16_892, 500_000, ALWAYS_RATE]),
  }));
}

/** Of each kind and number of components. */
const SEEDS = 30;

describe.each(Object.entries(KINDS))('cold plans of %s', (_, make) => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])('cost the least there is, or nearly: %i', (count) => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const components = make(seed * 7919 + count, count);
      for (const [at, best] of bruteForce(components).entries()) {
        const { cost } = planLayers(components, { maxLayers: at + 1 }).totals;
        expect([seed, at + 1, cost >= best * (1 - 1e-9), cost <= best * 1.025]).toEqual([
          seed,
          at + 1,
          true,
          true,
        ]);
      }
    }
  });
});
