/** Images that podman saved are read; what planish wrote is loaded by podman. */
import { execFileSync, spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { createArchiveWriter } from '../../src/io/archive-writer.ts';
import { readSmallBlob } from '../../src/io/blob-file.ts';
import { openSource } from '../../src/io/open-image.ts';
import type { OpenedImage } from '../../src/io/opened-image.ts';
import { createTemporaryDirectory } from '../../src/io/temporary.ts';
import { parseDescriptor } from '../../src/oci/descriptor.ts';
import { parseSource } from '../../src/oci/reference.ts';
import {
  Blobs,
  digestOf,
  failure,
  named,
  type SampleDescriptor,
  scratch,
  tarOf,
} from '../unit/io/sample-image.ts';

const storage = createTemporaryDirectory();
afterAll(() => {
  spawnSync('podman', ['unshare', 'rm', '-rf', join(storage.path, 'root')]);
  rmSync(storage.path, { recursive: true, force: true });
});

const OPTIONS = [
  ...['--root', join(storage.path, 'root'), '--runroot', join(storage.path, 'run')],
  ...['--storage-driver', 'vfs', '--cgroup-manager', 'cgroupfs', '--events-backend', 'file'],
];

function podman(...args: string[]): string {
  return execFileSync('podman', [...OPTIONS, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

const blobs = new Blobs();
const manifest = blobs.image('a', { config: { Labels: { name: 'a' } } });

/** Loads an image that was made by hand; gives its ID. */
function load(made: Blobs, descriptor: SampleDescriptor, name: string): string {
  const file = join(scratch(), 'made.tar');
  writeFileSync(file, tarOf(made.members([named(descriptor, name)])));
  podman('load', '-q', '-i', file);
  return JSON.parse(podman('image', 'inspect', name))[0].Id;
}

/** Podman needs name spaces or root, and storage: whether it works here is known only by trying. */
function tryPodman(): string | undefined {
  try {
    return load(blobs, manifest, 'localhost/a:1');
  } catch (error) {
    process.stderr.write(`SKIPPED: images against podman: ${String(error)}\n`);
    return undefined;
  }
}

const id = tryPodman();
async function open(text: string): Promise<OpenedImage> {
  const opened = await openSource(parseSource(text), { architecture: 'x64' });
  if (opened.kind !== 'image') throw new Error(`opened as ${opened.kind}`);
  return opened;
}

function expectWhole(image: OpenedImage): void {
  expect(digestOf(image.config.bytes)).toBe(`sha256:${id}`);
  const tars = image.layers.map(({ blob, descriptor }) => {
    const bytes = readSmallBlob(blob, 1e9);
    expect(digestOf(bytes)).toBe(descriptor.digest);
    return digestOf(descriptor.mediaType.endsWith('gzip') ? gunzipSync(bytes) : bytes);
  });
  expect(tars).toEqual(image.layers.map((layer) => layer.diffId));
  expect(tars).toHaveLength(1);
}

describe.skipIf(id === undefined)('podman', () => {
  it.each(['docker-archive', 'oci-archive'])('saves a %s that is read', async (format) => {
    const file = join(scratch(), 'saved.tar');
    podman('tag', 'localhost/a:1', 'localhost/saved:1');
    podman('save', '-q', '--format', format, '-o', file, 'localhost/saved:1');
    expectWhole(await open(`${format}:${file}`));
    expectWhole(await open(`${format}:${file}:localhost/saved:1`));
    expectWhole(await open(file));
    expect((await failure(() => open(`${format}:${file}:localhost/saved:2`))).code).toBe('NO_SUCH_IMAGE');
  });

  it('saves several images in one archive, which are told apart by name', async () => {
    const file = join(scratch(), 'saved.tar');
    const other = new Blobs();
    const otherId = load(other, other.image('b'), 'localhost/two:2');
    podman('tag', 'localhost/a:1', 'localhost/one:1');
    podman('save', '-q', '-m', '-o', file, 'localhost/one:1', 'localhost/two:2');
    expectWhole(await open(`docker-archive:${file}:localhost/one:1`));
    const two = await open(`docker-archive:${file}:localhost/two:2`);
    expect(digestOf(two.config.bytes)).toBe(`sha256:${otherId}`);
    expect((await failure(() => open(`docker-archive:${file}`))).code).toBe('AMBIGUOUS_IMAGE');
  });

  it('loads an archive that planish wrote, under its name', async () => {
    const file = join(scratch(), 'ours.tar');
    const writer = createArchiveWriter(file);
    const ours = new Blobs();
    const descriptor = parseDescriptor(ours.image('ours'), 'm');
    for (const bytes of ours.map.values()) await writer.addBytes(bytes);
    await writer.commit({ descriptor, refName: 'localhost/ours:1' });
    expect(podman('load', '-i', file)).toContain('localhost/ours:1');
    const inspected = JSON.parse(podman('image', 'inspect', 'localhost/ours:1'));
    const image = await open(file);
    expect(`sha256:${inspected[0].Id}`).toBe(image.config.descriptor.digest);
    expect(inspected[0].RootFS.Layers).toEqual(image.config.document.rootfs.diff_ids);
  });
});
