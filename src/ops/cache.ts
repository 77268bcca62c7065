/** `cache`: what the layer cache holds, whether it is sound, and making it smaller. */
import { PlanishError } from '../errors.ts';
import { CACHE_BYTES, type CachedLayer, LayerCache } from '../io/layer-cache.ts';
import { decodeListing } from '../layer/index-codec.ts';
import { decodeKept } from '../layer/kept-codec.ts';
import { KEPT_SUFFIX } from './load/cached-layers.ts';
import { decodeImages, IMAGES_SUFFIX } from './repository/known-images.ts';

/** Result of {@link cacheList}: what was used last comes first. */
export interface CacheListResult {
  readonly directory: string;
  readonly files: readonly CachedLayer[];
  /** Bytes of all files. */
  readonly size: number;
}

/** Result of {@link cachePrune}. */
export interface CachePruneResult extends CacheListResult {
  /** What was removed. */
  readonly removed: readonly CachedLayer[];
}

/** A file that no run would use. */
export interface CacheFinding {
  readonly name: string;
  readonly problem: string;
}

/** Result of {@link cacheVerify}. */
export interface CacheVerifyResult {
  readonly directory: string;
  readonly files: number;
  readonly findings: readonly CacheFinding[];
}

/** Lists a cache; one that does not exist is empty. */
export function cacheList(directory: string): CacheListResult {
  return describe(new LayerCache(directory, CACHE_BYTES));
}

/** Removes what was used longest ago until all files together have at most `maxSize` bytes; 0 empties the cache. */
export function cachePrune(directory: string, maxSize: number = CACHE_BYTES): CachePruneResult {
  if (!Number.isSafeInteger(maxSize) || maxSize < 0) {
    throw new PlanishError('BAD_OPTION', 'the size of a cache must be a whole number', { actual: maxSize });
  }
  const cache = new LayerCache(directory, maxSize);
  const removed = cache.prune(maxSize);
  return { ...describe(cache), removed };
}

/** Reads every file of a cache as a run would. */
export function cacheVerify(directory: string): CacheVerifyResult {
  const cache = new LayerCache(directory, CACHE_BYTES);
  const files = cache.list();
  const findings = files.flatMap(({ name }): CacheFinding[] => {
    const problem = problemOf(cache, name);
    return problem === undefined ? [] : [{ name, problem }];
  });
  return { directory, files: files.length, findings };
}

function describe(cache: LayerCache): CacheListResult {
  const files = cache.list();
  return { directory: cache.directory, files, size: files.reduce((sum, { size }) => sum + size, 0) };
}

function problemOf(cache: LayerCache, name: string): string | undefined {
  try {
    const bytes = cache.load(name, { touch: false });
    if (bytes === undefined) return undefined;
    if (name.endsWith(KEPT_SUFFIX)) decodeKept(bytes);
    else if (name.endsWith(IMAGES_SUFFIX)) decodeImages(bytes);
    else decodeListing(bytes, { source: 0, ordinal: 0 });
    return undefined;
  } catch (error) {
    if (error instanceof PlanishError && error.code === 'CACHE_BAD_ENTRY') return error.message;
    throw error;
  }
}
