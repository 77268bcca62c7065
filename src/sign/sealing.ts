/**
 * The sealing specification of composefs: what an image says of its own fs-verity digests, in annotations of its
 * manifest (*inline*) or in an artifact about it, and how those are signed.
 *
 *     composefs.layer.erofs.vF.fsverity-A-12             descriptor of a layer
 *     composefs.config.fsverity-A-12                     descriptor of the config: digest of its bytes
 *     composefs.merged.erofs.vF.fsverity-A-12            manifest: the container image
 *     composefs.merged.bootable.erofs.vF.fsverity-A-12   manifest: the image that is booted
 *     composefs.manifest.fsverity-A-12                   artifact only: digest of the manifest's bytes
 *
 * Inline, a signature stands in base64 under the same key with `.sig` behind. In the artifact each layer is a signature
 * in DER, annotated with the digest that it signs, in the order manifest, config, merged, bootable.
 */
import { type HashAlgorithm, isVerityDigest, type VerityDigest, verityAlgorithm } from '../bytes/digest.ts';
import { PlanishError } from '../errors.ts';
import { verityAlgorithmName } from '../fsverity/descriptor.ts';
import { EMPTY_DESCRIPTOR } from '../oci/attachments.ts';
import type { Annotations, Descriptor } from '../oci/descriptor.ts';
import type { Manifest } from '../oci/manifest.ts';

/** Type of the artifact. */
export const SEALING_ARTIFACT = 'application/vnd.composefs.metadata.v1';

/** Media type of its layers. */
export const SEALING_SIGNATURE = 'application/vnd.composefs.signature.v1+pkcs7';

/** What a key of the specification is about. */
export type SealedThing = 'layer' | 'config' | 'manifest' | 'merged' | 'merged.bootable';

/** A key of the specification, taken apart. */
export interface SealingKey {
  readonly key: string;
  readonly thing: SealedThing;
  /** EROFS format; `undefined` for documents. */
  readonly format: number | undefined;
  readonly algorithm: HashAlgorithm;
  /** Whether the value is the signature of the digest under the same key without `.sig`. */
  readonly signature: boolean;
}

/** Prefix of all keys. */
export const SEALING_PREFIX = 'composefs.';

const KEY =
  /^composefs\.(?:(layer|merged|merged\.bootable)\.erofs\.v([0-9])|(config|manifest))\.fsverity-(sha256|sha512)-12(\.sig)?$/;

/** Takes a key apart; `undefined` for keys that the specification does not know. */
export function parseSealingKey(key: string): SealingKey | undefined {
  const match = KEY.exec(key);
  if (match === null) return undefined;
  return {
    key,
    thing: (match[1] ?? match[3]) as SealedThing,
    format: match[2] === undefined ? undefined : Number(match[2]),
    algorithm: match[4] as HashAlgorithm,
    signature: match[5] !== undefined,
  };
}

/** Key of the digest of a document's bytes. */
export function documentKey(thing: 'config' | 'manifest', algorithm: HashAlgorithm): string {
  return `composefs.${thing}.${verityAlgorithmName(algorithm)}`;
}

/** Key of a signature beside the digest that it signs. */
export function signatureKey(key: string): string {
  return `${key}.sig`;
}

/** Annotations without those of the specification, which are about to be written anew. */
export function withoutSealing(annotations: Annotations | undefined): Annotations {
  const kept = Object.entries(annotations ?? {}).filter(([key]) => !key.startsWith(SEALING_PREFIX));
  return Object.fromEntries(kept);
}

/** One signature of an artifact. */
export interface SealingEntry {
  readonly key: SealingKey;
  readonly digest: VerityDigest;
  /** Its blob: the signature. */
  readonly descriptor: Descriptor;
}

const ORDER: readonly SealedThing[] = ['manifest', 'config', 'merged', 'merged.bootable'];

/** Reads the manifest of an artifact, by the rules of the specification. Throws `SIGNATURE_BAD_FORMAT`. */
export function parseSealingArtifact(manifest: Manifest): SealingEntry[] {
  const { config } = manifest;
  if (config.mediaType !== EMPTY_DESCRIPTOR.mediaType || config.digest !== EMPTY_DESCRIPTOR.digest) {
    throw bad('has a config, which it must not');
  }
  const entries = manifest.layers.map(parseEntry);
  const things = entries.map(({ key }) => key.thing);
  const expected = ORDER.filter((thing) => thing !== 'merged.bootable' || things.includes(thing));
  if (things.join() !== expected.join()) {
    throw bad(
      'has not one signature each of manifest, config and merged image, in this order',
      things.join(', '),
    );
  }
  if (new Set(entries.map(({ key }) => key.algorithm)).size > 1)
    throw bad('has digests of several algorithms');
  return entries;
}

function parseEntry(descriptor: Descriptor): SealingEntry {
  if (descriptor.mediaType !== SEALING_SIGNATURE)
    throw bad('has a layer of another type', descriptor.mediaType);
  const found = Object.entries(descriptor.annotations ?? {}).filter(([key]) =>
    key.startsWith(SEALING_PREFIX),
  );
  const [first, ...others] = found;
  if (first === undefined || others.length > 0) throw bad('has a layer that names no digest, or several');
  const key = parseSealingKey(first[0]);
  if (key === undefined || key.signature) throw bad('has a layer with a key that is not known', first[0]);
  return { key, digest: parseDigest(key, first[1]), descriptor };
}

/** The digest under a key. Throws `SIGNATURE_BAD_FORMAT`. */
export function parseDigest({ key, algorithm }: SealingKey, value: string): VerityDigest {
  if (isVerityDigest(value) && verityAlgorithm(value) === algorithm) return value;
  throw new PlanishError(
    'SIGNATURE_BAD_FORMAT',
    `the value of ${key} is no fs-verity digest of its algorithm`,
    {
      actual: value.slice(0, 160),
    },
  );
}

function bad(complaint: string, actual?: string): PlanishError {
  return new PlanishError('SIGNATURE_BAD_FORMAT', `an artifact of composefs metadata ${complaint}`, {
    actual: actual?.slice(0, 160),
  });
}
