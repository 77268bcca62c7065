import { describe, expect, test } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import type { ComponentKind } from '../../../src/chunk/component.ts';
import { type LayerPlan, planLayers } from '../../../src/chunk/plan.ts';
import { ALWAYS_RATE } from '../../../src/chunk/rates.ts';
import { planWarm, type RememberedPlan, rememberPlan, type WarmInput } from '../../../src/chunk/warm-plan.ts';
import { randomItems } from '../../property/plan-instances.ts';

const component = (
  key: string,
  size: number,
  rate: number,
  digest = '1',
  kind: ComponentKind = 'package',
): WarmInput => ({ key: byteString(key), size, rate, kind, digest });
const db = (digest: string): WarmInput => component('@db', 500_000, ALWAYS_RATE, digest, 'database');
const keys = (plan: LayerPlan): string[][] => plan.layers.map(({ members }) => members.map(({ key }) => key));
const layer = (...members: WarmInput[]): RememberedPlan['layers'][number] => ({ members });
const digestsOf = (components: readonly WarmInput[]): Map<WarmInput['key'], string> =>
  new Map(components.map(({ key, digest }) => [key, digest]));
const changed = (components: readonly WarmInput[], ...which: string[]): WarmInput[] =>
  components.map((each) => (which.includes(each.key) ? { ...each, digest: '2' } : each));

/** Forty packages and a database, as an image of at most thirteen layers has them. */
const PARTS: readonly WarmInput[] = [
  db('1'),
  ...randomItems(3, 40).map((item) => ({ ...item, kind: 'package' as const, digest: '1' })),
];
const COLD = planLayers(PARTS, { maxLayers: 13 });
const FIRST = rememberPlan(COLD, digestsOf(PARTS), 20_000);
const membersOf = (key: string): string[] => keys(COLD).find((members) => members.includes(key)) as string[];

describe('planWarm', () => {
  test('is a cold plan where nothing is remembered', () => {
    const { origins, regret, replanned, ...plan } = planWarm(
      PARTS,
      { layers: [], regret: 7 },
      { maxLayers: 13 },
    );
    expect(plan).toEqual(COLD);
    expect({ regret, replanned }).toEqual({ regret: 0, replanned: false });
    expect(new Set(origins)).toEqual(new Set([undefined]));
  });

  test('of the same components changes nothing', () => {
    const plan = planWarm(PARTS, { ...FIRST, regret: 42 }, { maxLayers: 13, today: 20_000 });
    expect(plan.layers).toEqual(COLD.layers);
    expect(plan.origins).toEqual(COLD.layers.map((_, ordinal) => ordinal));
    expect(plan.regret).toBe(42);
  });

  test('rewrites the layers of what has changed and no other, behind those that stay', () => {
    const plan = planWarm(changed(PARTS, '@db', 'item/00007'), FIRST, { maxLayers: 13 });
    const dirty = [membersOf('@db'), membersOf('item/00007')];
    const stays = keys(COLD).filter((members) => !dirty.some(([first]) => first === members[0]));
    expect(keys(plan).slice(0, stays.length)).toEqual(stays);
    expect(plan.origins.slice(0, stays.length).every((origin) => origin !== undefined)).toBe(true);
    expect(plan.origins.slice(stays.length).every((origin) => origin === undefined)).toBe(true);
    expect(keys(plan).at(-1)).toEqual(['@db']);
    expect(keys(plan).slice(stays.length).flat().sort()).toEqual(dirty.flat().sort());
  });

  test('gives what is new a layer where one is free', () => {
    const more = [...changed(PARTS, '@db'), component('new', 40_000, 5000)];
    const plan = planWarm(more, FIRST, { maxLayers: 14 });
    expect(plan.origins.filter((origin) => origin === undefined).length).toBe(2);
    expect(keys(plan).slice(-2)).toEqual([['new'], ['@db']]);
    expect(plan.layers.length).toBe(COLD.layers.length + 1);
  });

  test('has room for what is new even where no layer is free', () => {
    const more = [...changed(PARTS, '@db'), component('new', 40_000, 5000)];
    const plan = planWarm(more, FIRST, { maxLayers: COLD.layers.length });
    expect(keys(plan).at(-1)).toEqual(['@db', 'new']);
    expect(plan.layers.length).toBe(COLD.layers.length);
  });

  test('drops what is gone, with its layer where nothing else is in it', () => {
    const previous = { layers: [layer(component('a', 10, 10)), layer(component('b', 10, 20))], regret: 0 };
    const plan = planWarm([component('b', 10, 20)], previous);
    expect(keys(plan)).toEqual([['b']]);
    expect(plan.origins).toEqual([1]);
  });

  test('gives up the smallest layers where fewer are allowed', () => {
    const parts = [component('a', 30, 10), component('b', 10, 20), component('c', 20, 30), db('1')];
    const previous = { layers: parts.map((part) => layer(part)), regret: 0 };
    const plan = planWarm(parts, previous, { maxLayers: 3 });
    expect(keys(plan)).toEqual([['a'], ['@db'], ['b', 'c']]);
    expect(plan.origins).toEqual([0, 3, undefined]);
    expect(keys(planWarm(parts, previous, { maxLayers: 1 }))).toEqual([['@db', 'a', 'b', 'c']]);
  });

  test('counts as changed what has no digest', () => {
    const previous = { layers: [{ members: [{ key: byteString('a'), size: 10, rate: 10 }] }], regret: 0 };
    expect(planWarm([component('a', 10, 10)], previous).origins).toEqual([undefined]);
  });

  test('takes a component once, where two layers say that they hold it', () => {
    const a = component('a', 10, 10);
    const b = component('b', 10, 20);
    const previous = { layers: [layer(a), layer(a, b), { members: [] }], regret: 0 };
    const plan = planWarm([a, b], previous);
    expect(keys(plan)).toEqual([['a'], ['b']]);
    expect(plan.origins).toEqual([0, undefined]);
  });

  test('plans afresh when told to, and keeps the layers that happen to be the same', () => {
    const plan = planWarm(changed(PARTS, '@db'), FIRST, { maxLayers: 13, replan: true });
    expect(keys(plan)).toEqual(keys(COLD));
    expect(plan.replanned).toBe(true);
    expect(plan.origins).toEqual(
      [...COLD.layers.keys()].map((at) => (at < COLD.layers.length - 1 ? at : undefined)),
    );
  });

  test('plans afresh once the regret passes the price', () => {
    // A layer that nothing would be put into today: what never changes beside what changes every second week.
    const calm = component('calm', 900_000, 1000);
    const lively = component('lively', 100_000, 500_000);
    const others = Array.from({ length: 6 }, (_, at) => component(`p${at}`, 100_000, 2000 + at));
    const parts = [calm, lively, ...others, db('1')];
    const previous: RememberedPlan = {
      layers: [layer(calm, lively), layer(...others), layer(db('1'))],
      regret: 0,
      today: 20_000,
    };
    const now = changed(parts, '@db');
    const cold = planLayers(now, { maxLayers: 4 });
    const kept = planWarm(now, previous, { maxLayers: 4, today: 20_007 });
    expect(kept.replanned).toBe(false);
    expect(kept.regret).toBe(Math.round(kept.totals.cost - cold.totals.cost));
    const twice = planWarm(now, previous, { maxLayers: 4, today: 20_014 });
    expect(Math.abs(twice.regret - 2 * kept.regret)).toBeLessThanOrEqual(1);
    const late = planWarm(now, { ...previous, regret: 5_000_000 }, { maxLayers: 4, today: 20_007 });
    expect(late.replanned).toBe(true);
    expect(late.regret).toBe(0);
    expect(keys(late)).toEqual(keys(cold));
  });
});
