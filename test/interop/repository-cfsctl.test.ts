/** Repositories of planish and of composefs-rs hold the same, and each takes the other's. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { DEMO, planish, planishJson } from '../support/cli.ts';
import { hasTool, runTool } from '../support/composefs-tools.ts';
import { randomImage } from '../support/random-image.ts';
import { contentObjects, linksBelow, memoryDirectory, namesIn } from '../support/repository.ts';
import { layoutOfTars } from '../support/stack-layout.ts';

const cfsctl = hasTool('cfsctl', 'repositories against composefs-rs');
const directory = memoryDirectory();
const KINDS = ['sha512', 'sha256'].flatMap((algorithm) =>
  ['v1', 'v2'].map((format) => ({ algorithm, format })),
);

function cfs(repository: string, ...args: string[]): string {
  const { status, stdout, stderr } = runTool('cfsctl', ['--repo', repository, ...args]);
  if (status !== 0) throw new Error(`cfsctl ${args.join(' ')}: ${stderr}`);
  return stdout.toString();
}

function initPeer(name: string, { algorithm, format }: (typeof KINDS)[number]): string {
  const repository = join(directory, name);
  rmSync(repository, { recursive: true, force: true });
  const kind = ['--algorithm', `fsverity-${algorithm}-12`, '--erofs-version', format.slice(1)];
  cfs(repository, 'init', '--insecure', ...kind);
  return repository;
}

const OK = 'status: ok';

describe.skipIf(!cfsctl)('an image that planish emits', () => {
  const source = join(directory, 'demo');
  const layout = `oci:${source}:demo`;
  beforeAll(() => {
    planishJson(['build', `oci-archive:${DEMO}`, '-o', layout, '--compression', 'gzip']);
  });

  test.each(KINDS)('is sound to cfsctl: $algorithm, $format', async (kind) => {
    const repository = join(directory, `ours-${kind.algorithm}-${kind.format}`);
    const emitted = planishJson([
      'emit',
      layout,
      '--repo',
      repository,
      '--algorithm',
      kind.algorithm,
      '--format',
      kind.format,
      '--profile',
      'cfsctl',
    ]);
    expect(cfs(repository, 'fsck')).toContain(OK);
    expect(cfs(repository, 'oci', 'fsck')).toContain('oci images: 1/1 ok');
    expect(cfs(repository, 'gc', '-n')).toContain('Objects: 0 removed (0 bytes)');
    expect(cfs(repository, 'oci', 'compute-id', 'demo').trim()).toBe(emitted.images[0].digest);
    const inspected = JSON.parse(cfs(repository, 'oci', 'inspect', 'demo'));
    expect(`sha256:${createHash('sha256').update(inspected.manifest).digest('hex')}`).toBe(emitted.manifest);

    const peer = initPeer(`theirs-${kind.algorithm}-${kind.format}`, kind);
    cfs(peer, 'oci', 'pull', layout, 'demo');
    expect(contentObjects(repository)).toEqual(contentObjects(peer));
    expect(namesIn(join(repository, 'images'))).toEqual(namesIn(join(peer, 'images')));
    expect(namesIn(join(repository, 'streams'))).toEqual(namesIn(join(peer, 'streams')));
    expect(linksBelow(join(repository, 'streams/refs'))).toEqual(linksBelow(join(peer, 'streams/refs')));
    for (const { diffId } of emitted.layers) {
      const stream = `oci-layer-${diffId}`;
      const tar = runTool('cfsctl', ['--repo', repository, 'cat', stream]).stdout;
      expect(`sha256:${createHash('sha256').update(tar).digest('hex')}`).toBe(diffId);
    }
    expect(JSON.parse(readFileSync(join(repository, 'meta.json'), 'utf8'))).toEqual(
      JSON.parse(readFileSync(join(peer, 'meta.json'), 'utf8')),
    );
  });

  test('stays sound when cfsctl pulls it on top; on top of theirs nothing is written', () => {
    const kind = { algorithm: 'sha512', format: 'v1' };
    const ours = join(directory, 'ours-sha512-v1');
    cfs(ours, 'oci', 'pull', layout, 'demo');
    expect(cfs(ours, 'oci', 'fsck')).toContain('oci images: 1/1 ok');
    const theirs = initPeer('theirs-first', kind);
    cfs(theirs, 'oci', 'pull', layout, 'demo');
    const after = linksBelow(theirs);
    const again = planishJson(['emit', layout, '--repo', theirs, '--profile', 'cfsctl']);
    expect(again.objects.added).toBe(0);
    expect(again.links).toBe(0);
    expect(linksBelow(theirs)).toEqual(after);
    expect(cfs(theirs, 'oci', 'fsck')).toContain('oci images: 1/1 ok');
  });
});

describe.skipIf(!cfsctl)('random images', () => {
  const kind = { algorithm: 'sha512', format: 'v1' };
  test.each([1, 2, 3, 4, 5, 6, 7, 8])('seed %i: stored alike, or refused by both', async (seed) => {
    const source = join(directory, `random-${seed}`);
    mkdirSync(source);
    await layoutOfTars(source, randomImage(seed).layers);
    const layout = `oci:${source}:t`;
    const ours = join(directory, `random-ours-${seed}`);
    const { status } = planish(['emit', layout, '--repo', ours, '--profile', 'cfsctl', '--no-bootable']);
    const theirs = initPeer(`random-theirs-${seed}`, kind);
    const pulled = runTool('cfsctl', ['--repo', theirs, 'oci', 'pull', layout, 't']);
    expect(status === 0).toBe(pulled.status === 0);
    if (status !== 0) return;
    expect(contentObjects(ours)).toEqual(contentObjects(theirs));
    expect(namesIn(join(ours, 'images'))).toEqual(namesIn(join(theirs, 'images')));
    expect(cfs(ours, 'oci', 'fsck')).toContain('oci images: 1/1 ok');
  });
});
