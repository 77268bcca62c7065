import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readSmallBlob } from '../../../src/io/blob-file.ts';
import { openDockerArchive } from '../../../src/io/docker-archive.ts';
import { linuxPlatform, parsePlatform } from '../../../src/oci/platform.ts';
import { blobPath, digestOf, failure, json, type Member, scratch, tarOf } from './sample-image.ts';

const layer = tarOf([['file', Buffer.from('x')]]);
const diffId = digestOf(layer);
const hex = (digest: string): string => digest.slice(7);
const config = json({
  architecture: 'amd64',
  os: 'linux',
  config: { Cmd: ['x'] },
  rootfs: { type: 'layers', diff_ids: [diffId] },
});
const configName = `${hex(digestOf(config))}.json`;

function archive(members: readonly Member[]): string {
  const path = join(scratch(), 'archive.tar');
  writeFileSync(path, tarOf(members));
  return path;
}

function open(path: string, name?: string, platform?: string) {
  const wanted = platform === undefined ? undefined : parsePlatform(platform);
  return openDockerArchive(path, 'docker-archive:x', name, { wanted, fallback: linuxPlatform('x64') });
}

const image = (more: object = {}) => ({
  Config: configName,
  RepoTags: ['alpine:3'],
  Layers: ['l.tar'],
  ...more,
});
const manifest = (...images: object[]): Member => ['manifest.json', json(images)];

describe('openDockerArchive', () => {
  it('makes up a manifest of OCI types', async () => {
    const path = archive([['l.tar', layer], [configName, config], manifest(image())]);
    const opened = await open(path);
    const descriptor = {
      mediaType: 'application/vnd.oci.image.layer.v1.tar',
      digest: diffId,
      size: layer.length,
    };
    expect(opened.layers.map(({ blob: _, ...rest }) => rest)).toEqual([{ descriptor, diffId }]);
    expect(opened.name).toBe('alpine:3');
    expect(Buffer.from(opened.manifest.bytes).toString()).toBe(
      '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",' +
        '"config":{"mediaType":"application/vnd.oci.image.config.v1+json",' +
        `"digest":"${digestOf(config)}","size":${config.length}},"layers":[${JSON.stringify(descriptor)}]}`,
    );
    expect(opened.manifest.descriptor.digest).toBe(digestOf(opened.manifest.bytes));
    expect(Buffer.from(opened.config.bytes)).toEqual(config);
    expect(opened.layers.map(({ blob }) => digestOf(readSmallBlob(blob, 1e6)))).toEqual([diffId]);
    expect(opened.store.find(diffId as never)).toEqual(opened.layers[0]?.blob);
  });

  it('follows the links that old archives have for layers', async () => {
    const path = archive([
      ['a/layer.tar', { link: '../b/layer.tar' }],
      ['b/layer.tar', layer],
      [configName, config],
      manifest(image({ Layers: ['a/layer.tar'] })),
    ]);
    expect((await open(path)).layers[0]?.blob.size).toBe(layer.length);
  });

  it('reads compressed layers, named by digest or not', async () => {
    const packed = gzipSync(layer);
    const named = blobPath(digestOf(packed));
    for (const name of ['l.tar', named]) {
      const path = archive([[name, packed], [configName, config], manifest(image({ Layers: [name] }))]);
      expect((await open(path)).layers[0]?.descriptor).toEqual({
        mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
        digest: digestOf(packed),
        size: packed.length,
      });
    }
  });

  it('reads an archive that is compressed as a whole, by a temporary file', async () => {
    const path = archive([]);
    const temporary = scratch();
    writeFileSync(path, gzipSync(tarOf([['l.tar', layer], [configName, config], manifest(image())])));
    const choice = { wanted: undefined, fallback: linuxPlatform('x64') };
    const opened = await openDockerArchive(path, 'docker-archive:x', undefined, choice, {
      temporaryDirectory: temporary,
    });
    expect(readdirSync(temporary)).toHaveLength(1);
    expect(opened.layers.map(({ blob }) => digestOf(readSmallBlob(blob, 1e6)))).toEqual([diffId]);
    opened.close();
    opened.close();
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('leaves no temporary file when it fails', async () => {
    const path = archive([]);
    const temporary = scratch();
    writeFileSync(path, gzipSync(tarOf([manifest(image())])));
    const choice = { wanted: undefined, fallback: linuxPlatform('x64') };
    const error = await failure(() =>
      openDockerArchive(path, 'docker-archive:x', undefined, choice, { temporaryDirectory: temporary }),
    );
    expect(error).toMatchObject({ code: 'BLOB_MISSING', detail: { file: path } });
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('chooses by name in normal form', async () => {
    const other = json({ architecture: 'arm64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] } });
    const path = archive([
      ['l.tar', layer],
      [configName, config],
      ['other', other],
      manifest(image({ RepoTags: ['docker.io/library/a:latest', 'b:2'] }), {
        Config: 'other',
        RepoTags: null,
        Layers: null,
      }),
    ]);
    for (const name of ['a', 'library/a', 'docker.io/a:latest', 'b:2']) {
      expect((await open(path, name)).config.document.architecture).toBe('amd64');
    }
    expect(await failure(() => open(path, 'b'))).toMatchObject({
      code: 'NO_SUCH_IMAGE',
      detail: { expected: 'b', actual: 'docker.io/library/a:latest, b:2, unnamed' },
    });
    expect((await failure(() => open(path))).code).toBe('AMBIGUOUS_IMAGE');
  });

  it('respects the platform that is asked for', async () => {
    const path = archive([['l.tar', layer], [configName, config], manifest(image())]);
    expect((await open(path, undefined, 'linux/amd64')).name).toBe('alpine:3');
    expect((await failure(() => open(path, undefined, 'linux/arm64'))).code).toBe('NO_SUCH_IMAGE');
  });

  it.each([
    ['no manifest.json', [[configName, config]] as Member[], 'ARCHIVE_BAD_LAYOUT'],
    ['a manifest.json that is none', [['manifest.json', json({})]] as Member[], 'JSON_BAD_DOCUMENT'],
    ['no image', [manifest()], 'NO_SUCH_IMAGE'],
    ['no config', [manifest(image())], 'BLOB_MISSING'],
    [
      'a config of another digest',
      [[configName, json({})], manifest(image())] as Member[],
      'DIGEST_MISMATCH',
    ],
    ['no layer', [[configName, config], manifest(image())] as Member[], 'BLOB_MISSING'],
    [
      'too few layers',
      [[configName, config], manifest(image({ Layers: [] }))] as Member[],
      'JSON_BAD_DOCUMENT',
    ],
    [
      'a layer that is a link to itself',
      [['l.tar', { link: 'l.tar' }], [configName, config], manifest(image())] as Member[],
      'BLOB_MISSING',
    ],
  ])('refuses %s', async (_, members, code) => {
    const path = archive(members);
    expect(await failure(() => open(path))).toMatchObject({ code, detail: { file: path } });
  });
});
