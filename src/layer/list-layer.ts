/**
 * Reads the entries of a layer and measures nothing: who lists files, or looks for one, asks for no digest of a content.
 * What is read of a blob that something names is held to that digest all the same, and so it is read whole.
 */
import { type DecompressStats, decompress } from '../compress/decompress.ts';
import { DETECT_BYTES, detectCompression } from '../compress/detect.ts';
import { PlanishError, withDetail } from '../errors.ts';
import { BlobMeter } from './blob-meter.ts';
import type { IngestSinks, ListRequest } from './ingest.ts';
import { Listing, type ListResult, layerDetail } from './listing.ts';

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
