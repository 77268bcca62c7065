/** Where the layer cache is. */
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** `--cache DIR` or `--no-cache`, as parsed. */
export interface ParsedCache {
  readonly cache?: string | boolean;
}

/**
 * The directory: of the option, else of PLANISH_CACHE, else `planish` in the cache directory of the XDG specification.
 * `undefined` for none, which an empty PLANISH_CACHE asks for as well.
 */
export function cacheDirectory({ cache }: ParsedCache, environment: NodeJS.ProcessEnv): string | undefined {
  if (cache === false) return undefined;
  const named = typeof cache === 'string' ? cache : environment['PLANISH_CACHE'];
  if (named !== undefined) return named === '' ? undefined : named;
  const base = environment['XDG_CACHE_HOME'];
  // Relative ones are to be ignored, says the specification.
  if (base !== undefined && isAbsolute(base)) return join(base, 'planish');
  const home = environment['HOME'] ?? homedir();
  return isAbsolute(home) ? join(home, '.cache', 'planish') : undefined;
}
