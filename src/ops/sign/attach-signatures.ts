/** Putting signatures beside what they sign, in an index of a layout. What is there already and still good stays. */
import type { KeyObject } from 'node:crypto';
import type { BlobDigest } from '../../bytes/digest.ts';
import { PlanishError } from '../../errors.ts';
import { readSmallBlob } from '../../io/blob-file.ts';
import { findBlob, verifyDigest } from '../../io/blob-store.ts';
import type { Layout } from '../../io/layout.ts';
import type { LayoutEdit } from '../../io/layout-change.ts';
import { type FoundManifest, findAttachments, readReferrersIndex } from '../../io/referrers.ts';
import { LIMITS } from '../../limits.ts';
import {
  type AttachmentKind,
  addReferrer,
  attachmentTag,
  buildArtifact,
  COSIGN_KIND,
  COSIGN_KINDS,
  EMPTY_BYTES,
  referrerEntry,
  referrersTag,
  SIGNATURE_ANNOTATION,
  signaturesTag,
} from '../../oci/attachments.ts';
import { type Annotations, annotation, type Descriptor, REF_NAME } from '../../oci/descriptor.ts';
import { formatJson } from '../../oci/json.ts';
import { buildManifest, type Index, type Manifest } from '../../oci/manifest.ts';
import { documentKind, MEDIA_TYPES } from '../../oci/media-types.ts';
import { placeImage } from '../../oci/place-image.ts';
import { BUNDLE_MEDIA_TYPE, SIGN_PREDICATE } from '../../sign/bundle.ts';
import { decodeSignatureText, PAYLOAD_MEDIA_TYPE } from '../../sign/image-payload.ts';
import { judgeBundle, judgePayload, type SignedPayload } from '../../sign/image-signature.ts';

/** The index after a signature was attached, and the manifest that holds it. */
export interface Attached {
  readonly index: Index;
  readonly manifest: BlobDigest;
  /** False when a good signature by the same key was there. */
  readonly added: boolean;
}

/** Attaches a signature in the older form: under cosign's tag, beside the signatures by other keys. */
export async function attachPayload(
  { layout, addBytes }: LayoutEdit,
  index: Index,
  { subject, signed, key }: { subject: Descriptor; signed: SignedPayload; key: KeyObject },
): Promise<Attached> {
  const tag = signaturesTag(subject.digest);
  if (tag === undefined) {
    throw new PlanishError(
      'IMAGE_UNSUPPORTED',
      'only manifests with sha256 digests have signatures of this form',
      {
        hint: 'sign with --form bundle alone',
      },
    );
  }
  const before = findAttachments(layout, subject.digest, index).signatures;
  const layers = before === undefined ? [] : manifestOf(before).layers;
  const marked = markImage(index, subject);
  if (before !== undefined && layers.some((layer) => isSame(layout, layer, { signed, key, subject }))) {
    return { index: marked, manifest: before.descriptor.digest, added: false };
  }
  const layer = {
    mediaType: PAYLOAD_MEDIA_TYPE,
    ...(await addBytes(signed.payload)),
    annotations: { [SIGNATURE_ANNOTATION]: Buffer.from(signed.signature).toString('base64') },
  };
  const all = [...layers, layer];
  const config = { mediaType: MEDIA_TYPES.ociConfig, ...(await addBytes(formatJson(signaturesConfig(all)))) };
  const manifest = await addBytes(formatJson(buildManifest({ config, layers: all })));
  const bare = { mediaType: MEDIA_TYPES.ociManifest, ...manifest };
  const isNamed = index.manifests.some(({ digest }) => digest === subject.digest);
  const entry = isNamed ? withKind(bare, COSIGN_KINDS.signatures) : bare;
  return { index: placeImage(marked, entry, tag), manifest: manifest.digest, added: true };
}

/** Attaches a bundle as a referrer. `created` stands in its annotations, where there is such a time. */
export async function attachBundle(
  edit: LayoutEdit,
  index: Index,
  {
    subject,
    bundle,
    key,
    created,
  }: { subject: Descriptor; bundle: Uint8Array; key: KeyObject; created: string | undefined },
): Promise<Attached> {
  const { referrers } = findAttachments(edit.layout, subject.digest, index);
  const known = referrers.find(({ found }) =>
    bundleLayers(found).some((layer) => {
      const bytes = readAttachedBlob(edit.layout, layer);
      return judgeBundle(bytes, { digest: subject.digest, keys: [key] }).outcome === 'valid';
    }),
  );
  if (known !== undefined) return { index, manifest: known.descriptor.digest, added: false };
  const layer = { mediaType: BUNDLE_MEDIA_TYPE, ...(await edit.addBytes(bundle)) };
  const annotations = {
    'dev.sigstore.bundle.content': 'dsse-envelope',
    'dev.sigstore.bundle.predicateType': SIGN_PREDICATE,
    ...(created === undefined ? {} : { 'org.opencontainers.image.created': created }),
  };
  return attachArtifact(edit, index, {
    artifactType: BUNDLE_MEDIA_TYPE,
    layers: [layer],
    subject,
    annotations,
  });
}

/** Attaches an artifact as a referrer: under the tag of the subject's referrers. */
export async function attachArtifact(
  edit: LayoutEdit,
  index: Index,
  parts: {
    artifactType: string;
    layers: readonly Descriptor[];
    subject: Descriptor;
    annotations?: Annotations;
  },
): Promise<Attached> {
  const manifest = buildArtifact(parts);
  await edit.addBytes(EMPTY_BYTES);
  const descriptor = { mediaType: MEDIA_TYPES.ociManifest, ...(await edit.addBytes(formatJson(manifest))) };
  return await listReferrer(edit, index, { subject: parts.subject.digest, descriptor, manifest });
}

/** Lists a manifest that is there, with all its blobs, among the referrers of its subject. */
export async function listReferrer(
  { layout, addBytes }: LayoutEdit,
  index: Index,
  { subject, descriptor, manifest }: { subject: BlobDigest; descriptor: Descriptor; manifest: Manifest },
): Promise<Attached> {
  const known = readReferrersIndex(layout, index, subject);
  const added = known?.manifests.some(({ digest }) => digest === descriptor.digest) !== true;
  const list = addReferrer(known, referrerEntry(descriptor, manifest));
  const listed = { mediaType: MEDIA_TYPES.ociIndex, ...(await addBytes(formatJson(list))) };
  return { index: placeImage(index, listed, referrersTag(subject)), manifest: descriptor.digest, added };
}

/**
 * The index with a manifest that is there under a tag of cosign's of another, which is marked where it is an image.
 * `undefined` where others have that name: which of them count, only their makers know.
 */
export function nameAttachment(
  index: Index,
  {
    subject,
    descriptor,
    kind,
    mark,
  }: { subject: Descriptor; descriptor: Descriptor; kind: AttachmentKind; mark: boolean },
): Index | undefined {
  const tag = attachmentTag(subject.digest, kind);
  const known = index.manifests.find((entry) => annotation(entry, REF_NAME) === tag);
  if (tag !== undefined && known?.digest === descriptor.digest) return index;
  if (tag === undefined || known !== undefined) return undefined;
  if (kind === 'sbom') return placeImage(index, descriptor, tag);
  const marked = kind === 'sig' ? COSIGN_KINDS.signatures : COSIGN_KINDS.attestations;
  return placeImage(
    mark ? markImage(index, subject) : index,
    mark ? withKind(descriptor, marked) : descriptor,
    tag,
  );
}

/** Layers of a referrer that are bundles, by whatever type the artifact has. */
export function bundleLayers(found: FoundManifest['found']): readonly Descriptor[] {
  if (found instanceof PlanishError) return [];
  return found.document.layers.filter(({ mediaType }) =>
    mediaType.startsWith('application/vnd.dev.sigstore.bundle'),
  );
}

/** The bytes of a small blob of an attachment, verified. Throws `BLOB_MISSING`, `DIGEST_MISMATCH`, `LIMIT_EXCEEDED`. */
export function readAttachedBlob(layout: Layout, descriptor: Descriptor): Uint8Array {
  const blob = findBlob(layout, descriptor, 'blob');
  const bytes = readSmallBlob(blob, LIMITS.signatureBytes);
  verifyDigest(bytes, descriptor.digest, 'blob', blob.file);
  return bytes;
}

/** What an attachment must be for something to be added to it. */
function manifestOf({ found }: FoundManifest): Manifest {
  if (found instanceof PlanishError) throw found;
  return found.document;
}

/** Whether a layer holds a good signature of the same payload by the key: ECDSA by others differs every time. */
function isSame(
  layout: Layout,
  layer: Descriptor,
  { signed, key, subject }: { signed: SignedPayload; key: KeyObject; subject: Descriptor },
): boolean {
  const signature = decodeSignatureText(annotation(layer, SIGNATURE_ANNOTATION));
  if (signature === undefined || layer.size !== signed.payload.length) return false;
  const payload = readAttachedBlob(layout, layer);
  if (Buffer.compare(payload, signed.payload) !== 0) return false;
  return judgePayload({ payload, signature }, { digest: subject.digest, keys: [key] }).outcome === 'valid';
}

/** A config that says nothing but how many layers there are, as cosign writes it. */
function signaturesConfig(layers: readonly Descriptor[]): object {
  const created = '0001-01-01T00:00:00Z';
  return {
    architecture: '',
    created,
    history: layers.map(() => ({ created })),
    os: '',
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
    config: {},
  };
}

/**
 * The index with the image's own entry marked as cosign marks it in layouts, where it reads signatures from them: the
 * first that are so marked. So signatures of manifests that the index no longer names lose their mark.
 */
function markImage(index: Index, { digest, mediaType }: Descriptor): Index {
  const kind = documentKind(mediaType) === 'index' ? COSIGN_KINDS.index : COSIGN_KINDS.image;
  const named = new Set(index.manifests.flatMap((entry) => signaturesTag(entry.digest) ?? []));
  const manifests = index.manifests.map((entry) => {
    if (entry.digest === digest) return withKind(entry, kind);
    const isSignatures = annotation(entry, COSIGN_KIND) === COSIGN_KINDS.signatures;
    const isStale = isSignatures && !named.has(annotation(entry, REF_NAME) ?? '');
    return isStale ? withKind(entry, undefined) : entry;
  });
  return { ...index, manifests };
}

/** An entry with cosign's mark, or without any. */
export function withKind(entry: Descriptor, kind: string | undefined): Descriptor {
  const { [COSIGN_KIND]: _, ...annotations } = entry.annotations ?? {};
  return {
    ...entry,
    annotations: kind === undefined ? annotations : { ...annotations, [COSIGN_KIND]: kind },
  };
}
