/** What `build` makes of contentmeta files that ask for much, for little, or for two things at once; and of bad databases. */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { isPlanishError } from '../../../src/errors.ts';
import type { BuildOptions } from '../../../src/ops/build/build-options.ts';
import { plan } from '../../../src/ops/build/plan.ts';
import { readSplitRules } from '../../../src/ops/build/split-rules.ts';
import { inspect } from '../../../src/ops/look/inspect.ts';
import { verify } from '../../../src/ops/verify/verify.ts';
import type { Warning } from '../../../src/warnings.ts';
import { buildPlain, type Files, plainTar, scratchPath } from '../../support/plain-images.ts';

const FILES: Files = { 'usr/a': 'content of a', 'usr/b': 'content of b', 'usr/same': 'content of a' };

function metaFile(fields: Readonly<Record<string, unknown>>): string {
  const file = scratchPath('meta.json');
  writeFileSync(file, JSON.stringify({ version: 1, ...fields }));
  return file;
}

/** Layers as their names and sizes, and warnings as codes and messages. */
async function built(contentmeta: string, options: Partial<BuildOptions> = {}) {
  const warnings: Warning[] = [];
  const onWarning = (warning: Warning): void => void warnings.push(warning);
  const result = await buildPlain(plainTar(FILES), {
    ...options,
    compression: 'none',
    contentmeta,
    onWarning,
  });
  const image = await inspect(result.reference);
  const names = image.layers.map(({ annotations }) => annotations['ostree.components']);
  return { names, warnings: warnings.map(({ code, message }) => [code, message]), image, result };
}

async function refusal(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (isPlanishError(error)) return [error.code, error.message];
    throw error;
  }
}

const ALL = { '/usr/a': 'x', '/usr/b': 'x', '/usr/same': 'x' };

describe('budgets', () => {
  test('one layer holds all, when all is mapped to one', async () => {
    const { names, warnings } = await built(metaFile({ layers: { x: 'all' }, mapping: ALL }), {
      maxLayers: 1,
    });
    expect([names, warnings]).toEqual([['all'], []]);
  });

  test('one layer is too few for what is left out', async () => {
    const file = metaFile({ layers: { x: 'all' }, mapping: { '/usr/a': 'x' } });
    expect(await refusal(built(file, { maxLayers: 1 }))).toEqual([
      'BAD_OPTION',
      'there are fewer layers than groups of files ask for',
    ]);
  });

  test('more layers than Docker takes are said, more than any client takes are refused', async () => {
    const layers = (count: number): Record<string, string> =>
      Object.fromEntries(Array.from({ length: count }, (_, at) => [`l${at}`, String(at)]));
    const warnings: string[] = [];
    const read = async (count: number): Promise<number> => {
      const contentmeta = metaFile({ layers: layers(count) });
      const rules = await readSplitRules({ contentmeta }, ({ code, message }) =>
        warnings.push(`${code}: ${message}`),
      );
      return rules.maxLayers;
    };
    expect([await read(60), await read(130), warnings]).toEqual([
      64,
      131,
      ['LAYER_BUDGET: up to 131 layers are allowed; Docker takes no more than 125'],
    ]);
    await expect(read(500)).rejects.toMatchObject({ code: 'BAD_OPTION' });
  });

  test('groups beside a contentmeta file are refused', async () => {
    const groups = scratchPath('groups.json');
    writeFileSync(groups, '{"groups": {}}');
    const both = { contentmeta: metaFile({ layers: { a: 'a' } }), groups };
    await expect(readSplitRules(both)).rejects.toMatchObject({ code: 'BAD_OPTION' });
  });
});

describe('claims', () => {
  test('a path says more than a digest, which stands for every file with that content', async () => {
    const keys = scratchPath('keys.json');
    const source = scratchPath('source.tar');
    writeFileSync(source, plainTar(FILES));
    await plan(`tar:${source}`, { writeContentmeta: keys, contentmetaKeys: 'verity', maxLayers: 1 });
    const [digestOfA = ''] = Object.keys(JSON.parse(readText(keys)).mapping);
    const layers = { x: 'by digest', y: 'by path' };
    const { names, result } = await built(
      metaFile({ layers, mapping: { [digestOfA]: 'x', '/usr/same': 'y', '/usr/b': 'y' } }),
    );
    expect(names).toEqual(['by digest', 'by path']);
    // Root, /usr and one file, then two; and two blocks at the end.
    expect(result.layers.map(({ size }) => size)).toEqual([512 * 6, 512 * 8]);
    expect((await verify(result.reference)).findings).toBe(0);
  });

  test('a checksum of ostree and a digest that want one file in two layers are refused', async () => {
    const source = scratchPath('source.tar');
    writeFileSync(source, plainTar({ 'usr/a': 'content of a' }));
    const keysOf = async (contentmetaKeys: 'ostree' | 'verity'): Promise<string> => {
      const file = scratchPath('keys.json');
      await plan(`tar:${source}`, { writeContentmeta: file, contentmetaKeys });
      return Object.keys(JSON.parse(readText(file)).mapping)[0] ?? '';
    };
    const mapping = { [await keysOf('ostree')]: 'x', [await keysOf('verity')]: 'y' };
    const file = metaFile({ layers: { x: 'x', y: 'y' }, mapping });
    expect(await refusal(buildPlain(plainTar({ 'usr/a': 'content of a' }), { contentmeta: file }))).toEqual([
      'CONTENTMETA_BAD',
      'contentmeta: two entries want one file in two layers',
    ]);
  });

  test('without an order files are in the order of paths, with one in that of the mapping', async () => {
    const fields = { layers: { x: 'all' }, mapping: { '/usr/same': 'x', '/usr/b': 'x', '/usr/a': 'x' } };
    const plain = await built(metaFile(fields));
    const same = await built(metaFile({ ...fields, ordered: false, mapping: ALL }));
    const ordered = await built(metaFile({ ...fields, ordered: true }));
    const digest = ({ result }: typeof plain): string | undefined => result.layers[0]?.digest;
    expect(digest(same)).toBe(digest(plain));
    expect(digest(ordered)).not.toBe(digest(plain));
  });
});

test('labels and the time of the file give way to options', async () => {
  const labels = { notes: 'one\ntwo\n', kind: 'file', gone: 'x' };
  const file = metaFile({ created: '2024-08-01T22:16:56Z', labels, layers: { x: 'all' }, mapping: ALL });
  const { image } = await built(file, {
    created: '2020-01-02T03:04:05Z',
    labels: [
      { key: 'kind', value: 'option' },
      { key: 'gone', remove: true },
    ],
    annotations: [{ key: 'kind', value: 'annotation' }],
  });
  expect(image.labels).toEqual({ notes: 'one\ntwo\n', kind: 'option' });
  expect(image.annotations).toMatchObject({ notes: 'one\ntwo\n', kind: 'annotation', gone: 'x' });
  expect(image.created).toBe('2020-01-02T03:04:05Z');
});

test('damaged databases are named, and their files fall to other sources', async () => {
  const warnings: Warning[] = [];
  const garbage: Files = {
    'var/lib/dpkg/status': 'no status\n',
    'usr/lib/sysimage/rpm/rpmdb.sqlite': 'no database',
    'var/lib/rpm/Packages': 'none either',
    'lib/apk/db/installed.adb': 'ADB.',
    'usr/bin/tool': 'a tool',
  };
  const image = await buildPlain(plainTar(garbage), { onWarning: (warning) => warnings.push(warning) });
  // Where native zstd is missing, that is said as well.
  const told = warnings.filter(({ code }) => code !== 'SLOW_FALLBACK');
  expect(told.map(({ code, path, message }) => [code, path, message])).toEqual(
    [
      ['/lib/apk/db/installed.adb', 'the database of apk is in the binary form, which is not read'],
      ['/var/lib/dpkg/status', 'no stanza of the status file names a package'],
      ['/usr/lib/sysimage/rpm/rpmdb.sqlite', 'the file is no SQLite database'],
      ['/var/lib/rpm/Packages', 'the file is no hash table of Berkeley DB'],
    ].map((said) => ['DATABASE_IGNORED', ...said]),
  );
  expect(image.layers.map(({ components }) => components)).toEqual([['rest/usr'], ['@db']]);
  expect((await verify(image.reference)).findings).toBe(0);
});

function readText(file: string): string {
  return readFileSync(file, 'utf8');
}

test('a layer may have the name of the one for what is left out, which then goes there', async () => {
  const layers = { '@unmapped': 'mine', x: 'x' };
  const { names, warnings } = await built(
    metaFile({ layers, mapping: { '/usr/a': 'x', '/usr/b': '@unmapped' } }),
  );
  expect(names).toEqual(['mine', 'x']);
  expect(warnings.map(([code]) => code)).toEqual(['CONTENTMETA_INCOMPLETE']);
});
