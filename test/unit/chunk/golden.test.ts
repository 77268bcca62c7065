import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { ByteString } from '../../../src/bytes/byte-string.ts';
import { assignComponents, wantedPaths } from '../../../src/chunk/components.ts';
import { planLayers } from '../../../src/chunk/plan.ts';
import { readTreeFixture } from './tree-fixture.ts';

const TREE = new URL('../../../fixtures/chunk/debian-12.tree.gz', import.meta.url);
const EXPECTED = new URL('../../../fixtures/chunk/debian-12.expect.json', import.meta.url);

test('components and plan of a small Debian 12', () => {
  const fixture = readTreeFixture(TREE);
  const warnings: unknown[] = [];
  const { components, today } = assignComponents(fixture.root, fixture.reader, {
    onWarning: (warning) => warnings.push(warning),
  });
  const wanted = wantedPaths(fixture.root);
  const read = new Set<string>();
  const recording = (path: ByteString): Uint8Array | undefined => {
    read.add(path);
    return fixture.reader.read(path);
  };
  assignComponents(fixture.root, { ...fixture.reader, read: recording });
  expect([...read].filter((path) => !wanted.some((known) => known === path))).toEqual([]);
  const plan = planLayers(components, { maxLayers: 8 });
  const actual = {
    today,
    warnings,
    components: components.map(({ key, kind, paths, size, tarSize, rate, lastChange }) => ({
      key,
      kind,
      size,
      tarSize,
      rate,
      lastChange,
      count: paths.length,
      first: paths[0],
      last: paths.at(-1),
    })),
    layers: plan.layers.map(({ members, cost }) => ({ members: members.map(({ key }) => key), cost })),
    totals: plan.totals,
  };
  if (process.env['UPDATE_FIXTURES'] === '1') {
    writeFileSync(EXPECTED, `${JSON.stringify(actual, null, 1)}\n`);
  }
  expect(JSON.parse(JSON.stringify(actual))).toEqual(JSON.parse(readFileSync(EXPECTED, 'utf8')));
});
