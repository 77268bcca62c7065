import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { wholeFile } from '../../../src/io/blob-file.ts';
import type { ImageWriter } from '../../../src/io/image-writer.ts';
import { LayoutDirectory, openLayoutImage } from '../../../src/io/layout.ts';
import { LOCK_NAME, lockLayout } from '../../../src/io/layout-lock.ts';
import { createLayoutWriter } from '../../../src/io/layout-writer.ts';
import { ownerText } from '../../../src/io/owner.ts';
import { parseDescriptor } from '../../../src/oci/descriptor.ts';
import { linuxPlatform } from '../../../src/oci/platform.ts';
import { Blobs, blobPath, digestOf, failure, named, REF, scratch } from './sample-image.ts';

/** Puts an image of the sample kind into a writer; gives its manifest. */
async function put(writer: ImageWriter, name: string) {
  const blobs = new Blobs();
  const manifest = parseDescriptor(blobs.image(name), 'm');
  for (const bytes of blobs.map.values()) await writer.addBytes(bytes);
  return manifest;
}

async function write(path: string, name: string, refName: string | undefined) {
  const writer = createLayoutWriter(path);
  const descriptor = await put(writer, name);
  await writer.commit({ descriptor, refName });
  return descriptor;
}

const readIndex = (path: string) => JSON.parse(readFileSync(join(path, 'index.json'), 'utf8'));
const choice = { wanted: undefined, fallback: linuxPlatform('x64') };

function open(path: string, name: string | undefined) {
  return openLayoutImage(new LayoutDirectory(path, path), { name, digest: undefined }, choice);
}

/** All files of a directory with their contents' digests. */
function listing(path: string): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => `${file.slice(path.length + 1)} ${digestOf(readFileSync(file))}`)
    .sort();
}

describe('a new layout', () => {
  it('is what the specification says, and nothing else', async () => {
    const parent = scratch();
    const path = join(parent, 'new');
    const writer = createLayoutWriter(path);
    const descriptor = await put(writer, 'a');
    expect(existsSync(path)).toBe(false);
    await writer.commit({ descriptor, refName: 'v1', platform: { os: 'linux', architecture: 'amd64' } });
    expect(readdirSync(parent)).toEqual(['new']);
    expect(readdirSync(path).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
    expect(readFileSync(join(path, 'oci-layout'), 'utf8')).toBe('{"imageLayoutVersion":"1.0.0"}');
    expect(readFileSync(join(path, 'index.json'), 'utf8')).toBe(
      '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{' +
        '"mediaType":"application/vnd.oci.image.manifest.v1+json",' +
        `"digest":"${descriptor.digest}","size":${descriptor.size},` +
        '"platform":{"os":"linux","architecture":"amd64"},' +
        '"annotations":{"org.opencontainers.image.ref.name":"v1"}}]}',
    );
    expect(readdirSync(join(path, 'blobs', 'sha256'))).toHaveLength(3);
    expect(open(path, 'v1').manifestAnnotations['name']).toBe('a');
    expect(statSync(path).mode & 0o777).toBe(0o777 & ~process.umask());
  });

  it('is the same bytes every time', async () => {
    const [one, two] = [join(scratch(), 'x'), join(scratch(), 'y')];
    await write(one, 'a', 'v1');
    await write(two, 'a', 'v1');
    expect(listing(one)).toEqual(listing(two));
  });

  it('may be an empty directory, or one with what a dead run left', async () => {
    const path = scratch();
    const [space] = ownerText(false).split('-');
    mkdirSync(join(path, `.planish-${space}-${spawnSync('true').pid}-1-00000000`));
    await write(path, 'a', undefined);
    expect(readdirSync(path).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
    expect(open(path, undefined).manifestAnnotations['name']).toBe('a');
  });

  it('does not replace what appeared meanwhile', async () => {
    const path = join(scratch(), 'new');
    const writer = createLayoutWriter(path);
    const descriptor = await put(writer, 'a');
    mkdirSync(path);
    writeFileSync(join(path, 'precious'), 'x');
    expect((await failure(() => writer.commit({ descriptor, refName: 'v' }))).code).toBe(
      'DESTINATION_EXISTS',
    );
    writer.abort();
    expect(readdirSync(path)).toEqual(['precious']);
  });

  it('joins a layout that appeared meanwhile', async () => {
    const path = join(scratch(), 'new');
    const [first, second] = [createLayoutWriter(path), createLayoutWriter(path)];
    const [a, b] = [await put(first, 'a'), await put(second, 'b')];
    await first.commit({ descriptor: a, refName: 'one' });
    await second.commit({ descriptor: b, refName: 'two' });
    expect(open(path, 'one').manifestAnnotations['name']).toBe('a');
    expect(open(path, 'two').manifestAnnotations['name']).toBe('b');
    expect(readdirSync(join(path, '..'))).toEqual(['new']);
  });
});

describe('an existing layout', () => {
  it('is rid of what dead runs left in it and beside it', async () => {
    const path = new Blobs().layout([]);
    const [space] = ownerText(false).split('-');
    const left = `.planish-${space}-${spawnSync('true').pid}-1-00000000`;
    for (const place of [path, join(path, '..')]) mkdirSync(join(place, left));
    createLayoutWriter(path).abort();
    expect(readdirSync(path).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
    expect(readdirSync(join(path, '..'))).toEqual(['layout']);
  });

  it('keeps its other entries, and replaces a tag where it stands', async () => {
    const blobs = new Blobs();
    const entries = [named(blobs.image('a'), 'a'), blobs.image('b'), named(blobs.index([]), 'c')];
    const path = blobs.layout(entries);
    const d = await write(path, 'd', 'a');
    expect(readIndex(path).manifests).toEqual([{ ...d, annotations: { [REF]: 'a' } }, ...entries.slice(1)]);
    const e = await write(path, 'e', 'e');
    expect(readIndex(path).manifests[3]).toEqual({ ...e, annotations: { [REF]: 'e' } });
    await write(path, 'e', 'e');
    expect(readIndex(path).manifests).toHaveLength(4);
    expect(readdirSync(path).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
  });

  it('is written to where a link leads', async () => {
    const blobs = new Blobs();
    const path = blobs.layout([named(blobs.image('a'), 'a')]);
    const link = join(scratch(), 'link');
    symlinkSync(path, link);
    await write(link, 'b', 'b');
    expect(readIndex(path).manifests).toHaveLength(2);
  });

  it('shares blobs that it has, and mends those of a wrong size', async () => {
    const blobs = new Blobs();
    const path = blobs.layout([named(blobs.image('a'), 'a')]);
    const files = [...blobs.map.keys()].map((digest) => join(path, blobPath(digest)));
    for (const file of files) utimesSync(file, 1, 1);
    writeFileSync(files[0] ?? '', 'broken');
    const writer = createLayoutWriter(path);
    const has = [...blobs.map].map(([digest, bytes]) => writer.hasBlob(digest as never, bytes.length));
    expect(has).toEqual([false, true, true]);
    const descriptor = await put(writer, 'a');
    await writer.commit({ descriptor, refName: 'again' });
    expect(files.slice(1).map((file) => statSync(file).mtimeMs)).toEqual([1000, 1000]);
    expect(digestOf(readFileSync(files[0] ?? ''))).toBe([...blobs.map.keys()][0]);
  });

  it('is left as it was by abort and by a failed commit', async () => {
    const blobs = new Blobs();
    const path = blobs.layout([named(blobs.image('a'), 'a')]);
    const before = listing(path);
    const writer = createLayoutWriter(path);
    const descriptor = await put(writer, 'b');
    writer.abort();
    writer.abort();
    expect(listing(path)).toEqual(before);
    const failing = createLayoutWriter(path);
    expect((await failure(() => failing.commit({ descriptor, refName: 'b' }))).code).toBe('INVARIANT');
    failing.abort();
    expect(listing(path)).toEqual(before);
    expect(readdirSync(path).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
  });

  it('is refused before any work when it is malformed', async () => {
    const blobs = new Blobs();
    const path = blobs.layout([]);
    writeFileSync(join(path, 'index.json'), '{');
    expect((await failure(() => createLayoutWriter(path))).code).toBe('JSON_BAD_DOCUMENT');
    expect(readdirSync(path).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
  });

  it('does not write through a link that leads outside', async () => {
    const path = new Blobs().layout([]);
    const outside = scratch();
    rmSync(join(path, 'blobs', 'sha256'), { recursive: true });
    symlinkSync(outside, join(path, 'blobs', 'sha256'));
    expect((await failure(() => write(path, 'a', 'a'))).code).toBe('PATH_ESCAPES_ROOT');
    expect(readdirSync(outside)).toEqual([]);
  });
});

describe('what cannot be written to', () => {
  it('is a file, a dangling link, a directory of something else', async () => {
    const parent = scratch();
    writeFileSync(join(parent, 'file'), '');
    symlinkSync('nowhere', join(parent, 'dangling'));
    for (const path of [parent, join(parent, 'file'), join(parent, 'dangling')]) {
      expect(await failure(() => createLayoutWriter(path))).toMatchObject({
        code: 'DESTINATION_EXISTS',
        detail: { file: path },
      });
    }
    expect(readdirSync(parent).sort()).toEqual(['dangling', 'file']);
    expect((await failure(() => createLayoutWriter(join(parent, 'no', 'where')))).code).toBe(
      'SYSCALL_FAILED',
    );
  });
});

describe('blobs', () => {
  it('come from files that workers write, checked for size', async () => {
    const path = join(scratch(), 'new');
    const writer = createLayoutWriter(path);
    const bytes = Buffer.from('blob');
    const digest = digestOf(bytes) as never;
    const file = writer.createBlobFile('layer-1');
    writeFileSync(file, bytes);
    expect((await failure(() => writer.addBlobFile(file, digest, 5))).code).toBe('CONTENT_CHANGED');
    await writer.addBlobFile(file, digest, 4);
    expect(writer.hasBlob(digest, 4)).toBe(true);
    expect((await failure(() => writer.createBlobFile('../x'))).code).toBe('INVARIANT');
    writer.abort();
  });

  it('are verified when they are copied', async () => {
    const source = join(scratch(), 'source');
    writeFileSync(source, 'xxblobxx');
    const writer = createLayoutWriter(join(scratch(), 'new'));
    const blob = { file: source, offset: 2, size: 4 };
    const digest = digestOf(Buffer.from('blob')) as never;
    await writer.copyBlob(blob, digest);
    expect(writer.hasBlob(digest, 4)).toBe(true);
    const wrong = digestOf(Buffer.from('other')) as never;
    expect(await failure(() => writer.copyBlob(wholeFile(source), wrong))).toMatchObject({
      code: 'DIGEST_MISMATCH',
      detail: { expected: wrong, actual: digestOf(Buffer.from('xxblobxx')) },
    });
    writer.abort();
  });
});

describe('the lock', () => {
  it('lets many builds into one layout keep their tags', async () => {
    const path = join(scratch(), 'shared');
    const names = Array.from({ length: 12 }, (_, at) => `tag${at}`);
    await Promise.all(names.map((name) => write(path, name, name)));
    const tags = readIndex(path).manifests.map(
      (entry: { annotations: Record<string, string> }) => entry.annotations[REF],
    );
    expect(tags.sort()).toEqual([...names].sort());
    for (const name of names) expect(open(path, name).manifestAnnotations['name']).toBe(name);
    expect(readdirSync(path).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
  });

  it('is waited for while its owner lives, and taken when it died', async () => {
    const path = new Blobs().layout([]);
    const lock = await lockLayout(path, scratch());
    let done = false;
    const waiting = write(path, 'a', 'a').then(() => {
      done = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(done).toBe(false);
    lock.release();
    await waiting;
    const [space] = ownerText(false).split('-');
    writeFileSync(join(path, LOCK_NAME), `${space}-${spawnSync('true').pid}-1-00000000`);
    await write(path, 'b', 'b');
    writeFileSync(join(path, LOCK_NAME), '');
    utimesSync(join(path, LOCK_NAME), 1, 1);
    await write(path, 'c', 'c');
    expect(existsSync(join(path, LOCK_NAME))).toBe(false);
    expect(readIndex(path).manifests).toHaveLength(3);
  });

  it('that was taken away is not released by its former owner', async () => {
    const path = scratch();
    const lock = await lockLayout(path, scratch());
    writeFileSync(join(path, LOCK_NAME), 'another');
    expect(lock.isHeld()).toBe(false);
    lock.release();
    expect(existsSync(join(path, LOCK_NAME))).toBe(true);
  });
});
