/** Attestations, bills of materials, and what is attached to artifacts, into a repository and back. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { BlobDigest } from '../../../src/bytes/digest.ts';
import { checkReferrers } from '../../../src/io/referrers.ts';
import { LIMITS } from '../../../src/limits.ts';
import { type AttachmentKind, attachmentTag, COSIGN_KIND } from '../../../src/oci/attachments.ts';
import { type Descriptor, REF_NAME } from '../../../src/oci/descriptor.ts';
import { MEDIA_TYPES } from '../../../src/oci/media-types.ts';
import { inspect } from '../../../src/ops/look/inspect.ts';
import { emit } from '../../../src/ops/repository/emit.ts';
import { repoExport } from '../../../src/ops/repository/repo-export.ts';
import { repoFsck } from '../../../src/ops/repository/repo-fsck.ts';
import { repoGc } from '../../../src/ops/repository/repo-gc.ts';
import { repoUntag } from '../../../src/ops/repository/repo-tag.ts';
import { fingerprint } from '../../support/layout-fingerprint.ts';
import { blobPath, digestOf, makeLayout } from '../../support/layout-maker.ts';
import { memoryDirectory } from '../../support/memory-directory.ts';
import { linksBelow, namesIn } from '../../support/repository.ts';
import { smallLayers } from '../../support/small-repository.ts';

const SIG = 'application/vnd.dev.cosign.simplesigning.v1+json';
const ATT = 'application/vnd.dsse.envelope.v1+json';
const SBOM = 'text/spdx+json';

const top = memoryDirectory();
const at = (name: string): string => join(top, name);
let image: Descriptor;

beforeAll(async () => {
  const layers = smallLayers().map((tar) => ({ tar, compression: 'gzip' as const }));
  await makeLayout(at('plain'), layers, { tag: 'small' });
  [image] = new Layout('plain').index.manifests;
});

/** A layout whose index is written anew for each artifact. */
class Layout {
  readonly path: string;

  constructor(name: string) {
    this.path = at(name);
  }

  static copy(name: string): Layout {
    cpSync(at('plain'), at(name), { recursive: true });
    return new Layout(name);
  }

  // biome-ignore lint/suspicious/noExplicitAny: as it was written.
  get index(): any {
    return JSON.parse(readFileSync(join(this.path, 'index.json'), 'utf8'));
  }

  list(entry: object): void {
    const { index } = this;
    index.manifests.push(entry);
    writeFileSync(join(this.path, 'index.json'), JSON.stringify(index));
  }

  blob(value: object, mediaType: string): Descriptor {
    const bytes = Buffer.from(JSON.stringify(value));
    const digest = digestOf(bytes) as BlobDigest;
    writeFileSync(blobPath(this.path, digest), bytes);
    return { mediaType, digest, size: bytes.length };
  }

  /** What cosign makes of a text: an image of one layer. */
  manifest(text: string, type: string): Descriptor {
    const layer = this.blob({ text }, type);
    const rootfs = { type: 'layers', diff_ids: [layer.digest] };
    const config = this.blob({ architecture: '', os: '', config: {}, rootfs }, MEDIA_TYPES.ociConfig);
    const mediaType = MEDIA_TYPES.ociManifest;
    return this.blob({ schemaVersion: 2, mediaType, config, layers: [layer] }, mediaType);
  }

  tag(subject: Descriptor, kind: AttachmentKind, descriptor: Descriptor, mark?: string): void {
    const name = { [REF_NAME]: attachmentTag(subject.digest, kind) };
    this.list({ ...descriptor, annotations: mark === undefined ? name : { ...name, [COSIGN_KIND]: mark } });
  }

  refer(subject: Descriptor, text: string): Descriptor {
    const config = this.blob({}, MEDIA_TYPES.ociEmpty);
    const mediaType = MEDIA_TYPES.ociManifest;
    const artifactType = 'application/x-note';
    const layers = [this.blob({ text }, 'text/plain')];
    const { digest, size } = subject;
    const about = { mediaType, digest, size };
    const manifest = { schemaVersion: 2, mediaType, artifactType, config, layers, subject: about };
    const descriptor = this.blob(manifest, mediaType);
    this.list({ ...descriptor, artifactType });
    return descriptor;
  }
}

async function emitted(layout: Layout, repository: string) {
  const warnings: string[] = [];
  const result = await emit(`oci:${layout.path}:small`, {
    repository: at(repository),
    verity: 'none',
    onWarning: ({ code, message }) => {
      if (code === 'REFERRER_IGNORED') warnings.push(message);
    },
  });
  return { referrers: result.referrers, warnings };
}

const attached = (repository: string, subject: Descriptor): string[] =>
  namesIn(join(at(repository), 'streams/refs/oci-referrers', subject.digest));

const sorted = (...descriptors: Descriptor[]): string[] => descriptors.map(({ digest }) => digest).sort();

describe('all of cosign’s tags, and what is attached to artifacts', () => {
  it('go into the repository, come out as they were, and go with the image', async () => {
    const layout = Layout.copy('all');
    const attestation = layout.manifest('a', ATT);
    const materials = layout.manifest('b', SBOM);
    const signature = layout.manifest('c', SIG);
    layout.tag(image, 'att', attestation, 'dev.cosignproject.cosign/atts');
    layout.tag(image, 'sbom', materials);
    layout.tag(materials, 'sig', signature);
    const note = layout.refer(signature, 'of the signature');
    const { referrers, warnings } = await emitted(layout, 'all-repository');
    expect(warnings).toEqual([]);
    expect([...referrers].sort()).toEqual(sorted(attestation, materials, signature, note));
    expect(attached('all-repository', image)).toEqual(sorted(attestation, materials));
    expect(attached('all-repository', materials)).toEqual(sorted(signature));
    expect(attached('all-repository', signature)).toEqual(sorted(note));
    expect((await repoFsck(at('all-repository'))).findings).toEqual([]);
    expect((await repoGc(at('all-repository'), { dryRun: true })).objects).toBe(0);

    const exported = await repoExport(at('all-repository'), 'small', {
      destination: `oci:${at('out')}:small`,
    });
    expect([...exported.referrers].sort()).toEqual([...referrers].sort());
    const names = (name: string): [string, unknown][] =>
      new Layout(name).index.manifests.map(({ digest, annotations }: Descriptor) => [
        annotations?.[REF_NAME],
        digest,
      ]);
    // The note is in a list now, under the tag of referrers.
    expect(names('out')).toEqual(
      expect.arrayContaining(names('all').filter(([name]) => name !== undefined && name !== null)),
    );
    expect(names('out').map(([name]) => name)).toContain(signature.digest.replace(':', '-'));
    const { 'index.json': _, ...blobs } = fingerprint(at('all'));
    expect(fingerprint(at('out'))).toMatchObject(blobs);
    const again = await emitted(new Layout('out'), 'again');
    expect([...again.referrers].sort()).toEqual([...referrers].sort());
    const { attached: shown } = await inspect(`oci:${at('out')}:small`);
    expect(shown.map(({ digest, how }) => [digest, how])).toEqual([
      [attestation.digest, 'tag'],
      [materials.digest, 'tag'],
    ]);

    await repoUntag(at('all-repository'), 'small');
    await repoGc(at('all-repository'));
    expect(linksBelow(at('all-repository'))).toEqual({});
  });
});

/** Entries of the index by name and digest, those with a name. */
const namesOf = (layout: Layout): string[] =>
  layout.index.manifests
    .flatMap(({ digest, annotations }: Descriptor) => {
      const name = annotations?.[REF_NAME];
      return name === undefined ? [] : [`${name} ${digest}`];
    })
    .sort();

describe('an artifact that is attached to several', () => {
  it('is a referrer of each, and comes out under all its tags', async () => {
    const layout = Layout.copy('shared');
    const materials = layout.manifest('m', SBOM);
    const attestation = layout.manifest('a', ATT);
    const signature = layout.manifest('s', SIG);
    layout.tag(image, 'sbom', materials);
    layout.tag(image, 'att', attestation);
    layout.tag(image, 'sig', signature);
    layout.tag(materials, 'att', attestation);
    layout.tag(materials, 'sig', signature);
    layout.tag(attestation, 'sig', signature);
    const { referrers, warnings } = await emitted(layout, 'shared-repository');
    expect(warnings).toEqual([]);
    expect(referrers).toEqual([signature.digest, attestation.digest, materials.digest]);
    expect(attached('shared-repository', image)).toEqual(sorted(materials, attestation, signature));
    expect(attached('shared-repository', materials)).toEqual(sorted(attestation, signature));
    expect(attached('shared-repository', attestation)).toEqual(sorted(signature));
    expect((await repoFsck(at('shared-repository'))).findings).toEqual([]);

    const exported = await repoExport(at('shared-repository'), 'small', {
      destination: `oci:${at('shared-out')}:small`,
    });
    expect([...exported.referrers].sort()).toEqual([...referrers].sort());
    expect(namesOf(new Layout('shared-out'))).toEqual(namesOf(layout));
    await repoUntag(at('shared-repository'), 'small');
    await repoGc(at('shared-repository'));
    expect(linksBelow(at('shared-repository'))).toEqual({});
  });

  it('by its subject to one and by a tag to another keeps both', async () => {
    const layout = Layout.copy('both');
    const materials = layout.manifest('m', SBOM);
    layout.tag(image, 'sbom', materials);
    const note = layout.refer(image, 'a note');
    layout.tag(materials, 'sbom', note);
    const { referrers, warnings } = await emitted(layout, 'both-repository');
    expect([warnings, referrers]).toEqual([[], [note.digest, materials.digest]]);
    await repoExport(at('both-repository'), 'small', { destination: `oci:${at('both-out')}:small` });
    const again = await emitted(new Layout('both-out'), 'both-again');
    expect([again.warnings, [...again.referrers].sort()]).toEqual([[], [...referrers].sort()]);
    expect(attached('both-again', image)).toEqual(sorted(note, materials));
    expect(attached('both-again', materials)).toEqual(sorted(note));
  });

  it('is a referrer of both images that were emitted one after the other', async () => {
    const layout = Layout.copy('one');
    const materials = layout.manifest('m', SBOM);
    layout.tag(image, 'sbom', materials);
    await emitted(layout, 'two-repository');
    const layers = smallLayers().slice(0, 1);
    const { manifest } = await makeLayout(
      at('other'),
      layers.map((tar) => ({ tar, compression: 'gzip' as const })),
      {
        tag: 'small',
      },
    );
    const other = new Layout('other');
    cpSync(join(layout.path, 'blobs'), join(other.path, 'blobs'), { recursive: true });
    other.tag(manifest as Descriptor, 'sbom', materials);
    expect((await emitted(other, 'two-repository')).referrers).toEqual([materials.digest]);
    expect(attached('two-repository', image)).toEqual(sorted(materials));
    expect(attached('two-repository', manifest as Descriptor)).toEqual(sorted(materials));
  });
});

describe('signatures whose layers are of another type', () => {
  it('are signatures for cosign, and travel as such', async () => {
    const layout = Layout.copy('typed');
    const payload = layout.blob({ critical: {} }, 'application/octet-stream');
    const annotations = { 'dev.cosignproject.cosign/signature': 'MEUC' };
    const rootfs = { type: 'layers', diff_ids: [payload.digest] };
    const config = layout.blob({ architecture: '', os: '', config: {}, rootfs }, MEDIA_TYPES.ociConfig);
    const mediaType = MEDIA_TYPES.ociManifest;
    const manifest = { schemaVersion: 2, mediaType, config, layers: [{ ...payload, annotations }] };
    const signature = layout.blob(manifest, mediaType);
    layout.tag(image, 'sig', signature);
    expect(await emitted(layout, 'typed-repository')).toEqual({
      referrers: [signature.digest],
      warnings: [],
    });
    await repoExport(at('typed-repository'), 'small', { destination: `oci:${at('typed-out')}:small` });
    expect(namesOf(new Layout('typed-out'))).toEqual(namesOf(layout));
  });

  it('and without a signature are none, and named', async () => {
    const layout = Layout.copy('untyped');
    const odd = layout.manifest('o', 'application/octet-stream');
    layout.tag(image, 'sig', odd);
    expect(await emitted(layout, 'untyped-repository')).toEqual({
      referrers: [],
      warnings: [
        `the artifact ${odd.digest} is left out of those of ${image.digest}: it lies under the tag .sig and has layers of .sbom`,
      ],
    });
  });
});

describe('hostile ties', () => {
  it('that make rings end, and say so', async () => {
    const layout = Layout.copy('rings');
    const one = layout.manifest('1', SBOM);
    const two = layout.manifest('2', ATT);
    layout.tag(image, 'sbom', one);
    layout.tag(one, 'sbom', one);
    layout.tag(one, 'att', two);
    layout.tag(two, 'sbom', one);
    layout.tag(two, 'sig', image);
    const { referrers, warnings } = await emitted(layout, 'rings-repository');
    expect(referrers).toEqual([one.digest, two.digest]);
    const ring = (artifact: Descriptor, subject: Descriptor): string =>
      `the artifact ${artifact.digest} is left out of those of ${subject.digest}: it would be attached to itself`;
    expect(warnings).toEqual([ring(one, one), ring(image, two), ring(one, two)]);
    expect((await repoFsck(at('rings-repository'))).findings).toEqual([]);
  });

  it('of a repository end as well', async () => {
    const layout = Layout.copy('ring');
    const one = layout.manifest('1', SBOM);
    const two = layout.manifest('2', ATT);
    layout.tag(image, 'sbom', one);
    layout.tag(one, 'att', two);
    await emitted(layout, 'ring-repository');
    const refs = join(at('ring-repository'), 'streams/refs/oci-referrers');
    cpSync(join(refs, image.digest), join(refs, two.digest), { recursive: true, verbatimSymlinks: true });
    const { referrers } = await repoExport(at('ring-repository'), 'small', {
      destination: `oci:${at('ring-out')}:small`,
    });
    expect(referrers).toEqual([one.digest, two.digest]);
    expect((await repoGc(at('ring-repository'), { dryRun: true })).objects).toBe(0);
  });

  it('are followed so far', async () => {
    const layout = Layout.copy('chain');
    let subject = image;
    for (let depth = 0; depth < LIMITS.referrerDepth; depth++) subject = layout.refer(subject, 'more');
    expect((await emitted(layout, 'chain-repository')).referrers).toHaveLength(LIMITS.referrerDepth);
    layout.refer(subject, 'too much');
    await expect(emitted(layout, 'chain-repository')).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED',
      detail: { limit: 'referrerDepth', expected: 8 },
    });
  });

  it('are counted', () => {
    checkReferrers('file', LIMITS.referrerDepth - 1, LIMITS.referrers);
    expect(() => checkReferrers('file', 0, LIMITS.referrers + 1)).toThrow(
      expect.objectContaining({
        code: 'LIMIT_EXCEEDED',
        detail: { file: 'file', limit: 'referrers', expected: 4096, actual: 4097 },
      }),
    );
  });

  it('under a tag for something else are left out', async () => {
    const layout = Layout.copy('odd');
    const odd = layout.manifest('o', SBOM);
    layout.tag(image, 'att', odd);
    const { referrers, warnings } = await emitted(layout, 'odd-repository');
    expect(referrers).toEqual([]);
    expect(warnings).toEqual([
      `the artifact ${odd.digest} is left out of those of ${image.digest}: it lies under the tag .att and has layers of .sbom`,
    ]);
  });

  it('to an index are left out, since repositories have none', async () => {
    const layout = Layout.copy('multi');
    const mediaType = MEDIA_TYPES.ociIndex;
    const index = layout.blob({ schemaVersion: 2, mediaType, manifests: [image] }, mediaType);
    layout.list({ ...index, annotations: { [REF_NAME]: 'both' } });
    layout.tag(index, 'sig', layout.manifest('s', SIG));
    layout.refer(index, 'of all');
    const own = layout.manifest('own', SBOM);
    layout.tag(image, 'sbom', own);
    layout.tag(index, 'sbom', own);
    const { referrers, warnings } = await emitted(layout, 'multi-repository');
    expect(referrers).toEqual([own.digest]);
    expect(warnings).toEqual([
      `3 artifacts of the index ${index.digest} are left out: repositories have images and no indexes`,
    ]);
  });
});
