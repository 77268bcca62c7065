/** Decompresses a layer of which all else is known: nothing but its blob's digest is computed again. */
import { type DecompressStats, decompress } from '../compress/decompress.ts';
import { DETECT_BYTES, detectCompression } from '../compress/detect.ts';
import { type ErrorDetail, PlanishError, withDetail } from '../errors.ts';
import { BlobMeter, type BlobPromise } from './blob-meter.ts';
import type { IngestSinks } from './ingest.ts';

/**
 * Gives every piece of the uncompressed tar to `sink`, in order; it must not keep them. Throws `DIGEST_MISMATCH` when
 * the blob is not the promised one, and the codes of `compress/`.
 */
export async function unpackLayer(
  input: AsyncIterable<Uint8Array>,
  promise: BlobPromise,
  sink: (piece: Uint8Array) => void,
  { progress, pause }: Pick<IngestSinks, 'progress' | 'pause'> = {},
): Promise<void> {
  const detail: ErrorDetail = promise.digest === undefined ? {} : { layer: promise.digest };
  const blob = new BlobMeter(input, promise.digest, progress);
  const stats: DecompressStats = { members: 0 };
  try {
    const compression = detectCompression(await blob.peek(DETECT_BYTES));
    for await (const piece of decompress(blob, compression, stats)) {
      sink(piece);
      if (pause !== undefined) await pause();
    }
    blob.verify(promise);
  } catch (error) {
    if (error instanceof PlanishError && error.kind === 'input') await blob.verifyRest(promise, detail);
    throw withDetail(error, detail);
  }
}
