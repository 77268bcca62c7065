/** What is kept of a layer once it was read, verified and measured: plain data. */
import type { BlobDigest, HashAlgorithm } from '../bytes/digest.ts';
import type { CompressionKind } from '../compress/kind.ts';
import type { LayerEntry } from '../tree/entry.ts';

/** One layer, read. */
export interface LayerIndex {
  /** Digest of the blob as stored. */
  readonly digest: BlobDigest;
  /** Bytes of the blob as stored. */
  readonly size: number;
  /** Digest of the uncompressed tar. */
  readonly diffId: BlobDigest;
  /** Bytes of the uncompressed tar. */
  readonly tarSize: number;
  readonly compression: CompressionKind;
  /** gzip members or zstd frames; 0 when uncompressed. */
  readonly members: number;
  /** Whether the tar ends in two zero blocks. */
  readonly endOfArchive: boolean;
  /** fs-verity algorithm of the contents' digests. */
  readonly algorithm: HashAlgorithm;
  readonly entries: readonly LayerEntry[];
  /** Contents that were asked for by name, by their offset in the uncompressed tar. */
  readonly kept: ReadonlyMap<number, Uint8Array>;
}
