import { readFileSync, statSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Descriptor } from '../../../src/oci/descriptor.ts';
import type { BuildResult } from '../../../src/ops/build/build-result.ts';
import { inspect } from '../../../src/ops/look/inspect.ts';
import { verify } from '../../../src/ops/verify/verify.ts';
import { blobPath, replaceManifest } from '../../support/layout-maker.ts';
import { buildPlain, type Files, plainTar, scratchPath } from '../../support/plain-images.ts';

/** Four components of their own, in directories that they share with nobody but at the top. */
const FILES: Files = {
  'etc/conf': 'conf',
  'opt/a/data': 'a'.repeat(3000),
  'opt/b/data': 'b'.repeat(2000),
  'srv/www/index': 'index',
};

const digests = ({ layers }: BuildResult): string[] => layers.map(({ digest }) => digest);
const components = ({ layers }: BuildResult): string[] => layers.map((layer) => layer.components.join(' '));
const carried = ({ layers }: BuildResult): boolean[] => layers.map((layer) => layer.carried);

/** Everything that an image claims must be so, as hosts compute it. */
async function expectVerified(reference: string): Promise<void> {
  const { findings, checks } = await verify(reference, { jobs: 1 });
  expect(checks.filter(({ outcome }) => outcome !== 'match')).toEqual([]);
  expect(findings).toBe(0);
}

describe('build --previous', () => {
  test('of the same tree is the same image', async () => {
    const first = await buildPlain(plainTar(FILES));
    const again = await buildPlain(plainTar(FILES), { previous: first.reference });
    expect(again.manifest).toEqual(first.manifest);
    expect(carried(again)).toEqual([true, true, true, true]);
    expect(again.update).toEqual({ previous: first.reference, layers: 0, size: 0, replanned: false });
    expect(again.after).toEqual(first.after);
  });

  test('describes a layer alike whether it was written or carried over, whatever tools did to its annotations', async () => {
    const layout = scratchPath('reordered');
    const first = await buildPlain(plainTar(FILES), { destination: `oci:${layout}:1` });
    const [key, ...plan] = Object.keys((await inspect(first.reference)).layers[0]?.annotations ?? {});
    expect([key, ...plan]).toEqual([
      'composefs.layer.erofs.v1.fsverity-sha512-12',
      'org.planish.components',
      'org.planish.stability',
    ]);
    replaceManifest(layout, ({ layers, ...rest }) => ({
      ...rest,
      layers: layers.map((layer: Descriptor) => {
        const others = Object.entries(layer.annotations ?? {}).reverse();
        return { ...layer, annotations: Object.fromEntries([['org.example.note', 'x'], ...others]) };
      }),
    }));
    const next = await buildPlain(plainTar(FILES), { previous: `oci:${layout}:1` });
    expect(carried(next)).toEqual([true, true, true, true]);
    const described = (await inspect(next.reference)).layers.map(({ annotations }) =>
      Object.keys(annotations),
    );
    const all = [key, ...plan, 'org.example.note'];
    expect(described).toEqual([all, all, all, all]);
    await expectVerified(next.reference);
  });

  test('rewrites the layer of what has changed and puts it last', async () => {
    const first = await buildPlain(plainTar(FILES));
    const next = await buildPlain(plainTar({ ...FILES, 'opt/a/data': 'A' }), { previous: first.reference });
    expect(components(first)).toEqual(['rest/etc', 'rest/opt/a', 'rest/opt/b', 'rest/srv']);
    expect(components(next)).toEqual(['rest/etc', 'rest/opt/b', 'rest/srv', 'rest/opt/a']);
    expect(carried(next)).toEqual([true, true, true, false]);
    expect(digests(next).slice(0, 3)).toEqual([0, 2, 3].map((at) => digests(first)[at]));
    expect(next.update).toMatchObject({ layers: 1, size: next.layers[3]?.size });
    await expectVerified(next.reference);
  });

  test('adds a component without touching a layer', async () => {
    const first = await buildPlain(plainTar(FILES));
    const more = plainTar({ ...FILES, 'opt/new/tool': 'tool' });
    const next = await buildPlain(more, { previous: first.reference });
    expect(components(next)).toEqual([...components(first), 'rest/opt/new']);
    expect(carried(next)).toEqual([true, true, true, true, false]);
    await expectVerified(next.reference);
  });

  test('drops what is gone', async () => {
    const first = await buildPlain(plainTar(FILES));
    const { 'srv/www/index': _, ...rest } = FILES;
    const next = await buildPlain(plainTar(rest), { previous: first.reference });
    expect(components(next)).toEqual(['rest/etc', 'rest/opt/a', 'rest/opt/b']);
    expect(next.update).toMatchObject({ layers: 0, size: 0 });
    await expectVerified(next.reference);
  });

  test('puts directories right in a layer of their own', async () => {
    const first = await buildPlain(plainTar(FILES));
    const touched = plainTar(FILES, { 'opt/': 1_750_000_000 });
    const next = await buildPlain(touched, { previous: first.reference });
    expect(components(next)).toEqual([...components(first), '']);
    expect(carried(next)).toEqual([true, true, true, true, false]);
    expect(next.layers[4]).toMatchObject({ entries: 4, tarSize: 4 * 512 + 1024 });
    expect(next.digests).toEqual((await buildPlain(touched)).digests);
    await expectVerified(next.reference);
    const again = await buildPlain(touched, { previous: next.reference });
    expect(again.manifest).toEqual(next.manifest);
  });

  test('needs no such layer for directories that later layers have right', async () => {
    const first = await buildPlain(plainTar({ 'opt/a/data': 'a', 'opt/b/data': 'b' }));
    const touched = plainTar({ 'opt/a/data': 'a', 'opt/b/data': 'B' }, { 'opt/': 1_750_000_000 });
    const next = await buildPlain(touched, { previous: first.reference });
    // The directory of a is no ancestor of b.
    expect(components(next)).toEqual(['rest/opt/a', 'rest/opt/b', '']);
    expect(next.layers[2]?.entries).toBe(3);
    await expectVerified(next.reference);
  });

  test('puts directories right in the last layer where none is free', async () => {
    const options = { maxLayers: 4 };
    const first = await buildPlain(plainTar(FILES), options);
    const touched = plainTar({ ...FILES, 'srv/www/index': 'new' }, { 'opt/': 1_750_000_000 });
    const next = await buildPlain(touched, { ...options, previous: first.reference });
    expect(carried(next)).toEqual([true, true, true, false]);
    expect(next.layers[3]).toMatchObject({ components: ['rest/srv'], entries: 7 });
    await expectVerified(next.reference);
    // That layer cannot be told by its components any more: written again, it comes out the same.
    const again = await buildPlain(touched, { ...options, previous: next.reference });
    expect(carried(again)).toEqual([true, true, true, false]);
    expect(again.manifest).toEqual(next.manifest);
  });

  test('rewrites the smallest layer for directories where nothing else is written', async () => {
    const options = { maxLayers: 4 };
    const first = await buildPlain(plainTar(FILES), options);
    const touched = plainTar(FILES, { 'opt/': 1_750_000_000 });
    const next = await buildPlain(touched, { ...options, previous: first.reference });
    expect(components(next)).toEqual(['rest/opt/a', 'rest/opt/b', 'rest/srv', 'rest/etc']);
    expect(carried(next)).toEqual([true, true, true, false]);
    await expectVerified(next.reference);
    const again = await buildPlain(touched, { ...options, previous: next.reference });
    expect(again.manifest).toEqual(next.manifest);
  });

  test('keeps the split under another compression, and says what is downloaded for it', async () => {
    const options = { maxLayers: 2 };
    const first = await buildPlain(plainTar(FILES), options);
    const next = await buildPlain(plainTar(FILES), {
      ...options,
      previous: first.reference,
      compression: 'gzip',
    });
    expect(components(next)).toEqual(components(first));
    expect(next.layers.map(({ diffId }) => diffId)).toEqual(first.layers.map(({ diffId }) => diffId));
    expect(next.update).toMatchObject({ layers: 2, size: next.after.size });
    await expectVerified(next.reference);
  });

  test('of digests that cannot be compared reads nothing into them', async () => {
    const first = await buildPlain(plainTar(FILES));
    const next = await buildPlain(plainTar(FILES), { previous: first.reference, algorithm: 'sha256' });
    expect(digests(next)).toEqual(digests(first));
    await expectVerified(next.reference);
  });

  test('plans afresh when told to', async () => {
    const first = await buildPlain(plainTar(FILES), { maxLayers: 2 });
    const next = await buildPlain(plainTar(FILES), { previous: first.reference, replan: true });
    expect(components(next)).toEqual(['rest/etc', 'rest/opt/a', 'rest/opt/b', 'rest/srv']);
    expect(next.update?.replanned).toBe(true);
  });

  test('reads no layer of the previous image', async () => {
    const first = await buildPlain(plainTar(FILES));
    const next = await buildPlain(plainTar({ ...FILES, 'opt/a/data': 'A' }), { previous: first.reference });
    const [, directory = ''] = first.reference.split(':');
    const [, target = ''] = next.reference.split(':');
    const [digest = ''] = digests(first);
    // The same file, or a clone of it, under another name.
    expect(readFileSync(blobPath(target, digest))).toEqual(readFileSync(blobPath(directory, digest)));
    expect(statSync(blobPath(target, digest)).nlink).toBeGreaterThan(0);
  });

  test('writes into the layout of the previous image, and into archives', async () => {
    const layout = scratchPath('both');
    await buildPlain(plainTar(FILES), { destination: `oci:${layout}:1` });
    const second = await buildPlain(plainTar({ ...FILES, 'etc/conf': 'new' }), {
      destination: `oci:${layout}:2`,
      previous: `oci:${layout}:1`,
    });
    await expectVerified(second.reference);
    const archived = await buildPlain(plainTar(FILES), {
      destination: `oci-archive:${scratchPath('image.tar')}:3`,
      previous: `oci:${layout}:2`,
    });
    await expectVerified(archived.reference);
    const last = await buildPlain(plainTar(FILES), {
      destination: `oci:${layout}:4`,
      previous: archived.reference,
    });
    expect(last.update).toMatchObject({ layers: 0 });
    await expectVerified(last.reference);
  });

  test('finds the plan in the history where annotations are gone', async () => {
    const layout = scratchPath('bare');
    const first = await buildPlain(plainTar(FILES), { destination: `oci:${layout}:1` });
    const { layers } = await inspect(first.reference);
    expect(layers.map(({ history }) => history?.['comment'])).toEqual(
      layers.map(({ annotations }) => annotations['org.planish.components']),
    );
  });
});
