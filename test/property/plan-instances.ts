/** Random packing instances, most with lognormal sizes and Beta(0.6, 3) changes, and the best there is for small ones. */
import { byteString } from '../../src/bytes/byte-string.ts';
import { expectedBytes, type PackItem } from '../../src/chunk/packing/pack-model.ts';
import { RATE_UNIT } from '../../src/chunk/rates.ts';

/** A generator of numbers in (0, 1), the same on every machine (xorshift). */
export function randomNumbers(seed: number): () => number {
  let state = (seed * 2_654_435_761) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return ((state >>> 0) + 0.5) / 2 ** 32;
  };
}

/** Beta(a, b) by Jöhnk's method. */
function beta(random: () => number, a: number, b: number): number {
  for (;;) {
    const x = random() ** (1 / a);
    const y = random() ** (1 / b);
    if (x + y <= 1 && x + y > 0) return x / (x + y);
  }
}

function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
}

export function randomItems(seed: number, count: number): PackItem[] {
  const random = randomNumbers(seed);
  for (let warm = 0; warm < 20; warm++) random();
  return Array.from({ length: count }, (_, index) => ({
    key: byteString(`item/${String(index).padStart(5, '0')}`),
    size: Math.max(1, Math.round(1e6 * Math.exp(2 * normal(random)))),
    rate: Math.round(-Math.log(1 - Math.min(beta(random, 0.6, 3), 0.999)) * RATE_UNIT),
  }));
}

/** Least cost of any partition into at most so many groups, over all of them: `[k - 1]` for k (3^n steps for each). */
export function bruteForce(items: readonly PackItem[], most: number = items.length): number[] {
  const full = (1 << items.length) - 1;
  const single = costsOfSubsets(items);
  const costs = [single[full] as number];
  let best = single;
  while (costs.length < most) {
    const next = best.slice();
    for (let mask = 1; mask <= full; mask++) {
      const lowest = mask & -mask;
      const others = mask ^ lowest;
      // The part with the lowest member goes first: every partition is seen once.
      for (let rest = others; ; rest = (rest - 1) & others) {
        const cost = (single[rest | lowest] as number) + (best[others ^ rest] as number);
        if (cost < (next[mask] as number)) next[mask] = cost;
        if (rest === 0) break;
      }
    }
    best = next;
    costs.push(best[full] as number);
  }
  return costs;
}

/** Cost of every set of items as one group; sets are bits. */
function costsOfSubsets(items: readonly PackItem[]): Float64Array {
  const cost = new Float64Array(1 << items.length);
  for (let mask = 1; mask < cost.length; mask++) {
    const members = items.filter((_, index) => (mask & (1 << index)) !== 0);
    const size = members.reduce((sum, item) => sum + item.size, 0);
    const rate = members.reduce((sum, item) => sum + item.rate, 0);
    cost[mask] = expectedBytes(size, rate);
  }
  return cost;
}
