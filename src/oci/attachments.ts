/**
 * What is attached to a manifest from outside: signatures and other artifacts. There are two ways. An *attachment* has
 * a tag made of the digest of what it belongs to (cosign). A *referrer* names its `subject`; where a registry has no
 * list of referrers, an index under a tag made of that digest is one (OCI distribution specification, "Referrers tag
 * schema"). A layout has both kinds of tags in its `index.json`, so that whatever copies tags copies signatures.
 */
import { type BlobDigest, splitBlobDigest } from '../bytes/digest.ts';
import { type Annotations, annotation, type Descriptor, REF_NAME } from './descriptor.ts';
import { emptyIndex, type Index, type Manifest } from './manifest.ts';
import { documentKind, MEDIA_TYPES } from './media-types.ts';

/** Annotation in which cosign keeps what an entry of `index.json` is. */
export const COSIGN_KIND = 'kind';

/** Values of {@link COSIGN_KIND}. */
export const COSIGN_KINDS = {
  image: 'dev.cosignproject.cosign/image',
  index: 'dev.cosignproject.cosign/imageIndex',
  signatures: 'dev.cosignproject.cosign/sigs',
  attestations: 'dev.cosignproject.cosign/atts',
} as const;

/** What cosign keeps under a tag of its own: signatures, attestations, bills of materials. */
export type AttachmentKind = 'sig' | 'att' | 'sbom';

/** Layers of cosign's signatures and attestations; what a bill of materials is made of is up to its maker. */
const LAYER_KINDS: Readonly<Record<string, AttachmentKind>> = {
  'application/vnd.dev.cosign.simplesigning.v1+json': 'sig',
  'application/vnd.dsse.envelope.v1+json': 'att',
};

/** The descriptor of the empty JSON object, which stands where an artifact has no config. */
export const EMPTY_DESCRIPTOR: Descriptor = {
  mediaType: MEDIA_TYPES.ociEmpty,
  digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a' as BlobDigest,
  size: 2,
};

/** The bytes of {@link EMPTY_DESCRIPTOR}. */
export const EMPTY_BYTES: Uint8Array = Buffer.from('{}');

const TAG_DIGITS = 64;
const ATTACHED_NAME = /^sha(?:256|512)-[0-9a-f]{64}(?:\.[a-z0-9]+)?$/;
const ATTACHED_KIND = /^dev\.cosignproject\.cosign\/(?!image(?:Index)?$)/;

/** Tag of the index of referrers of a digest. Longer digests are cut, as the specification has it. */
export function referrersTag(digest: BlobDigest): string {
  const { algorithm, hex } = splitBlobDigest(digest);
  return `${algorithm}-${hex.slice(0, TAG_DIGITS)}`;
}

/** Tag of cosign's signatures of a manifest; `undefined` for digests that make no tag. */
export function signaturesTag(digest: BlobDigest): string | undefined {
  return attachmentTag(digest, 'sig');
}

/** Tag under which cosign keeps something of a manifest; `undefined` for digests that make no tag. */
export function attachmentTag(digest: BlobDigest, kind: AttachmentKind): string | undefined {
  const { algorithm, hex } = splitBlobDigest(digest);
  return algorithm === 'sha256' ? `${algorithm}-${hex}.${kind}` : undefined;
}

/** Annotation of a layer with a signature of it in base64; empty where the layer is one by itself. */
export const SIGNATURE_ANNOTATION = 'dev.cosignproject.cosign/signature';

/**
 * Under which of cosign's tags a manifest belongs, by its layers. One without any says nothing, as no signatures do. Cosign
 * takes layers of any type for signatures where it finds signatures of them.
 */
export function attachmentKind({ layers }: Manifest): AttachmentKind {
  const [first] = layers;
  if (first === undefined) return 'sig';
  const isSigned = layers.some((layer) => (annotation(layer, SIGNATURE_ANNOTATION) ?? '') !== '');
  return LAYER_KINDS[first.mediaType] ?? (isSigned ? 'sig' : 'sbom');
}

/** Whether an entry of an index is attached to something, by its name or kind, and so no image of its own. */
export function isAttachedEntry(entry: Descriptor): boolean {
  const name = annotation(entry, REF_NAME);
  if (name !== undefined && ATTACHED_NAME.test(name)) return true;
  return ATTACHED_KIND.test(annotation(entry, COSIGN_KIND) ?? '');
}

/** Whether an entry of `index.json` that is no tag of ours may be a referrer: only its manifest can tell. */
export function mayBeReferrer(entry: Descriptor): boolean {
  if (documentKind(entry.mediaType) !== 'manifest') return false;
  return (entry.artifactType ?? '') !== '' || annotation(entry, REF_NAME) === undefined;
}

/** What an artifact is built from. */
export interface ArtifactParts {
  readonly artifactType: string;
  readonly layers: readonly Descriptor[];
  readonly subject: Descriptor;
  readonly annotations?: Annotations | undefined;
}

/** The manifest of an artifact about a subject: no config, fields in the specification's order. */
export function buildArtifact({ artifactType, layers, subject, annotations }: ArtifactParts): Manifest {
  const { mediaType, digest, size } = subject;
  return {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    artifactType,
    config: EMPTY_DESCRIPTOR,
    layers,
    subject: { mediaType, digest, size },
    ...(annotations === undefined || Object.keys(annotations).length === 0 ? {} : { annotations }),
  };
}

/** The entry that a list of referrers has for a manifest: with its type and annotations. */
export function referrerEntry(descriptor: Descriptor, manifest: Manifest): Descriptor {
  const { mediaType, digest, size } = descriptor;
  const artifactType = manifest.artifactType ?? manifest.config.mediaType;
  const { annotations } = manifest;
  return { mediaType, digest, size, artifactType, ...(annotations === undefined ? {} : { annotations }) };
}

/** A list of referrers with one more, or as it was when it has that one. */
export function addReferrer(index: Index | undefined, entry: Descriptor): Index {
  const { manifests, ...rest } = index ?? emptyIndex();
  if (manifests.some(({ digest }) => digest === entry.digest)) return { ...rest, manifests };
  return { ...rest, manifests: [...manifests, entry] };
}
