/** Which layers the cache knows. */
import { createHash } from 'node:crypto';
import type { HashAlgorithm } from '../../bytes/digest.ts';
import { PlanishError } from '../../errors.ts';
import { INDEX_VERSION, type IndexPlace } from '../../layer/index-codec.ts';
import { decodeKept, encodeKept } from '../../layer/kept-codec.ts';
import type { LayerIndex, LayerListing, ReadLayer } from '../../layer/layer-index.ts';
import type { Session } from '../session.ts';
import type { LayerInput } from './load-layers.ts';
import { attemptCached, cacheOf } from './session-cache.ts';

/** How a layer is read, as far as that changes what its index holds. */
export interface ReadSettings {
  /** Of the digests of contents. */
  readonly algorithm: HashAlgorithm;
  readonly keep?: RegExp | undefined;
}

/** What stands in place of the algorithm in names of layers whose contents were not measured. */
const UNMEASURED = 'entries';

const SETTINGS_DIGITS = 16;

/** What names of files of contents end in; all others are indexes. */
export const KEPT_SUFFIX = '.contents';

/**
 * Name in the cache of what reading the layer yields: digest of the blob, algorithm of the digests of contents if there are
 * any, and a digest of all else that matters. `undefined` for what cannot be kept: a blob that nothing names, or a run
 * without a cache.
 */
export function cacheName(
  session: Session,
  { digest, claimed, globalHeaders }: LayerInput,
  { algorithm, keep }: Partial<ReadSettings>,
): string | undefined {
  if (session.cacheDirectory === undefined || digest === undefined) return undefined;
  const settings = JSON.stringify([INDEX_VERSION, claimed ?? null, globalHeaders, keep?.source ?? null]);
  const hash = createHash('sha256').update(settings).digest('hex').slice(0, SETTINGS_DIGITS);
  return `${digest.replace(':', '-')}.${algorithm ?? UNMEASURED}.${hash}`;
}

/** What the cache holds of a layer, if it is what the image promises. */
export function recallIndex<L extends LayerListing>(
  session: Session,
  name: string,
  input: LayerInput,
  ordinal: number,
  decode: (bytes: Uint8Array, place: IndexPlace) => ReadLayer<L>,
): ReadLayer<L> | undefined {
  return attemptCached(session, ordinal, name, () => {
    const bytes = cacheOf(session)?.load(name);
    if (bytes === undefined) return undefined;
    const result = decode(bytes, { source: ordinal, ordinal });
    const { digest, size, diffId }: LayerListing & Pick<Partial<LayerIndex>, 'diffId'> = result.index;
    if (digest !== input.digest) {
      throw new PlanishError('CACHE_BAD_ENTRY', 'a file of the layer cache holds another layer');
    }
    // What contradicts the image is for the reading of the layer itself to tell.
    const promised = [input.blob.size, input.size ?? size].every((wanted) => wanted === size);
    const sameTar = diffId === undefined || (input.diffId ?? diffId) === diffId;
    return promised && sameTar ? result : undefined;
  });
}

/** Keeps an encoded index. */
export function rememberIndex(session: Session, name: string, ordinal: number, bytes: Uint8Array): void {
  attemptCached(session, ordinal, name, () => cacheOf(session)?.store(name, bytes));
}

/** Contents of a layer that were kept for planning, by their offsets in its tar. */
export function recallKept(session: Session, name: string, ordinal: number): Map<number, Uint8Array> {
  const kept = attemptCached(session, ordinal, keptName(name), () => {
    const bytes = cacheOf(session)?.load(keptName(name));
    return bytes === undefined ? undefined : decodeKept(bytes);
  });
  return kept ?? new Map();
}

/** Keeps contents of a layer. */
export function rememberKept(
  session: Session,
  name: string,
  ordinal: number,
  kept: ReadonlyMap<number, Uint8Array>,
): void {
  attemptCached(session, ordinal, name, () => cacheOf(session)?.store(keptName(name), encodeKept(kept)));
}

function keptName(name: string): string {
  return `${name}${KEPT_SUFFIX}`;
}
