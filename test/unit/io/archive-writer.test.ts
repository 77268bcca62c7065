import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createArchiveWriter } from '../../../src/io/archive-writer.ts';
import { readSmallBlob } from '../../../src/io/blob-file.ts';
import { openOciArchive } from '../../../src/io/oci-archive.ts';
import { parseDescriptor } from '../../../src/oci/descriptor.ts';
import { linuxPlatform } from '../../../src/oci/platform.ts';
import { Blobs, digestOf, failure, scratch, tarOf } from './sample-image.ts';

async function write(path: string, name: string, refName: string | undefined, reverse = false) {
  const writer = createArchiveWriter(path);
  const blobs = new Blobs();
  const descriptor = parseDescriptor(blobs.image(name), 'm');
  const contents = [...blobs.map.values()];
  for (const bytes of reverse ? contents.reverse() : contents) await writer.addBytes(bytes);
  await writer.commit({ descriptor, refName });
  return blobs;
}

const choice = { wanted: undefined, fallback: linuxPlatform('x64') };
const open = (path: string, name?: string) =>
  openOciArchive(path, 'oci-archive:x', { name, digest: undefined }, choice);

describe('createArchiveWriter', () => {
  it('writes the same bytes whatever the order of blobs', async () => {
    const parent = scratch();
    await write(join(parent, 'a.tar'), 'a', 'v1');
    const blobs = await write(join(parent, 'b.tar'), 'a', 'v1', true);
    expect(readdirSync(parent)).toEqual(['a.tar', 'b.tar']);
    const bytes = readFileSync(join(parent, 'a.tar'));
    expect(bytes.equals(readFileSync(join(parent, 'b.tar')))).toBe(true);
    const listed = execFileSync('tar', ['--utc', '--full-time', '-tvf', join(parent, 'a.tar')], {
      encoding: 'utf8',
    });
    const names = [...blobs.map.keys()].sort().map((digest) => `blobs/${digest.replace(':', '/')}`);
    const lines = listed
      .trim()
      .split('\n')
      .map((line) => line.split(/\s+/));
    expect(lines.map((line) => line[5])).toEqual([
      'oci-layout',
      'index.json',
      'blobs/',
      'blobs/sha256/',
      ...names,
    ]);
    for (const line of lines) {
      expect([line[0], line[1], line[3], line[4]]).toEqual([
        line[5]?.endsWith('/') ? 'drwxr-xr-x' : '-rw-r--r--',
        '0/0',
        '1970-01-01',
        '00:00:00',
      ]);
    }
    expect(bytes.subarray(-1024).every((byte) => byte === 0)).toBe(true);
  });

  it('can be read back', async () => {
    const path = join(scratch(), 'a.tar');
    await write(path, 'a', 'v1');
    const image = await open(path, 'v1');
    expect(image.manifestAnnotations['name']).toBe('a');
    expect(image.layers.map(({ blob }) => digestOf(readSmallBlob(blob, 1e6)))).toEqual([
      image.layers[0]?.diffId,
    ]);
  });

  it('replaces an older archive as a whole, also through a link', async () => {
    const parent = scratch();
    const path = join(parent, 'a.tar');
    await write(path, 'a', 'v1');
    symlinkSync('a.tar', join(parent, 'link'));
    await write(join(parent, 'link'), 'b', 'v2');
    expect((await open(path)).manifestAnnotations['name']).toBe('b');
    expect((await failure(() => open(path, 'v1'))).code).toBe('NO_SUCH_IMAGE');
    expect(readdirSync(parent).sort()).toEqual(['a.tar', 'link']);
  });

  it('leaves the old archive as it was by abort', async () => {
    const parent = scratch();
    const path = join(parent, 'a.tar');
    await write(path, 'a', 'v1');
    const before = readFileSync(path);
    const writer = createArchiveWriter(path);
    await writer.addBytes(Buffer.from('x'));
    writer.abort();
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(readdirSync(parent)).toEqual(['a.tar']);
  });

  it('replaces nothing but archives of this kind and empty files', async () => {
    const parent = scratch();
    writeFileSync(join(parent, 'text'), 'precious');
    writeFileSync(join(parent, 'flat.tar'), tarOf([['a', Buffer.from('1')]]));
    mkdirSync(join(parent, 'directory'));
    symlinkSync('nowhere', join(parent, 'dangling'));
    for (const name of ['text', 'flat.tar', 'directory', 'dangling']) {
      const path = join(parent, name);
      expect(await failure(() => createArchiveWriter(path))).toMatchObject({
        code: 'DESTINATION_EXISTS',
        detail: { file: path },
      });
    }
    expect(readFileSync(join(parent, 'text'), 'utf8')).toBe('precious');
    writeFileSync(join(parent, 'empty'), '');
    await write(join(parent, 'empty'), 'a', 'v1');
    expect((await open(join(parent, 'empty'))).name).toBe('v1');
  });

  it('needs the manifest before the commit', async () => {
    const path = join(scratch(), 'a.tar');
    const writer = createArchiveWriter(path);
    const descriptor = parseDescriptor(new Blobs().image('a'), 'm');
    expect((await failure(() => writer.commit({ descriptor, refName: undefined }))).code).toBe('INVARIANT');
    writer.abort();
    expect(existsSync(path)).toBe(false);
  });
});
