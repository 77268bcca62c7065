/** `cat` and `ls` read what they need and no more, and what they give is what stands in the whole image. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CompressionKind } from '../../../src/compress/kind.ts';
import { isPlanishError } from '../../../src/errors.ts';
import { cat } from '../../../src/ops/look/cat.ts';
import { ls } from '../../../src/ops/look/ls.ts';
import { temporaryDirectory } from '../../support/cli.ts';
import { blobPath, makeLayout } from '../../support/layout-maker.ts';
import { archive, padded, type RawFields, rawHeader } from '../tar/support.ts';

const directory = (name: string): Buffer => rawHeader({ name, type: '5', mode: '0000755' });
const entry = (fields: RawFields, content = ''): Buffer =>
  Buffer.concat([rawHeader({ size: content.length, ...fields }), padded(content)]);
/** More than what is held beside the name. */
const long = (letter: string): string => letter.repeat(100);

const LOWER = archive(
  directory('etc/'),
  directory('usr/'),
  directory('usr/lib/'),
  entry({ name: 'usr/lib/base' }, long('b')),
  entry({ name: 'usr/lib/hidden' }, long('h')),
  entry({ name: 'usr/lib/both' }, long('l')),
  entry({ name: 'etc/link', type: '2', linkname: '../usr/lib/both' }),
  entry({ name: 'lib', type: '2', linkname: 'usr/lib' }),
);
const UPPER = archive(
  directory('usr/'),
  directory('usr/lib/'),
  entry({ name: 'usr/lib/both' }, long('u')),
  entry({ name: 'usr/lib/name', type: '2', linkname: '/usr/lib/../lib/both' }),
  entry({ name: 'usr/lib/alias', type: '1', linkname: 'usr/lib/both' }),
  entry({ name: 'usr/lib/.wh.hidden' }),
  entry({ name: 'usr/lib/twice' }, long('1')),
  entry({ name: 'usr/lib/twice' }, long('2')),
  // Its directory is that of the lower layer, or a link: only that layer tells.
  entry({ name: 'etc/orphan' }, long('o')),
);

let root = '';
beforeAll(() => {
  root = mkdtempSync(join(temporaryDirectory(), 'cat-'));
});
afterAll(() => rmSync(root, { recursive: true }));

async function contentOf(source: string, path: string, options = {}): Promise<string> {
  const parts: Uint8Array[] = [];
  try {
    await cat(source, path, (piece) => parts.push(piece), options);
  } catch (error) {
    if (isPlanishError(error)) return error.code;
    throw error;
  }
  return Buffer.concat(parts).toString('latin1');
}

/** An image of layers, and the same with the lowest spoiled, so that whoever reads that one notices. */
async function images(name: string, compression: CompressionKind, tars: Buffer[]): Promise<[string, string]> {
  const specs = tars.map((tar) => ({ tar, compression }));
  const sound = await makeLayout(join(root, name), specs);
  const spoiled = await makeLayout(join(root, `${name}-spoiled`), specs);
  for (const { digest } of spoiled.layers.slice(0, 1)) spoil(spoiled.directory, digest);
  return [sound.reference, spoiled.reference];
}

function spoil(layout: string, digest: string): void {
  const path = blobPath(layout, digest);
  writeFileSync(path, Buffer.alloc(readFileSync(path).length));
}

describe.each<CompressionKind>(['none', 'gzip', 'zstd'])('two layers, %s', (compression) => {
  const made = (): Promise<[string, string]> => images(compression, compression, [LOWER, UPPER]);
  let sound = '';
  let spoiled = '';
  beforeAll(async () => {
    [sound, spoiled] = await made();
  });

  test.each([
    ['/usr/lib/both', 'u'],
    ['usr/lib/name', 'u'],
    ['/usr/lib/alias', 'u'],
    ['/usr/lib/twice', '2'],
    ['/usr/../usr/lib/./both', 'u'],
  ])('%s is told by the upper one alone', async (path, letter) => {
    expect(await contentOf(sound, path)).toBe(long(letter));
    expect(await contentOf(spoiled, path)).toBe(long(letter));
  });

  test.each([
    ['/usr/lib/base', long('b')],
    ['/etc/link', long('u')],
    ['/etc/orphan', long('o')],
    ['/lib/both', long('u')],
    ['/usr/lib/hidden', 'PATH_NOT_FOUND'],
    ['/usr/lib', 'PATH_NOT_FOUND'],
    ['/nowhere', 'PATH_NOT_FOUND'],
  ])('%s needs both', async (path, content) => {
    expect(await contentOf(sound, path)).toBe(content);
    expect(await contentOf(spoiled, path)).toBe('DIGEST_MISMATCH');
  });
});

test('a hard link into a lower layer needs that, and no other file of its layer does', async () => {
  const [sound, spoiled] = await images('far', 'gzip', [
    LOWER,
    archive(
      directory('./usr/'),
      entry({ name: './usr/x', type: '1', linkname: './usr/lib/base' }),
      entry({ name: './usr/y', type: '1', linkname: './usr/x' }),
      entry({ name: './usr/z' }, long('z')),
    ),
  ]);
  for (const path of ['/usr/x', '/usr/y']) {
    expect(await contentOf(sound, path)).toBe(long('b'));
    expect(await contentOf(spoiled, path)).toBe('DIGEST_MISMATCH');
  }
  expect(await contentOf(spoiled, '/usr/z')).toBe(long('z'));
});

test('of many layers those above the one that tells are read, and at most as many more', async () => {
  const layer = (at: number): Buffer => archive(directory('d/'), entry({ name: `d/${at}` }, long(`${at}`)));
  const specs = Array.from({ length: 10 }, (_, at) => ({ tar: layer(at), compression: 'gzip' as const }));
  const { directory: place, reference, layers } = await makeLayout(join(root, 'many'), specs);
  for (const { digest } of layers.slice(0, 6)) spoil(place, digest);
  for (const at of [6, 7, 8, 9]) expect(await contentOf(reference, `/d/${at}`)).toBe(long(`${at}`));
  expect(await contentOf(reference, '/d/5')).toBe('DIGEST_MISMATCH');
});

test('a file that was not kept is printed once its layer has its digest', async () => {
  // Noise, or the layer would be small enough to be gone through in one piece.
  const noise = Buffer.from(Array.from({ length: 300_000 }, (_, at) => ((at * 2654435761) >>> 13) & 0xff));
  const text = noise.toString('latin1');
  const tar = archive(entry({ name: 'large' }, text), entry({ name: 'z' }, text));
  const link = archive(entry({ name: 'name', type: '2', linkname: 'large' }));
  const specs = [tar, link].map((each) => ({ tar: each, compression: 'gzip' as const }));
  const { reference, directory: place, layers } = await makeLayout(join(root, 'link'), specs);
  const cache = join(root, 'link-cache');
  mkdirSync(cache);
  await ls(reference, { cache });
  // The link has another name, so the layer is decompressed again, as far as the content; its end is hashed.
  expect(await contentOf(reference, '/name')).toBe(text);
  expect(await contentOf(reference, '/name', { cache })).toBe(text);
  const path = blobPath(place, layers[0]?.digest ?? '');
  const blob = readFileSync(path);
  blob[blob.length - 1] = (blob[blob.length - 1] ?? 0) ^ 1;
  writeFileSync(path, blob);
  expect(await contentOf(reference, '/name', { cache })).toBe('DIGEST_MISMATCH');
});

describe('a tar', () => {
  const tar = archive(directory('d/'), entry({ name: 'd/f' }, long('f')), entry({ name: 'd/s' }, 'small'));

  test.each([
    ['plain', tar],
    ['compressed', gzipSync(tar)],
  ])('%s', async (name, bytes) => {
    const file = join(root, `${name}.tar`);
    writeFileSync(file, bytes);
    expect(await contentOf(`tar:${file}`, '/d/f')).toBe(long('f'));
    expect(await contentOf(`tar:${file}`, '/d/s')).toBe('small');
    const { entries } = await ls(`tar:${file}`, { recursive: true });
    expect(entries.map(({ path, size, verity }) => [path, size, verity])).toEqual([
      ['/', 0, undefined],
      ['/d', 0, undefined],
      ['/d/f', 100, undefined],
      ['/d/s', 5, undefined],
    ]);
    const digests = await ls(`tar:${file}`, { path: '/d/f', digests: true });
    expect(digests.entries[0]?.verity).toMatch(/^[0-9a-f]{128}$/);
  });

  test('whose end is missing is refused', async () => {
    const file = join(root, 'cut.tar');
    writeFileSync(file, tar.subarray(0, 1050));
    expect(await contentOf(`tar:${file}`, '/d/f')).toBe('TAR_TRUNCATED');
  });
});

describe('the cache', () => {
  test('takes what was listed for that and nothing else', async () => {
    const cache = join(root, 'cache');
    mkdirSync(cache);
    const [sound, spoiled] = await images('cached', 'gzip', [LOWER, UPPER]);
    const options = { cache, recursive: true };
    const listed = await ls(sound, options);
    expect(readdirSync(cache).map((name) => name.split('.')[1])).toEqual(['entries', 'entries']);
    expect(await ls(spoiled, options)).toEqual(listed);
    // Nothing of it serves who asks for digests.
    await expect(ls(spoiled, { ...options, digests: true })).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
    const digests = await ls(sound, { ...options, digests: true });
    expect(digests).toEqual(await ls(sound, { recursive: true, digests: true }));
    expect(
      readdirSync(cache)
        .map((name) => name.split('.')[1])
        .sort(),
    ).toEqual([...['entries', 'entries', 'sha512', 'sha512']]);
    // What was measured serves who asks for none, and gives no more than was asked for.
    for (const name of readdirSync(cache)) if (name.includes('.entries.')) rmSync(join(cache, name));
    expect(await ls(spoiled, options)).toEqual(listed);
  });

  test('serves cat, which keeps nothing in it', async () => {
    const cache = join(root, 'cat-cache');
    mkdirSync(cache);
    const [sound, spoiled] = await images('cat-cached', 'gzip', [LOWER, UPPER]);
    expect(await contentOf(sound, '/usr/lib/base', { cache })).toBe(long('b'));
    expect(readdirSync(cache)).toEqual([]);
    await ls(sound, { cache });
    expect(await contentOf(spoiled, '/etc/link', { cache })).toBe(long('u'));
    expect(await contentOf(spoiled, '/usr/lib/base', { cache })).toBe('DIGEST_MISMATCH');
  });
});
