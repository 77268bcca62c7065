/** The image before the one that is built: its layers, and what it remembers of its plan. */
import type { ByteString } from '../../bytes/byte-string.ts';
import {
  type BlobDigest,
  type HashAlgorithm,
  isVerityDigest,
  type VerityDigest,
  verityAlgorithm,
} from '../../bytes/digest.ts';
import { type ForeignWords, foreignGroups, type NameGroup } from '../../chunk/foreign-plan.ts';
import type { PlanText } from '../../chunk/plan-annotation.ts';
import type { RememberedPlan } from '../../chunk/warm-plan.ts';
import type { BlobFile } from '../../io/blob-file.ts';
import type { OpenedImage } from '../../io/opened-image.ts';
import { configLabels } from '../../oci/config.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { layerMediaType } from '../../oci/media-types.ts';
import { layerAnnotation } from '../hosts/tree-digests.ts';
import type { LayerInput } from '../load/load-layers.ts';
import { openImage } from '../load/open-any.ts';
import type { InspectOptions } from '../look/inspect.ts';
import { layerHistory, planTexts } from './plan-texts.ts';

/** One layer of the previous image. */
export interface PreviousLayer {
  readonly descriptor: Descriptor;
  readonly diffId: BlobDigest;
  readonly blob: BlobFile;
  readonly compression: 'none' | 'gzip' | 'zstd' | undefined;
  /** Key of the layer by the algorithm in use, where it is known. */
  readonly key: VerityDigest | undefined;
  /** What the image says of the layer; absent where it says nothing. */
  readonly text: PlanText | undefined;
  /** Whether it is a layer of the base image as well. */
  readonly isBase?: boolean;
}

/** A layer that stands. */
export interface StandingLayer {
  readonly layer: PreviousLayer;
  /** Directories that the layer has, and those of them that it has in another state than the tree. */
  readonly directories: ReadonlySet<ByteString>;
  readonly wrong: ReadonlySet<ByteString>;
  readonly entries: number;
  readonly tarSize: number;
}

/** The previous image, as far as a build needs it. */
export interface PreviousImage {
  readonly reference: string;
  readonly layers: readonly PreviousLayer[];
  readonly plan: RememberedPlan;
  /** Names that shared a layer, where another tool wrote them down. */
  readonly groups: readonly NameGroup[];
}

/** What an image says of its plan: nothing is read but documents. Digests of another algorithm cannot be compared. */
export function rememberImage(image: OpenedImage, algorithm: HashAlgorithm): PreviousImage {
  const texts = planTexts(image);
  const layers = image.layers.map(({ descriptor, diffId, blob }, ordinal) => ({
    descriptor,
    diffId,
    blob,
    compression: layerMediaType(descriptor.mediaType)?.compression,
    key: keyOf(descriptor, algorithm),
    text: texts[ordinal],
  }));
  const groups = texts.every((text) => text === undefined) ? foreignGroups(foreignWords(image)) : [];
  return { reference: image.reference, layers, plan: rememberTexts(texts, algorithm), groups };
}

function foreignWords(image: OpenedImage): ForeignWords {
  const { document } = image.config;
  const comments = layerHistory(document).map((entry) => entry?.['comment']);
  const layers = image.layers.map(({ descriptor }, ordinal) => {
    const comment = comments[ordinal];
    return {
      annotations: descriptor.annotations ?? {},
      comment: typeof comment === 'string' ? comment : undefined,
    };
  });
  return { layers, labels: configLabels(document) };
}

function keyOf(descriptor: Descriptor, algorithm: HashAlgorithm): VerityDigest | undefined {
  const key = descriptor.annotations?.[layerAnnotation(algorithm)] ?? '';
  return isVerityDigest(key) && verityAlgorithm(key) === algorithm ? key : undefined;
}

function rememberTexts(texts: readonly (PlanText | undefined)[], algorithm: HashAlgorithm): RememberedPlan {
  const seen = new Set<ByteString>();
  const layers = texts.map((text) => {
    // A layer that holds again what another holds is more than what else it holds.
    const again = text?.members.some(({ key }) => seen.has(key)) === true;
    const usable = text?.verity === algorithm && !again;
    const members = (text?.members ?? []).filter(({ key }) => !seen.has(key));
    for (const { key } of members) seen.add(key);
    return { members: members.map((member) => (usable ? member : { ...member, digest: undefined })) };
  });
  const last = texts.findLast((text) => text?.regret !== undefined);
  return { layers, regret: last?.regret ?? 0, today: last?.today };
}

/** How a layer of the previous image is read. */
export function inputOf({ blob, descriptor, diffId, compression }: PreviousLayer): LayerInput {
  const { digest, size } = descriptor;
  return { blob, digest, size, diffId, claimed: compression, globalHeaders: 'ignore' };
}

/** Opens the previous image, if there is one, and closes it after `use`. */
export async function withPrevious<T>(
  options: InspectOptions & { readonly previous?: string | undefined },
  use: (previous: OpenedImage | undefined) => Promise<T>,
): Promise<T> {
  return await withImage(options.previous, options, use);
}

/** Opens an image, if one is named, and closes it after `use`. */
export async function withImage<T>(
  reference: string | undefined,
  options: InspectOptions,
  use: (image: OpenedImage | undefined) => Promise<T>,
): Promise<T> {
  if (reference === undefined) return await use(undefined);
  const image = await openImage(reference, options);
  try {
    return await use(image);
  } finally {
    image.close();
  }
}
