/** `verify`: what an image says of its own fs-verity digests, in annotations, a label and artifacts, and who signed it. */
import type { BlobDigest, HashAlgorithm, VerityDigest } from '../../bytes/digest.ts';
import type { FormatVersion } from '../../erofs/writer.ts';
import { PlanishError } from '../../errors.ts';
import { computeVerityDigest } from '../../fsverity/digest.ts';
import type { Layout } from '../../io/layout.ts';
import type { OpenedImage } from '../../io/opened-image.ts';
import type { FoundManifest } from '../../io/referrers.ts';
import type { Annotations } from '../../oci/descriptor.ts';
import { decodeBase64 } from '../../sign/base64.ts';
import {
  parseDigest,
  parseSealingArtifact,
  parseSealingKey,
  SEALING_ARTIFACT,
  SEALING_PREFIX,
  type SealedThing,
  type SealingEntry,
  type SealingKey,
} from '../../sign/sealing.ts';
import { verifyVeritySignature } from '../../sign/verity-signature.ts';
import { readAttachedBlob } from '../sign/attach-signatures.ts';
import type { MergedDigest } from './measure-image.ts';
import type { TrustedCertificates } from './verify-certificates.ts';
import { attemptCheck, type CheckSubject, compare, unreadable, type VerifyCheck } from './verify-check.ts';

/** What layers were found to be. */
export interface Measured {
  /** Key of a layer. */
  layerKey(ordinal: number, algorithm: HashAlgorithm): Promise<string | PlanishError>;
  /** Digest of the whole. */
  merged(
    kind: 'container' | 'bootable',
    algorithm: HashAlgorithm,
    format: FormatVersion,
  ): Promise<MergedDigest>;
}

/** Where annotations stand. */
interface Holder {
  readonly kind: 'manifest' | 'config' | 'layer';
  readonly layer: number | undefined;
  readonly annotations: Annotations;
}

/** Which things are claimed where. */
const PLACES: Readonly<Record<Holder['kind'], readonly SealedThing[]>> = {
  manifest: ['merged', 'merged.bootable'],
  config: ['config'],
  layer: ['layer'],
};

/** Checks of all annotations of the sealing specification, in the image itself. */
export async function annotationChecks(
  image: OpenedImage,
  measured: Measured,
  certificates: TrustedCertificates,
): Promise<VerifyCheck[]> {
  const checks: VerifyCheck[] = [];
  for (const holder of holdersOf(image)) {
    for (const [key, value] of Object.entries(holder.annotations)) {
      if (!key.startsWith(SEALING_PREFIX)) continue;
      checks.push(await checkAnnotation({ image, measured, certificates, holder }, key, value));
    }
  }
  return checks;
}

function holdersOf({ manifest, layers, manifestAnnotations }: OpenedImage): Holder[] {
  const { config } = manifest.document;
  return [
    ...layers.map(
      ({ descriptor }, layer): Holder => ({
        kind: 'layer',
        layer,
        annotations: descriptor.annotations ?? {},
      }),
    ),
    { kind: 'manifest', layer: undefined, annotations: manifestAnnotations },
    { kind: 'config', layer: undefined, annotations: config.annotations ?? {} },
  ];
}

interface AnnotationPlace {
  readonly image: OpenedImage;
  readonly measured: Measured;
  readonly certificates: TrustedCertificates;
  readonly holder: Holder;
}

async function checkAnnotation(place: AnnotationPlace, text: string, value: string): Promise<VerifyCheck> {
  const { holder } = place;
  const key = parseSealingKey(text);
  const unknown: VerifyCheck = {
    check: 'annotation',
    subject: text,
    layer: holder.layer,
    outcome: 'unchecked',
    reason: 'nothing here knows what it claims',
  };
  if (key === undefined || !PLACES[holder.kind].includes(key.thing)) return unknown;
  if (key.signature) return checkInlineSignature(place, key, value);
  const actual = await actualDigest(place, key);
  if (actual === undefined) return unknown;
  return compare(subjectOf(key, holder), value, actual);
}

function subjectOf({ key, thing }: SealingKey, { layer }: Holder): CheckSubject {
  const check =
    thing === 'layer' ? 'key' : thing === 'config' || thing === 'manifest' ? 'document' : 'merged';
  return { check, subject: key, layer };
}

/** What a key's value must be; `undefined` for formats that nothing here makes. */
async function actualDigest(
  { image, measured, holder }: AnnotationPlace,
  key: SealingKey,
): Promise<MergedDigest | undefined> {
  const { thing, algorithm, format } = key;
  if (thing === 'config') return computeVerityDigest(image.config.bytes, algorithm);
  if (thing === 'manifest') return computeVerityDigest(image.manifest.bytes, algorithm);
  if (thing === 'layer') return format === 1 ? measured.layerKey(holder.layer ?? 0, algorithm) : undefined;
  if (format !== 0 && format !== 1 && format !== 2) return undefined;
  return measured.merged(thing === 'merged' ? 'container' : 'bootable', algorithm, format);
}

/** A signature is of the digest under the same key; whether that is true is a check of its own. */
function checkInlineSignature(
  { certificates, holder }: AnnotationPlace,
  key: SealingKey,
  value: string,
): VerifyCheck {
  const subject: CheckSubject = { check: 'verity-signature', subject: key.key, layer: holder.layer };
  const digest = holder.annotations[key.key.slice(0, -'.sig'.length)];
  if (digest === undefined) {
    return { ...subject, outcome: 'mismatch', reason: 'there is no digest that it could be of' };
  }
  return attemptCheck(subject, () =>
    checkSignature(subject, decodeBase64(value, key.key), parseDigest(key, digest), certificates),
  );
}

function checkSignature(
  subject: CheckSubject,
  signature: Uint8Array,
  digest: VerityDigest,
  certificates: TrustedCertificates,
): VerifyCheck {
  if (certificates.isEmpty) return { ...subject, outcome: 'unchecked', reason: 'no certificate was given' };
  const verdict = verifyVeritySignature(signature, digest, certificates.list);
  certificates.note(verdict, 'sign');
  return { ...subject, outcome: 'match', signer: verdict.signer.subject };
}

/** Checks of the artifacts about the image: what they say, and their signatures. */
export async function artifactChecks(
  image: OpenedImage,
  {
    layout,
    referrers,
  }: { readonly layout: Layout | undefined; readonly referrers: readonly FoundManifest[] },
  measured: Measured,
  certificates: TrustedCertificates,
): Promise<VerifyCheck[]> {
  const checks: VerifyCheck[] = [];
  for (const { descriptor, found } of referrers) {
    const subject = artifactSubject(descriptor.digest);
    if (found instanceof PlanishError) checks.push(unreadable(subject, found));
    else if (layout !== undefined && found.document.artifactType === SEALING_ARTIFACT) {
      const entries = entriesOf(() => parseSealingArtifact(found.document));
      if (entries instanceof PlanishError) checks.push(unreadable(subject, entries));
      else
        for (const entry of entries)
          checks.push(...(await checkEntry({ image, measured, certificates }, layout, entry)));
    }
  }
  return checks;
}

function artifactSubject(digest: BlobDigest | string): CheckSubject {
  return { check: 'artifact', subject: digest, layer: undefined };
}

function entriesOf(parse: () => SealingEntry[]): SealingEntry[] | PlanishError {
  try {
    return parse();
  } catch (error) {
    if (error instanceof PlanishError && error.kind === 'input') return error;
    throw error;
  }
}

async function checkEntry(
  place: Omit<AnnotationPlace, 'holder'>,
  layout: Layout,
  { key, digest, descriptor }: SealingEntry,
): Promise<VerifyCheck[]> {
  const holder: Holder = { kind: 'manifest', layer: undefined, annotations: {} };
  const claimed = artifactSubject(key.key);
  const actual = await actualDigest({ ...place, holder }, key);
  const check: VerifyCheck =
    actual === undefined
      ? { ...claimed, outcome: 'unchecked', reason: 'nothing here makes that format' }
      : compare(claimed, digest, actual);
  const subject: CheckSubject = { check: 'verity-signature', subject: key.key, layer: undefined };
  const signed = attemptCheck(subject, () =>
    checkSignature(subject, readAttachedBlob(layout, descriptor), digest, place.certificates),
  );
  return [check, signed];
}
