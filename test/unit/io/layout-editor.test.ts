/** Attaching manifests to images of layouts and archives, and finding them again. */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { BlobDigest } from '../../../src/bytes/digest.ts';
import type { LayoutChange } from '../../../src/io/layout-change.ts';
import { editLayout } from '../../../src/io/layout-editor.ts';
import { openSource } from '../../../src/io/open-image.ts';
import type { OpenedImage } from '../../../src/io/opened-image.ts';
import { asLayout, findAttachments, readReferrersIndex } from '../../../src/io/referrers.ts';
import {
  addReferrer,
  buildArtifact,
  EMPTY_BYTES,
  EMPTY_DESCRIPTOR,
  referrerEntry,
  referrersTag,
  signaturesTag,
} from '../../../src/oci/attachments.ts';
import type { Descriptor } from '../../../src/oci/descriptor.ts';
import { formatJson } from '../../../src/oci/json.ts';
import { MEDIA_TYPES } from '../../../src/oci/media-types.ts';
import { placeImage } from '../../../src/oci/place-image.ts';
import { parseSource } from '../../../src/oci/reference.ts';
import { Blobs, failure, named, scratch, tarOf } from './sample-image.ts';

const blobs = new Blobs();
const first = blobs.image('first');
const second = blobs.image('second');

/** Attaches an artifact of a type to an image, as a referrer and under the tag of signatures. */
function attach(subject: Descriptor, artifactType: string): LayoutChange {
  return async ({ layout, index, addBytes }) => {
    const manifest = buildArtifact({ artifactType, layers: [EMPTY_DESCRIPTOR], subject });
    await addBytes(EMPTY_BYTES);
    const descriptor = { mediaType: MEDIA_TYPES.ociManifest, ...(await addBytes(formatJson(manifest))) };
    const known = readReferrersIndex(layout, index, subject.digest);
    const list = addReferrer(known, referrerEntry(descriptor, manifest));
    const listed = { mediaType: MEDIA_TYPES.ociIndex, ...(await addBytes(formatJson(list))) };
    const tagged = placeImage(index, listed, referrersTag(subject.digest));
    return placeImage(tagged, descriptor, signaturesTag(subject.digest));
  };
}

async function open(reference: string): Promise<OpenedImage> {
  const opened = await openSource(parseSource(reference), { architecture: 'x64' });
  if (opened.kind !== 'image') throw new Error('no image');
  return opened;
}

async function referrerTypes(reference: string): Promise<(string | undefined)[]> {
  const image = await open(reference);
  try {
    const layout = asLayout(image.store);
    if (layout === undefined) throw new Error('no layout');
    const { referrers } = findAttachments(layout, image.manifest.descriptor.digest);
    return referrers.map(({ found }) => (found instanceof Error ? found.code : found.document.artifactType));
  } finally {
    image.close();
  }
}

function sample(): { directory: string; archive: string } {
  const entries = [named(first, 'first'), named(second, 'second')];
  const directory = blobs.layout(entries);
  const archive = join(scratch(), 'archive.tar');
  writeFileSync(
    archive,
    tarOf([
      ...blobs.members(entries),
      ['manifest.json', Buffer.from('[]')],
      ['link', { link: 'oci-layout' }],
    ]),
  );
  return { directory, archive };
}

describe.each(['oci', 'oci-archive'] as const)('editing %s', (kind) => {
  const pathOf = ({ directory, archive }: ReturnType<typeof sample>) =>
    kind === 'oci' ? directory : archive;

  it('attaches, finds again, and changes nothing the second time', async () => {
    const path = pathOf(sample());
    expect(await editLayout({ kind, path }, attach(first as Descriptor, 'a/1'))).toBe(true);
    expect(await editLayout({ kind, path }, attach(first as Descriptor, 'a/2'))).toBe(true);
    expect(await editLayout({ kind, path }, attach(second as Descriptor, 'a/3'))).toBe(true);
    expect(await referrerTypes(`${kind}:${path}:first`)).toEqual(['a/1', 'a/2']);
    expect(await referrerTypes(`${kind}:${path}:second`)).toEqual(['a/3']);
    const before = kind === 'oci' ? readFileSync(join(path, 'index.json')) : readFileSync(path);
    expect(await editLayout({ kind, path }, attach(second as Descriptor, 'a/3'))).toBe(false);
    expect(kind === 'oci' ? readFileSync(join(path, 'index.json')) : readFileSync(path)).toEqual(before);
  });

  it('leaves everything as it was when the change fails', async () => {
    const path = pathOf(sample());
    const before = kind === 'oci' ? readdirSync(path, { recursive: true }).sort() : readFileSync(path);
    const error = await failure(() =>
      editLayout({ kind, path }, async ({ addBytes }) => {
        await addBytes(Buffer.from('lost'));
        throw await failure(() => parseSource('docker:x'));
      }),
    );
    expect(error.code).toBe('BAD_REFERENCE');
    expect(kind === 'oci' ? readdirSync(path, { recursive: true }).sort() : readFileSync(path)).toEqual(
      before,
    );
  });
});

describe('editing a layout', () => {
  it('does not lose what another did meanwhile', async () => {
    const { directory: path } = sample();
    const types = Array.from({ length: 8 }, (_, count) => `a/${count}`);
    await Promise.all(
      types.map((type) => editLayout({ kind: 'oci', path }, attach(first as Descriptor, type))),
    );
    expect((await referrerTypes(`oci:${path}:first`)).sort()).toEqual(types);
  });

  it('still opens the only image without its name', async () => {
    const path = blobs.layout([named(first, 'first')]);
    await editLayout({ kind: 'oci', path }, attach(first as Descriptor, 'a/1'));
    expect((await open(`oci:${path}`)).manifest.descriptor.digest).toBe(first.digest);
  });

  it('tells that a listed referrer is not there', async () => {
    const { directory: path } = sample();
    const gone = {
      ...first,
      digest: `sha256:${'0'.repeat(64)}` as BlobDigest,
      artifactType: 'a/b',
    } as Descriptor;
    await editLayout({ kind: 'oci', path }, async ({ index, addBytes }) => {
      const list = formatJson(addReferrer(undefined, gone));
      const listed = { mediaType: MEDIA_TYPES.ociIndex, ...(await addBytes(list)) };
      return placeImage(index, listed, referrersTag(first.digest as BlobDigest));
    });
    expect(await referrerTypes(`oci:${path}:first`)).toEqual(['BLOB_MISSING']);
  });

  it('needs a layout', async () => {
    const error = await failure(() =>
      editLayout({ kind: 'oci', path: scratch() }, async ({ index }) => index),
    );
    expect(error.code).toBe('ARCHIVE_BAD_LAYOUT');
  });
});

describe('editing an archive', () => {
  it('keeps the bytes of all other members where they are', async () => {
    const { archive: path } = sample();
    const before = readFileSync(path);
    await editLayout({ kind: 'oci-archive', path }, attach(first as Descriptor, 'a/1'));
    const after = readFileSync(path);
    const at = before.indexOf('index.json');
    expect(after.subarray(0, at)).toEqual(before.subarray(0, at));
    const name = before.indexOf('oci-layout');
    expect(after.includes(before.subarray(name, before.length - 1024))).toBe(true);
    expect(statSync(path).mode & 0o777).toBe(0o644);
  });

  it('refuses one that is compressed as a whole', async () => {
    const { archive: path } = sample();
    writeFileSync(path, gzipSync(readFileSync(path)));
    const error = await failure(() =>
      editLayout({ kind: 'oci-archive', path }, attach(first as Descriptor, 'a/1')),
    );
    expect(error.code).toBe('COMPRESSION_UNSUPPORTED');
  });

  it('refuses to replace one that changed meanwhile', async () => {
    const { archive: path } = sample();
    const error = await failure(() =>
      editLayout({ kind: 'oci-archive', path }, async (edit) => {
        writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.alloc(512)]));
        return attach(first as Descriptor, 'a/1')(edit);
      }),
    );
    expect(error.code).toBe('CONTENT_CHANGED');
  });
});
