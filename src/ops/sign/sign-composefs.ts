/**
 * `sign --composefs`: writes what the sealing specification says of an image, computed anew from its layers, and signs
 * it with an fs-verity key: into the image's own annotations, or as an artifact about it.
 */
import type { BlobDigest, HashAlgorithm, VerityDigest } from '../../bytes/digest.ts';
import { PlanishError } from '../../errors.ts';
import { computeVerityDigest } from '../../fsverity/digest.ts';
import type { LayoutEdit } from '../../io/layout-change.ts';
import { editLayout } from '../../io/layout-editor.ts';
import type { OpenedImage } from '../../io/opened-image.ts';
import { findAttachments } from '../../io/referrers.ts';
import type { Annotations, Descriptor } from '../../oci/descriptor.ts';
import { formatJson } from '../../oci/json.ts';
import type { Index, Manifest } from '../../oci/manifest.ts';
import { MEDIA_TYPES } from '../../oci/media-types.ts';
import type { Certificate } from '../../sign/certificate.ts';
import {
  documentKey,
  parseSealingArtifact,
  SEALING_ARTIFACT,
  SEALING_SIGNATURE,
  signatureKey,
  withoutSealing,
} from '../../sign/sealing.ts';
import { signVerityDigest, verifyVeritySignature } from '../../sign/verity-signature.ts';
import { layerAnnotation, mergedAnnotation } from '../hosts/tree-digests.ts';
import { openImage } from '../load/open-any.ts';
import type { InspectOptions } from '../look/inspect.ts';
import { Session } from '../session.ts';
import { keyOfLayer, mergedDigests, NO_DIGEST, readLayers } from '../verify/measure-image.ts';
import { attachArtifact, readAttachedBlob, withKind } from './attach-signatures.ts';
import { targetOf } from './sign-target.ts';
import { openCertifiedSigner, type SigningKey } from './signing-key.ts';

/** Options of {@link signComposefs}. */
export interface SignComposefsOptions extends InspectOptions, SigningKey {
  /** Where it is written: annotations of the image, whose digest changes with them, or an artifact beside it. */
  readonly mode: 'inline' | 'artifact';
  /** File with the certificate of the key, which hosts have in their keyring. */
  readonly certificate: string;
  /** fs-verity algorithm; default sha512. */
  readonly algorithm?: HashAlgorithm | undefined;
}

/** Result of {@link signComposefs}. */
export interface SignComposefsResult {
  readonly reference: string;
  readonly mode: 'inline' | 'artifact';
  /** The image's manifest as it is now. */
  readonly manifest: BlobDigest;
  /** What it was before, where `inline` changed it: signatures of that manifest do not count for the new one. */
  readonly replaced: BlobDigest | undefined;
  /** The manifest of the artifact. */
  readonly artifact: BlobDigest | undefined;
  /** What was signed, by key. */
  readonly digests: Readonly<Record<string, VerityDigest>>;
}

/** EROFS format of the digests: the one that released hosts make. */
const FORMAT = 1;

/**
 * Computes and signs the digests of an image. Throws `HOST_TREE_INVALID` where hosts refuse the image, which then has
 * none; `KEY_MISMATCH`, `SIGNER_FAILED`, and what reading the layers throws.
 */
export async function signComposefs(
  source: string,
  options: SignComposefsOptions,
): Promise<SignComposefsResult> {
  const { signer, certificate } = openCertifiedSigner(options, options.certificate);
  return await Session.use(options, async (session) => {
    const image = await openImage(source, { ...options, onWarning: session.onWarning });
    try {
      const sealed = await computeDigests(session, image, options.algorithm ?? 'sha512');
      const write = options.mode === 'inline' ? signInline : signArtifact;
      return await write(
        image,
        sealed,
        (digest) => signVerityDigest(digest, certificate, signer),
        certificate,
      );
    } finally {
      image.close();
    }
  });
}

/** Digests by key: of the manifest and config, of what they merge to, and of each layer. */
interface Sealed {
  readonly algorithm: HashAlgorithm;
  readonly layers: readonly string[];
  /** In the specification's order. The bootable image may have none. */
  readonly merged: Readonly<Record<string, VerityDigest>>;
}

type Sign = (digest: VerityDigest) => Promise<Uint8Array>;

async function computeDigests(
  session: Session,
  image: OpenedImage,
  algorithm: HashAlgorithm,
): Promise<Sealed> {
  const layers = await readLayers(session, image, algorithm);
  const keys = layers.map((layer, ordinal) => {
    if (layer instanceof PlanishError) throw layer;
    const { descriptor, diffId } = image.layers[ordinal] ?? {};
    if (layer.digest !== descriptor?.digest || layer.diffId !== diffId) throw notAsPromised(layer.digest);
    return keyOfLayer(layer, ordinal);
  });
  const merged: Record<string, VerityDigest> = {};
  const digests = await mergedDigests(session, image, layers, { algorithm, format: FORMAT });
  for (const kind of ['container', 'bootable'] as const) {
    const digest = digests[kind];
    if (digest instanceof PlanishError) throw digest;
    if (digest !== NO_DIGEST) merged[mergedAnnotation(kind, FORMAT, algorithm)] = digest as VerityDigest;
    else if (kind === 'container') {
      throw new PlanishError('HOST_TREE_INVALID', 'hosts refuse the image, so it has no composefs digest');
    }
  }
  return { algorithm, layers: keys, merged };
}

function notAsPromised(actual: string): PlanishError {
  return new PlanishError('DIGEST_MISMATCH', 'a layer is not what the image says, and is not signed', {
    actual,
  });
}

async function signInline(image: OpenedImage, sealed: Sealed, sign: Sign): Promise<SignComposefsResult> {
  const { document, descriptor } = image.manifest;
  if (document.mediaType === MEDIA_TYPES.dockerManifest) {
    throw new PlanishError('IMAGE_UNSUPPORTED', 'a Docker manifest has no annotations', {
      hint: 'write an artifact instead: --composefs artifact',
    });
  }
  const config = { [documentKey('config', sealed.algorithm)]: verityOf(image.config.bytes, sealed) };
  const annotations = { ...withoutSealing(document.annotations), ...(await signed(sealed.merged, sign)) };
  const manifest: Manifest = {
    ...document,
    config: annotated(document.config, await signed(config, sign)),
    layers: document.layers.map((layer, ordinal) =>
      annotated(layer, { [layerAnnotation(sealed.algorithm)]: sealed.layers[ordinal] ?? '' }),
    ),
    annotations,
  };
  let entry: Descriptor = descriptor;
  await editLayout(targetOf(image), async (edit) => {
    entry = { ...descriptor, ...(await edit.addBytes(formatJson(manifest))) };
    return replaceManifest(edit, descriptor.digest, entry);
  });
  return {
    reference: image.reference,
    mode: 'inline',
    manifest: entry.digest,
    replaced: entry.digest === descriptor.digest ? undefined : descriptor.digest,
    artifact: undefined,
    digests: { ...config, ...sealed.merged },
  };
}

/** Every digest, and behind each its signature. */
async function signed(digests: Readonly<Record<string, VerityDigest>>, sign: Sign): Promise<Annotations> {
  const all: Record<string, string> = {};
  for (const [key, digest] of Object.entries(digests)) {
    all[key] = digest;
    all[signatureKey(key)] = Buffer.from(await sign(digest)).toString('base64');
  }
  return all;
}

function annotated(descriptor: Descriptor, more: Annotations): Descriptor {
  return { ...descriptor, annotations: { ...withoutSealing(descriptor.annotations), ...more } };
}

function verityOf(bytes: Uint8Array, { algorithm }: Sealed): VerityDigest {
  return computeVerityDigest(bytes, algorithm);
}

/** The entry of `index.json` with another manifest, its name kept. Throws `IMAGE_UNSUPPORTED` within an index. */
function replaceManifest({ index }: LayoutEdit, before: BlobDigest, { digest, size }: Descriptor): Index {
  if (!index.manifests.some((entry) => entry.digest === before)) {
    throw new PlanishError(
      'IMAGE_UNSUPPORTED',
      'the image is one of an index, whose digest would change with it',
      {
        hint: 'write an artifact instead: --composefs artifact',
      },
    );
  }
  const manifests = index.manifests.map((entry) =>
    entry.digest === before ? withKind({ ...entry, digest, size }, undefined) : entry,
  );
  return { ...index, manifests };
}

async function signArtifact(
  image: OpenedImage,
  sealed: Sealed,
  sign: Sign,
  certificate: Certificate,
): Promise<SignComposefsResult> {
  const { descriptor: subject, bytes } = image.manifest;
  const digests = {
    [documentKey('manifest', sealed.algorithm)]: verityOf(bytes, sealed),
    [documentKey('config', sealed.algorithm)]: verityOf(image.config.bytes, sealed),
    ...sealed.merged,
  };
  const signatures: [string, VerityDigest, Uint8Array][] = [];
  for (const [key, digest] of Object.entries(digests)) signatures.push([key, digest, await sign(digest)]);
  let artifact: BlobDigest | undefined;
  await editLayout(targetOf(image), async (edit) => {
    artifact = knownArtifact(edit, subject, digests, certificate);
    if (artifact !== undefined) return edit.index;
    const layers: Descriptor[] = [];
    for (const [key, digest, signature] of signatures) {
      const annotations = { [key]: digest };
      layers.push({ mediaType: SEALING_SIGNATURE, ...(await edit.addBytes(signature)), annotations });
    }
    const attached = await attachArtifact(edit, edit.index, {
      artifactType: SEALING_ARTIFACT,
      layers,
      subject,
    });
    artifact = attached.manifest;
    return attached.index;
  });
  return {
    reference: image.reference,
    mode: 'artifact',
    manifest: subject.digest,
    replaced: undefined,
    artifact,
    digests,
  };
}

/** An artifact that says and signs the same already: ECDSA by others differs every time. */
function knownArtifact(
  { layout, index }: LayoutEdit,
  subject: Descriptor,
  digests: Readonly<Record<string, VerityDigest>>,
  certificate: Certificate,
): BlobDigest | undefined {
  const same = findAttachments(layout, subject.digest, index).referrers.find(({ found }) => {
    if (found instanceof PlanishError || found.document.artifactType !== SEALING_ARTIFACT) return false;
    try {
      const entries = parseSealingArtifact(found.document);
      const said = Object.fromEntries(entries.map(({ key, digest }) => [key.key, digest]));
      if (JSON.stringify(said) !== JSON.stringify(digests)) return false;
      for (const { digest, descriptor } of entries)
        verifyVeritySignature(readAttachedBlob(layout, descriptor), digest, [certificate]);
      return true;
    } catch (error) {
      if (error instanceof PlanishError && (error.kind === 'input' || error.kind === 'integrity'))
        return false;
      throw error;
    }
  });
  return same?.descriptor.digest;
}
