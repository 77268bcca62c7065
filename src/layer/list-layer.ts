/**
 * Reads the entries of a layer and measures nothing: who lists files, or looks for one, asks for no digest of a content.
 * What is read of a blob that something names is held to that digest all the same, and so it is read whole. A tar that
 * nothing names is read by position, and its contents are passed over.
 */
import { type DecompressStats, decompress } from '../compress/decompress.ts';
import { DETECT_BYTES, detectCompression } from '../compress/detect.ts';
import type { CompressionKind } from '../compress/kind.ts';
import { type ErrorDetail, PlanishError, withDetail } from '../errors.ts';
import { BLOCK_BYTES } from '../tar/header.ts';
import { TarScanner } from '../tar/scanner.ts';
import type { Warning } from '../warnings.ts';
import { BlobMeter } from './blob-meter.ts';
import { EntryCollector } from './entry-collector.ts';
import type { IngestSinks, ListRequest } from './ingest.ts';
import type { LayerListing, ReadLayer } from './layer-index.ts';
import { warnAboutForm } from './odd-forms.ts';

/** The layer and what was odd about it. */
export type ListResult = ReadLayer<LayerListing>;

type ListSinks = Omit<IngestSinks, 'parts'>;

/**
 * Reads the entries of a layer from a stream. Throws `DIGEST_MISMATCH` where the blob is not the promised one, and the codes
 * of `tar/` and `compress/`.
 */
export async function listLayer(
  input: AsyncIterable<Uint8Array>,
  request: ListRequest,
  sinks: ListSinks = {},
): Promise<ListResult> {
  const detail = layerDetail(request);
  const hashes = request.digest !== undefined;
  const blob = new BlobMeter(input, request.digest, { progress: sinks.progress, hashes });
  try {
    return await readEntries(blob, request, sinks);
  } catch (error) {
    if (error instanceof PlanishError && error.kind === 'input') await blob.verifyRest(request, detail);
    throw withDetail(error, detail);
  } finally {
    await blob.close();
  }
}

async function readEntries(blob: BlobMeter, request: ListRequest, sinks: ListSinks): Promise<ListResult> {
  const compression = detectCompression(await blob.peek(DETECT_BYTES));
  const listing = new Listing(request);
  const stats: DecompressStats = { members: 0 };
  for await (const piece of decompress(blob, compression, stats)) {
    sinks.tar?.(piece);
    listing.scanner.push(piece);
    if (sinks.pause !== undefined) await sinks.pause();
  }
  await blob.verifyRest(request, layerDetail(request));
  return listing.finish({ size: blob.size, compression, members: stats.members });
}

/** An uncompressed tar that is read by position. */
export interface TarPlace {
  readonly size: number;
  /** Fills a buffer with the bytes at a position, all of which there are. */
  readonly read: (position: number, target: Uint8Array) => void;
}

/** Bytes that are read at once: a read costs as much as copying some 16 KiB, so what is smaller is not passed over. */
const FIRST_WINDOW = 32 * BLOCK_BYTES;
const LAST_WINDOW = 128 * BLOCK_BYTES;

/** How many contents are passed over between pauses. */
const PAUSE_AFTER = 512;

/** Reads the entries of a tar that nothing names. Throws the codes of `tar/`. */
export async function listTar(
  { size, read }: TarPlace,
  request: ListRequest,
  { progress, pause }: Pick<IngestSinks, 'progress' | 'pause'> = {},
): Promise<ListResult> {
  const listing = new Listing(request);
  const buffer = new Uint8Array(LAST_WINDOW);
  let window = FIRST_WINDOW;
  let untilPause = PAUSE_AFTER;
  try {
    for (let at = 0; at < size; ) {
      const piece = buffer.subarray(0, Math.min(window, size - at));
      read(at, piece);
      listing.scanner.push(piece);
      at += piece.length;
      const passed = listing.passOver(size - at);
      at += passed;
      window = passed > 0 ? FIRST_WINDOW : Math.min(2 * window, LAST_WINDOW);
      if (--untilPause > 0) continue;
      untilPause = PAUSE_AFTER;
      progress?.(at);
      await pause?.();
    }
    return listing.finish({ size, compression: 'none', members: 0 });
  } catch (error) {
    throw withDetail(error, layerDetail(request));
  }
}

/** Entries while they are found. */
class Listing {
  readonly scanner: TarScanner;
  readonly #request: ListRequest;
  readonly #collector: EntryCollector;
  readonly #warnings: Warning[] = [];

  constructor(request: ListRequest) {
    this.#request = request;
    const { source, keep, globalHeaders } = request;
    this.#collector = new EntryCollector({ source, keep });
    this.scanner = new TarScanner(this.#collector, { onWarning: this.#warn, globalHeaders });
  }

  /** Passes over what is not wanted, of so many bytes at most. */
  passOver(limit: number): number {
    return this.#collector.wantsContent ? 0 : this.scanner.passOver(limit);
  }

  finish(form: { size: number; compression: CompressionKind; members: number }): ListResult {
    const end = this.scanner.finish();
    const { entries, kept } = this.#collector;
    const { digest, claimed } = this.#request;
    const tar = { tarSize: end.size, endOfArchive: end.endOfArchive };
    const index: LayerListing = { digest, ...form, ...tar, entries, kept };
    warnAboutForm(index, claimed, this.#warn);
    return { index, warnings: this.#warnings };
  }

  readonly #warn = (warning: Warning): void => {
    this.#warnings.push({ ...warning, layer: this.#request.ordinal });
  };
}

function layerDetail({ digest, ordinal }: ListRequest): ErrorDetail {
  return { layer: digest ?? String(ordinal) };
}
