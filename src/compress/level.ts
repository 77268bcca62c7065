/** Compression levels. The same level gives the same bytes everywhere. */
import { PlanishError } from '../errors.ts';
import type { CompressionKind } from './kind.ts';

/** Levels used where none is asked for; that of `none` means nothing. */
export const DEFAULT_LEVEL: Readonly<Record<CompressionKind, number>> = { none: 0, gzip: 6, zstd: 3 };

/**
 * Lowest and highest level of each method. zstd stops at 19: from 20 on its window is larger than what readers must
 * accept (RFC 8878, 3.1.1.1.2 recommends 8 MiB), and memory grows to a gigabyte.
 */
export const LEVEL_RANGE: Readonly<Record<CompressionKind, readonly [lowest: number, highest: number]>> = {
  none: [0, 0],
  gzip: [1, 9],
  zstd: [1, 19],
};

/** Throws `BAD_OPTION` for a level that the method does not have. Any level passes for `none`, which ignores it. */
export function checkLevel(kind: CompressionKind, level: number): void {
  if (kind === 'none') return;
  const [lowest, highest] = LEVEL_RANGE[kind];
  if (Number.isInteger(level) && level >= lowest && level <= highest) return;
  throw new PlanishError('BAD_OPTION', `${kind} has no compression level ${level}`, {
    actual: level,
    expected: `${lowest} to ${highest}`,
  });
}
