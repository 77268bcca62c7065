/**
 * Reading a layer once: the same bytes of an object are measured and hashed as part of its layer. By the C helpers only;
 * without them, and where anything is wrong, objects are measured by themselves and layers put together afterwards, which
 * says what it is.
 */
import type { VerityDigest } from '../bytes/digest.ts';
import { PlanishError } from '../errors.ts';
import { PartsHash } from '../io/parts-hash.ts';
import type { NativeHelpers } from '../native/contract.ts';
import type { CheckLayerRequest } from './check-streams.ts';
import { CONTENT_TYPES } from './names.ts';
import { ObjectStore } from './object-store.ts';
import { ChunkedTar } from './read-layer.ts';
import { type OpenedStream, readStream } from './streams.ts';

/** What is known of a layer after it was read. */
export interface MeasuredLayer {
  /** Whether it has the digest that it is to have, is a tar where it claims to be one, and has only sound objects. */
  readonly isSound: boolean;
  /** Objects that are what their names say, and their sizes. */
  readonly objects: ReadonlyMap<VerityDigest, number>;
}

/** Reads a layer. Throws nothing because of what is in the repository; `INTERRUPTED` may come from `progress`. */
export async function measureLayer(
  request: CheckLayerRequest,
  helpers: NativeHelpers,
  progress: (bytes: number) => void,
): Promise<MeasuredLayer> {
  const store = new ObjectStore(request);
  const parts = new PartsHash(request.algorithm, helpers, progress);
  try {
    await addLayer(store, await readStream(store, request.stream, undefined), parts);
    const digest = await parts.digest();
    return { isSound: digest === request.digest, objects: parts.sound };
  } catch (error) {
    if (!(error instanceof PlanishError) || error.code === 'INTERRUPTED') throw error;
    return { isSound: false, objects: parts.sound };
  } finally {
    await parts.settle();
  }
}

/** An object of a tar has the size that the tar states; the only one of a blob has that of its file. */
async function addLayer(store: ObjectStore, { stream }: OpenedStream, parts: PartsHash): Promise<void> {
  const tar = stream.contentType === CONTENT_TYPES.layer ? new ChunkedTar(() => undefined) : undefined;
  for await (const chunks of stream.batches()) {
    for (const chunk of chunks) {
      const size = tar?.add(chunk);
      if (chunk.kind === 'inline') parts.addBytes(chunk.bytes);
      else parts.addFile(store.pathOf(chunk.digest), size ?? sizeOf(store, chunk.digest), chunk.digest);
      if (parts.isFull) await parts.flush();
    }
  }
  tar?.finish(stream.size);
  if (parts.total !== stream.size) {
    throw new PlanishError('REPOSITORY_BAD', 'the stream is not of the size that it claims');
  }
}

function sizeOf(store: ObjectStore, digest: VerityDigest): number {
  const size = store.objectSize(digest);
  if (size === undefined) throw store.missing(digest);
  return size;
}
