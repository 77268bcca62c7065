/** Decompressing a layer. */
import { gunzip } from './gunzip.ts';
import type { CompressionKind } from './kind.ts';
import { unzstd } from './unzstd.ts';

/** What is learned on the way; complete when the stream has ended. */
export interface DecompressStats {
  /** gzip members or zstd frames (skippable frames do not count); 0 for `none`. */
  members: number;
}

/** Memory for the next piece, at least one byte; whoever asks for the next piece has made it ready. */
export type MakeRoom = () => Uint8Array;

/**
 * Decompresses a stream in pieces of at most 1 MiB, in memory that does not depend on the input. Several gzip members
 * or zstd frames are one stream. A piece belongs to the receiver until it asks for the next one. Throws
 * `GZIP_BAD_DATA` or `ZSTD_BAD_DATA` with the compressed offset for anything that is malformed, cut short or followed
 * by garbage, and `LIMIT_EXCEEDED` for a zstd window above `zstdWindowLog`. Where `makeRoom` is given, zstd writes there; the
 * others need memory of their own.
 */
export function decompress(
  input: AsyncIterable<Uint8Array>,
  kind: CompressionKind,
  stats: DecompressStats,
  makeRoom?: MakeRoom,
): AsyncIterable<Uint8Array> {
  if (kind === 'none') return input;
  return kind === 'gzip' ? gunzip(input, stats) : unzstd(input, stats, makeRoom);
}
