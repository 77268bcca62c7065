/** What a client that has one image downloads for another: from the documents of both, no layer is read. */
import { display } from '../../bytes/byte-string.ts';
import type { BlobDigest } from '../../bytes/digest.ts';
import type { PlanText } from '../../chunk/plan-annotation.ts';
import type { RememberedMember } from '../../chunk/warm-plan.ts';
import type { OpenedImage } from '../../io/opened-image.ts';
import { planTexts } from '../build/plan-texts.ts';
import { openImage } from '../load/open-any.ts';
import type { InspectOptions } from './inspect.ts';

/** A layer of the later image. */
export interface DownloadLayer {
  readonly digest: BlobDigest;
  /** Bytes of the blob. */
  readonly size: number;
  /** Whether the client does not have it. */
  readonly fresh: boolean;
  /** Components that are new or have changed since, for display; absent where an image holds no plan to tell. */
  readonly changed: readonly DownloadComponent[] | undefined;
  /** Components that are downloaded again though nothing of them has changed. */
  readonly unchanged: readonly DownloadComponent[] | undefined;
}

/** A component in a layer; its part of the blob is estimated by its part of the tar. */
export interface DownloadComponent {
  readonly key: string;
  readonly size: number;
}

/** Result of {@link download}; plain data, sizes in bytes of compressed blobs. */
export interface DownloadResult {
  readonly a: string;
  readonly b: string;
  readonly layers: readonly DownloadLayer[];
  /** All layers of B, and those that A does not have. */
  readonly total: { readonly layers: number; readonly size: number };
  readonly fresh: { readonly layers: number; readonly size: number };
  /** Layers at the bottom that both have in the same order: Docker and containerd unpack only what lies above. */
  readonly commonLayers: number;
  /** Bytes if nothing had to be downloaded but components that have changed; absent where an image holds no plan. */
  readonly best: number | undefined;
}

/** Compares two images by their documents. Throws `IMAGE_UNSUPPORTED` for sources that are no image. */
export async function download(a: string, b: string, options: InspectOptions = {}): Promise<DownloadResult> {
  const imageA = await openImage(a, options);
  try {
    const imageB = await openImage(b, options);
    try {
      return { a, b, ...compareImages(imageA, imageB) };
    } finally {
      imageB.close();
    }
  } finally {
    imageA.close();
  }
}

/** See {@link download}. */
export function compareImages(a: OpenedImage, b: OpenedImage): Omit<DownloadResult, 'a' | 'b'> {
  const known = new Set(a.layers.map(({ descriptor }) => descriptor.digest));
  const former = componentDigests(planTexts(a));
  const texts = planTexts(b);
  const layers = b.layers.map(({ descriptor: { digest, size } }, ordinal) =>
    describeLayer({ digest, size, fresh: !known.has(digest) }, texts[ordinal], former),
  );
  const fresh = layers.filter((layer) => layer.fresh);
  return {
    layers,
    total: { layers: layers.length, size: sizeOf(layers) },
    fresh: { layers: fresh.length, size: sizeOf(fresh) },
    commonLayers: commonLayers(a, b),
    best: fresh.some(({ changed }) => changed === undefined)
      ? undefined
      : sizeOf(fresh.flatMap(({ changed = [] }) => changed)),
  };
}

function sizeOf(parts: readonly { readonly size: number }[]): number {
  return parts.reduce((sum, { size }) => sum + size, 0);
}

/** Digest of each component, by key, with the algorithm that makes it comparable; `undefined` where any is unknown. */
function componentDigests(texts: readonly (PlanText | undefined)[]): Map<string, string> | undefined {
  const digests = new Map<string, string>();
  for (const text of texts) {
    if (text === undefined) return undefined;
    for (const member of text.members) digests.set(member.key, identify(text, member) ?? '');
  }
  return digests;
}

function identify({ verity }: PlanText, { digest }: RememberedMember): string | undefined {
  return verity === undefined || digest === undefined ? undefined : `${verity}:${digest}`;
}

function describeLayer(
  layer: Pick<DownloadLayer, 'digest' | 'size' | 'fresh'>,
  text: PlanText | undefined,
  former: ReadonlyMap<string, string> | undefined,
): DownloadLayer {
  if (text === undefined || former === undefined)
    return { ...layer, changed: undefined, unchanged: undefined };
  const isChanged = (member: RememberedMember): boolean => {
    const digest = identify(text, member);
    return layer.fresh && (digest === undefined || former.get(member.key) !== digest);
  };
  const whole = Math.max(sizeOf(text.members), 1);
  const part = (member: RememberedMember): DownloadComponent => ({
    key: display(member.key),
    size: Math.round((layer.size * member.size) / whole),
  });
  const changed = text.members.filter(isChanged);
  const unchanged = layer.fresh ? text.members.filter((member) => !changed.includes(member)) : [];
  return { ...layer, changed: changed.map(part), unchanged: unchanged.map(part) };
}

function commonLayers(a: OpenedImage, b: OpenedImage): number {
  const differs = b.layers.findIndex(({ diffId }, ordinal) => diffId !== a.layers[ordinal]?.diffId);
  return differs < 0 ? b.layers.length : differs;
}
