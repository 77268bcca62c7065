/** Emitting what a repository has: what is believed of it, and of the cache, and what is not. */
import { mkdtempSync, rmSync, statSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type VerityDigest, verityDigest } from '../../../src/bytes/digest.ts';
import { computeVerityDigest } from '../../../src/fsverity/digest.ts';
import { hostProfile } from '../../../src/host/profiles.ts';
import { CACHE_BYTES, LayerCache } from '../../../src/io/layer-cache.ts';
import { cacheVerify } from '../../../src/ops/cache.ts';
import { type EmitOptions, type EmitResult, emit } from '../../../src/ops/repository/emit.ts';
import { decodeImages, imagesName } from '../../../src/ops/repository/known-images.ts';
import type { Warning } from '../../../src/warnings.ts';
import { CONTENTS, copyRepository, objectFile, smallRepository } from '../../support/small-repository.ts';

const directory = mkdtempSync(join(tmpdir(), 'planish-again-'));
afterAll(() => rmSync(directory, { recursive: true }));
const cache = join(directory, 'cache');
const repository = join(directory, 'copy');
let made: Awaited<ReturnType<typeof smallRepository>>;
beforeAll(async () => {
  made = await smallRepository(directory);
});
beforeEach(() => {
  copyRepository(made.repository, repository);
  rmSync(cache, { recursive: true, force: true });
});

const warnings: Warning[] = [];
async function again(options: Partial<EmitOptions> = {}): Promise<EmitResult> {
  warnings.length = 0;
  const onWarning = (warning: Warning): void => void warnings.push(warning);
  return await emit(made.layout, { repository, cache, onWarning, ...options });
}
const codes = (): string[] =>
  warnings.map(({ code }) => code).filter((code) => code !== 'REPOSITORY_INSECURE');
const image = (): VerityDigest => made.result.images[0]?.digest as VerityDigest;
const objectOf = (path: string): string =>
  objectFile(repository, computeVerityDigest(CONTENTS[path] as Buffer, 'sha512'));

/** Replaces what the cache says of the images. */
function pretend(digest: string, size: number): void {
  const [file] = new LayerCache(cache, CACHE_BYTES).list();
  const images = [{ kind: 'plain', format: 1, digest, size }];
  new LayerCache(cache, CACHE_BYTES).store(String(file?.name), Buffer.from(JSON.stringify({ images })));
}

test('a second emit with a cache tells the same as one without', async () => {
  const plain = await again({ cache: undefined });
  expect(await again()).toEqual(plain);
  expect(await again()).toEqual(plain);
  expect(plain.links).toBe(0);
  expect(plain.objects.added).toBe(0);
  expect(codes()).toEqual([]);
  expect(cacheVerify(cache)).toMatchObject({ files: 1, findings: [] });
});

test('the digest of an image is believed, if the repository has it', async () => {
  await again();
  const other = computeVerityDigest(CONTENTS['usr/two'] as Buffer, 'sha512');
  pretend(other, 9000);
  expect((await again()).images).toEqual([{ kind: 'plain', format: 1, digest: other, size: 9000 }]);
  pretend(other, 8999);
  expect((await again()).images).toEqual(made.result.images);
  pretend('0'.repeat(128), 9000);
  expect((await again()).images).toEqual(made.result.images);
});

test('an image that is gone is made again', async () => {
  await again();
  unlinkSync(objectFile(repository, image()));
  const { objects, images } = await again();
  expect(objects.added).toBe(1);
  expect(images).toEqual(made.result.images);
  expect(statSync(objectFile(repository, image())).size).toBe(images[0]?.size);
});

test('an image that was changed is not believed', async () => {
  await again();
  const file = objectFile(repository, image());
  writeFileSync(file, Buffer.alloc(statSync(file).size));
  expect((await again()).images).toEqual(made.result.images);
});

describe.each([
  ['with', true],
  ['without', false],
])('%s a cache', (_, cached) => {
  test.each([
    ['is missing', (file: string) => unlinkSync(file)],
    ['became shorter', (file: string) => truncateSync(file, 100)],
  ])('a layer of which a content %s is read again', async (_what, damage) => {
    await again();
    damage(objectOf('usr/one'));
    const { objects, layers } = await again(cached ? {} : { cache: undefined });
    expect(layers.map(({ reused }) => reused)).toEqual([false, false]);
    expect(codes()).toEqual(['STREAM_IGNORED', 'STREAM_IGNORED']);
    expect(objects.added).toBeGreaterThan(0);
    expect(statSync(objectOf('usr/one')).size).toBe(1000);
  });
});

test('a layer that another repository lacks is read, though its images are known', async () => {
  await again();
  const elsewhere = join(directory, 'elsewhere');
  const result = await again({ repository: elsewhere, verity: 'none' });
  expect(result.layers.map(({ reused }) => reused)).toEqual([false, false]);
  expect(result.images).toEqual(made.result.images);
});

test('whoever requires a bootable image is refused again', async () => {
  expect((await again()).refused).toBeDefined();
  expect((await again()).refused).toEqual(made.result.refused);
  await expect(again({ bootable: 'require' })).rejects.toThrow(made.result.refused?.message ?? 'none');
});

test('every choice of the host has images of its own', () => {
  const wishes = { profile: hostProfile('bootc'), formats: [1], bootable: 'auto' } as const;
  const layers = made.result.layers.map(({ diffId }) => diffId);
  const names = [
    imagesName(layers, 'sha512', wishes),
    imagesName(layers, 'sha256', wishes),
    imagesName(layers.toReversed(), 'sha512', wishes),
    imagesName(layers, 'sha512', { ...wishes, profile: hostProfile('cfsctl') }),
    imagesName(layers, 'sha512', { ...wishes, formats: [1, 2] }),
    imagesName(layers, 'sha512', { ...wishes, bootable: 'none' }),
  ];
  expect(new Set(names).size).toBe(names.length);
  expect(imagesName(layers, 'sha512', { ...wishes, bootable: 'require' })).toBe(names[0]);
});

const IMAGE = { kind: 'plain', format: 1, digest: verityDigest('a'.repeat(64)), size: 4096 };
test.each([
  ['{'],
  ['null'],
  ['{"images":[]}'],
  [JSON.stringify({ images: [{ ...IMAGE, digest: 'x' }] })],
  [JSON.stringify({ images: [{ ...IMAGE, format: 3 }] })],
  [JSON.stringify({ images: [{ ...IMAGE, kind: 'x' }] })],
  [JSON.stringify({ images: [{ ...IMAGE, size: 0.5 }] })],
  [JSON.stringify({ images: [IMAGE], refused: { code: 'NO_SUCH', message: '' } })],
])('a file of the cache that holds %s is damaged', (text) => {
  expect(() => decodeImages(Buffer.from(text))).toThrow('a file of the layer cache holds no images');
});
