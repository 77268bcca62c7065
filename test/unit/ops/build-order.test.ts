/** `--order previous`: what was there keeps its place in layers that are rewritten, what is new comes last. */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ingestLayer } from '../../../src/layer/ingest.ts';
import type { BuildResult } from '../../../src/ops/build/build-result.ts';
import { merge } from '../../../src/ops/build/merge.ts';
import { verify } from '../../../src/ops/verify/verify.ts';
import { blobPath, makeLayout } from '../../support/layout-maker.ts';
import { buildPlain, plainTar, scratchPath } from '../../support/plain-images.ts';
import { directory, file, hardlink } from '../../support/tar-maker.ts';
import { archive } from '../tar/support.ts';

const MTIME = { mtime: (1_700_000_000).toString(8) };

/** `/opt/a` as another tool has written it: the last name first, a hard link among them. */
const FORMER = archive(
  directory('./'),
  directory('opt/'),
  directory('opt/a/'),
  file('opt/a/z', 'z', MTIME),
  directory('opt/a/m/'),
  file('opt/a/m/2', '2', MTIME),
  file('opt/a/m/1', '1', MTIME),
  hardlink('opt/a/k', 'opt/a/z'),
  file('opt/a/c', 'c', MTIME),
);
const OTHER = archive(
  directory('./'),
  directory('opt/'),
  directory('opt/b/'),
  file('opt/b/data', 'b', MTIME),
);

/** The same with one file changed, one gone, and three new. */
const NOW = archive(
  directory('./'),
  directory('opt/'),
  directory('opt/a/'),
  file('opt/a/b', 'new', MTIME),
  file('opt/a/c', 'changed', MTIME),
  file('opt/a/k', 'z', MTIME),
  hardlink('opt/a/z', 'opt/a/k'),
  directory('opt/a/m/'),
  file('opt/a/m/0', 'new', MTIME),
  file('opt/a/m/2', '2', MTIME),
  directory('opt/a/n/'),
  file('opt/a/n/x', 'new', MTIME),
  directory('opt/b/'),
  file('opt/b/data', 'b', MTIME),
);

/** What stays, as it stood, with its directories; and what is new, by path. */
const KEPT = ['./', 'opt/', 'opt/a/', 'opt/a/z', 'opt/a/m/', 'opt/a/m/2', 'opt/a/k', 'opt/a/c'];
const NEW = ['opt/a/b', 'opt/a/m/0', 'opt/a/n/', 'opt/a/n/x'];

const PLAIN = { compression: 'none' } as const;

/** Names in the tar of the layer that holds a component. */
async function namesIn(
  { layers, reference }: BuildResult & { reference: string },
  key: string,
): Promise<string[]> {
  const digest = layers.find(({ components }) => components.includes(key))?.digest ?? '';
  const bytes = readFileSync(blobPath(reference.split(':')[1] ?? '', digest));
  const { index } = await ingestLayer(once(bytes), {
    enforce: true,
    digest: undefined,
    size: undefined,
    diffId: undefined,
    claimed: undefined,
    ordinal: 0,
    source: 0,
    algorithm: 'sha256',
    globalHeaders: 'ignore',
  });
  return index.entries.map(({ path }) => path);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}

async function former(): Promise<string> {
  return (await makeLayout(scratchPath('former'), [{ tar: FORMER }, { tar: OTHER }])).reference;
}

describe('build --order previous', () => {
  test('keeps places and appends what is new, and is the same tree', async () => {
    const options = { ...PLAIN, previous: await former() };
    const next = await buildPlain(NOW, { ...options, order: 'previous' });
    expect(await namesIn(next, 'rest/opt/a')).toEqual([...KEPT, ...NEW]);
    const byPath = await buildPlain(NOW, options);
    expect((await namesIn(byPath, 'rest/opt/a')).slice(2, 5)).toEqual(['opt/a/', 'opt/a/b', 'opt/a/c']);
    expect(next.digests).toEqual(byPath.digests);
    expect(next.layers.map(({ key }) => key)).toEqual(byPath.layers.map(({ key }) => key));
    const { checks, findings } = await verify(next.reference, { jobs: 1 });
    expect([findings, checks.filter(({ outcome }) => outcome !== 'match')]).toEqual([0, []]);
  });

  test('is deterministic, and keeps its own order from then on', async () => {
    const options = { ...PLAIN, previous: await former(), order: 'previous' } as const;
    const first = await buildPlain(NOW, options);
    expect((await buildPlain(NOW, options)).manifest).toEqual(first.manifest);
    const same = await buildPlain(NOW, { ...options, previous: first.reference });
    expect(same.manifest).toEqual(first.manifest);
    const more = Buffer.concat([NOW.subarray(0, -1024), file('opt/a/a', 'newest', MTIME), archive()]);
    const next = await buildPlain(more, { ...options, previous: first.reference });
    const names = await namesIn(first, 'rest/opt/a');
    expect(await namesIn(next, 'rest/opt/a')).toEqual([...names, 'opt/a/a']);
  });

  test('keeps the order under another compression, so that the tars stay the same', async () => {
    const first = await buildPlain(NOW, { ...PLAIN, previous: await former(), order: 'previous' });
    const next = await buildPlain(NOW, { compression: 'zstd', previous: first.reference, order: 'previous' });
    expect(next.layers.map(({ diffId }) => diffId)).toEqual(first.layers.map(({ diffId }) => diffId));
    expect(next.layers.map(({ carried }) => carried)).toEqual([false, false]);
  });

  test('keeps places beside whiteouts of what a base image has', async () => {
    const base = await buildPlain(plainTar({ 'etc/x': 'x', 'opt/old': 'old' }), PLAIN);
    const options = { ...PLAIN, base: base.reference, maxLayers: base.layers.length + 1 };
    const first = await buildPlain(plainTar({ 'etc/x': 'x', 'opt/a/m': 'm' }), options);
    const next = await buildPlain(plainTar({ 'etc/x': 'x', 'opt/a/b': 'new', 'opt/a/m': 'm' }), {
      ...options,
      previous: first.reference,
      order: 'previous',
    });
    const names = await namesIn(next, 'rest/opt/a');
    expect(names.slice(-4)).toEqual(['opt/.wh.old', 'opt/a/', 'opt/a/m', 'opt/a/b']);
    const { checks, findings } = await verify(next.reference, { jobs: 1 });
    expect([findings, checks.filter(({ outcome }) => outcome !== 'match')]).toEqual([0, []]);
  });

  test('counts for merge as well', async () => {
    const now = (await makeLayout(scratchPath('now'), [{ tar: NOW }])).reference;
    const more = (await makeLayout(scratchPath('more'), [{ tar: OTHER }])).reference;
    const reference = `oci:${scratchPath('merged')}:t`;
    const options = { ...PLAIN, previous: await former(), order: 'previous', split: true, jobs: 1 } as const;
    const merged = await merge([now, more], { ...options, destination: reference });
    expect(await namesIn({ ...merged, reference }, 'rest/opt/a')).toEqual([...KEPT, ...NEW]);
  });

  test('comes before the order of a contentmeta file, which then orders what is new', async () => {
    const contentmeta = scratchPath('meta.json');
    const paths = ['n/x', 'm/2', 'm/0', 'z', 'b', 'c', 'k'].map((name) => [`/opt/a/${name}`, 'one']);
    const mapping = Object.fromEntries([...paths, ['/opt/b/data', 'two']]);
    const layers = { one: 'one', two: 'two' };
    writeFileSync(contentmeta, JSON.stringify({ version: 1, ordered: true, layers, mapping }));
    const options = { ...PLAIN, previous: await former(), contentmeta };
    const byFile = await buildPlain(NOW, options);
    const next = await buildPlain(NOW, { ...options, order: 'previous' });
    const [one = ''] = next.layers[0]?.components ?? [];
    expect(await namesIn(next, one)).toEqual([...KEPT, 'opt/a/n/', 'opt/a/n/x', 'opt/a/m/0', 'opt/a/b']);
    expect((await namesIn(byFile, one)).slice(3, 5)).toEqual(['opt/a/n/', 'opt/a/n/x']);
    expect(next.digests).toEqual(byFile.digests);
  });

  test('without a previous image is refused before anything is read', async () => {
    await expect(buildPlain(NOW, { order: 'previous' })).rejects.toThrow(
      'there is no previous image to take the order of files from',
    );
  });
});
