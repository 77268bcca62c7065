/**
 * Digests of directories: the profile `mkcomposefs` against the C tool, `cfsctl` against composefs-rs, and every
 * profile against the image that `build` makes of the directory. That a directory and its image agree, and that the
 * layers unpacked by tar agree again, proves that our tars leave nothing to interpretation.
 */
import { execFileSync } from 'node:child_process';
import { lstatSync, lutimesSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { HOST_PROFILES } from '../../src/host/profiles.ts';
import { build } from '../../src/ops/build/build.ts';
import { digest } from '../../src/ops/hosts/digest.ts';
import { digestAll } from '../../src/ops/hosts/digest-all.ts';
import { canReadAttributes } from '../support/attributes.ts';
import { hasTool, runTool } from '../support/composefs-tools.ts';
import { fillRandomDirectory } from '../support/random-directory.ts';

const DIRECTORIES = 40;
const hasMkcomposefs = hasTool('mkcomposefs', 'digests of directories against the C tool');
const hasCfsctl = hasTool('cfsctl', 'digests of directories against composefs-rs');
const hasTar = hasTool('tar', 'layers unpacked by tar');
const isRoot = process.getuid?.() === 0;
if (!isRoot) process.stderr.write('SKIPPED: layers unpacked by tar: only root can restore owners\n');

const folder = mkdtempSync(join(tmpdir(), 'planish-host-directories-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const seeds = Array.from({ length: DIRECTORIES }, (_, index) => 9001 + index);

/** A random root, with what hosts demand of one. */
function makeRoot(seed: number): string {
  const root = join(folder, `root-${seed}`);
  for (const name of ['usr', 'boot/sub', 'sysroot', 'run/left'])
    mkdirSync(join(root, name), { recursive: true });
  fillRandomDirectory(root, seed);
  return root;
}

/** Whole seconds everywhere, children before parents: what a tar can carry. */
function useWholeSeconds(path: Buffer, random = { at: 0 }): void {
  if (lstatSync(path).isDirectory()) {
    for (const name of readdirSync(path, { encoding: 'buffer' })) {
      useWholeSeconds(Buffer.concat([path, Buffer.from('/'), name]), random);
    }
  }
  const seconds = 1_500_000_000 + ((random.at++ * 7919) % 1000);
  lutimesSync(path, seconds, seconds);
}

/** Unpacks the layers of a layout's only image, one over the other. */
function unpack(layout: string, target: string): void {
  const read = (digestText: string): Buffer =>
    readFileSync(join(layout, 'blobs/sha256', digestText.slice(7)));
  const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8'));
  const manifest = JSON.parse(read(index.manifests[0].digest).toString());
  mkdirSync(target);
  for (const layer of manifest.layers) {
    const options = ['--xattrs', '--xattrs-include=*', '--numeric-owner', '--overwrite', '-p'];
    const file = join(layout, 'blobs/sha256', layer.digest.slice(7));
    execFileSync('tar', [...options, '-xf', file, '-C', target]);
  }
}

describe.skipIf(!hasMkcomposefs)('directories, C tool', () => {
  it.each(seeds)('seed %i has its digest', async (seed) => {
    const root = makeRoot(seed);
    const { status, stdout, stderr } = runTool('mkcomposefs', ['--print-digest-only', root]);
    expect(status, stderr).toBe(0);
    const { container } = await digest(`rootfs:${root}`, { profile: 'mkcomposefs' });
    expect(container).toBe(stdout.toString().trim());
    rmSync(root, { recursive: true });
  });
});

describe.skipIf(!hasCfsctl)('directories, composefs-rs', () => {
  it.each(seeds.slice(0, 20))('seed %i has its digests', async (seed) => {
    const root = makeRoot(seed);
    for (const format of [1, 2] as const) {
      const host = (...flags: string[]): string => {
        const args = [
          '--no-repo',
          '--hash',
          'sha512',
          '--erofs-version',
          String(format),
          'compute-id',
          ...flags,
          root,
        ];
        const { status, stdout, stderr } = runTool('cfsctl', args);
        return status === 0 ? stdout.toString().trim() : stderr;
      };
      const found = await digest(`rootfs:${root}`, { profile: 'cfsctl', format });
      expect(found.container).toBe(host());
      expect(found.bootable).toBe(host('--bootable'));
    }
    rmSync(root, { recursive: true });
  });
});

describe.skipIf(!canReadAttributes)('a directory and the image built of it', () => {
  it.each(seeds.slice(0, 20))('seed %i have the same digests by every profile', async (seed) => {
    const root = makeRoot(seed);
    useWholeSeconds(Buffer.from(root));
    const layout = join(folder, `layout-${seed}`);
    const built = await build(`rootfs:${root}`, {
      destination: `oci:${layout}:t`,
      compression: 'none',
      maxLayers: 3,
    });
    const before = await digestAll(`rootfs:${root}`);
    const after = await digestAll(`oci:${layout}:t`);
    expect(after.profiles).toEqual(before.profiles);
    expect(after.profiles.map(({ profile }) => profile)).toEqual(HOST_PROFILES.map(({ name }) => name));
    const [bootc] = after.profiles;
    expect(built.digests).toMatchObject({
      container: bootc?.plain.digest,
      bootable: bootc?.bootable?.digest,
    });
    expect(bootc?.bootable?.digest).toMatch(/^[0-9a-f]{128}$/);
    if (isRoot && hasTar) {
      const unpacked = join(folder, `unpacked-${seed}`);
      unpack(layout, unpacked);
      expect((await digestAll(`rootfs:${unpacked}`)).profiles).toEqual(before.profiles);
      rmSync(unpacked, { recursive: true });
    }
    rmSync(root, { recursive: true });
    rmSync(layout, { recursive: true });
  });
});
