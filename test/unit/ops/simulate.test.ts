/** `simulate` with real builds: what is built is what it was built from, and an update writes what changed. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { simulate } from '../../../src/ops/simulate/simulate.ts';
import { plainTar, scratchPath } from '../../support/plain-images.ts';

const MAP = '/opt/app\tapp\tweekly\n/opt/lib\tlib\tmonthly\n/opt/data\tdata\tyearly\n';
function version(app: string): string {
  const path = scratchPath('source.tar');
  const files = {
    'opt/app/run': app.repeat(4000),
    'opt/lib/so': 'l'.repeat(9000),
    'opt/data/x': 'd'.repeat(70_000),
  };
  writeFileSync(path, plainTar(files));
  return `tar:${path}`;
}

test('builds of a series are faithful, and write layers with changes only', async () => {
  const [componentMap, tsv, place] = ['map', 'updates.tsv', 'tmp'].map(scratchPath) as [
    string,
    string,
    string,
  ];
  writeFileSync(componentMap, MAP);
  mkdirSync(place);
  const sources = [version('1'), version('2')];
  const options = {
    componentMap,
    tsv,
    build: true,
    peers: false,
    maxLayers: [3, 2],
    temporaryDirectory: place,
  };
  const { builds, planners, published } = await simulate(sources, options);
  const told = builds.map((build) => [
    build.source,
    build.kind,
    build.differences,
    build.layers,
    build.writtenLayers,
  ]);
  expect(told).toEqual([
    [sources[0], 'whole', 0, 3, 3],
    [sources[1], 'whole', 0, 3, 3],
    [sources[1], 'update', 0, 3, 1],
    [sources[1], 'again', 0, 3, 0],
  ]);
  const [, whole, update, again] = builds;
  expect(update?.size).toBe(whole?.size);
  expect(update?.writtenSize).toBe(planners[0]?.weekly.bytes);
  expect(again?.writtenSize).toBe(0);
  for (const { seconds, cpuSeconds, peakMemory = 1, peakDisk, writtenSize } of builds) {
    expect(Math.min(seconds, cpuSeconds, peakMemory)).toBeGreaterThan(0);
    expect(peakDisk).toBeGreaterThan(writtenSize);
  }
  expect(published).toBe(undefined);
  // Three of our planners with two budgets, one update each.
  expect(readFileSync(tsv, 'utf8').split('\n')).toHaveLength(1 + 3 * 2 + 1);
  expect(readdirSync(place)).toEqual([]);
});

test('without being asked nothing is built or written', async () => {
  const tsv = scratchPath('none.tsv');
  const { builds } = await simulate([version('1')], { peers: false, sizes: 'tar' });
  expect([builds, existsSync(tsv)]).toEqual([[], false]);
});
