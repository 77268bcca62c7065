/** Repositories of planish and of composefs-rs hold the same, and each takes the other's. */
import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { bootableTar } from '../support/bootable-root.ts';
import { DEMO, planish, planishJson } from '../support/cli.ts';
import { hasTool, runTool } from '../support/composefs-tools.ts';
import { memoryDirectory } from '../support/memory-directory.ts';
import { randomImage } from '../support/random-image.ts';
import { contentObjects, linksBelow, namesIn } from '../support/repository.ts';
import { copyRepository } from '../support/small-repository.ts';
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

const LAYOUT = `oci:${join(directory, 'demo')}:demo`;
beforeAll(() => {
  if (cfsctl) planishJson(['build', `oci-archive:${DEMO}`, '-o', LAYOUT, '--compression', 'gzip']);
});

const OK = 'status: ok';

describe.skipIf(!cfsctl)('an image that planish emits', () => {
  const layout = LAYOUT;

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

describe.skipIf(!cfsctl)('an image that hosts boot', () => {
  test.each(KINDS)('has the same two images: $algorithm, $format', (kind) => {
    const tar = join(directory, 'bootable.tar');
    const layout = `oci:${join(directory, `bootable-${kind.algorithm}-${kind.format}`)}:b`;
    writeFileSync(tar, bootableTar({ files: { 'boot/entry.conf': 'that hosts empty '.repeat(9) } }));
    planishJson(['build', `tar:${tar}`, '-o', layout]);
    const ours = join(directory, `boot-ours-${kind.algorithm}-${kind.format}`);
    const options = ['--algorithm', kind.algorithm, '--format', kind.format, '--profile', 'cfsctl'];
    const { images } = planishJson(['emit', layout, '--repo', ours, '--bootable', ...options]);
    expect(images.map(({ kind: name }: { kind: string }) => name)).toEqual(['plain', 'bootable']);
    expect(images[0].digest).not.toBe(images[1].digest);
    const theirs = initPeer(`boot-theirs-${kind.algorithm}-${kind.format}`, kind);
    cfs(theirs, 'oci', 'pull', '--bootable', layout, 'b');
    const names = images.map(({ digest }: { digest: string }) => digest).sort();
    expect(namesIn(join(ours, 'images'))).toEqual(names);
    expect(namesIn(join(theirs, 'images'))).toEqual(names);
    expect(cfs(theirs, 'oci', 'compute-id', '--bootable', 'b').trim()).toBe(images[1].digest);
    expect(contentObjects(ours)).toEqual(contentObjects(theirs));
    expect(cfs(ours, 'oci', 'fsck')).toContain('oci images: 1/1 ok');
  });
});

describe.skipIf(!cfsctl)('what refers to an image', () => {
  test('comes with it, and goes with it', () => {
    const layout = `oci:${join(directory, 'signed')}:demo`;
    planishJson(['build', `oci-archive:${DEMO}`, '-o', layout, '--compression', 'none']);
    const key = join(directory, 'key.pem');
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    writeFileSync(key, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    planishJson(['sign', layout, '--key', key, '--identity', 'registry.example/demo']);
    const repository = join(directory, 'signed-repository');
    const { referrers, manifest } = planishJson(['emit', layout, '--repo', repository]);
    // A bundle, and what lies under cosign's tag.
    expect(referrers).toHaveLength(2);
    expect(cfs(repository, 'oci', 'fsck')).toContain('oci images: 1/1 ok');
    expect(cfs(repository, 'gc', '-n')).toContain('Objects: 0 removed (0 bytes)');
    const inspected = JSON.parse(cfs(repository, 'oci', 'inspect', 'demo'));
    expect(inspected.referrers.sort()).toEqual(referrers.sort());
    const subject = join(repository, 'streams/refs/oci-referrers', manifest);
    expect(namesIn(subject)).toEqual(referrers);
    expect(planishJson(['repo', 'fsck', repository]).findings).toEqual([]);
    expect(planishJson(['repo', 'gc', repository]).objects).toBe(0);
    planishJson(['repo', 'untag', repository, 'demo']);
    planishJson(['repo', 'gc', repository]);
    expect(linksBelow(repository)).toEqual({});
    expect(cfs(repository, 'fsck')).toContain(OK);
  });
});

describe.skipIf(!cfsctl)('an image that cfsctl pulled', () => {
  test('is read by planish: checked, listed, printed, exported, collected', () => {
    const layout = LAYOUT;
    const theirs = initPeer('theirs-read', { algorithm: 'sha512', format: 'v1' });
    cfs(theirs, 'oci', 'pull', layout, 'some/where:demo');
    expect(planishJson(['repo', 'fsck', theirs]).findings).toEqual([]);
    const [image] = planishJson(['repo', 'ls', theirs]).tags;
    expect([image.tag, image.kind]).toEqual(['some/where:demo', 'image']);
    expect(image.images).toEqual({
      'composefs.image.v1': cfs(theirs, 'oci', 'compute-id', image.tag).trim(),
    });
    for (const diffId of image.layers) {
      const tar = planish(['repo', 'cat', theirs, diffId]).stdout;
      expect(`sha256:${createHash('sha256').update(tar).digest('hex')}`).toBe(diffId);
    }
    const copy = `oci:${join(directory, 'exported')}:demo`;
    const exported = planishJson(['repo', 'export', theirs, image.tag, '-o', copy]);
    // The image was built by planish, whose compressor gives the same bytes again.
    expect([exported.original, exported.manifest]).toEqual([true, image.manifest]);
    expect(planishJson(['verify', copy]).findings).toBe(0);
    const plain = planishJson([
      'repo',
      'export',
      theirs,
      image.tag,
      '-o',
      `${copy}-plain`,
      '--compression',
      'none',
    ]);
    expect(plain.layers.map(({ digest }: { digest: string }) => digest)).toEqual(image.layers);
    // An update that is written over leaves streams that nothing needs: both programs find the same.
    expect(planishJson(['repo', 'gc', theirs, '--dry-run']).objects).toBe(
      Number(/Objects: (\d+) removed/.exec(cfs(theirs, 'gc', '-n'))?.[1]),
    );
    planishJson(['repo', 'gc', theirs]);
    expect(cfs(theirs, 'oci', 'fsck')).toContain('oci images: 1/1 ok');
  });
});

describe.skipIf(!cfsctl)('an update', () => {
  test('is what a host lacks, and whole on top of what it has', () => {
    const host = join(directory, 'host');
    const update = join(directory, 'update');
    const layout = LAYOUT;
    planishJson(['emit', `oci-archive:${DEMO}`, '--repo', host]);
    const lacking = planishJson(['emit', layout, '--repo', update, '--only-missing-from', host]);
    const whole = planishJson(['emit', layout, '--repo', copyRepository(host, join(directory, 'whole'))]);
    expect(lacking.objects.added).toBe(whole.objects.added);
    expect(contentObjects(update).filter((name) => contentObjects(host).includes(name))).toEqual([]);
    expect(runTool('cp', ['-a', `${update}/.`, host]).status).toBe(0);
    expect(planishJson(['repo', 'fsck', host]).findings).toEqual([]);
    expect(cfs(host, 'oci', 'fsck')).toContain('oci images: 1/1 ok');
    expect(planishJson(['emit', layout, '--repo', host]).objects.added).toBe(0);
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
