import { describe, expect, test } from 'vitest';
import { apko } from '../../../src/simulate/apko.ts';
import { chunkah } from '../../../src/simulate/chunkah.ts';
import { ostreeFresh, ostreePrior } from '../../../src/simulate/ostree-chunking.ts';
import { OUR_PLANNERS, PEER_PLANNERS } from '../../../src/simulate/planners.ts';
import { rechunk } from '../../../src/simulate/rechunk.ts';
import { madeImage, names, type Row } from './made-images.ts';

const MB = 1_000_000;
const ALL = [...OUR_PLANNERS, ...PEER_PLANNERS];

const ROWS: Row[] = [
  ['@db', MB / 10, '1', { rate: 8_000_000 }],
  ['initramfs', 30 * MB, '1', { rate: 600_000 }],
  ['rest/etc', MB / 100, '1'],
  ...Array.from({ length: 40 }, (_, at): Row => {
    const days = Array.from({ length: at % 7 }, (_unused, change) => 19_990 - change * (at + 3));
    return [
      `dpkg/p${String(at).padStart(2, '0')}`,
      (at + 1) * (at + 1) * 9000,
      '1',
      { changeDays: days, rate: 5000 * (at % 7) + 4000 },
    ];
  }),
];
const IMAGE = madeImage('server', ROWS);

describe.each(ALL.map((planner) => [planner.name, planner] as const))('%s', (_, planner) => {
  test.each([1, 2, 3, 8, 16, 43, 64])('puts every component into one of at most %i layers', (maxLayers) => {
    const { layout } = planner.plan(IMAGE, maxLayers, undefined);
    expect(layout.flat().sort()).toEqual(IMAGE.components.map(({ key }) => key).sort());
    const filled = layout.filter((layer) => layer.length > 0).length;
    expect(filled).toBeLessThanOrEqual(maxLayers);
  });

  test('gives the same again, in any order of components', () => {
    const first = planner.plan(IMAGE, 12, undefined).layout;
    const turned = { ...IMAGE, components: [...IMAGE.components].reverse() };
    expect(names(planner.plan(turned, 12, undefined).layout)).toEqual(names(first));
  });

  test('takes up what is new and drops what is gone', () => {
    const { memory } = planner.plan(IMAGE, 12, undefined);
    const next = madeImage('next', [...ROWS.slice(1), ['dpkg/new', 5000, '1']]);
    const { layout } = planner.plan(next, 12, memory);
    const keys = new Set(layout.flat());
    expect(next.components.filter(({ key }) => !keys.has(key))).toEqual([]);
    expect(new Set(layout.flat()).size).toBe(layout.flat().length);
  });
});

test('apko: the largest alone, the rest together, unowned files on top', () => {
  const image = madeImage('few', [
    ['a', 1, '1'],
    ['b', 5, '1'],
    ['c', 3, '1'],
    ['d', 2, '1'],
    ['rest', 9, '1'],
  ]);
  expect(names(apko.plan(image, 4, undefined).layout)).toEqual(['b', 'c', 'a d', 'rest']);
  expect(names(apko.plan(image, 5, undefined).layout)).toEqual(['b', 'c', 'd', 'a', 'rest']);
});

test('chunkah: hashes of names', () => {
  const even = ['a', 'b', 'c', 'd'].map((key): Row => [key, 10, '1']);
  // FNV-1a of "a" 0xff … modulo 2; no size stands out, all are as stable.
  const layout = names(chunkah.plan(madeImage('even', even), 2, undefined).layout);
  expect(layout.join(' ').split(' ').sort()).toEqual(['a', 'b', 'c', 'd']);
  expect(layout).toHaveLength(2);
});

test('ostree-rs-ext: what is new goes to the last layer', () => {
  const { memory } = ostreePrior.plan(IMAGE, 8, undefined);
  const { layout } = ostreePrior.plan(madeImage('next', [...ROWS, ['dpkg/new', 5, '1']]), 8, memory);
  expect(layout.at(-1)).toEqual(['dpkg/new']);
  expect(ostreeFresh.plan(IMAGE, 8, undefined).layout.at(-2)).toEqual(['@db', 'initramfs', 'rest/etc']);
});

test('rechunk: an initramfs of its own, what is unpackaged together', () => {
  const layout = names(rechunk.plan(IMAGE, 8, undefined).layout);
  expect(layout).toContain('initramfs');
  expect(layout).toContain('@db rest/etc');
});
