/** The layer cache of a run. It never makes one fail: what goes wrong with it is a warning. */
import { PlanishError } from '../../errors.ts';
import { CACHE_BYTES, LayerCache } from '../../io/layer-cache.ts';
import type { Session } from '../session.ts';

const CACHES = new WeakMap<Session, LayerCache>();

/** The cache of a run, if it has one. */
export function cacheOf(session: Session): LayerCache | undefined {
  const { cacheDirectory } = session;
  if (cacheDirectory === undefined) return undefined;
  const cache = CACHES.get(session) ?? new LayerCache(cacheDirectory, CACHE_BYTES);
  CACHES.set(session, cache);
  return cache;
}

/** What the cache holds under a name, decoded. */
export function recallBytes<T>(
  session: Session,
  name: string,
  decode: (bytes: Uint8Array) => T,
): T | undefined {
  return attemptCached(session, undefined, name, () => {
    const bytes = cacheOf(session)?.load(name);
    return bytes === undefined ? undefined : decode(bytes);
  });
}

/** Keeps bytes under a name. */
export function keepBytes(session: Session, name: string, bytes: Uint8Array): void {
  attemptCached(session, undefined, name, () => cacheOf(session)?.store(name, bytes));
}

/** Does what goes through the cache; a failure is a warning. A damaged file is removed, so that it is made anew. */
export function attemptCached<T>(
  session: Session,
  layer: number | undefined,
  name: string,
  work: () => T,
): T | undefined {
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
