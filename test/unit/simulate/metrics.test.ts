import { expect, test } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import { measureLayouts, measurePlanner } from '../../../src/simulate/metrics.ts';
import { frozen, stateless } from '../../../src/simulate/planner.ts';
import { layOut } from '../../../src/simulate/series.ts';
import { madeImage } from './made-images.ts';

const IMAGES = [
  madeImage('1', [
    ['a', 100, '1'],
    ['b', 50, '1'],
    ['c', 10, '1'],
    ['d', 1, '1'],
  ]),
  madeImage('2', [
    ['a', 100, '1'],
    ['b', 50, '2'],
    ['c', 10, '1'],
    ['d', 1, '2'],
  ]),
  madeImage('3', [
    ['a', 100, '1'],
    ['b', 50, '2'],
    ['c', 10, '1'],
    ['d', 1, '3'],
  ]),
];
const PAIRS = [
  ['a', 'b'],
  ['c', 'd'],
].map((layer) => layer.map(byteString));
const SHUFFLED = [
  ['a', 'c'],
  ['b', 'd'],
].map((layer) => layer.map(byteString));

test('a kept layout: bytes, bound, layers, chains and seconds', () => {
  const metrics = measurePlanner(
    frozen('pairs', () => PAIRS),
    IMAGES,
    2,
    { roundTrip: 1, bandwidth: 10 },
  );
  expect(metrics.updates).toEqual([
    { image: '2', bytes: 161, bound: 51, layers: 2, changedLayers: 2, spuriousLayers: 0, keptPrefix: 0 },
    { image: '3', bytes: 11, bound: 1, layers: 2, changedLayers: 1, spuriousLayers: 0, keptPrefix: 1 },
  ]);
  expect(metrics).toMatchObject({
    weekly: { bytes: 172, bound: 52 },
    ratio: 172 / 52,
    excess: 120,
    changedLayers: 1.5,
    registryGrowth: 172,
    noOp: 0,
    firstToLast: { bytes: 161, bound: 51 },
    lagging: { bytes: 0, bound: 0 },
    // (2 requests + 16.1 s, 1 request + 1.1 s) / 2, then all requests at once.
    serialSeconds: (2 + 16.1 + 1 + 1.1) / 2,
    parallelSeconds: (1 + 16.1 + 1 + 1.1) / 2,
    keptPrefix: 0.5,
    sizeRatio: undefined,
    ranges: undefined,
  });
});

test('layers that are gone although nothing in them changed are spurious', () => {
  let turn = 0;
  const flighty = stateless('flighty', () => (turn++ % 2 === 0 ? PAIRS : SHUFFLED));
  const metrics = measurePlanner(flighty, IMAGES.slice(1), 2);
  // (a b) is given up for (a c); (c d) had to go.
  expect([metrics.spuriousLayers, metrics.spuriousBytes, metrics.weekly.bytes]).toEqual([1, 150, 161]);
  expect(metrics.noOp).toBe(161);
});

test('the registry stores a layout that returns once', () => {
  const laid = [PAIRS, SHUFFLED, PAIRS].map((layout) => layOut(IMAGES[0] as (typeof IMAGES)[0], layout));
  const series = [0, 0, 0].map(() => IMAGES[0] as (typeof IMAGES)[0]);
  const metrics = measureLayouts(series, laid);
  expect([metrics.weekly.bytes, metrics.weekly.bound, metrics.ratio]).toEqual([322, 0, 1]);
  expect(metrics.registryGrowth).toBe(161);
});

test('directories and ranges, where files are known', () => {
  const file = (path: string, content: number) => ({ path: byteString(path), content });
  const directories = ['/usr', '/usr/bin'].map(byteString);
  const image = (digest: string, contents: number[]) =>
    madeImage(digest, [
      ['a', 512, '1', { directories, files: [file('/usr/bin/1', 1), file('/usr/bin/3', 3)] }],
      [
        'b',
        512,
        digest,
        { directories, files: contents.map((content, at) => file(`/usr/bin/2${at}`, content)) },
      ],
    ]);
  const metrics = measurePlanner(
    stateless('one', () => [['a', 'b'].map(byteString)]),
    [image('1', [4, 5, 6]), image('2', [7, 5, 8])],
    1,
  );
  // Of 1 | 7 5 8 | 3 the 7 and the 8 are new.
  expect(metrics.ranges).toBe(2);
  expect(metrics.sizeRatio).toBe(1);
  const split = measurePlanner(
    stateless('two', () => [['a'], ['b']].map((l) => l.map(byteString))),
    [image('1', [])],
    2,
  );
  expect(split.sizeRatio).toBe((1024 + 4 * 512 + 2 * 1024) / (1024 + 2 * 512 + 1024));
});

test('a series of one image costs nothing', () => {
  const metrics = measurePlanner(
    frozen('pairs', () => PAIRS),
    IMAGES.slice(0, 1),
    2,
  );
  expect([metrics.weekly, metrics.ratio, metrics.updates]).toEqual([{ bytes: 0, bound: 0 }, 1, []]);
});
