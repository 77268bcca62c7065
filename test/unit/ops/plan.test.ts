/** `plan` shows the layers that `build` and `merge` then write, whatever stands below or before them. */
import { describe, expect, test } from 'vitest';
import { build } from '../../../src/ops/build/build.ts';
import type { BuildResult } from '../../../src/ops/build/build-result.ts';
import { merge } from '../../../src/ops/build/merge.ts';
import { type PlanOptions, type PlanResult, plan } from '../../../src/ops/build/plan.ts';
import { inspect } from '../../../src/ops/look/inspect.ts';
import { makeLayout } from '../../support/layout-maker.ts';
import { plainTar, scratchPath } from '../../support/plain-images.ts';

const BASE = {
  'etc/conf': 'conf',
  'etc/old': 'old',
  'opt/base/data': 'b'.repeat(3000),
  'opt/base/dropped/x': 'x',
  'usr/lib/big': 'u'.repeat(5000),
};
const { 'etc/old': _, 'opt/base/dropped/x': __, ...kept } = BASE;
const NEXT = { ...kept, 'etc/conf': 'changed', 'opt/app/one': 'one', 'srv/two': 't'.repeat(700) };
const TOOL = { 'usr/bin/tool': 't'.repeat(2000), 'opt/tool/data': 'data', 'etc/conf': 'changed' };

async function image(...trees: Readonly<Record<string, string>>[]): Promise<string> {
  const layers = trees.map((files) => ({ tar: plainTar(files), compression: 'gzip' as const }));
  return (await makeLayout(scratchPath('plan'), layers)).reference;
}

/** Layers of a plan and of what was built by it, by all that a plan says and that can be seen afterwards. */
function planned({ layers }: PlanResult): unknown[] {
  return layers.map(({ members, entries, kept: carried, digest, stability }) => ({
    components: members.map(({ key }) => key),
    ...{ entries, carried, stability, digest },
  }));
}

function built({ layers }: BuildResult): unknown[] {
  return layers.map(({ components, entries, carried, digest, stability }) => {
    return { components, entries, carried, stability, digest: carried ? digest : undefined };
  });
}

/** Plans and builds by the same options. */
async function both(
  sources: string[],
  options: PlanOptions = {},
): Promise<{ shown: PlanResult; result: BuildResult; reference: string }> {
  const reference = `oci:${scratchPath('built')}:t`;
  const settings = { ...options, jobs: 1, destination: reference };
  const shown = await plan(sources, { ...options, jobs: 1 });
  const [first = '', ...others] = sources;
  const result = others.length > 0 ? await merge(sources, settings) : await build(first, settings);
  expect(planned(shown)).toEqual(built(result));
  expect(shown.totals).toEqual(result.plan);
  return { shown, result, reference };
}

describe('plan', () => {
  test('of a source alone', async () => {
    const { shown } = await both([await image(NEXT)]);
    expect(shown.layers.map(({ members, kept: same, base }) => [members.length, same, base])).toEqual([
      ...[
        [1, false, false],
        [1, false, false],
        [1, false, false],
        [1, false, false],
        [1, false, false],
      ],
    ]);
    const few = await both([await image(NEXT)], { maxLayers: 2 });
    expect(few.shown.layers).toHaveLength(2);
  });

  test('above a base', async () => {
    const base = await image({ 'usr/lib/big': BASE['usr/lib/big'], 'etc/conf': 'first' }, BASE);
    const { shown, reference } = await both([await image(NEXT)], { base });
    const digests = (await inspect(base)).layers.map(({ digest }) => digest);
    expect(shown.layers.slice(0, 2)).toMatchObject(
      digests.map((digest) => ({ members: [], base: true, kept: true, digest })),
    );
    expect(shown.layers.slice(0, 2).map(({ size }) => size)).toEqual(
      (await inspect(base)).layers.map(({ size }) => size),
    );
    expect(
      shown.layers.slice(2).map(({ members, base: below }) => [members.map(({ key }) => key), below]),
    ).toEqual([
      [['rest/etc'], false],
      [['rest/opt/app'], false],
      [['rest/srv'], false],
      [[], false],
    ]);
    expect(shown.layers.flatMap(({ whiteouts }) => whiteouts)).toEqual(['/etc/old', '/opt/base/dropped']);
    expect(shown.totals.components).toBe(3);
    // What lies above is kept in its turn.
    const changed = await image({ ...NEXT, 'srv/two': 'TWO' });
    const next = await both([changed], { base, previous: reference });
    expect(next.shown.layers.map(({ base: below, kept: same }) => [below, same])).toEqual([
      ...[
        [true, true],
        [true, true],
        [false, true],
        [false, true],
        [false, false],
        [false, false],
      ],
    ]);
    expect((await both([base], { base })).shown.layers.map(({ base: below }) => below)).toEqual([true, true]);
  });

  test('within a budget that leaves none for directories alone', async () => {
    const base = await image(BASE);
    const { shown } = await both([await image(NEXT)], { base, maxLayers: 2 });
    expect(shown.layers.map(({ members, whiteouts }) => [members.length, whiteouts.length])).toEqual([
      ...[
        [0, 0],
        [3, 2],
      ],
    ]);
    await expect(plan(await image(NEXT), { base, maxLayers: 1 })).rejects.toMatchObject({
      code: 'BAD_OPTION',
    });
  });

  test('after a previous image of the same compression, or of another', async () => {
    const { reference } = await both([await image(NEXT)]);
    const same = await both([await image(NEXT)], { previous: reference });
    expect(same.shown.layers.every((layer) => layer.kept)).toBe(true);
    const other = await both([await image(NEXT)], { previous: reference, compression: 'gzip' });
    expect(other.shown.layers.some((layer) => layer.kept)).toBe(false);
  });

  test('after an image that says nothing of its layers', async () => {
    const previous = await image({ 'usr/lib/big': NEXT['usr/lib/big'] }, { 'srv/two': NEXT['srv/two'] });
    const { shown } = await both([await image(NEXT)], { previous, compression: 'gzip' });
    expect(shown.layers.filter((layer) => layer.kept)).not.toEqual([]);
  });

  test('with a plan in the tree', async () => {
    const { shown } = await both([await image(NEXT)], { planFile: '/etc/layers.plan' });
    expect(shown.layers.at(-1)?.members.map(({ key }) => key)).toContain('@plan');
  });
});

describe('plan of several sources', () => {
  test('is that of their merge', async () => {
    const sources = [await image(BASE), await image(TOOL), await image({ 'srv/page': 'p'.repeat(500) })];
    const { shown } = await both(sources);
    expect(shown).toMatchObject({ source: sources[0], sources });
    expect(shown.conflicts).toEqual([{ subject: '/etc/conf', kind: 'file', source: sources[1] }]);
    const keys = shown.layers.flatMap(({ members }) => members.map(({ key }) => key));
    expect(keys.filter((key) => key.startsWith('artifact/'))).toHaveLength(2);
    const { shown: split } = await both(sources, { split: true });
    expect(JSON.stringify(split.layers)).not.toContain('artifact/');
  });

  test('above a base, and after a previous one', async () => {
    const [base = '', ...others] = [await image(BASE), await image(TOOL)];
    const { shown, reference } = await both([base, ...others], { base });
    expect(shown.layers.map(({ base: below }) => below)).toEqual([true, false]);
    const again = await both([base, ...others], { base, previous: reference });
    expect(again.shown.layers.every((layer) => layer.kept)).toBe(true);
  });
});

describe('plan --explain', () => {
  test('counts layers as they lie in the image', async () => {
    const base = await image(BASE);
    const explain = '/srv/two';
    const { shown } = await both([await image(NEXT)], { base, explain });
    expect(shown.explanation).toMatchObject({ component: 'rest/srv', layer: 3, reason: 'alone' });
    expect(shown.layers[3]?.members.map(({ key }) => key)).toEqual(['rest/srv']);
    await expect(plan(await image(NEXT), { base, explain: '/usr/lib/big' })).rejects.toMatchObject({
      code: 'PATH_NOT_FOUND',
      detail: { hint: 'it is in a layer of the base or previous image that stays as it is' },
    });
  });
});
