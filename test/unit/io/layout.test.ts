import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSmallBlob } from '../../../src/io/blob-file.ts';
import { LayoutDirectory, openLayoutImage } from '../../../src/io/layout.ts';
import type { OpenedImage } from '../../../src/io/opened-image.ts';
import { MEDIA_TYPES } from '../../../src/oci/media-types.ts';
import { linuxPlatform, parsePlatform } from '../../../src/oci/platform.ts';
import {
  Blobs,
  blobPath,
  digestOf,
  failure,
  json,
  named,
  type SampleDescriptor,
  scratch,
} from './sample-image.ts';

function open(path: string, which: { name?: string; digest?: string; platform?: string } = {}): OpenedImage {
  const wanted = which.platform === undefined ? undefined : parsePlatform(which.platform);
  const selector = { name: which.name, digest: which.digest as never };
  return openLayoutImage(new LayoutDirectory(path, 'oci:x'), selector, {
    wanted,
    fallback: linuxPlatform('x64'),
  });
}

const nameOf = (image: OpenedImage): unknown => image.manifestAnnotations['name'];

describe('openLayoutImage', () => {
  it('opens the only image, documents checked and layers located', () => {
    const blobs = new Blobs();
    const manifest = blobs.image('a', { 'x-vendor': { y: 1 } });
    const path = blobs.layout([named(manifest, 'v1')]);
    const image = open(path);
    expect(image.name).toBe('v1');
    expect(image.reference).toBe('oci:x');
    expect(image.manifest.descriptor).toEqual(named(manifest, 'v1'));
    expect(digestOf(image.manifest.bytes)).toBe(manifest.digest);
    expect(image.config.document['x-vendor']).toEqual({ y: 1 });
    expect(digestOf(image.config.bytes)).toBe(image.manifest.document.config.digest);
    expect(image.layers).toHaveLength(1);
    const [layer] = image.layers;
    expect(layer?.diffId).toBe(layer?.descriptor.digest);
    expect(layer && digestOf(readSmallBlob(layer.blob, 1e6))).toBe(layer?.descriptor.digest);
    expect(nameOf(image)).toBe('a');
  });

  it('chooses by name and by digest', () => {
    const blobs = new Blobs();
    const [a, b] = [blobs.image('a'), blobs.image('b')];
    const path = blobs.layout([named(a, 'one'), named(b, 'two'), named(a, 'three')]);
    expect(nameOf(open(path, { name: 'two' }))).toBe('b');
    expect(nameOf(open(path, { name: 'three' }))).toBe('a');
    expect(nameOf(open(path, { digest: b.digest }))).toBe('b');
  });

  it('lists the names when several images match, or none', async () => {
    const blobs = new Blobs();
    const path = blobs.layout([named(blobs.image('a'), 'one'), blobs.image('b')]);
    const listed = `one, @${[...blobs.map.keys()][5]}`;
    expect(await failure(() => open(path))).toMatchObject({
      code: 'AMBIGUOUS_IMAGE',
      message: 'oci:x holds several images',
      detail: { actual: listed, file: path },
    });
    expect(await failure(() => open(path, { name: 'x' }))).toMatchObject({
      code: 'NO_SUCH_IMAGE',
      detail: { expected: 'x', actual: listed },
    });
    const digest = `sha256:${'0'.repeat(64)}`;
    expect((await failure(() => open(path, { digest }))).code).toBe('NO_SUCH_IMAGE');
    expect(await failure(() => open(blobs.layout([])))).toMatchObject({
      code: 'NO_SUCH_IMAGE',
      detail: { actual: 'no image at all' },
    });
  });

  it('takes one image under two names for one', () => {
    const blobs = new Blobs();
    const manifest = blobs.image('a');
    expect(nameOf(open(blobs.layout([named(manifest, 'one'), named(manifest, 'two')])))).toBe('a');
  });

  it('passes over signatures, attestations and artifacts', () => {
    const blobs = new Blobs();
    const image = blobs.image('a');
    const attestation = { ...blobs.image('b'), platform: { os: 'unknown', architecture: 'unknown' } };
    const artifact = { ...blobs.image('c'), artifactType: 'application/x' };
    const odd = blobs.add('application/x', Buffer.from('x'));
    expect(nameOf(open(blobs.layout([attestation, artifact, odd, named(image, 'v')])))).toBe('a');
  });

  it('knows the full names that containerd and Docker write', async () => {
    const blobs = new Blobs();
    const full = (manifest: SampleDescriptor, name: string) => ({
      ...manifest,
      annotations: { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': 'latest' },
    });
    const path = blobs.layout([
      full(blobs.image('a'), 'docker.io/library/a:latest'),
      full(blobs.image('b'), 'localhost/b:1'),
    ]);
    expect(nameOf(open(path, { name: 'a' }))).toBe('a');
    expect(nameOf(open(path, { name: 'localhost/b:1' }))).toBe('b');
    expect((await failure(() => open(path, { name: 'b:1' }))).code).toBe('NO_SUCH_IMAGE');
  });
});

describe('platforms', () => {
  function multi(): { path: string; blobs: Blobs; inner: SampleDescriptor } {
    const blobs = new Blobs();
    const platform = (os: string, architecture: string) => ({ platform: { os, architecture } });
    const inner = blobs.index([{ ...blobs.image('arm'), ...platform('linux', 'arm64') }]);
    const outer = blobs.index([
      { ...blobs.image('att'), ...platform('unknown', 'unknown') },
      { ...blobs.image('amd'), ...platform('linux', 'amd64') },
      inner,
    ]);
    return { path: blobs.layout([named(outer, 'v1')]), blobs, inner };
  }

  it('are found through nested indexes', async () => {
    const { path, inner } = multi();
    expect(nameOf(open(path))).toBe('amd');
    expect(open(path).name).toBe('v1');
    expect(nameOf(open(path, { name: 'v1', platform: 'linux/arm64/v8' }))).toBe('arm');
    expect(nameOf(open(path, { digest: inner.digest }))).toBe('arm');
    expect(await failure(() => open(path, { platform: 'linux/s390x' }))).toMatchObject({
      code: 'NO_SUCH_IMAGE',
      detail: { expected: 'linux/s390x', actual: 'linux/amd64, linux/arm64' },
    });
  });

  it('come from the config where no index states them', async () => {
    const blobs = new Blobs();
    const arm = blobs.image('arm', { architecture: 'arm64', variant: 'v8' });
    const amd = blobs.image('amd');
    const one = blobs.layout([arm]);
    expect(nameOf(open(one))).toBe('arm');
    expect(nameOf(open(one, { platform: 'linux/arm64' }))).toBe('arm');
    expect((await failure(() => open(one, { platform: 'linux/amd64' }))).code).toBe('NO_SUCH_IMAGE');
    expect(nameOf(open(blobs.layout([arm, amd])))).toBe('amd');
    expect(open(blobs.layout([arm, amd])).manifest.descriptor).toEqual(amd);
  });

  it('that occur twice under one name are ambiguous', async () => {
    const blobs = new Blobs();
    const path = blobs.layout([named(blobs.image('a'), 'v'), named(blobs.image('b'), 'v')]);
    expect(await failure(() => open(path, { name: 'v' }))).toMatchObject({
      code: 'AMBIGUOUS_IMAGE',
      message: 'oci:x holds several images for linux/amd64',
    });
  });

  it('survive an index that names blobs that were not copied', () => {
    const { path, blobs } = multi();
    const kept = open(path, { platform: 'linux/arm64' });
    for (const digest of blobs.map.keys()) {
      const needed = [
        kept.manifest.descriptor.digest,
        kept.config.descriptor.digest,
        kept.layers[0]?.descriptor.digest,
      ];
      const isIndex = Buffer.from(blobs.map.get(digest) ?? []).includes('"manifests"');
      if (!isIndex && !needed.includes(digest as never)) rmSync(join(path, blobPath(digest)));
    }
    expect(nameOf(open(path, { platform: 'linux/arm64' }))).toBe('arm');
  });

  it('stop at indexes nested too deeply', async () => {
    const blobs = new Blobs();
    let entry = blobs.image('a');
    for (let depth = 0; depth < 10; depth++) entry = blobs.index([entry]);
    expect((await failure(() => open(blobs.layout([entry])))).code).toBe('LIMIT_EXCEEDED');
  });
});

describe('what is refused', () => {
  it('a layout without marker or index, or of another version', async () => {
    const blobs = new Blobs();
    const path = blobs.layout([blobs.image('a')]);
    renameSync(join(path, 'index.json'), join(path, 'aside'));
    expect(await failure(() => open(path))).toMatchObject({
      code: 'ARCHIVE_BAD_LAYOUT',
      message: 'there is no index.json, so this is no image layout',
    });
    renameSync(join(path, 'aside'), join(path, 'index.json'));
    writeFileSync(join(path, 'oci-layout'), '{"imageLayoutVersion":"2.0.0"}');
    expect(await failure(() => open(path))).toMatchObject({
      code: 'JSON_BAD_DOCUMENT',
      detail: { actual: '"2.0.0"', file: path },
    });
    rmSync(join(path, 'oci-layout'));
    expect((await failure(() => open(path))).code).toBe('ARCHIVE_BAD_LAYOUT');
  });

  it.each(['manifest', 'config', 'layer'])('a missing or changed %s', async (which) => {
    const blobs = new Blobs();
    const path = blobs.layout([blobs.image('a')]);
    const image = open(path);
    const digests: Record<string, string | undefined> = {
      manifest: image.manifest.descriptor.digest,
      config: image.config.descriptor.digest,
      layer: image.layers[0]?.descriptor.digest,
    };
    const file = join(path, blobPath(digests[which] ?? ''));
    const bytes = Buffer.from(blobs.map.get(digests[which] ?? '') ?? []);
    writeFileSync(file, Buffer.concat([bytes, Buffer.from(' ')]));
    expect(await failure(() => open(path))).toMatchObject({
      code: 'DIGEST_MISMATCH',
      detail: { expected: bytes.length, actual: bytes.length + 1 },
    });
    bytes[bytes.length - 1] = 0x20;
    writeFileSync(file, bytes);
    // Layers are checked by whoever streams them.
    if (which !== 'layer') expect((await failure(() => open(path))).code).toBe('DIGEST_MISMATCH');
    rmSync(file);
    expect(await failure(() => open(path))).toMatchObject({ code: 'BLOB_MISSING', detail: { file: path } });
  });

  it('blobs behind links that lead outside, but not those inside', async () => {
    const blobs = new Blobs();
    const path = blobs.layout([blobs.image('a')]);
    const layer = open(path).layers[0]?.descriptor.digest ?? '';
    const file = join(path, blobPath(layer));
    renameSync(file, join(path, 'inside'));
    symlinkSync('../../inside', file);
    expect(open(path).layers[0]?.blob.file).toMatch(/\/inside$/);
    const outside = join(scratch(), basename(file));
    renameSync(join(path, 'inside'), outside);
    rmSync(file);
    symlinkSync(outside, file);
    expect((await failure(() => open(path))).code).toBe('PATH_ESCAPES_ROOT');
    rmSync(outside);
    expect(await failure(() => open(path))).toMatchObject({
      code: 'BLOB_MISSING',
      message: 'a link leads to nothing',
    });
    rmSync(file);
    mkdirSync(file);
    expect((await failure(() => open(path))).code).toBe('ARCHIVE_BAD_LAYOUT');
  });

  it('artifacts, layers that are no tars, schema 1, foreign layers that are not there', async () => {
    const blobs = new Blobs();
    const put = (manifest: object) =>
      blobs.layout([blobs.add(MEDIA_TYPES.ociManifest, json({ schemaVersion: 2, layers: [], ...manifest }))]);
    const empty = blobs.add(MEDIA_TYPES.ociEmpty, Buffer.from('{}'));
    expect(await failure(() => open(put({ config: empty, artifactType: 'application/y' })))).toMatchObject({
      code: 'IMAGE_UNSUPPORTED',
      detail: { actual: 'application/y' },
    });
    const id = `sha256:${'1'.repeat(64)}`;
    const rootfs = { type: 'layers', diff_ids: [id] };
    const config = blobs.add(MEDIA_TYPES.ociConfig, json({ os: 'linux', architecture: 'amd64', rootfs }));
    const layer = (mediaType: string) => put({ config, layers: [{ mediaType, digest: id, size: 1 }] });
    expect(await failure(() => open(layer(`${MEDIA_TYPES.ociLayer}+encrypted`)))).toMatchObject({
      code: 'IMAGE_UNSUPPORTED',
      detail: { actual: 'application/vnd.oci.image.layer.v1.tar+encrypted', layer: id },
    });
    const foreign = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip';
    expect(await failure(() => open(layer(foreign)))).toMatchObject({
      code: 'BLOB_MISSING',
      message: 'a layer that may not be distributed is not there',
    });
    const schema1 = blobs.add(MEDIA_TYPES.dockerSchema1Signed, json({ schemaVersion: 1 }));
    expect((await failure(() => open(blobs.layout([schema1])))).code).toBe('IMAGE_UNSUPPORTED');
  });
});
