/** An image without one of its optional groups is one that skopeo copies and podman mounts. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { build } from '../../src/ops/build/build.ts';
import type { BuildResult } from '../../src/ops/build/build-result.ts';
import { DEMO, temporaryDirectory } from '../support/cli.ts';

const hasSkopeo = spawnSync('skopeo', ['--version']).status === 0;
if (!hasSkopeo) process.stderr.write('SKIPPED interop/groups, skopeo: no skopeo on PATH\n');

const storage = temporaryDirectory();
const podman = (...args: string[]): string => {
  const place = [
    '--root',
    join(storage, 'root'),
    '--runroot',
    join(storage, 'run'),
    '--storage-driver',
    'vfs',
  ];
  return execFileSync(
    'podman',
    [...place, '--cgroup-manager', 'cgroupfs', '--events-backend', 'file', ...args],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  ).trim();
};
const isRoot = process.getuid?.() === 0;
const hasPodman = isRoot && spawnSync('podman', ['--version']).status === 0;
if (!hasPodman) process.stderr.write('SKIPPED interop/groups, podman: needs podman and root\n');

describe.skipIf(!hasSkopeo && !hasPodman)('an image without a group', () => {
  const layout = join(temporaryDirectory(), 'image');
  const image = `oci:${layout}:rest`;
  let built: BuildResult;

  beforeAll(async () => {
    const groups = join(temporaryDirectory(), 'groups.json');
    writeFileSync(groups, JSON.stringify({ groups: { net: ['dpkg/iputils', 'dpkg/netbase'] } }));
    // Old versions of either do not take zstd out of layouts.
    const options = {
      destination: image,
      groups,
      without: ['net'],
      compression: 'gzip',
      maxLayers: 6,
    } as const;
    built = await build(`oci-archive:${DEMO}`, options);
  }, 60_000);
  afterAll(() => {
    if (hasPodman)
      spawnSync('podman', [
        '--root',
        join(storage, 'root'),
        '--storage-driver',
        'vfs',
        'image',
        'umount',
        '--all',
      ]);
  });

  test.skipIf(!hasSkopeo)('is copied by skopeo, blob by blob', () => {
    const copy = join(temporaryDirectory(), 'copy');
    execFileSync('skopeo', ['--insecure-policy', 'copy', '--quiet', image, `dir:${copy}`]);
    const manifest = JSON.parse(readFileSync(join(copy, 'manifest.json'), 'utf8'));
    expect(manifest.layers.map(({ digest }: { digest: string }) => digest)).toEqual(
      built.layers.map(({ digest }) => digest),
    );
  });

  test.skipIf(!hasPodman)('is mounted by podman, and lacks the group alone', () => {
    const archive = join(temporaryDirectory(), 'image.tar');
    execFileSync('tar', ['-C', layout, '-cf', archive, '.']);
    podman('load', '--quiet', '-i', archive);
    const id = podman('images', '--quiet');
    const root = podman('image', 'mount', id);
    const there = [
      '/etc/services',
      '/usr/bin/ping',
      '/usr/bin/busybox',
      '/etc/passwd',
      '/etc/debian_version',
    ];
    // Of netbase and iputils the first two are; what is in no group stays.
    expect(there.map((path) => existsSync(join(root, path)))).toEqual([false, false, true, true, true]);
    podman('image', 'umount', id);
  });
});
