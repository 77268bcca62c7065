/** Images that skopeo (and umoci) wrote are read; what planish wrote is read by them. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createArchiveWriter } from '../../src/io/archive-writer.ts';
import { readSmallBlob } from '../../src/io/blob-file.ts';
import type { ImageWriter } from '../../src/io/image-writer.ts';
import { createLayoutWriter } from '../../src/io/layout-writer.ts';
import { openSource } from '../../src/io/open-image.ts';
import type { OpenedImage } from '../../src/io/opened-image.ts';
import { parseDescriptor } from '../../src/oci/descriptor.ts';
import { parsePlatform } from '../../src/oci/platform.ts';
import { parseSource } from '../../src/oci/reference.ts';
import { Blobs, digestOf, failure, json, named, scratch, tarOf } from '../unit/io/sample-image.ts';

function has(tool: string): boolean {
  const found = spawnSync(tool, ['--version']).status === 0;
  if (!found) process.stderr.write(`SKIPPED: images against ${tool}: it is not installed\n`);
  return found;
}

const hasSkopeo = has('skopeo');
const hasUmoci = has('umoci');
const hasZstd = has('zstd');

function skopeo(...args: string[]): Buffer {
  return execFileSync('skopeo', ['--insecure-policy', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
}

async function open(text: string, platform?: string): Promise<OpenedImage> {
  const wanted = platform === undefined ? undefined : parsePlatform(platform);
  const opened = await openSource(parseSource(text), { architecture: 'x64', platform: wanted });
  if (opened.kind !== 'image') throw new Error(`opened as ${opened.kind}`);
  return opened;
}

/** Digest of each layer's tar; every blob is checked against the descriptor, too. */
function tarDigests(image: OpenedImage): string[] {
  return image.layers.map(({ blob, descriptor }) => {
    const bytes = readSmallBlob(blob, 1e9);
    expect(digestOf(bytes)).toBe(descriptor.digest);
    const isGzip = descriptor.mediaType.endsWith('gzip');
    return digestOf(isGzip ? gunzipSync(bytes) : bytes);
  });
}

/** The documents that skopeo sees are the documents that we opened. */
function expectSameAsSkopeo(image: OpenedImage, reference: string): void {
  expect(Buffer.from(image.manifest.bytes)).toEqual(skopeo('inspect', '--raw', reference));
  expect(Buffer.from(image.config.bytes)).toEqual(skopeo('inspect', '--raw', '--config', reference));
  expect(tarDigests(image)).toEqual(image.layers.map((layer) => layer.diffId));
}

function sampleLayout(): string {
  const blobs = new Blobs();
  return blobs.layout([named(blobs.image('a'), 'v1'), named(blobs.image('b'), 'localhost:5000/b:2')]);
}

async function fill(writer: ImageWriter, name: string, refName: string): Promise<string> {
  const blobs = new Blobs();
  const descriptor = parseDescriptor(blobs.image(name), 'm');
  for (const bytes of blobs.map.values()) await writer.addBytes(bytes);
  await writer.commit({ descriptor, refName, platform: { os: 'linux', architecture: 'amd64' } });
  return descriptor.digest;
}

describe.skipIf(!hasSkopeo)('what skopeo wrote', () => {
  it('as a layout is read, several names in it', async () => {
    const source = sampleLayout();
    const layout = join(scratch(), 'out');
    skopeo('copy', `oci:${source}:v1`, `oci:${layout}:one`);
    skopeo('copy', `oci:${source}:localhost:5000/b:2`, `oci:${layout}:localhost:5000/b:3`);
    for (const name of ['one', 'localhost:5000/b:3']) {
      const image = await open(`oci:${layout}:${name}`);
      expect(image.name).toBe(name);
      // skopeo compresses what was plain.
      expect(image.layers[0]?.descriptor.mediaType).toBe('application/vnd.oci.image.layer.v1.tar+gzip');
      expectSameAsSkopeo(image, `oci:${layout}:${name}`);
    }
    expect((await failure(() => open(`oci:${layout}`))).code).toBe('AMBIGUOUS_IMAGE');
  });

  it('as an OCI archive is read, plain or compressed as a whole', async () => {
    const directory = scratch();
    const archive = join(directory, 'a.tar');
    skopeo('copy', `oci:${sampleLayout()}:v1`, `oci-archive:${archive}:v1`);
    expectSameAsSkopeo(await open(`oci-archive:${archive}:v1`), `oci-archive:${archive}:v1`);
    expect((await open(archive)).reference).toBe(`oci-archive:${archive}`);
    const manifest = (await open(archive)).manifest.descriptor.digest;
    for (const [tool, suffix] of [['gzip', 'gz'], ...(hasZstd ? [['zstd', 'zst']] : [])]) {
      execFileSync(tool ?? '', ['-k', '-q', archive]);
      const image = await open(`oci-archive:${archive}.${suffix}`);
      expect(image.manifest.descriptor.digest).toBe(manifest);
      expect(tarDigests(image)).toEqual(image.layers.map((layer) => layer.diffId));
      const bare = await open(`${archive}.${suffix}`);
      expect(bare.reference).toBe(`oci-archive:${archive}.${suffix}`);
      bare.close();
      image.close();
    }
  });

  it('as a Docker archive is read, by any of its names', async () => {
    const archive = join(scratch(), 'd.tar');
    const tags = ['--additional-tag', 'localhost:5000/x:2', '--additional-tag', 'foo:latest'];
    skopeo('copy', ...tags, `oci:${sampleLayout()}:v1`, `docker-archive:${archive}:foo/bar:1`);
    for (const name of [
      '',
      ':foo/bar:1',
      ':docker.io/foo/bar:1',
      ':localhost:5000/x:2',
      ':foo',
      ':library/foo',
    ]) {
      const image = await open(`docker-archive:${archive}${name}`);
      expect(Buffer.from(image.config.bytes)).toEqual(
        skopeo('inspect', '--raw', '--config', `docker-archive:${archive}:foo/bar:1`),
      );
      expect(tarDigests(image)).toEqual(image.layers.map((layer) => layer.diffId));
    }
    expect((await open(archive)).reference).toBe(`docker-archive:${archive}`);
    expect((await failure(() => open(`docker-archive:${archive}:foo/bar:2`))).code).toBe('NO_SUCH_IMAGE');
  });

  it('with several platforms is read by platform', async () => {
    const blobs = new Blobs();
    const entry = (architecture: string, variant?: string) => ({
      ...blobs.image(`${architecture}${variant ?? ''}`, { architecture, ...(variant ? { variant } : {}) }),
      platform: { os: 'linux', architecture, ...(variant ? { variant } : {}) },
    });
    const index = blobs.index([entry('amd64'), entry('arm64', 'v8'), entry('arm', 'v7'), entry('arm', 'v6')]);
    const source = blobs.layout([named(index, 'multi')]);
    const layout = join(scratch(), 'out');
    skopeo('copy', '--all', `oci:${source}:multi`, `oci:${layout}:multi`);
    const cases = [
      ['linux/amd64', 'amd64', ''],
      ['linux/arm64', 'arm64', 'v8'],
      ['linux/arm/v7', 'arm', 'v7'],
      ['linux/arm/v6', 'arm', 'v6'],
    ] as const;
    for (const [platform, architecture, variant] of cases) {
      const image = await open(`oci:${layout}:multi`, platform);
      const chosen = [
        '--override-os',
        'linux',
        '--override-arch',
        architecture,
        '--override-variant',
        variant,
      ];
      const config = skopeo(...chosen, 'inspect', '--raw', '--config', `oci:${layout}:multi`);
      expect(Buffer.from(image.config.bytes)).toEqual(config);
      expect(tarDigests(image)).toEqual(image.layers.map((layer) => layer.diffId));
    }
    expect((await open(`oci:${layout}:multi`)).config.document.architecture).toBe('amd64');
    expect((await failure(() => open(`oci:${layout}:multi`, 'linux/s390x'))).code).toBe('NO_SUCH_IMAGE');
  });
});

describe.skipIf(!hasUmoci)('what umoci wrote', () => {
  it('is read, and may be added to', async () => {
    const directory = scratch();
    const layout = join(directory, 'layout');
    const tar = join(directory, 'layer.tar');
    writeFileSync(tar, tarOf([['file', Buffer.from('x')]]));
    const umoci = (...args: string[]) => execFileSync('umoci', args, { encoding: 'utf8' });
    umoci('init', '--layout', layout);
    umoci('new', '--image', `${layout}:base`);
    umoci('raw', 'add-layer', '--image', `${layout}:base`, tar);
    const image = await open(`oci:${layout}:base`);
    expect(tarDigests(image)).toEqual([digestOf(readFileSync(tar))]);
    await fill(createLayoutWriter(layout), 'ours', 'ours');
    expect(umoci('list', '--layout', layout)).toBe('base\nours\n');
    expect(umoci('stat', '--image', `${layout}:ours`, '--json')).toContain('"history"');
  });
});

describe.skipIf(!hasSkopeo)('what planish wrote', () => {
  it('as a layout is read by skopeo, and may be added to', async () => {
    const layout = join(scratch(), 'out');
    const one = await fill(createLayoutWriter(layout), 'a', 'one');
    expect(JSON.parse(skopeo('inspect', `oci:${layout}:one`).toString()).Digest).toBe(one);
    skopeo('copy', `oci:${sampleLayout()}:v1`, `oci:${layout}:theirs`);
    const two = await fill(createLayoutWriter(layout), 'b', 'two');
    const again = await fill(createLayoutWriter(layout), 'c', 'one');
    for (const [name, digest] of [
      ['one', again],
      ['two', two],
    ]) {
      expect(JSON.parse(skopeo('inspect', `oci:${layout}:${name}`).toString()).Digest).toBe(digest);
      expectSameAsSkopeo(await open(`oci:${layout}:${name}`), `oci:${layout}:${name}`);
    }
    const copy = join(scratch(), 'dir');
    skopeo('copy', `oci:${layout}:two`, `dir:${copy}`);
    expect(digestOf(readFileSync(join(copy, 'manifest.json')))).toBe(two);
    expectSameAsSkopeo(await open(`oci:${layout}:theirs`), `oci:${layout}:theirs`);
    expect(readdirSync(layout).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
  });

  it('as an archive is read by skopeo with the digest unchanged', async () => {
    const archive = join(scratch(), 'a.tar');
    const digest = await fill(createArchiveWriter(archive), 'a', 'v1');
    expect(JSON.parse(skopeo('inspect', `oci-archive:${archive}:v1`).toString()).Digest).toBe(digest);
    const copy = join(scratch(), 'dir');
    skopeo('copy', `oci-archive:${archive}:v1`, `dir:${copy}`);
    expect(digestOf(readFileSync(join(copy, 'manifest.json')))).toBe(digest);
  });
});

describe.skipIf(!hasSkopeo)('blobs named by sha512', () => {
  it('are written below blobs/sha512 and read back', async () => {
    const layout = join(scratch(), 'out');
    const writer = createLayoutWriter(layout);
    const layer = tarOf([['file', Buffer.from('x')]]);
    const digest = `sha512:${createHash('sha512').update(layer).digest('hex')}`;
    const file = writer.createBlobFile('layer');
    writeFileSync(file, layer);
    await writer.addBlobFile(file, digest as never, layer.length);
    const rootfs = { type: 'layers', diff_ids: [digestOf(layer)] };
    const mediaType = 'application/vnd.oci.image.layer.v1.tar';
    const config = await writer.addBytes(json({ architecture: 'amd64', os: 'linux', rootfs }));
    const manifest = await writer.addBytes(
      json({
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
        layers: [{ mediaType, digest, size: layer.length }],
      }),
    );
    const descriptor = { mediaType: 'application/vnd.oci.image.manifest.v1+json', ...manifest };
    await writer.commit({ descriptor, refName: 'v1' });
    expect(readdirSync(join(layout, 'blobs')).sort()).toEqual(['sha256', 'sha512']);
    expect((await open(`oci:${layout}`)).layers[0]?.descriptor.digest).toBe(digest);
    expect(JSON.parse(skopeo('inspect', `oci:${layout}:v1`).toString()).Layers).toEqual([digest]);
  });
});
