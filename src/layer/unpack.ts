/** Decompresses a layer of which all else is known, or as much of it as is wanted: nothing but its blob's digest is computed again. */
import { type DecompressStats, decompress } from '../compress/decompress.ts';
import { DETECT_BYTES, detectCompression } from '../compress/detect.ts';
import { type ErrorDetail, PlanishError, withDetail } from '../errors.ts';
import { BlobMeter, type BlobPromise } from './blob-meter.ts';
import type { IngestSinks } from './ingest.ts';

/**
 * Gives every piece of the uncompressed tar to `sink`, in order, until it says that it has enough; it must not keep them.
 * What is left of the blob is then hashed and no more. Throws `DIGEST_MISMATCH` when the blob is not the promised one, and
 * the codes of `compress/`.
 */
export async function unpackLayer(
  input: AsyncIterable<Uint8Array>,
  promise: BlobPromise,
  sink: (piece: Uint8Array) => boolean,
  { progress, pause }: Pick<IngestSinks, 'progress' | 'pause'> = {},
): Promise<void> {
  const detail: ErrorDetail = promise.digest === undefined ? {} : { layer: promise.digest };
  const blob = new BlobMeter(input, promise.digest, { progress, hashes: promise.digest !== undefined });
  const stats: DecompressStats = { members: 0 };
  try {
    const compression = detectCompression(await blob.peek(DETECT_BYTES));
    for await (const piece of decompress(blob, compression, stats)) {
      if (sink(piece)) break;
      if (pause !== undefined) await pause();
    }
    await blob.verifyRest(promise, detail);
  } catch (error) {
    if (error instanceof PlanishError && error.kind === 'input') await blob.verifyRest(promise, detail);
    throw withDetail(error, detail);
  } finally {
    await blob.close();
  }
}
