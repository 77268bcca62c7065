/** Reading a layer back from a repository: its entries without its contents, or its tar. */
import { closeSync } from 'node:fs';
import type { VerityDigest } from '../bytes/digest.ts';
import { PlanishError } from '../errors.ts';
import { layerEntry } from '../layer/entry-collector.ts';
import { LIMITS } from '../limits.ts';
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

/** What is asked of an object, given its size as the tar states it. */
export type CheckSize = (repository: ObjectStore, digest: VerityDigest, size: number) => void;

/**
 * Reads the entries of a layer. Every object must be there with the size that the tar states, unless the caller sees to that;
 * what is in them is not looked at.
 * Throws `REPOSITORY_BAD` where the splitstream is no tar that composefs hosts read, `OBJECT_MISSING`, and the codes of
 * the tar reader.
 */
export async function restoreLayer(
  repository: ObjectStore,
  { stream }: OpenedStream,
  check: CheckSize = checkObject,
): Promise<RestoredLayer> {
  const collector = new StoredEntries();
  const scanner = new TarScanner(collector, { globalHeaders: 'ignore' });
  const objects = new Map<VerityDigest, number>();
  for await (const chunk of stream.chunks()) {
    if (chunk.kind === 'inline') {
      scanner.push(chunk.bytes);
      continue;
    }
    collector.external = chunk.digest;
    const size = scanner.skipContent();
    if (size === undefined) throw misplaced('an object stands where no content begins');
    collector.external = undefined;
    const known = objects.get(chunk.digest);
    if (known === undefined) check(repository, chunk.digest, size);
    else if (known !== size) throw misplaced('an object stands for contents of several sizes');
    objects.set(chunk.digest, size);
  }
  const { size, endOfArchive } = scanner.finish();
  if (size !== stream.size) throw misplaced('the stream is not of the size that it claims');
  return { entries: collector.entries, endOfArchive, objects };
}

function checkObject(repository: ObjectStore, digest: VerityDigest, size: number): void {
  const actual = repository.objectSize(digest);
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
  readonly entries: LayerEntry[] = [];
  /** Digest of the content that ends next, where it is an object. */
  external: VerityDigest | undefined;
  readonly #small: Uint8Array = new Uint8Array(INLINE_CONTENT_MAX);
  #length = 0;
  #current: TarEntry | undefined;

  entry(entry: TarEntry): void {
    if (this.entries.length >= LIMITS.layerEntries) {
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
    this.entries.push(layerEntry(entry, entry.type === 'regular' ? this.#content(entry) : undefined));
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
  for await (const chunk of stream.chunks()) {
    if (chunk.kind === 'inline') yield* window.add(chunk.bytes);
    else yield* objectBytes(repository, chunk.digest, window, sizes?.get(chunk.digest));
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
