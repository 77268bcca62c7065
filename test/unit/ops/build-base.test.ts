/** `build --base`: layers of the base image stay; what lies above is planned. */
import { describe, expect, test } from 'vitest';
import { build } from '../../../src/ops/build/build.ts';
import { inspect } from '../../../src/ops/look/inspect.ts';
import { verify } from '../../../src/ops/verify/verify.ts';
import { makeLayout } from '../../support/layout-maker.ts';
import { buildPlain, plainTar, scratchPath } from '../../support/plain-images.ts';
import { file } from '../../support/tar-maker.ts';
import { archive, rawHeader } from '../tar/support.ts';

const BASE = {
  'etc/conf': 'conf',
  'etc/old': 'old',
  'opt/base/data': 'b'.repeat(3000),
  'opt/base/dropped/x': 'x',
  'usr/lib/big': 'u'.repeat(5000),
};
const { 'etc/old': _, 'opt/base/dropped/x': __, ...kept } = BASE;
const NEXT = { ...kept, 'etc/conf': 'changed', 'opt/app/one': 'one', 'srv/two': 'two' };

interface Image {
  readonly reference: string;
  readonly digests: string[];
}

async function image(tars: readonly Buffer[], history?: readonly object[]): Promise<Image> {
  const { reference, layers } = await makeLayout(
    scratchPath('base'),
    tars.map((tar) => ({ tar, compression: 'gzip' })),
    history === undefined ? {} : { config: (document) => ({ ...document, history }) },
  );
  return { reference, digests: layers.map(({ digest }) => digest) };
}

const splitBase = (): Buffer[] => [
  plainTar({ 'usr/lib/big': BASE['usr/lib/big'], 'etc/conf': 'first' }),
  plainTar({ ...BASE }),
];

async function expectVerified(reference: string): Promise<void> {
  const { checks } = await verify(reference, { jobs: 1 });
  expect(checks.filter(({ outcome }) => outcome !== 'match')).toEqual([]);
}

describe('build --base', () => {
  test('keeps the layers of the base and puts on top what differs', async () => {
    const history = [
      { created_by: 'FROM scratch', empty_layer: true },
      { created_by: 'one' },
      { created_by: 'two', comment: 'second' },
    ];
    const base = await image(splitBase(), history);
    const result = await buildPlain(plainTar(NEXT), { base: base.reference });
    expect(result.layers.map(({ digest }) => digest).slice(0, 2)).toEqual(base.digests);
    expect(result.layers.map(({ components, carried }) => [components.join(' '), carried])).toEqual([
      ['', true],
      ['', true],
      ['rest/etc', false],
      ['rest/opt/app', false],
      ['rest/srv', false],
      ['', false],
    ]);
    // The same tree: nothing is missing, nothing has come back.
    expect(result.digests).toEqual((await buildPlain(plainTar(NEXT))).digests);
    await expectVerified(result.reference);
    const { layers, annotations } = await inspect(result.reference);
    expect(layers.map(({ mediaType }) => mediaType.split('+')[1])).toEqual([
      'gzip',
      'gzip',
      'zstd',
      'zstd',
      'zstd',
      'zstd',
    ]);
    expect(layers.slice(0, 2).map((layer) => layer.history)).toEqual(history.slice(1));
    expect(annotations['org.opencontainers.image.base.digest']).toMatch(/^sha256:/);
  });

  test('reads a base that the source begins with once, and needs no layer for what is the same', async () => {
    const base = await image(splitBase());
    const upper = archive(
      rawHeader({ name: 'opt/', type: '5', mode: '0000755', mtime: '14524770400' }),
      rawHeader({ name: 'opt/app/', type: '5', mode: '0000755' }),
      file('opt/app/one', 'one'),
    );
    const source = await image([...splitBase(), upper]);
    const destination = `oci:${scratchPath('image')}:t`;
    const result = await build(source.reference, { destination, base: base.reference, jobs: 1 });
    expect(result.layers.map(({ components, carried }) => [components.join(' '), carried])).toEqual([
      ['', true],
      ['', true],
      ['rest/opt/app', false],
    ]);
    await expectVerified(destination);
    const same = await build(base.reference, { destination, base: base.reference, jobs: 1 });
    expect(same.layers.map(({ digest }) => digest)).toEqual(base.digests);
  });

  test('with --previous keeps what lies above as well', async () => {
    const base = await image(splitBase());
    const first = await buildPlain(plainTar(NEXT), { base: base.reference });
    const changed = plainTar({ ...NEXT, 'srv/two': 'TWO' });
    const next = await buildPlain(changed, { base: base.reference, previous: first.reference });
    expect(next.layers.map(({ components, carried }) => [components.join(' '), carried])).toEqual([
      ['', true],
      ['', true],
      ['rest/etc', true],
      ['rest/opt/app', true],
      ['rest/srv', false],
      ['', false],
    ]);
    expect(next.update).toMatchObject({ layers: 1 });
    await expectVerified(next.reference);
    const again = await buildPlain(changed, { base: base.reference, previous: next.reference });
    expect(again.manifest).toEqual(next.manifest);
  });

  test('of another base keeps what it can of what lies above', async () => {
    const first = await buildPlain(plainTar(NEXT), { base: (await image(splitBase())).reference });
    const newer = await image([plainTar({ ...BASE, 'usr/lib/big': 'new' })]);
    const tree = plainTar({ ...NEXT, 'usr/lib/big': 'new' });
    const next = await buildPlain(tree, { base: newer.reference, previous: first.reference });
    expect(next.layers.map(({ components, carried }) => [components.join(' '), carried])).toEqual([
      ['', true],
      ['rest/etc', true],
      ['rest/opt/app', true],
      ['rest/srv', true],
      ['', false],
    ]);
    await expectVerified(next.reference);
  });

  test('takes names of one inode together', async () => {
    const link = rawHeader({ name: 'opt/base/link', type: '1', linkname: 'opt/base/data' });
    const tar = archive(Buffer.from(plainTar(BASE).subarray(0, -1024)), link);
    const base = await image([plainTar(BASE)]);
    const result = await buildPlain(tar, { base: base.reference });
    expect(result.layers.map(({ components }) => components.join(' '))).toEqual(['', 'rest/opt/base']);
    expect(result.layers[1]?.entries).toBe(5);
    await expectVerified(result.reference);
  });

  test('says that hosts refuse the image where they refuse the base', async () => {
    const duplicate = archive(file('a', 'a', { more: [[257, 'ustar  \u0000']] }), file('b', 'b'));
    const base = await image([duplicate.subarray(0, 1024)]);
    const warnings: string[] = [];
    const result = await buildPlain(archive(file('a', 'a'), file('c', 'c')), {
      base: base.reference,
      onWarning: ({ code }) => warnings.push(code),
    });
    expect(result.layers[0]?.carried).toBe(true);
    if (result.digests.container === undefined) expect(warnings).toContain('NO_HOST_DIGEST');
  });

  test('needs room above the base', async () => {
    const base = await image(splitBase());
    const build = buildPlain(plainTar(NEXT), { base: base.reference, maxLayers: 2 });
    await expect(build).rejects.toMatchObject({ code: 'BAD_OPTION' });
    const tight = await buildPlain(plainTar(NEXT), { base: base.reference, maxLayers: 3 });
    expect(tight.layers.map(({ carried }) => carried)).toEqual([true, true, false]);
    expect(tight.digests).toEqual((await buildPlain(plainTar(NEXT))).digests);
    await expectVerified(tight.reference);
  });
});
