import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { BlobDigest } from '../../../src/bytes/digest.ts';
import {
  addReferrer,
  buildArtifact,
  COSIGN_KIND,
  COSIGN_KINDS,
  EMPTY_BYTES,
  EMPTY_DESCRIPTOR,
  isAttachedEntry,
  mayBeReferrer,
  referrerEntry,
  referrersTag,
  signaturesTag,
} from '../../../src/oci/attachments.ts';
import type { Descriptor } from '../../../src/oci/descriptor.ts';
import { REF_NAME } from '../../../src/oci/descriptor.ts';
import { MEDIA_TYPES } from '../../../src/oci/media-types.ts';
import { isImageEntry } from '../../../src/oci/platform.ts';

const HEX = 'ab'.repeat(32);
const SUBJECT = `sha256:${HEX}` as BlobDigest;
const LONG = `sha512:${'cd'.repeat(64)}` as BlobDigest;

function entry(annotations: Record<string, string>, more: object = {}): Descriptor {
  return { mediaType: MEDIA_TYPES.ociManifest, digest: SUBJECT, size: 3, annotations, ...more };
}

describe('tags made of digests', () => {
  it('names signatures and lists of referrers', () => {
    expect(signaturesTag(SUBJECT)).toBe(`sha256-${HEX}.sig`);
    expect(referrersTag(SUBJECT)).toBe(`sha256-${HEX}`);
  });

  it('cuts longer digests for referrers, and has no signatures of them', () => {
    expect(referrersTag(LONG)).toBe(`sha512-${'cd'.repeat(32)}`);
    expect(signaturesTag(LONG)).toBeUndefined();
  });
});

describe('entries of index.json', () => {
  it.each([
    [{ [REF_NAME]: `sha256-${HEX}.sig` }, true],
    [{ [REF_NAME]: `sha256-${HEX}.att` }, true],
    [{ [REF_NAME]: `sha256-${HEX}` }, true],
    [{ [REF_NAME]: `sha256-${HEX}0` }, false],
    [{ [REF_NAME]: 'latest' }, false],
    [{ [COSIGN_KIND]: COSIGN_KINDS.signatures }, true],
    [{ [COSIGN_KIND]: 'dev.cosignproject.cosign/atts' }, true],
    [{ [COSIGN_KIND]: COSIGN_KINDS.image }, false],
    [{ [COSIGN_KIND]: COSIGN_KINDS.index }, false],
  ])('%j is attached: %s', (annotations, attached) => {
    const descriptor = entry(annotations as Record<string, string>);
    expect(isAttachedEntry(descriptor)).toBe(attached);
    expect(isImageEntry(descriptor)).toBe(!attached);
  });

  it('may be referrers when they have a type or no name', () => {
    expect(mayBeReferrer(entry({}))).toBe(true);
    expect(mayBeReferrer(entry({ [REF_NAME]: 'x' }))).toBe(false);
    expect(mayBeReferrer(entry({ [REF_NAME]: 'x' }, { artifactType: 'a/b' }))).toBe(true);
    expect(mayBeReferrer(entry({}, { mediaType: MEDIA_TYPES.ociIndex }))).toBe(false);
  });
});

describe('artifacts', () => {
  const manifest = buildArtifact({
    artifactType: 'application/x',
    layers: [EMPTY_DESCRIPTOR],
    subject: entry({ dropped: 'yes' }),
    annotations: { a: 'b' },
  });

  it('have no config and a subject without annotations', () => {
    expect(JSON.stringify(manifest)).toBe(
      `{"schemaVersion":2,"mediaType":"${MEDIA_TYPES.ociManifest}","artifactType":"application/x",` +
        `"config":{"mediaType":"${MEDIA_TYPES.ociEmpty}","digest":"${EMPTY_DESCRIPTOR.digest}","size":2},` +
        `"layers":[{"mediaType":"${MEDIA_TYPES.ociEmpty}","digest":"${EMPTY_DESCRIPTOR.digest}","size":2}],` +
        `"subject":{"mediaType":"${MEDIA_TYPES.ociManifest}","digest":"${SUBJECT}","size":3},"annotations":{"a":"b"}}`,
    );
    const digest = createHash('sha256').update(EMPTY_BYTES).digest('hex');
    expect(EMPTY_DESCRIPTOR.digest).toBe(`sha256:${digest}`);
  });

  it('are listed with type and annotations, once', () => {
    const listed = referrerEntry({ ...entry({}), digest: LONG }, manifest);
    expect(listed).toEqual({
      mediaType: MEDIA_TYPES.ociManifest,
      digest: LONG,
      size: 3,
      artifactType: 'application/x',
      annotations: { a: 'b' },
    });
    const once = addReferrer(undefined, listed);
    expect(once).toEqual({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: [listed] });
    expect(addReferrer(once, listed)).toEqual(once);
    expect(addReferrer(once, entry({})).manifests).toHaveLength(2);
  });
});
