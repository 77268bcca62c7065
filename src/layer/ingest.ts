/**
 * Reads one layer blob once: digest, size, decompression, diffID, tar entries and the fs-verity digest of every
 * content, all from the same pieces while they are in cache. Pure: bytes come from an iterable, and whoever wants
 * the uncompressed tar (to take contents from later) passes a sink.
 */
import { type BlobDigest, blobDigest, type HashAlgorithm } from '../bytes/digest.ts';
import { type DecompressStats, decompress } from '../compress/decompress.ts';
import { DETECT_BYTES, detectCompression } from '../compress/detect.ts';
import type { CompressionKind } from '../compress/kind.ts';
import { type ErrorDetail, PlanishError, withDetail } from '../errors.ts';
import { backendBeside } from '../fsverity/hash.ts';
import { StreamHash } from '../fsverity/stream-hash.ts';
import { TarScanner } from '../tar/scanner.ts';
import type { OnWarning, Warning } from '../warnings.ts';
import { BlobMeter } from './blob-meter.ts';
import { EntryCollector } from './entry-collector.ts';
import type { LayerIndex, ReadLayer } from './layer-index.ts';
import { type LayerParts, PartingHandler } from './layer-parts.ts';
import { warnAboutForm } from './odd-forms.ts';

/** What is known of a layer before its entries are read. Absent expectations are not checked. */
export interface ListRequest {
  /** Digest that names the blob, and says by which algorithm; `DIGEST_MISMATCH` when the bytes have another. */
  readonly digest: BlobDigest | undefined;
  /** Bytes that the descriptor claims; `DIGEST_MISMATCH` otherwise. */
  readonly size: number | undefined;
  /** Compression that the media type claims; a difference is a warning. */
  readonly claimed: CompressionKind | undefined;
  /** Ordinal of the layer, for warnings. */
  readonly ordinal: number;
  /** Index that contents' locations shall name. */
  readonly source: number;
  /**
   * What PAX global headers do. No client of images applies them, so layers ignore them and digests agree with hosts;
   * a tar on its own means what POSIX says.
   */
  readonly globalHeaders: 'apply' | 'ignore';
  /** Names of entries whose contents shall be at hand afterwards; they are few and small, or they are not kept. */
  readonly keep?: RegExp | undefined;
}

/** What is known of a layer before it is read and measured. */
export interface IngestRequest extends ListRequest {
  /**
   * Whether a readable layer that is not the promised one is an error (`build`), or is to be told as it is
   * (`verify`). An unreadable one is an error either way.
   */
  readonly enforce: boolean;
  /** `DIFFID_MISMATCH` when the uncompressed tar has another. */
  readonly diffId: BlobDigest | undefined;
  readonly algorithm: HashAlgorithm;
}

/** Receivers of what goes by; all are called synchronously and must not keep the piece. */
export interface IngestSinks {
  /** Every piece of the uncompressed tar, in order. */
  readonly tar?: ((piece: Uint8Array) => void) | undefined;
  /** The tar taken apart, for whoever keeps contents by themselves. */
  readonly parts?: LayerParts | undefined;
  /** Bytes of the blob read so far. */
  readonly progress?: ((bytes: number) => void) | undefined;
  /** Awaited after every piece, so that others have a word; what it throws ends the work. */
  readonly pause?: (() => Promise<void>) | undefined;
}

/** The layer and what was odd about it. */
export type IngestResult = ReadLayer<LayerIndex>;

/**
 * Reads a layer. Throws `DIGEST_MISMATCH`, `DIFFID_MISMATCH`, and the codes of `tar/` and `compress/`; when the bytes
 * are not the promised ones that is reported rather than the nonsense they decode to.
 */
export async function ingestLayer(
  input: AsyncIterable<Uint8Array>,
  request: IngestRequest,
  sinks: IngestSinks = {},
): Promise<IngestResult> {
  const detail: ErrorDetail = { layer: request.digest ?? String(request.ordinal) };
  const blob = new BlobMeter(input, request.digest, { progress: sinks.progress });
  try {
    return await readLayer(blob, request, sinks);
  } catch (error) {
    if (error instanceof PlanishError && error.kind === 'input') await blob.verifyRest(request, detail);
    throw withDetail(error, detail);
  }
}

async function readLayer(blob: BlobMeter, request: IngestRequest, sinks: IngestSinks): Promise<IngestResult> {
  const warnings: Warning[] = [];
  const onWarning: OnWarning = (warning) => warnings.push({ ...warning, layer: request.ordinal });
  const compression = detectCompression(await blob.peek(DETECT_BYTES));
  // A blob that is not compressed is the tar, and hashed once.
  const isTar = compression === 'none' && blob.algorithm === 'sha256';
  const diffId = isTar ? undefined : new StreamHash('sha256');
  const backend = backendBeside(diffId ?? blob.hash);
  const collector = new EntryCollector({ ...request, backend });
  const parting = sinks.parts === undefined ? undefined : new PartingHandler(collector, sinks.parts);
  const scanner = new TarScanner(parting ?? collector, { onWarning, globalHeaders: request.globalHeaders });
  const stats: DecompressStats = { members: 0 };
  for await (const piece of decompress(blob, compression, stats)) {
    diffId?.push(piece);
    sinks.tar?.(piece);
    scanner.push(piece);
    collector.endOfPiece();
    parting?.endOfPiece(piece);
    diffId?.settle(blob.hash);
    if (sinks.pause !== undefined) await sinks.pause();
  }
  if (request.enforce) blob.verify(request);
  const end = scanner.finish();
  const identity = blob.identity();
  const found = diffId === undefined ? identity.digest : blobDigest('sha256', diffId.digest());
  const index: LayerIndex = {
    ...identity,
    diffId: checkDiffId(found, request),
    tarSize: end.size,
    compression,
    members: stats.members,
    endOfArchive: end.endOfArchive,
    algorithm: request.algorithm,
    entries: collector.entries,
    kept: collector.kept,
  };
  warnAboutForm(index, request.claimed, onWarning);
  return { index, warnings };
}

function checkDiffId(actual: BlobDigest, request: IngestRequest): BlobDigest {
  if (!request.enforce || request.diffId === undefined || request.diffId === actual) return actual;
  throw new PlanishError('DIFFID_MISMATCH', 'the uncompressed layer is not the one that the config names', {
    expected: request.diffId,
    actual,
  });
}
