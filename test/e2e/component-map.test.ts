/** `--component-map` from the command line to layers. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DEMO, planish, planishJson, temporaryDirectory } from '../support/cli.ts';

const source = `oci-archive:${DEMO}`;

function mapFile(text: string): string {
  const file = join(temporaryDirectory(), 'map');
  writeFileSync(file, text);
  return file;
}

interface Layer {
  readonly members: readonly { readonly key: string; readonly changesPerWeek: number }[];
}

describe('--component-map', () => {
  test('makes components for plan', () => {
    const file = mapFile('/usr/share\tshared things\tdaily\n');
    const { layers } = planishJson(['plan', source, '--component-map', file]) as { layers: Layer[] };
    const mine = layers.flatMap(({ members }) => members).filter(({ key }) => key.startsWith('user/'));
    // The demonstration image names one component by attributes, updated monthly.
    expect(mine.map(({ key, changesPerWeek }) => [key, changesPerWeek])).toEqual([
      ['user/ca-bundle', 0.233333],
      ['user/shared things', 7],
    ]);
  });

  test('makes layers in build, and keeps the tree as it is', () => {
    const directory = temporaryDirectory();
    const args = ['build', source, '--compression', 'none', '-o'];
    const plain = planishJson([...args, `oci:${join(directory, 'plain')}:x`]);
    const file = mapFile('{"/usr/share/**": "shared"}');
    const mapped = planishJson([...args, `oci:${join(directory, 'mapped')}:x`, '--component-map', file]);
    const holders = mapped.layers.filter(({ components }: { components: string[] }) =>
      components.includes('user/shared'),
    );
    expect(holders).toHaveLength(1);
    expect(mapped.digests).toEqual(plain.digests);
  });

  test('that is malformed or missing ends before anything is read', () => {
    const bad = planish(['plan', 'oci:nothing-here', '--component-map', mapFile('/a\tb\tsometimes\n')]);
    expect([bad.status, bad.stderr]).toEqual([
      2,
      expect.stringContaining('COMPONENT_MAP_BAD: sometimes is no update interval'),
    ]);
    const missing = planish(['plan', 'oci:nothing-here', '--component-map', '/nonexistent/map']);
    expect([missing.status, missing.stderr]).toEqual([5, expect.stringContaining('SYSCALL_FAILED')]);
  });
});
