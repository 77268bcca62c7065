/** The digests that a host computes of a source, or why it computes none. */
import type { HashAlgorithm, VerityDigest } from '../bytes/digest.ts';
import { automaticVersion } from '../erofs/collect.ts';
import { imageDigest } from '../erofs/image-digest.ts';
import type { ImageRoom } from '../erofs/image-room.ts';
import { encodeImage, type FormatVersion } from '../erofs/writer.ts';
import { type ErrorCode, PlanishError } from '../errors.ts';
import type { DumpFacts } from '../tree/dump-facts.ts';
import type { Directory } from '../tree/tree.ts';
import type { HostProfile } from './profiles.ts';

/** Why a host computes no digest; plain data. */
export interface HostRefusal {
  readonly code: ErrorCode;
  readonly message: string;
  /** Path inside the image, escaped for display. */
  readonly path: string | undefined;
  /** Ordinal of the layer. */
  readonly layer: string | undefined;
}

/** What a host makes of something: the value, or why there is none. */
export type Attempt<T> =
  | { readonly value: T; readonly refused: undefined }
  | { readonly value: undefined; readonly refused: HostRefusal };

/** A digest, or the reason why there is none; plain data. */
export interface HostOutcome {
  readonly digest: VerityDigest | undefined;
  /** EROFS format of the image; absent where there is none. */
  readonly format: FormatVersion | undefined;
  readonly refused: HostRefusal | undefined;
}

/** What goes into an image beside the tree. */
export interface HostImageOptions {
  /** Algorithm of the digests in the tree. */
  readonly algorithm: HashAlgorithm;
  /** EROFS format instead of the profile's. */
  readonly format?: FormatVersion | undefined;
  /** What a dumpfile said beyond the tree. */
  readonly facts?: DumpFacts | undefined;
  /** Where to make it; default: in memory of its own. */
  readonly room?: ImageRoom | undefined;
}

/** A result, or the refusal that a fault of the input means. Any other error is thrown on. */
export function attempt<T>(work: () => T): Attempt<T> {
  try {
    return { value: work(), refused: undefined };
  } catch (error) {
    if (!(error instanceof PlanishError) || error.kind !== 'input') throw error;
    const { code, message, detail } = error;
    return { value: undefined, refused: { code, message, path: detail.path, layer: detail.layer } };
  }
}

/** The digest of a tree that a host has made, or has refused to make. */
export function hostOutcome(
  tree: Attempt<Directory>,
  profile: HostProfile,
  options: HostImageOptions,
): HostOutcome {
  if (tree.value === undefined) return { digest: undefined, format: undefined, refused: tree.refused };
  const root = tree.value;
  const { value, refused } = attempt(() => encodeHostImage(root, profile, options));
  if (value === undefined) return { digest: undefined, format: undefined, refused };
  return { digest: imageDigest(value.image, options.algorithm), format: value.format, refused: undefined };
}

/** The image of a tree as a host writes it. Throws the codes of `encodeImage`. */
export function encodeHostImage(
  root: Directory,
  { format, dialect }: Pick<HostProfile, 'format' | 'dialect'>,
  options: HostImageOptions,
): { image: Uint8Array; format: FormatVersion } {
  const { algorithm, facts, room } = options;
  const version = options.format ?? (format === 'automatic' ? automaticVersion(root) : format);
  return { image: encodeImage(root, { version, algorithm, dialect, facts, room }), format: version };
}
