/** `--order previous` from the command line. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { planish, planishJson, temporaryDirectory } from '../support/cli.ts';
import { plainTar } from '../support/plain-images.ts';

function tarFile(directory: string, name: string, files: Readonly<Record<string, string>>): string {
  const path = join(directory, name);
  writeFileSync(path, plainTar(files));
  return `tar:${path}`;
}

describe('build --order previous', () => {
  test('appends new files, is the same tree, and verifies', () => {
    const directory = temporaryDirectory();
    const first = tarFile(directory, 'first.tar', { 'opt/a/m': 'm', 'opt/b/x': 'x' });
    const second = tarFile(directory, 'second.tar', { 'opt/a/b': 'new', 'opt/a/m': 'm', 'opt/b/x': 'x' });
    const image = (tag: string): string => `oci:${join(directory, 'image')}:${tag}`;
    planishJson(['build', first, '-o', image('1')]);
    const previous = ['--previous', image('1')];
    const byPath = planishJson(['build', second, '-o', image('path'), ...previous]);
    const ordered = planishJson(['build', second, '-o', image('2'), ...previous, '--order', 'previous']);
    expect(ordered.layers.map(({ carried }: { carried: boolean }) => carried)).toEqual([true, false]);
    expect(ordered.digests).toEqual(byPath.digests);
    expect(ordered.layers[1].diffId).not.toBe(byPath.layers[1].diffId);
    expect(planish(['verify', image('2')]).status).toBe(0);
    expect(planish(['diff', image('path'), image('2')]).status).toBe(0);
  });

  test('needs a previous image', () => {
    const run = planish(['build', 'oci:nothing-here', '-o', 'oci:nowhere', '--order', 'previous']);
    expect([run.status, run.stderr]).toEqual([
      2,
      expect.stringContaining('BAD_OPTION: there is no previous image'),
    ]);
  });
});
