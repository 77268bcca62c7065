/** What is written again though it has not changed comes from the previous image, where that is less to read. */
import { readFileSync, writeFileSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import { build } from '../../../src/ops/build/build.ts';
import type { BuildResult } from '../../../src/ops/build/build-result.ts';
import type { Warning } from '../../../src/warnings.ts';
import { blobPath, makeLayout } from '../../support/layout-maker.ts';
import { type Files, plainTar, scratchPath } from '../../support/plain-images.ts';
import { pseudoRandom } from '../../support/tar-maker.ts';

/** Content that does not compress. */
const dense = (length: number, seed: number): string => pseudoRandom(length, seed).toString('base64');

/** `a` and `b` share a layer, `big` has one. */
const BASE: Files = {
  'opt/a/data': dense(1000, 1),
  'opt/b/data': dense(1000, 2),
  'opt/big/data': dense(40_000, 3),
};
const UPDATE: Files = { 'opt/a/data': dense(1000, 4) };

const images = { first: '', second: '', layout: '', base: '' };
let cache = '';
let first: BuildResult;

const cached = async (source: string, previous?: string, onWarning?: (warning: Warning) => void) => {
  const destination = `oci:${scratchPath('built')}:t`;
  return await build(source, { destination, previous, cache, maxLayers: 2, jobs: 1, onWarning });
};

/** Makes one byte of a blob another one; its size stays. */
function spoil(layout: string, digest: string | undefined): void {
  const path = blobPath(layout, digest ?? '');
  const bytes = readFileSync(path);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

beforeEach(async () => {
  cache = scratchPath('cache');
  const base = { tar: plainTar(BASE), compression: 'gzip' } as const;
  const old = await makeLayout(scratchPath('old'), [base]);
  const now = await makeLayout(scratchPath('now'), [base, { tar: plainTar(UPDATE), compression: 'gzip' }]);
  Object.assign(images, { first: old.reference, second: now.reference, layout: now.directory });
  images.base = now.layers[0]?.digest ?? '';
  first = await cached(images.first);
});

describe('build --previous with a layer cache', () => {
  test('does not read the base of an image for what the previous image has', async () => {
    expect(first.layers.map(({ components }) => components)).toEqual([
      ['rest/opt/big'],
      ['rest/opt/a', 'rest/opt/b'],
    ]);
    const fresh = await cached(images.second);
    spoil(images.layout, images.base);
    const next = await cached(images.second, first.destination);
    expect(next.layers.map(({ carried }) => carried)).toEqual([true, false]);
    expect(next.layers.map(({ digest }) => digest)).toEqual(fresh.layers.map(({ digest }) => digest));
    await expect(cached(images.second)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });

  test.each([['known'], ['new']])(
    'reads the base where a damaged layer of the previous image is %s',
    async (state) => {
      const fresh = await cached(images.second, first.destination);
      if (state === 'new') {
        cache = scratchPath('cache');
        await cached(images.first);
      }
      spoil(first.destination.slice(4, -2), first.layers[1]?.digest);
      const warnings: string[] = [];
      const next = await cached(images.second, first.destination, ({ code }) => warnings.push(code));
      expect(next.manifest).toEqual(fresh.manifest);
      const others = ['NO_HOST_DIGEST', 'SLOW_FALLBACK'];
      expect(warnings.filter((code) => !others.includes(code))).toEqual(['PREVIOUS_IGNORED']);
    },
  );
});
