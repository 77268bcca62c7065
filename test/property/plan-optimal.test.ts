import { describe, expect, test } from 'vitest';
import { pack } from '../../src/chunk/pack.ts';
import { bruteForce, randomItems } from './plan-instances.ts';

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
        const ratio = pack(items, layers).cost / bruteForce(items, layers);
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
