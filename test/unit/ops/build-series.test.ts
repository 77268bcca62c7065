/** A year in small: a tree of a dozen components and its updates, six layers, each image built on the one before. */
import { writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import type { BlobDigest } from '../../../src/bytes/digest.ts';
import type { BuildResult } from '../../../src/ops/build/build-result.ts';
import { download } from '../../../src/ops/look/download.ts';
import { verify } from '../../../src/ops/verify/verify.ts';
import { buildPlain, type Files, plainTar, scratchPath } from '../../support/plain-images.ts';

/** Components, their update intervals and bytes. The twelfth is `@db`: `/etc/ld.so.cache`. */
const COMPONENTS: Readonly<Record<string, readonly [interval: string, size: number]>> = {
  app: ['weekly', 30_000],
  lib: ['weekly', 20_000],
  web: ['biweekly', 15_000],
  tool: ['biweekly', 8000],
  shell: ['monthly', 12_000],
  ssl: ['monthly', 25_000],
  python: ['quarterly', 40_000],
  perl: ['quarterly', 22_000],
  fonts: ['yearly', 50_000],
  docs: ['yearly', 18_000],
  data: ['yearly', 35_000],
  extra: ['monthly', 1000],
};

/** The versions of components that are there; `db` is that of the database. */
type Versions = Readonly<Record<string, number>>;

const FIRST: Versions = {
  ...Object.fromEntries(Object.keys(COMPONENTS).map((name) => [name, 1])),
  db: 1,
};

/** One image: what is in it, layers that a client of the image before downloads for it, and how much that is. */
interface Step {
  readonly what: string;
  readonly versions: Versions;
  readonly fresh: readonly string[];
  readonly bytes: number;
}

const { extra: _, ...start } = FIRST;
const withApp = { ...start, app: 2, db: 2 };
const withExtra = { ...withApp, extra: 1, db: 3 };
const withLib = { ...withExtra, lib: 2, web: 2, db: 4 };
const { docs: __, ...withoutDocs }: Versions = { ...withLib, app: 3, shell: 2, db: 5 };

const STEPS: readonly Step[] = [
  {
    what: 'the first image',
    versions: start,
    fresh: ['data docs fonts', 'perl python', 'ssl', 'shell web', 'app', '@db lib tool'],
    bytes: 303_104,
  },
  { what: 'one component', versions: withApp, fresh: ['app', '@db lib tool'], bytes: 67_584 },
  { what: 'nothing', versions: withApp, fresh: [], bytes: 0 },
  { what: 'a small one added', versions: withExtra, fresh: ['@db extra lib tool'], bytes: 36_352 },
  {
    what: 'two that share a layer',
    versions: withLib,
    fresh: ['shell web', '@db extra lib tool'],
    bytes: 68_096,
  },
  {
    what: 'two changed and one removed',
    versions: withoutDocs,
    fresh: ['data fonts', 'shell web', 'app', '@db extra lib tool'],
    bytes: 190_976,
  },
];

function filesOf({ db, ...versions }: Versions): Files {
  const files = Object.entries(versions).map(([name, version]) => {
    const [, size = 0] = COMPONENTS[name] ?? [];
    return [`opt/${name}/data`, String(version).repeat(size)];
  });
  return { 'etc/ld.so.cache': `update ${db}`, ...Object.fromEntries(files) };
}

const BLOCK = 512;

/** Bytes of a layer's tar by what it must hold: the root, `/opt` or `/etc`, and directory, header and blocks of files. */
function layerBytes(names: string): number {
  const members = names.split(' ');
  const packed = members.filter((name) => name !== '@db');
  const blocks = packed.map((name) => 2 + Math.ceil((COMPONENTS[name]?.[1] ?? 0) / BLOCK));
  const tops = Math.min(packed.length, 1) + 3 * (members.length - packed.length);
  return BLOCK * (1 + tops + blocks.reduce((a, b) => a + b, 0) + 2);
}

const namesOf = ({ components }: BuildResult['layers'][number]): string =>
  components.map((key) => key.replace('user/', '')).join(' ');

/** Layers of the former image of which no component is gone or has changed. */
function cleanLayers(former: BuildResult, before: Versions, after: Versions): BlobDigest[] {
  const same = (name: string): boolean => before[name.replace('@', '')] === after[name.replace('@', '')];
  return former.layers.filter((layer) => namesOf(layer).split(' ').every(same)).map(({ digest }) => digest);
}

describe('a series of updates with build --previous', () => {
  const images: (BuildResult & { reference: string })[] = [];
  beforeAll(async () => {
    const componentMap = scratchPath('map.tsv');
    const lines = Object.entries(COMPONENTS).map(
      ([name, [interval]]) => `/opt/${name}\t${name}\t${interval}\n`,
    );
    writeFileSync(componentMap, lines.join(''));
    for (const { versions } of STEPS) {
      const previous = images.at(-1)?.reference;
      const options = { previous, componentMap, maxLayers: 6, compression: 'none' } as const;
      images.push(await buildPlain(plainTar(filesOf(versions)), options));
    }
  });

  test.for(STEPS.map((step, at) => ({ ...step, at })))('downloads what it must: $what', async (step) => {
    const { at, fresh, bytes } = step;
    const image = images[at] as BuildResult & { reference: string };
    const written = image.layers.filter(({ carried }) => !carried);
    expect(written.map(namesOf)).toEqual(fresh);
    expect(written.map(({ size }) => size)).toEqual(fresh.map(layerBytes));
    expect(written.reduce((sum, { size }) => sum + size, 0)).toBe(bytes);
    expect(image.layers).toHaveLength(6);
    const former = images[at - 1];
    if (former === undefined) return;
    expect(image.update).toMatchObject({ layers: fresh.length, size: bytes, replanned: false });
    const seen = await download(former.reference, image.reference);
    expect(seen.fresh).toEqual({ layers: fresh.length, size: bytes });
  });

  test('never rewrites a layer of which nothing has changed', () => {
    const kept = STEPS.slice(1).map(({ versions }, at) => {
      const former = images[at] as BuildResult;
      const clean = cleanLayers(former, STEPS[at]?.versions ?? {}, versions);
      const digests = images[at + 1]?.layers.map(({ digest }) => digest) ?? [];
      expect(clean.filter((digest) => !digests.includes(digest))).toEqual([]);
      return clean.length;
    });
    expect(kept).toEqual([4, 6, 5, 4, 2]);
  });

  test('rebuilds the very same image where nothing has changed', () => {
    expect(images[2]?.manifest).toEqual(images[1]?.manifest);
  });

  test('ends in a whole image with the digests of a cold build', async () => {
    const last = images.at(-1) as BuildResult & { reference: string };
    const { findings, checks } = await verify(last.reference, { jobs: 1 });
    expect([findings, checks.filter(({ outcome }) => outcome !== 'match')]).toEqual([0, []]);
    const cold = await buildPlain(plainTar(filesOf(STEPS.at(-1)?.versions ?? {})));
    expect(last.digests).toEqual(cold.digests);
  });
});
