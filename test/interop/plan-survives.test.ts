/** Other programs drop the annotations of layers: the plan is found all the same, and the next image is built on it. */
import { execFileSync, spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { byteString } from '../../src/bytes/byte-string.ts';
import { COMPONENTS_ANNOTATION } from '../../src/chunk/plan-annotation.ts';
import { createTemporaryDirectory } from '../../src/io/temporary.ts';
import { planTexts } from '../../src/ops/build/plan-texts.ts';
import { openImage } from '../../src/ops/load/open-any.ts';
import { buildPlain, type Files, plainTar, scratchPath } from '../support/plain-images.ts';

const storage = createTemporaryDirectory();
const [root, state] = [join(storage.path, 'root'), join(storage.path, 'run')];
afterAll(() => {
  spawnSync('podman', ['unshare', 'rm', '-rf', root]);
  rmSync(storage.path, { recursive: true, force: true });
});

const OWN_STORAGE = ['--root', root, '--runroot', state, '--storage-driver', 'vfs'];
const NAME = 'localhost/planned:1';
const STORED = `containers-storage:[vfs@${root}+${state}]${NAME}`;

function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
}

const skopeo = (from: string, to: string): string =>
  run('skopeo', '--insecure-policy', 'copy', '-q', from, to);

/** Ways of an image through another program's hands: from a reference to another. */
const WAYS: readonly (readonly [string, (image: string) => string])[] = [
  [
    'podman load and save',
    (image) => {
      const [from, to] = [scratchPath('in.tar'), scratchPath('out.tar')];
      skopeo(image, `oci-archive:${from}:${NAME}`);
      run('podman', ...OWN_STORAGE, 'load', '-q', '-i', from);
      run('podman', ...OWN_STORAGE, 'save', '-q', '--format', 'oci-archive', '-o', to, NAME);
      return `oci-archive:${to}`;
    },
  ],
  [
    'skopeo, by the storage of containers',
    (image) => {
      const to = `oci:${scratchPath('image')}:t`;
      skopeo(image, STORED);
      skopeo(STORED, to);
      return to;
    },
  ],
  [
    'skopeo, by an archive of docker',
    (image) => {
      const to = scratchPath('docker.tar');
      skopeo(image, `docker-archive:${to}:planned:1`);
      return `docker-archive:${to}`;
    },
  ],
  [
    'buildah from, commit and push',
    (image) => {
      const to = `oci:${scratchPath('image')}:t`;
      skopeo(image, STORED);
      const container = run('buildah', ...OWN_STORAGE, 'from', '--pull-never', NAME);
      run('buildah', ...OWN_STORAGE, 'config', '--label', 'more=1', container);
      run(
        'buildah',
        ...OWN_STORAGE,
        'commit',
        '-q',
        '--disable-compression=false',
        container,
        'localhost/committed:1',
      );
      run('buildah', ...OWN_STORAGE, 'push', '-q', 'localhost/committed:1', to);
      return to;
    },
  ],
];

const FILES: Files = Object.fromEntries(
  Array.from({ length: 8 }, (_, at) => [`opt/p${at}/data`, `${at}`.repeat(1000 * (at + 1))]),
);

/** Storage needs root or name spaces: whether it works here is known only by trying. */
function missing(): string | undefined {
  try {
    for (const program of ['podman', 'skopeo', 'buildah']) run(program, '--version');
    run('podman', ...OWN_STORAGE, 'images', '-q');
    return undefined;
  } catch (error) {
    return String(error);
  }
}

const why = missing();
if (why !== undefined) process.stderr.write(`SKIPPED: plans through other programs: ${why}\n`);

describe.skipIf(why !== undefined)('a plan survives', () => {
  test.each(WAYS)('%s', async (_, send) => {
    const options = { compression: 'gzip', maxLayers: 5 } as const;
    const first = await buildPlain(plainTar({ ...FILES, 'etc/ld.so.cache': '1' }), options);
    const split = first.layers.map(({ components }) => components);
    const sent = send(first.reference);

    const image = await openImage(sent, {});
    const texts = planTexts(image).slice(0, split.length);
    expect(texts.map((text) => text?.members.map(({ key }) => key))).toEqual(
      split.map((keys) => keys.map((key) => byteString(key))),
    );
    expect(image.layers.filter(({ descriptor }) => descriptor.annotations?.[COMPONENTS_ANNOTATION])).toEqual(
      [],
    );
    image.close();

    const next = plainTar({ ...FILES, 'opt/p0/data': 'changed', 'etc/ld.so.cache': '2' });
    const second = await buildPlain(next, { ...options, previous: sent });
    const dirty = split.filter((keys) => keys.includes('@db') || keys.includes('rest/opt/p0'));
    const stays = split.filter((keys) => !dirty.includes(keys));
    expect(stays.length).toBeGreaterThan(1);
    expect(second.layers.slice(0, stays.length).map(({ components }) => components)).toEqual(stays);
    expect(
      second.layers
        .slice(stays.length)
        .flatMap(({ components }) => components)
        .sort(),
    ).toEqual(dirty.flat().sort());
  });
});
