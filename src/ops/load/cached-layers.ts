/** Which layers the cache knows. The cache never makes a run fail: what goes wrong with it is a warning. */
import { createHash } from 'node:crypto';
import type { HashAlgorithm } from '../../bytes/digest.ts';
import { PlanishError } from '../../errors.ts';
import { CACHE_BYTES, LayerCache } from '../../io/layer-cache.ts';
import { INDEX_VERSION, type IndexPlace } from '../../layer/index-codec.ts';
import { decodeKept, encodeKept } from '../../layer/kept-codec.ts';
import type { LayerIndex, LayerListing, ReadLayer } from '../../layer/layer-index.ts';
import type { Session } from '../session.ts';
import type { LayerInput } from './load-layers.ts';

const CACHES = new WeakMap<Session, LayerCache>();

function cacheOf(session: Session): LayerCache | undefined {
  const { cacheDirectory } = session;
  if (cacheDirectory === undefined) return undefined;
  const cache = CACHES.get(session) ?? new LayerCache(cacheDirectory, CACHE_BYTES);
  CACHES.set(session, cache);
  return cache;
}

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
  return attempt(session, ordinal, name, () => {
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
  attempt(session, ordinal, name, () => cacheOf(session)?.store(name, bytes));
}

/** Contents of a layer that were kept for planning, by their offsets in its tar. */
export function recallKept(session: Session, name: string, ordinal: number): Map<number, Uint8Array> {
  const kept = attempt(session, ordinal, keptName(name), () => {
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
  attempt(session, ordinal, name, () => cacheOf(session)?.store(keptName(name), encodeKept(kept)));
}

function keptName(name: string): string {
  return `${name}${KEPT_SUFFIX}`;
}

/** What the cache holds under a name, decoded. */
export function recallBytes<T>(
  session: Session,
  name: string,
  decode: (bytes: Uint8Array) => T,
): T | undefined {
  return attempt(session, undefined, name, () => {
    const bytes = cacheOf(session)?.load(name);
    return bytes === undefined ? undefined : decode(bytes);
  });
}

/** Keeps bytes under a name. */
export function keepBytes(session: Session, name: string, bytes: Uint8Array): void {
  attempt(session, undefined, name, () => cacheOf(session)?.store(name, bytes));
}

/** A damaged file is removed, so that it is made anew. */
function attempt<T>(session: Session, layer: number | undefined, name: string, work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof PlanishError)) throw error;
    session.onWarning({ code: 'CACHE_IGNORED', message: `${error.message}: ${name}`, layer });
    if (error.code === 'CACHE_BAD_ENTRY') dropQuietly(session, name);
    return undefined;
  }
}

function dropQuietly(session: Session, name: string): void {
  try {
    cacheOf(session)?.drop(name);
  } catch {
    return;
  }
}
