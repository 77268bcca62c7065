/** A layer out of a repository into a blob, as a thread does it. */
import { createHash, type Hash } from 'node:crypto';
import { type BlobDigest, blobDigest, type VerityDigest } from '../bytes/digest.ts';
import { compress } from '../compress/compress.ts';
import type { CompressionKind } from '../compress/kind.ts';
import { PlanishError } from '../errors.ts';
import type { WrittenLayer } from '../layer/write.ts';
import { type ObjectPlace, ObjectStore } from './object-store.ts';
import { streamBytes } from './read-layer.ts';
import { readStream } from './streams.ts';

/** Which layer, and how it shall be written. */
export interface ExportLayerRequest extends ObjectPlace {
  readonly stream: VerityDigest;
  /** What the tar must be. */
  readonly diffId: BlobDigest;
  readonly compression: { readonly kind: CompressionKind; readonly level: number };
}

/** Writes the blob to `sink`. Throws `DIFFID_MISMATCH` where the repository has another layer under that name. */
export async function exportLayer(
  request: ExportLayerRequest,
  sink: (piece: Uint8Array) => void,
  progress: (bytes: number) => void,
): Promise<WrittenLayer> {
  const store = new ObjectStore(request);
  const opened = await readStream(store, request.stream, undefined);
  const tar = new Meter();
  const blob = new Meter();
  const pieces = tar.through(streamBytes(store, opened), progress);
  for await (const piece of compress(pieces, request.compression)) {
    blob.add(piece);
    sink(piece);
  }
  const diffId = tar.digest();
  if (diffId !== request.diffId) {
    const detail = { expected: request.diffId, actual: diffId };
    throw new PlanishError('DIFFID_MISMATCH', 'a layer of the repository is not what its name says', detail);
  }
  return { digest: blob.digest(), size: blob.size, diffId, tarSize: tar.size };
}

/** Counts and hashes. */
class Meter {
  readonly #hash: Hash = createHash('sha256');
  size = 0;

  add(piece: Uint8Array): void {
    this.#hash.update(piece);
    this.size += piece.length;
  }

  async *through(
    pieces: AsyncIterable<Uint8Array>,
    progress: (bytes: number) => void,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const piece of pieces) {
      this.add(piece);
      progress(this.size);
      yield piece;
    }
  }

  digest(): BlobDigest {
    return blobDigest('sha256', this.#hash.digest('hex'));
  }
}
