/** Compressing a layer. */
import { nativeHelpers } from '../native/load.ts';
import { openLaterDeflater } from './deflater.ts';
import { gzip, gzipOnThreads } from './gzip.ts';
import type { CompressionKind } from './kind.ts';
import { checkLevel } from './level.ts';
import { zstd } from './zstd.ts';

/** How to compress. */
export interface CompressOptions {
  readonly kind: CompressionKind;
  /** Of `LEVEL_RANGE[kind]`; ignored for `none`. */
  readonly level: number;
  /** Processors that may be used at once; default 1. Only gzip by the native helpers uses more. Changes no byte. */
  readonly threads?: number | undefined;
}

/** Threads of libuv's pool. */
const THREADS_MAX = 4;

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
  return options.kind === 'gzip' ? gzipWith(input, options) : zstd(input, options.level);
}

function gzipWith(
  input: AsyncIterable<Uint8Array>,
  { level, threads = 1 }: CompressOptions,
): AsyncIterable<Uint8Array> {
  const helpers = nativeHelpers();
  if (threads < 2 || helpers === undefined) return gzip(input, level);
  return gzipOnThreads(input, level, openLaterDeflater(helpers, Math.min(threads, THREADS_MAX)));
}
