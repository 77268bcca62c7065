/**
 * Reads one layer blob once: digest, size, decompression, diffID, tar entries and the fs-verity digest of every
 * content, all from the same pieces while they are in cache. Pure: bytes come from an iterable, and whoever wants
 * the uncompressed tar (to take contents from later) passes a sink.
 */
import type { ByteString } from '../bytes/byte-string.ts';
import { type BlobDigest, blobDigest, type HashAlgorithm } from '../bytes/digest.ts';
import { type DecompressStats, decompress, type MakeRoom } from '../compress/decompress.ts';
import { DETECT_BYTES, detectCompression } from '../compress/detect.ts';
import type { CompressionKind } from '../compress/kind.ts';
import { type ErrorDetail, PlanishError, withDetail } from '../errors.ts';
import { backendBeside } from '../fsverity/hash.ts';
import { StreamHash } from '../fsverity/stream-hash.ts';
import { type TarEnd, TarScanner } from '../tar/scanner.ts';
import type { LayerEntry } from '../tree/entry.ts';
import type { OnWarning, Warning } from '../warnings.ts';
import { BlobMeter } from './blob-meter.ts';
import { EntryCollector } from './entry-collector.ts';
import type { LayerIndex, ReadLayer } from './layer-index.ts';
import { type LayerParts, PartingHandler } from './layer-parts.ts';
import { measureBy } from './measuring.ts';
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
  /** Entries, as soon as they are measured, some at a time; what is returned then has none. */
  readonly entries?: ((entries: readonly LayerEntry[]) => void) | undefined;
  /** Bytes of the blob read so far. */
  readonly progress?: ((bytes: number) => void) | undefined;
  /** Awaited after every piece, so that others have a word; what it throws ends the work. */
  readonly pause?: (() => Promise<void>) | undefined;
}

/** The layer and what was odd about it. */
export type IngestResult = ReadLayer<LayerIndex>;

/** A layer whose blob is being read: what is done with its tar is for {@link TakeLayer} to do. */
export interface OpenedLayer {
  /** What takes the tar apart is to be made with these. */
  readonly scanner: { readonly onWarning: OnWarning; readonly globalHeaders: 'apply' | 'ignore' };
  /** Of the blob: may be settled beside something else, but not pushed to. */
  readonly blobHash: StreamHash;
  /** Whether the blob is the tar, and hashed once. */
  readonly isTar: boolean;
  /** The tar, to be read once. The blob has been held to its promise when it ends. `makeRoom` as with {@link decompress}. */
  tar(makeRoom?: MakeRoom): AsyncIterable<Uint8Array>;
}

/** What a tar was found to be. */
export interface TakenLayer {
  readonly end: TarEnd;
  /** SHA-256 of it; absent where the blob is the tar. */
  readonly digest: string | undefined;
  readonly entries: readonly LayerEntry[];
  /** Path of the first sparse file. */
  readonly sparsePath: ByteString | undefined;
  readonly kept: ReadonlyMap<number, Uint8Array>;
}

/** Reads a tar to its end. */
export type TakeLayer = (layer: OpenedLayer) => Promise<TakenLayer>;

/**
 * Reads a layer. Throws `DIGEST_MISMATCH`, `DIFFID_MISMATCH`, and the codes of `tar/` and `compress/`; when the bytes
 * are not the promised ones that is reported rather than the nonsense they decode to.
 */
export async function ingestLayer(
  input: AsyncIterable<Uint8Array>,
  request: IngestRequest,
  sinks: IngestSinks = {},
): Promise<IngestResult> {
  return await ingestLayerBy(input, request, sinks.progress, (layer) => takeHere(layer, request, sinks));
}

/** As {@link ingestLayer}, the tar being taken apart by the caller. */
export async function ingestLayerBy(
  input: AsyncIterable<Uint8Array>,
  request: IngestRequest,
  progress: IngestSinks['progress'],
  take: TakeLayer,
): Promise<IngestResult> {
  const detail: ErrorDetail = { layer: request.digest ?? String(request.ordinal) };
  const blob = new BlobMeter(input, request.digest, { progress });
  try {
    return await readLayer(blob, request, take);
  } catch (error) {
    if (error instanceof PlanishError && error.kind === 'input') await blob.verifyRest(request, detail);
    throw withDetail(error, detail);
  }
}

async function readLayer(blob: BlobMeter, request: IngestRequest, take: TakeLayer): Promise<IngestResult> {
  const warnings: Warning[] = [];
  const onWarning: OnWarning = (warning) => warnings.push({ ...warning, layer: request.ordinal });
  const compression = detectCompression(await blob.peek(DETECT_BYTES));
  const stats: DecompressStats = { members: 0 };
  const taken = await take({
    scanner: { onWarning, globalHeaders: request.globalHeaders },
    blobHash: blob.hash,
    isTar: compression === 'none' && blob.algorithm === 'sha256',
    tar: async function* (makeRoom) {
      yield* decompress(blob, compression, stats, makeRoom);
      if (request.enforce) blob.verify(request);
    },
  });
  const identity = blob.identity();
  const found = taken.digest === undefined ? identity.digest : blobDigest('sha256', taken.digest);
  const index: LayerIndex = {
    ...identity,
    diffId: checkDiffId(found, request),
    tarSize: taken.end.size,
    compression,
    members: stats.members,
    endOfArchive: taken.end.endOfArchive,
    algorithm: request.algorithm,
    entries: taken.entries,
    kept: taken.kept,
  };
  warnAboutForm({ ...index, sparsePath: taken.sparsePath }, request.claimed, onWarning);
  return { index, warnings };
}

async function takeHere(layer: OpenedLayer, request: IngestRequest, sinks: IngestSinks): Promise<TakenLayer> {
  const digest = layer.isTar ? undefined : new StreamHash('sha256');
  const backend = backendBeside(digest ?? layer.blobHash);
  const { source, keep } = request;
  const measuring = measureBy(request.algorithm, backend);
  const collector = new EntryCollector({ source, keep, measuring });
  const parting = sinks.parts === undefined ? undefined : new PartingHandler(collector, sinks.parts);
  const scanner = new TarScanner(parting ?? collector, layer.scanner);
  for await (const piece of layer.tar()) {
    digest?.push(piece);
    sinks.tar?.(piece);
    scanner.push(piece);
    collector.endOfPiece();
    parting?.endOfPiece(piece);
    sinks.entries?.(collector.takeEntries());
    digest?.settle(layer.blobHash);
    if (sinks.pause !== undefined) await sinks.pause();
  }
  const end = scanner.finish();
  sinks.entries?.(collector.takeEntries());
  const { entries, sparsePath, kept } = collector;
  return { end, digest: digest?.digest(), entries, sparsePath, kept };
}

function checkDiffId(actual: BlobDigest, request: IngestRequest): BlobDigest {
  if (!request.enforce || request.diffId === undefined || request.diffId === actual) return actual;
  throw new PlanishError('DIFFID_MISMATCH', 'the uncompressed layer is not the one that the config names', {
    expected: request.diffId,
    actual,
  });
}
