import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { merge } from '../../../src/ops/build/merge.ts';
import { inspect } from '../../../src/ops/look/inspect.ts';
import { verify } from '../../../src/ops/verify/verify.ts';
import { makeLayout } from '../../support/layout-maker.ts';
import { buildPlain, plainTar, scratchPath } from '../../support/plain-images.ts';

const BASE = { 'etc/conf': 'conf', 'opt/base/data': 'b'.repeat(3000) };
const TOOL = { 'usr/bin/tool': 't'.repeat(2000), 'opt/tool/data': 'data', 'etc/conf': 'changed' };

async function image(name: string, files: Record<string, string>, labels = {}): Promise<string> {
  const config = (document: object) => ({ ...document, config: { Cmd: [name], Labels: labels } });
  const { reference } = await makeLayout(scratchPath(name), [{ tar: plainTar(files), compression: 'zstd' }], {
    config,
  });
  return reference;
}

describe('merge', () => {
  test('lays artifacts over a base, each a component, and reports conflicts', async () => {
    const base = await image('os', BASE, { one: 'base', two: 'base' });
    const tool = await image('tool-1.2', TOOL, { two: 'tool', three: 'tool' });
    const overlay = scratchPath('overlay');
    mkdirSync(join(overlay, 'srv'), { recursive: true });
    writeFileSync(join(overlay, 'srv/page'), 'p'.repeat(500));
    const destination = `oci:${scratchPath('merged')}:t`;
    const result = await merge([base, tool, `rootfs:${overlay}`], { destination, jobs: 1, xattrs: 'skip' });
    const keys = result.layers.flatMap(({ components }) => components);
    expect(keys).toHaveLength(3);
    expect(keys).toEqual(expect.arrayContaining(['rest/opt/base']));
    expect(keys.filter((key) => key.startsWith('artifact/'))).toHaveLength(2);
    expect(result.conflicts.filter(({ kind }) => kind !== 'directory')).toEqual([
      { subject: '/etc/conf', kind: 'file', source: tool },
      { subject: 'two', kind: 'label', source: tool },
    ]);
    const { labels, runtime } = await inspect(destination);
    expect(labels).toEqual({ one: 'base', two: 'tool', three: 'tool' });
    expect(runtime['Cmd']).toEqual(['os']);
    expect((await verify(destination, { jobs: 1 })).findings).toBe(0);
  });

  test('gives the tree that one source with all files gives', async () => {
    const whole = await buildPlain(plainTar({ ...BASE, ...TOOL }));
    const destination = `oci:${scratchPath('merged')}:t`;
    const sources = [await image('a', BASE), await image('b', TOOL)];
    const merged = await merge(sources, { destination, jobs: 1, split: true });
    expect(merged.digests).toEqual(whole.digests);
    expect(merged.layers.map(({ digest }) => digest)).toEqual(whole.layers.map(({ digest }) => digest));
  });

  test('keeps the layers of the base when told to', async () => {
    const base = await image('a', BASE);
    const destination = `oci:${scratchPath('merged')}:t`;
    const merged = await merge([base, await image('b', TOOL)], { destination, base, jobs: 1 });
    expect(merged.layers.map(({ carried }) => carried).slice(0, 2)).toEqual([true, false]);
    expect((await verify(destination, { jobs: 1 })).findings).toBe(0);
  });

  test('takes two sources with contents', async () => {
    const base = await image('a', BASE);
    const destination = `oci:${scratchPath('merged')}:t`;
    await expect(merge([base], { destination })).rejects.toMatchObject({ code: 'BAD_OPTION' });
  });
});
