import { describe, expect, test } from 'vitest';
import { byteString } from '../../src/bytes/byte-string.ts';
import { pack } from '../../src/chunk/packing/pack.ts';
import { expectedBytes } from '../../src/chunk/packing/pack-model.ts';
import { planLayers } from '../../src/chunk/plan.ts';
import { formatPlanText, parsePlanText } from '../../src/chunk/plan-annotation.ts';
import { fc } from '../support/property.ts';
import { randomItems, randomNumbers } from './plan-instances.ts';

const component = fc.record({
  size: fc.integer({ min: 512, max: 2 ** 32 }),
  rate: fc.oneof(fc.integer({ min: 0, max: 1_000_000 }), fc.constantFrom(0, 6757, 8_000_000)),
  kind: fc.constantFrom('package' as const, 'file' as const, 'rest' as const, 'database' as const),
});
const components = fc
  .array(component, { maxLength: 40 })
  .map((list) => list.map((item, index) => ({ ...item, key: byteString(`k${index}`) })));

describe('a plan', () => {
  test('does not depend on the order of its input', () => {
    fc.assert(
      fc.property(components, fc.integer({ min: 1, max: 20 }), fc.nat(), (list, maxLayers, seed) => {
        const random = randomNumbers(seed + 1);
        const shuffled = list
          .map((item) => ({ item, at: random() }))
          .sort((a, b) => a.at - b.at)
          .map(({ item }) => item);
        expect(JSON.stringify(planLayers(shuffled, { maxLayers }))).toBe(
          JSON.stringify(planLayers(list, { maxLayers })),
        );
      }),
      { numRuns: 300 },
    );
  });

  test('holds every component once, in at most the layers allowed, and costs no less than the bound', () => {
    fc.assert(
      fc.property(components, fc.integer({ min: 1, max: 20 }), (list, maxLayers) => {
        const { layers, totals } = planLayers(list, { maxLayers });
        expect(layers.length).toBeLessThanOrEqual(maxLayers);
        expect(layers.every(({ members }) => members.length > 0)).toBe(true);
        const keys = layers.flatMap(({ members }) => members.map(({ key }) => key));
        expect([...keys].sort()).toEqual(list.map(({ key }) => key).sort());
        expect(totals.size).toBe(list.reduce((sum, { size }) => sum + size, 0));
        const bound = list.reduce((sum, { size, rate }) => sum + expectedBytes(size, rate), 0);
        expect(totals.bound).toBeCloseTo(bound, 2);
        expect(totals.cost).toBeGreaterThan(bound * (1 - 1e-9) - 1e-9);
      }),
      { numRuns: 300 },
    );
  });

  test('of more layers never costs more than 1 % over that of fewer', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const items = randomItems(seed, 80);
      const costs = [4, 8, 16, 32, 64].map((slots) => pack(items, slots).cost);
      for (const [index, cost] of costs.slice(1).entries())
        expect(cost).toBeLessThan((costs[index] as number) * 1.01);
    }
  });

  test('is the same on every machine: these digits', () => {
    const items = randomItems(7, 200).map((item, index) => ({
      ...item,
      size: 512 * (index * 37 + 1),
      rate: (index * 7919) % 300_000,
    }));
    expect(pack(items, 24).cost).toBe(197_078_062.539_305_87);
  });

  test('can be read back from text', () => {
    const member = fc.record({
      key: fc
        .uint8Array({ minLength: 1, maxLength: 30 })
        .map((bytes) => byteString(Buffer.from(bytes).toString('latin1'))),
      rate: fc.nat(8_000_000),
      size: fc.maxSafeNat(),
    });
    fc.assert(
      fc.property(fc.uniqueArray(member, { selector: ({ key }) => key, maxLength: 20 }), (members) => {
        const text = formatPlanText({ members });
        expect(text).toMatch(/^[\x20-\x7e]*$/);
        expect(parsePlanText(text)?.members).toEqual(members);
      }),
    );
  });

  test('is never misread into an exception', () => {
    fc.assert(fc.property(fc.string(), (text) => void parsePlanText(`3;${text}`)));
  });
});
