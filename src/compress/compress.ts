/** Compressing a layer. */
import { gzip } from './gzip.ts';
import type { CompressionKind } from './kind.ts';
import { checkLevel } from './level.ts';
import { zstd } from './zstd.ts';

/** How to compress. */
export interface CompressOptions {
  readonly kind: CompressionKind;
  /** Of `LEVEL_RANGE[kind]`; ignored for `none`. */
  readonly level: number;
}

/**
 * Compresses a stream: to one gzip member, one zstd frame, or not at all. Bytes depend on content and options only:
 * not on how the input is split, the machine, the version of Node or the build of libzstd. A piece belongs to the
 * receiver until it asks for the next one. Throws `BAD_OPTION` for a level that the method does not have.
 */
export function compress(
  input: AsyncIterable<Uint8Array>,
  options: CompressOptions,
): AsyncIterable<Uint8Array> {
  checkLevel(options.kind, options.level);
  if (options.kind === 'none') return input;
  return options.kind === 'gzip' ? gzip(input, options.level) : zstd(input, options.level);
}
