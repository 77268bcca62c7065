/** Splitstreams of a repository: found by name or digest, held to their digest, decoded; and made of one document. */
import type { VerityDigest } from '../bytes/digest.ts';
import type { ZstdBackend } from '../compress/zstd-backend.ts';
import { PlanishError, withDetail } from '../errors.ts';
import { computeVerityDigest } from '../fsverity/digest.ts';
import { decodeSplitstream, type Splitstream, type SplitstreamChunk } from '../splitstream/reader.ts';
import { SPLITSTREAM_ZSTD_LEVEL, SplitstreamWriter } from '../splitstream/writer.ts';
import { CONTENT_TYPES, type StreamKind } from './names.ts';
import type { ObjectPlace, ObjectStore } from './object-store.ts';
import type { Repository } from './repository.ts';

/** A stream of the repository. */
export interface OpenedStream {
  /** Digest of the splitstream. */
  readonly digest: VerityDigest;
  readonly stream: Splitstream;
}

/**
 * Reads a splitstream. Its digest is computed again, for in an insecure repository nothing else would notice a change.
 * Throws `OBJECT_MISSING`, `VERITY_MISMATCH`, `REPOSITORY_BAD` for one of another kind, and the codes of
 * {@link decodeSplitstream}.
 */
export async function readStream(
  repository: ObjectStore,
  digest: VerityDigest,
  kind: StreamKind | undefined,
): Promise<OpenedStream> {
  const bytes = repository.readObject(digest, 'splitstreamBytes');
  const file = repository.pathOf(digest);
  verifyObject(bytes, digest, repository, file);
  try {
    const stream = await decodeSplitstream(bytes, repository.algorithm);
    if (kind !== undefined) checkKind(stream, kind);
    return { digest, stream };
  } catch (error) {
    throw withDetail(error, { file });
  }
}

/** As {@link readStream}, by name; `undefined` where the repository has none of that name. */
export async function findStream(
  repository: Repository,
  name: string,
  kind: StreamKind | undefined,
): Promise<OpenedStream | undefined> {
  const digest = repository.findEntry('streams', name);
  return digest === undefined ? undefined : await readStream(repository, digest, kind);
}

function checkKind({ contentType }: Splitstream, kind: StreamKind): void {
  if (contentType === CONTENT_TYPES[kind]) return;
  throw new PlanishError('REPOSITORY_BAD', 'a stream is of another kind than its name says', {
    expected: CONTENT_TYPES[kind],
    actual: contentType,
  });
}

/** Refuses bytes that have not the digest that names them. Throws `VERITY_MISMATCH`. */
export function verifyObject(
  bytes: Uint8Array,
  digest: VerityDigest,
  { algorithm }: Pick<ObjectPlace, 'algorithm'>,
  file: string,
): void {
  const actual = computeVerityDigest(bytes, algorithm);
  if (actual === digest) return;
  throw new PlanishError('VERITY_MISMATCH', 'an object is not what its name says', {
    file,
    expected: digest,
    actual,
  });
}

/**
 * The objects of a layer and their sizes, without reading its entries. All must be there, and of the size of the layer with
 * what stands in the stream; what is in them is not looked at. Throws
 * `OBJECT_MISSING`, `REPOSITORY_BAD`, and as {@link readStream}.
 */
export async function sizeObjects(
  repository: ObjectStore,
  { stream }: OpenedStream,
): Promise<ReadonlyMap<VerityDigest, number>> {
  const found = await repository.objectSizes(stream.objects);
  const sizes = new Map(stream.objects.map((digest, index) => [digest, found[index]]));
  const objects = new Map<VerityDigest, number>();
  let total = 0;
  for await (const chunks of stream.batches())
    for (const chunk of chunks) total += sizeChunk(repository, chunk, sizes, objects);
  if (total !== stream.size)
    throw new PlanishError('REPOSITORY_BAD', 'the stream is not of the size that it claims');
  return objects;
}

function sizeChunk(
  repository: ObjectStore,
  chunk: SplitstreamChunk,
  sizes: ReadonlyMap<VerityDigest, number | undefined>,
  objects: Map<VerityDigest, number>,
): number {
  if (chunk.kind === 'inline') return chunk.bytes.length;
  const size = sizes.get(chunk.digest);
  if (size === undefined) throw repository.missing(chunk.digest);
  objects.set(chunk.digest, size);
  return size;
}

/** The one object that a stream of a document or blob consists of. Throws `REPOSITORY_BAD` for any other stream. */
export async function onlyObject({ stream, digest }: OpenedStream): Promise<VerityDigest> {
  const found: VerityDigest[] = [];
  for await (const chunks of stream.batches()) {
    for (const chunk of chunks) {
      if (chunk.kind === 'inline' || found.length > 0) throw notOne(digest);
      found.push(chunk.digest);
    }
  }
  const [only] = found;
  if (only === undefined) throw notOne(digest);
  return only;
}

function notOne(digest: VerityDigest): PlanishError {
  return new PlanishError('REPOSITORY_BAD', 'a stream is not one object, as a document is', {
    file: digest,
  });
}

/** A document or blob that an image has. */
export interface ReadDocument extends OpenedStream {
  readonly bytes: Uint8Array;
}

/** The document that a stream consists of, held to its fs-verity digest. */
export async function readDocumentOf(repository: ObjectStore, opened: OpenedStream): Promise<ReadDocument> {
  const digest = await onlyObject(opened);
  const bytes = repository.readObject(digest, 'jsonBytes');
  verifyObject(bytes, digest, repository, repository.pathOf(digest));
  return { ...opened, bytes };
}

/** A splitstream of one object, with names for the streams it belongs with. */
export function encodeDocumentStream(
  zstd: ZstdBackend,
  repository: Pick<ObjectPlace, 'algorithm'>,
  document: {
    readonly kind: StreamKind;
    readonly object: VerityDigest;
    readonly size: number;
    readonly refs: ReadonlyMap<string, VerityDigest>;
  },
): Uint8Array {
  const writer = new SplitstreamWriter({
    algorithm: repository.algorithm,
    contentType: CONTENT_TYPES[document.kind],
    openCompressor: () => zstd.openCompressor(SPLITSTREAM_ZSTD_LEVEL),
  });
  for (const [name, digest] of document.refs) writer.addNamedRef(name, digest);
  writer.addExternal(document.object, document.size);
  return writer.finish();
}
