import { expect, test } from 'vitest';
import { formatPlotTable } from '../../../src/simulate/plot-table.ts';

test('a line of names, and one for each update', () => {
  const update = { bytes: 10, bound: 5, layers: 3, changedLayers: 2, spuriousLayers: 1, keptPrefix: 0 };
  const updates = ['oci:a\tb:1', 'oci:b:2'].map((image) => ({ ...update, image }));
  const table = formatPlotTable([
    { planner: 'planish', maxLayers: 64, updates },
    { planner: 'published', maxLayers: 0, updates: [] },
  ]);
  expect(table.split('\n')).toEqual([
    [
      ...['planner', 'max_layers', 'update', 'image', 'bytes', 'bound', 'layers', 'changed_layers'],
      ...['spurious_layers', 'kept_prefix'],
    ].join('\t'),
    'planish\t64\t1\toci:a\\x09b:1\t10\t5\t3\t2\t1\t0',
    'planish\t64\t2\toci:b:2\t10\t5\t3\t2\t1\t0',
    '',
  ]);
});
