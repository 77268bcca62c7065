/** Reading a layer back from a repository: its entries without its contents, or its tar. */
import { closeSync } from 'node:fs';
import type { VerityDigest } from '../bytes/digest.ts';
import { PlanishError } from '../errors.ts';
import { layerEntry } from '../layer/entry-collector.ts';
import { LIMITS } from '../limits.ts';
import type { SplitstreamChunk } from '../splitstream/reader.ts';
import { type TarEntry, type TarHandler, TarScanner } from '../tar/scanner.ts';
import type { LayerEntry } from '../tree/entry.ts';
import { type Content, EMPTY_CONTENT, INLINE_CONTENT_MAX } from '../tree/tree.ts';
import { ByteWindow } from './byte-window.ts';
import type { ObjectStore } from './object-store.ts';
import { filePieces, openRegular } from './read-file.ts';
import type { OpenedStream } from './streams.ts';

/** A layer as its splitstream tells. Contents have digests and sizes, and no place where they could be read. */
export interface RestoredLayer {
  readonly entries: readonly LayerEntry[];
  /** Whether the tar ends in two zero blocks. */
  readonly endOfArchive: boolean;
  /** Objects and their bytes, each counted once. */
  readonly objects: ReadonlyMap<VerityDigest, number>;
}

/**
 * Reads the entries of a layer. Every object must be there with the size that the tar states; what is in them is not looked
 * at. Throws `REPOSITORY_BAD` where the splitstream is no tar that composefs hosts read, `OBJECT_MISSING`, and the codes of
 * the tar reader.
 */
export async function restoreLayer(
  repository: ObjectStore,
  { stream }: OpenedStream,
): Promise<RestoredLayer> {
  const entries: LayerEntry[] = [];
  const tar = new ChunkedTar((entry) => entries.push(entry));
  for await (const chunks of stream.batches()) for (const chunk of chunks) tar.add(chunk);
  const endOfArchive = tar.finish(stream.size);
  const digests = [...tar.objects.keys()];
  const sizes = await repository.objectSizes(digests);
  for (const [index, digest] of digests.entries())
    checkObject(repository, digest, tar.objects.get(digest) as number, sizes[index]);
  return { entries, endOfArchive, objects: tar.objects };
}

/**
 * The tar that chunks make up, its objects not looked into. Throws `REPOSITORY_BAD` where it is none that composefs hosts
 * read, and the codes of the tar reader.
 */
export class ChunkedTar {
  readonly #entries: StoredEntries;
  readonly #scanner: TarScanner;
  readonly #objects = new Map<VerityDigest, number>();

  constructor(onEntry: (entry: LayerEntry) => void) {
    this.#entries = new StoredEntries(onEntry);
    this.#scanner = new TarScanner(this.#entries, { globalHeaders: 'ignore' });
  }

  /** Objects met so far and their sizes as the tar states them. */
  get objects(): ReadonlyMap<VerityDigest, number> {
    return this.#objects;
  }

  /** Takes the next chunk; how many bytes it stands for. */
  add(chunk: SplitstreamChunk): number {
    if (chunk.kind === 'external') return this.#addObject(chunk.digest);
    this.#scanner.push(chunk.bytes);
    return chunk.bytes.length;
  }

  /** Ends a tar that is to be of that size; whether it ends in two zero blocks. */
  finish(expected: number): boolean {
    const { size, endOfArchive } = this.#scanner.finish();
    if (size !== expected) throw misplaced('the stream is not of the size that it claims');
    return endOfArchive;
  }

  #addObject(digest: VerityDigest): number {
    this.#entries.external = digest;
    const size = this.#scanner.skipContent();
    if (size === undefined) throw misplaced('an object stands where no content begins');
    this.#entries.external = undefined;
    const known = this.#objects.get(digest) ?? size;
    if (known !== size) throw misplaced('an object stands for contents of several sizes');
    this.#objects.set(digest, size);
    return size;
  }
}

function checkObject(
  repository: ObjectStore,
  digest: VerityDigest,
  size: number,
  actual: number | undefined,
): void {
  if (actual === size) return;
  if (actual === undefined) throw repository.missing(digest);
  throw wrongSize(repository.pathOf(digest), size, actual);
}

function wrongSize(file: string, expected: number, actual: number): PlanishError {
  const message = 'an object has not the size of the content that it is';
  return new PlanishError('VERITY_MISMATCH', message, { file, expected, actual });
}

function misplaced(message: string): PlanishError {
  return new PlanishError('REPOSITORY_BAD', message);
}

/** Entries of a tar whose large contents are objects. */
class StoredEntries implements TarHandler {
  readonly #onEntry: (entry: LayerEntry) => void;
  #count = 0;
  /** Digest of the content that ends next, where it is an object. */
  external: VerityDigest | undefined;
  readonly #small: Uint8Array = new Uint8Array(INLINE_CONTENT_MAX);
  #length = 0;
  #current: TarEntry | undefined;

  constructor(onEntry: (entry: LayerEntry) => void) {
    this.#onEntry = onEntry;
  }

  entry(entry: TarEntry): void {
    this.#count += 1;
    if (this.#count > LIMITS.layerEntries) {
      throw new PlanishError('LIMIT_EXCEEDED', 'a layer has too many entries', { limit: 'layerEntries' });
    }
    this.#current = entry;
    this.#length = 0;
  }

  data(chunk: Uint8Array, start: number, end: number): void {
    // A content that is too long to be inline is refused at its end; until then it is only counted.
    const room = Math.max(0, Math.min(end - start, INLINE_CONTENT_MAX - this.#length));
    this.#small.set(chunk.subarray(start, start + room), Math.min(this.#length, INLINE_CONTENT_MAX));
    this.#length += end - start;
  }

  endOfEntry(): void {
    const entry = this.#current;
    if (entry === undefined) return;
    this.#onEntry(layerEntry(entry, entry.type === 'regular' ? this.#content(entry) : undefined));
  }

  #content(entry: TarEntry): Content {
    const { size } = entry;
    const isObject = this.external !== undefined;
    if (isObject !== size > INLINE_CONTENT_MAX || entry.sparse !== undefined) {
      throw misplaced('a content of more than 64 bytes must be an object, and no other');
    }
    if (size === 0) return EMPTY_CONTENT;
    if (!isObject) return { kind: 'inline', bytes: this.#small.slice(0, size) };
    return { kind: 'external', size, verity: this.external, payload: undefined, location: undefined };
  }
}

/**
 * The file that a splitstream describes, byte for byte, in pieces that must not be kept. Throws `OBJECT_MISSING`, and
 * `VERITY_MISMATCH` where objects are to have sizes and one has another.
 */
export async function* streamBytes(
  repository: ObjectStore,
  { stream }: OpenedStream,
  sizes?: ReadonlyMap<VerityDigest, number>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const window = new ByteWindow();
  for await (const chunks of stream.batches()) {
    for (const chunk of chunks) {
      if (chunk.kind === 'inline') yield* window.add(chunk.bytes);
      else yield* objectBytes(repository, chunk.digest, window, sizes?.get(chunk.digest));
    }
  }
  yield* window.rest();
  if (window.total !== stream.size) throw misplaced('the stream is not of the size that it claims');
}

function* objectBytes(
  repository: ObjectStore,
  digest: VerityDigest,
  window: ByteWindow,
  size: number | undefined,
): Generator<Uint8Array, void, undefined> {
  const file = repository.pathOf(digest);
  const open = openRegular(file);
  if (open === undefined) throw repository.missing(digest);
  try {
    if (size !== undefined && size !== open.size) throw wrongSize(file, size, open.size);
    yield* window.addFile(open, file);
  } finally {
    closeSync(open.fd);
  }
}

/** The pieces of an object. Throws `OBJECT_MISSING`. */
export function* objectPieces(
  repository: ObjectStore,
  digest: VerityDigest,
): Generator<Uint8Array, void, undefined> {
  const file = repository.pathOf(digest);
  const open = openRegular(file);
  if (open === undefined) throw repository.missing(digest);
  try {
    yield* filePieces(open, file);
  } finally {
    closeSync(open.fd);
  }
}
