import { describe, expect, test } from 'vitest';
import { byteString } from '../../src/bytes/byte-string.ts';
import { planLayers } from '../../src/chunk/plan.ts';
import { ALWAYS_RATE, RATE_UNIT } from '../../src/chunk/rates.ts';
import { planWarm, type RememberedPlan, rememberPlan, type WarmInput } from '../../src/chunk/warm-plan.ts';
import { fc } from '../support/property.ts';
import { randomItems, randomNumbers } from './plan-instances.ts';

const digestsOf = (list: readonly WarmInput[]): Map<WarmInput['key'], string> =>
  new Map(list.map(({ key, digest }) => [key, digest]));

/** Two images that follow each other: components that stay, change, go, and come. */
const pair = fc
  .array(
    fc.record({
      size: fc.integer({ min: 512, max: 2 ** 30 }),
      rate: fc.integer({ min: 0, max: ALWAYS_RATE }),
      kind: fc.constantFrom('package' as const, 'file' as const, 'database' as const),
      fate: fc.constantFrom('stays', 'stays', 'stays', 'changes', 'goes', 'comes'),
    }),
    { maxLength: 40 },
  )
  .map((list) => list.map((item, index) => ({ ...item, key: byteString(`k${index}`) })))
  .map((list) => ({
    before: list.filter(({ fate }) => fate !== 'comes').map((item) => ({ ...item, digest: '1' })),
    after: list
      .filter(({ fate }) => fate !== 'goes')
      .map((item) => ({ ...item, digest: item.fate === 'changes' ? '2' : '1' })),
  }));

describe('a warm plan', () => {
  test('holds every component once, and rewrites no layer of which nothing has changed', () => {
    fc.assert(
      fc.property(pair, fc.integer({ min: 2, max: 20 }), ({ before, after }, maxLayers) => {
        const previous = rememberPlan(planLayers(before, { maxLayers }), digestsOf(before));
        const plan = planWarm(after, previous, { maxLayers });
        expect(plan.layers.length).toBeLessThanOrEqual(maxLayers);
        const keys = plan.layers.flatMap(({ members }) => members.map(({ key }) => key));
        expect([...keys].sort()).toEqual(after.map(({ key }) => key).sort());
        const unchanged = new Set(after.filter(({ digest }) => digest === '1').map(({ key }) => key));
        const clean = previous.layers.flatMap(({ members }, place) =>
          members.every(({ key }) => unchanged.has(key)) ? [place] : [],
        );
        // All of them, but for one that makes room when none is free and something is new.
        const kept = plan.origins.filter((origin) => origin !== undefined);
        const full = clean.length === maxLayers && kept.length < clean.length;
        if (!plan.replanned) expect(kept.length).toBe(full ? maxLayers - 1 : clean.length);
        for (const [ordinal, origin] of plan.origins.entries()) {
          if (origin === undefined) continue;
          const members = plan.layers[ordinal]?.members.map(({ key }) => key);
          expect(members).toEqual(previous.layers[origin]?.members.map(({ key }) => key));
        }
      }),
      { numRuns: 300 },
    );
  });

  test('does not depend on the order of its input', () => {
    fc.assert(
      fc.property(pair, fc.integer({ min: 1, max: 20 }), fc.nat(), ({ before, after }, maxLayers, seed) => {
        const previous = rememberPlan(planLayers(before, { maxLayers }), digestsOf(before));
        const random = randomNumbers(seed + 1);
        const shuffled = after
          .map((item) => ({ item, at: random() }))
          .sort((a, b) => a.at - b.at)
          .map(({ item }) => item);
        expect(planWarm(shuffled, previous, { maxLayers })).toEqual(planWarm(after, previous, { maxLayers }));
      }),
      { numRuns: 200 },
    );
  });

  test('of a year of updates, with packages that come, costs what the model says, and cold plans far more', () => {
    for (const seed of [1, 2, 3]) {
      const warm = replayYear(seed, true);
      const cold = replayYear(seed, false);
      expect(warm.paid).toBeLessThan(warm.expected * 1.1);
      expect(cold.paid).toBeGreaterThan(warm.paid * 1.3);
    }
  });
});

/**
 * Bytes that a weekly client downloads over a year, as multiples of those that changed, and what the plan of each week
 * expects of the next: 150 components, a fifth of
 * them new during the year, about three changes a week; 40 layers. Without memory, each week is planned afresh.
 */
function replayYear(seed: number, memory: boolean): { paid: number; expected: number } {
  const random = randomNumbers(seed + 100);
  const items = randomItems(seed, 150).map((item) => ({
    ...item,
    rate: Math.round(Math.min(item.rate, RATE_UNIT) / 8),
    born: random() < 0.2 ? Math.floor(random() * 52) : 0,
  }));
  const version = new Map(items.map(({ key }) => [key, 0]));
  let previous: RememberedPlan = { layers: [], regret: 0 };
  let [paid, bound, expected] = [0, 0, 0];
  for (let week = 0; week < 52; week++) {
    const list = nextWeek(items, version, week, random);
    const options = { maxLayers: 40, today: 20_000 + 7 * week, replan: !memory };
    const plan = planWarm(list, previous, options);
    if (week > 0) {
      paid += plan.layers.reduce((sum, { size }, at) => sum + (plan.origins[at] === undefined ? size : 0), 0);
      bound += list.reduce((sum, { size, fresh }) => sum + (fresh ? size : 0), 0);
      expected += plan.totals.ratio / 51;
    }
    previous = rememberPlan(plan, digestsOf(list), options.today);
  }
  return { paid: paid / bound, expected };
}

type Item = Omit<WarmInput, 'kind' | 'digest'> & { readonly born: number };

/** What is in the image of a week, and whether it is another than the week before. */
function nextWeek(
  items: readonly Item[],
  version: Map<WarmInput['key'], number>,
  week: number,
  random: () => number,
): (WarmInput & { fresh: boolean })[] {
  return items.flatMap((item) => {
    const fresh = item.born === week || random() < 1 - Math.exp(-item.rate / RATE_UNIT);
    if (fresh) version.set(item.key, (version.get(item.key) ?? 0) + 1);
    const digest = String(version.get(item.key));
    return item.born > week ? [] : [{ ...item, kind: 'package' as const, digest, fresh }];
  });
}
