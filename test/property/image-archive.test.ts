/** Hostile archives and layouts: any damage gives an error of planish or a correct result, never anything else. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PlanishError } from '../../src/errors.ts';
import { openSource } from '../../src/io/open-image.ts';
import { parseImageConfig } from '../../src/oci/config.ts';
import { parseIndex, parseManifest } from '../../src/oci/manifest.ts';
import { placeImage } from '../../src/oci/place-image.ts';
import { formatSource, parseDestination, parseSource } from '../../src/oci/reference.ts';
import { fc } from '../support/property.ts';
import { Blobs, json, type Member, named, tarOf } from '../unit/io/sample-image.ts';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'planish-test-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const blobs = new Blobs();
const entry = named(blobs.image('a'), 'v1');
const ociArchive = tarOf(blobs.members([entry]));
const texts = [...blobs.map.values()].map((bytes) => Buffer.from(bytes));
const config = texts.find((bytes) => bytes.includes('"diff_ids"')) ?? Buffer.alloc(0);
const manifest = texts.find((bytes) => bytes.includes('"layers":[{')) ?? Buffer.alloc(0);
const layer = texts.find((bytes) => bytes !== config && bytes !== manifest) ?? Buffer.alloc(0);
const dockerMembers: Member[] = [
  ['l.tar', layer],
  ['c.json', config],
  ['manifest.json', json([{ Config: 'c.json', RepoTags: ['a:1'], Layers: ['l.tar'] }])],
];
const dockerArchive = tarOf(dockerMembers);

async function tolerates(run: () => unknown): Promise<boolean> {
  try {
    await run();
    return true;
  } catch (error) {
    return error instanceof PlanishError && error.code !== 'INVARIANT';
  }
}

async function opens(bytes: Uint8Array, kind: string): Promise<boolean> {
  const path = join(directory, 'damaged.tar');
  writeFileSync(path, bytes);
  return tolerates(async () => {
    const opened = await openSource(parseSource(`${kind}${path}`), { architecture: 'x64' });
    if (opened.kind === 'image') opened.close();
  });
}

it.each([
  ['oci-archive:', ociArchive],
  ['docker-archive:', dockerArchive],
  ['', ociArchive],
  ['', dockerArchive],
])('opening a damaged archive as "%s"', async (kind, archive) => {
  expect(await opens(archive, kind)).toBe(true);
  const at = fc.nat(archive.length - 1);
  await fc.assert(
    fc.asyncProperty(at, fc.integer({ min: 1, max: 255 }), fc.boolean(), async (position, flip, cut) => {
      const damaged = Buffer.from(cut ? archive.subarray(0, position) : archive);
      if (!cut) damaged.writeUInt8(damaged.readUInt8(position) ^ flip, position);
      return opens(damaged, kind);
    }),
    { numRuns: 300 },
  );
});

it('parsing damaged documents', async () => {
  const index = json({ schemaVersion: 2, manifests: [entry] });
  for (const [bytes, parse] of [
    [config, parseImageConfig],
    [manifest, parseManifest],
    [index, parseIndex],
  ] as const) {
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(255), (at, byte) => {
        const damaged = Buffer.from(bytes);
        damaged.writeUInt8(byte, at);
        return tolerates(() => parse(damaged, 'x'));
      }),
      { numRuns: 1000 },
    );
    await fc.assert(fc.asyncProperty(fc.json(), (text) => tolerates(() => parse(Buffer.from(text), 'x'))));
  }
});

it('a source is written as it was read', async () => {
  const part = fc.string({ unit: fc.constantFrom('a', ':', '@', '/', '.', '-', 'sha256:', 'A', ' ', '\0') });
  const prefix = fc.constantFrom(
    '',
    'oci:',
    'oci-archive:',
    'docker-archive:',
    'tar:',
    'dump:',
    'rootfs:',
    'docker:',
  );
  await fc.assert(
    fc.asyncProperty(prefix, part, (start, rest) =>
      tolerates(() => {
        const text = `${start}${rest}`;
        expect(formatSource(parseSource(text))).toBe(text);
      }),
    ),
    { numRuns: 2000 },
  );
  await fc.assert(fc.asyncProperty(fc.string(), (text) => tolerates(() => parseDestination(text))));
});

it('placing an image twice is placing it once, and touches no other name', () => {
  const name = fc.option(fc.constantFrom('a', 'b', 'c'), { nil: undefined });
  const image = fc.tuple(fc.constantFrom('1', '2', '3'), name);
  const make = ([digit, called]: [string, string | undefined]) => {
    const digest = `sha256:${digit.repeat(64)}`;
    const bare = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest, size: 1 };
    return called === undefined ? bare : named(bare, called);
  };
  fc.assert(
    fc.property(fc.array(image), image, (present, added) => {
      const index = parseIndex(json({ schemaVersion: 2, manifests: present.map(make) }), 'x');
      const descriptor = parseIndex(json({ schemaVersion: 2, manifests: [make(added)] }), 'x').manifests[0];
      if (descriptor === undefined) throw new Error('lost');
      const once = placeImage(index, descriptor, added[1]);
      expect(placeImage(once, descriptor, added[1])).toEqual(once);
      const isOther = (candidate: { annotations?: object }) =>
        JSON.stringify(candidate.annotations) !== JSON.stringify(descriptor.annotations);
      expect(once.manifests.filter(isOther)).toEqual(index.manifests.filter(isOther));
      expect(once.manifests).toContainEqual(descriptor);
    }),
  );
});
