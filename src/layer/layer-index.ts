/** What is kept of a layer once it was read: plain data. */
import type { BlobDigest, HashAlgorithm } from '../bytes/digest.ts';
import type { CompressionKind } from '../compress/kind.ts';
import type { LayerEntry } from '../tree/entry.ts';
import type { Warning } from '../warnings.ts';

/** One layer of which nothing but its entries was wanted: their larger contents have no digests. */
export interface LayerListing {
  /** Digest that names the blob, and was verified; absent where nothing names it. */
  readonly digest: BlobDigest | undefined;
  /** Bytes of the blob as stored. */
  readonly size: number;
  /** Bytes of the uncompressed tar. */
  readonly tarSize: number;
  readonly compression: CompressionKind;
  /** gzip members or zstd frames; 0 when uncompressed. */
  readonly members: number;
  /** Whether the tar ends in two zero blocks. */
  readonly endOfArchive: boolean;
  readonly entries: readonly LayerEntry[];
  /** Contents that were asked for by name, by their offset in the uncompressed tar. */
  readonly kept: ReadonlyMap<number, Uint8Array>;
}

/** One layer, read, verified and measured. */
export interface LayerIndex extends LayerListing {
  /** Digest of the blob as stored. */
  readonly digest: BlobDigest;
  /** Digest of the uncompressed tar. */
  readonly diffId: BlobDigest;
  /** fs-verity algorithm of the contents' digests. */
  readonly algorithm: HashAlgorithm;
}

/** What reading a layer gives: it, and what was odd about it. */
export interface ReadLayer<L extends LayerListing> {
  readonly index: L;
  readonly warnings: readonly Warning[];
}
