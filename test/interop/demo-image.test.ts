/**
 * The main job on the image that the repository carries, in every form of output: skopeo, umoci, podman and buildah
 * take the result and see the tree of the source.
 *
 * Exceptions: podman and buildah give the root directory the time of unpacking, of any image; fractions of a second are
 * not looked at.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEMO, temporaryDirectory } from '../support/cli.ts';
import { hasTool } from '../support/composefs-tools.ts';
import { run, runPlanishJson } from '../support/run.ts';
import { canUnpack, differences, type ManifestLine, manifestOf, unpack } from '../support/unpacked-tree.ts';

const source = `oci-archive:${DEMO}`;
const directory = temporaryDirectory();
const possible = canUnpack('the demonstration image against skopeo and umoci');

describe.skipIf(!possible)('the demonstration image', () => {
  let expected: ReadonlyMap<string, ManifestLine>;
  beforeAll(async () => {
    expected = await manifestOf(await unpack(source, join(directory, 'source')));
  });

  test.each(['zstd', 'gzip', 'none'])(
    'unpacks to the same tree after build --compression %s',
    async (kind) => {
      const scratch = mkdtempSync(join(directory, `${kind}-`));
      const layout = `oci:${join(scratch, 'layout')}:demo`;
      await runPlanishJson(['build', source, '-o', layout, '--compression', kind]);
      expect(differences(expected, await manifestOf(await unpack(layout, scratch)))).toEqual([]);
    },
  );

  test.each(['zstd', 'gzip', 'none'])('unpacks to the same tree from an archive: %s', async (kind) => {
    const scratch = mkdtempSync(join(directory, `${kind}-`));
    const archive = `oci-archive:${join(scratch, 'archive')}:demo`;
    await runPlanishJson(['build', source, '-o', archive, '--compression', kind]);
    expect(differences(expected, await manifestOf(await unpack(archive, scratch)))).toEqual([]);
  });

  // umoci reads gzip and plain layers itself, without the copy of skopeo that zstd needs.
  test.each(['gzip', 'none'])('is unpacked by umoci straight from the result: %s', async (kind) => {
    const scratch = mkdtempSync(join(directory, `${kind}-`));
    await runPlanishJson(['build', source, '-o', `oci:${scratch}/layout:demo`, '--compression', kind]);
    await run('umoci', ['unpack', '--image', `${scratch}/layout:demo`, join(scratch, 'bundle')]);
    expect(differences(expected, await manifestOf(join(scratch, 'bundle/rootfs')))).toEqual([]);
  });

  describe.skipIf(!hasTool('podman', 'loading'))('in podman', () => {
    const podman = storageOf('podman');
    test.each(['zstd', 'gzip', 'none'])('is the same tree: %s', async (kind) => {
      const archive = join(mkdtempSync(join(directory, `${kind}-`)), 'archive');
      const name = `localhost/demo:${kind}`;
      await runPlanishJson(['build', source, '-o', `oci-archive:${archive}:${name}`, '--compression', kind]);
      expect(await podman('load', '--quiet', '--input', archive)).toContain(name);
      const point = await podman('image', 'mount', name);
      expect(differences(rootTimeless(expected), rootTimeless(await manifestOf(point)))).toEqual([]);
      await podman('image', 'unmount', name);
    });
  });

  describe.skipIf(!hasTool('buildah', 'building from the result'))('in buildah', () => {
    const buildah = storageOf('buildah');
    test('is the same tree', async () => {
      await runPlanishJson(['build', source, '-o', `oci:${join(directory, 'for-buildah')}:demo`]);
      const container = await buildah('from', '--quiet', 'oci:for-buildah:demo');
      const point = await buildah('mount', container);
      expect(differences(rootTimeless(expected), rootTimeless(await manifestOf(point)))).toEqual([]);
      await buildah('umount', container);
    });
  });
});

/** The tree, but for the time of its root. */
function rootTimeless(lines: ReadonlyMap<string, ManifestLine>): ReadonlyMap<string, ManifestLine> {
  const root = lines.get('/') as ManifestLine;
  return new Map([...lines, ['/', { ...root, mtime: 0 }]]);
}

/**
 * Runs podman or buildah on storage of its own, which is removed after the tests, and in the tests' directory, because
 * buildah takes the path of a layout for the name of the image and names are of lower case.
 */
function storageOf(tool: 'podman' | 'buildah'): (...args: string[]) => Promise<string> {
  const scratch = mkdtempSync(join(directory, `${tool}-`));
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));
  const options = [
    '--root',
    join(scratch, 'root'),
    '--runroot',
    join(scratch, 'run'),
    '--storage-driver',
    'vfs',
  ];
  return async (...args) => (await run(tool, [...options, ...args], { cwd: directory })).trim();
}
