import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type OpenedSource, openSource } from '../../../src/io/open-image.ts';
import { isOciArchive, recognizePath } from '../../../src/io/recognize.ts';
import { parsePlatform } from '../../../src/oci/platform.ts';
import { parseSource } from '../../../src/oci/reference.ts';
import { Blobs, failure, json, type Member, named, scratch, tarOf } from './sample-image.ts';

function file(bytes: Uint8Array): string {
  const path = join(scratch(), 'file');
  writeFileSync(path, bytes);
  return path;
}

const open = (text: string): Promise<OpenedSource> => openSource(parseSource(text), { architecture: 'x64' });

function sample(): { blobs: Blobs; members: Member[]; entries: ReturnType<typeof named>[] } {
  const blobs = new Blobs();
  const entries = [named(blobs.image('a'), 'v1')];
  return { blobs, entries, members: blobs.members(entries) };
}

const flat: Member[] = [
  ['etc/passwd', Buffer.from('x')],
  ['usr/bin/a', Buffer.from('y')],
];

function erofs(): Buffer {
  const bytes = Buffer.alloc(4096);
  bytes.writeUInt32LE(0xe0f5e1e2, 1024);
  return bytes;
}

describe('a bare path', () => {
  it('is recognised by what lies there', async () => {
    const { blobs, entries, members } = sample();
    const docker: Member[] = [
      ['manifest.json', json([])],
      ['repositories', json({})],
    ];
    expect(await recognizePath(blobs.layout(entries))).toBe('oci');
    expect(await recognizePath(scratch())).toBe('rootfs');
    expect(await recognizePath(file(tarOf(members)))).toBe('oci-archive');
    expect(await recognizePath(file(gzipSync(tarOf(members))))).toBe('oci-archive');
    expect(await recognizePath(file(tarOf(docker)))).toBe('docker-archive');
    // Hybrids hold both and are layouts.
    expect(await recognizePath(file(tarOf([...docker, ...members])))).toBe('oci-archive');
    expect(await recognizePath(file(tarOf(flat)))).toBe('tar');
    expect(await recognizePath(file(gzipSync(tarOf(flat))))).toBe('tar');
    expect(await recognizePath(file(tarOf([])))).toBe('tar');
    expect(await recognizePath(file(erofs()))).toBe('erofs');
  });

  it('with a manifest.json in the root of a tree is still a tree', async () => {
    const many: Member[] = Array.from({ length: 70 }, (_, at) => [`app/file${at}`, Buffer.from('x')]);
    expect(await recognizePath(file(tarOf([['manifest.json', json({})], ...many])))).toBe('tar');
  });

  it('that holds nothing known is refused', async () => {
    const text = file(Buffer.from('hello'));
    expect(await failure(() => recognizePath(text))).toMatchObject({
      code: 'ARCHIVE_BAD_LAYOUT',
      message: 'neither a tar nor an EROFS image',
      detail: { file: text },
    });
    expect((await failure(() => recognizePath(file(Buffer.alloc(0))))).code).toBe('ARCHIVE_BAD_LAYOUT');
    expect((await failure(() => recognizePath(file(Buffer.alloc(1000, 'x'))))).code).toBe(
      'ARCHIVE_BAD_LAYOUT',
    );
    const xz = Buffer.concat([Buffer.from('fd377a585a00', 'hex'), Buffer.alloc(100)]);
    expect((await failure(() => recognizePath(file(xz)))).code).toBe('COMPRESSION_UNSUPPORTED');
    const absent = join(scratch(), 'absent');
    expect(await failure(() => recognizePath(absent))).toMatchObject({
      code: 'SYSCALL_FAILED',
      detail: { errno: 'ENOENT', file: absent },
    });
  });
});

describe('openSource', () => {
  it('opens images of every kind', async () => {
    const { blobs, entries, members } = sample();
    const layout = blobs.layout(entries);
    const archive = file(tarOf(members));
    for (const text of [
      layout,
      archive,
      `oci:${layout}:v1`,
      `oci-archive:${archive}:v1`,
      `oci-archive:${archive}`,
    ]) {
      const opened = await open(text);
      if (opened.kind !== 'image') throw new Error(opened.kind);
      expect(opened.manifestAnnotations['name']).toBe('a');
      expect(opened.reference).toContain(text);
      opened.close();
    }
  });

  it('hands on what is a tree already', async () => {
    const directory = scratch();
    const tar = file(tarOf(flat));
    const size = tarOf(flat).length;
    const image = file(erofs());
    expect(await open(directory)).toEqual({ kind: 'rootfs', path: directory });
    expect(await open(`rootfs:${directory}`)).toEqual({ kind: 'rootfs', path: directory });
    expect(await open(tar)).toEqual({ kind: 'tar', blob: { file: tar, offset: 0, size } });
    expect(await open(`tar:${tar}`)).toEqual({ kind: 'tar', blob: { file: tar, offset: 0, size } });
    expect(await open(image)).toEqual({ kind: 'erofs', file: image });
    expect(await open('dump:-')).toEqual({ kind: 'dump', file: '-' });
    expect(await open(`dump:${tar}`)).toEqual({ kind: 'dump', file: tar });
  });

  it('passes the platform on', async () => {
    const { blobs, entries } = sample();
    const source = parseSource(`oci:${blobs.layout(entries)}`);
    const options = { architecture: 'arm64', platform: parsePlatform('linux/arm64') };
    expect((await failure(() => openSource(source, options))).code).toBe('NO_SUCH_IMAGE');
    expect((await openSource(source, { architecture: 'arm64' })).kind).toBe('image');
  });

  it('refuses what is not of the kind that is named', async () => {
    const directory = scratch();
    mkdirSync(join(directory, 'empty'));
    const tar = file(tarOf(flat));
    expect((await failure(() => open(`oci:${directory}`))).code).toBe('ARCHIVE_BAD_LAYOUT');
    expect((await failure(() => open(`oci:${tar}`))).code).toBe('ARCHIVE_BAD_LAYOUT');
    expect((await failure(() => open(`rootfs:${tar}`))).code).toBe('ARCHIVE_BAD_LAYOUT');
    expect((await failure(() => open(`oci-archive:${tar}`))).code).toBe('ARCHIVE_BAD_LAYOUT');
    expect((await failure(() => open(`docker-archive:${tar}`))).code).toBe('ARCHIVE_BAD_LAYOUT');
    expect((await failure(() => open(`tar:${directory}`))).code).toBe('ARCHIVE_BAD_LAYOUT');
    expect((await failure(() => open(`oci:${join(directory, 'absent')}`))).code).toBe('SYSCALL_FAILED');
  });
});

describe('isOciArchive', () => {
  it('says yes to archives of layouts only', () => {
    const { members } = sample();
    expect(isOciArchive(file(tarOf(members)))).toBe(true);
    expect(isOciArchive(file(tarOf(flat)))).toBe(false);
    expect(isOciArchive(file(gzipSync(tarOf(members))))).toBe(false);
    expect(isOciArchive(file(Buffer.from('hello')))).toBe(false);
  });
});
