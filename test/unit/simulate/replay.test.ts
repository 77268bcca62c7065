import { expect, test } from 'vitest';
import { type ReplayTable, replayImages } from '../../../src/simulate/replay.ts';

const TABLE: ReplayTable = {
  origin: 'made by hand',
  lastDay: 20_014,
  weeks: 2,
  components: [
    {
      key: 'dpkg/a',
      kind: 'package',
      size: 10,
      tarSize: 20,
      estimate: 20,
      changeDays: [19_000, 20_000, 20_005],
    },
    {
      key: 'dpkg/b',
      kind: 'package',
      size: 30,
      tarSize: 40,
      estimate: 40,
      changeDays: [19_500, 20_014, 20_015],
    },
    {
      key: 'initramfs',
      kind: 'initramfs',
      size: 5,
      tarSize: 5,
      estimate: 5,
      changeDays: [],
      inputs: ['dpkg/b'],
    },
    { key: '@db', kind: 'database', size: 1, tarSize: 1, estimate: 1, changeDays: [], inputs: ['*'] },
  ],
};

test('a planner sees what had happened by the end of a week', () => {
  const images = replayImages(TABLE);
  expect(images.map(({ today }) => today)).toEqual([20_000, 20_005, 20_014]);
  const digests = images.map(({ components }) => components.map(({ digest }) => digest).join(' '));
  expect(digests).toEqual(['2 1 1 3', '3 1 1 4', '3 2 2 5']);
  expect(images[0]?.components.map(({ changeDays }) => changeDays)).toEqual([
    [20_000, 19_000],
    [19_500],
    [19_500],
    [20_000, 19_500, 19_000],
  ]);
});

test('what is made from others changes as often as they do', () => {
  const [, , last] = replayImages(TABLE);
  const rate = (key: string) => last?.components.find((component) => component.key === key)?.rate;
  expect(rate('initramfs')).toBe(rate('dpkg/b'));
  expect(rate('@db')).toBe(8_000_000);
});

test('what changes were for counts once the newest are for a release', () => {
  const [other, package_] = TABLE.components;
  if (other === undefined || package_ === undefined) throw new Error('no such rows');
  const changeDays = [19_284, 19_649, 20_014];
  const components = [
    { ...package_, changeDays, kinds: 'dsr' },
    { ...other, kinds: 'ddd' },
  ];
  const rates = replayImages({ ...TABLE, components }).map((image) =>
    image.components.map(({ rate }) => rate),
  );
  expect(rates).toEqual([
    // By hand: (2^(-716/730) + 2^(-351/730) + 0.25) / (150.46 (1 - 2^(-716/730)) + 74); the newest change is of development.
    [9940, 9847],
    [9877, 15_797],
    // (1 + 2^(-365/730) + 0.02 / 2 + 0.25) / (150.46 / 2 + 74)
    [13_182, 1780],
  ]);
});
