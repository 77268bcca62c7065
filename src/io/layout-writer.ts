/**
 * Writing into an image layout in a directory. A new layout is built aside and renamed into place whole. Into an
 * existing one the new blobs are moved first, under names nobody refers to yet, and then `index.json` is replaced by
 * rename, under a lock. A run that fails or is killed leaves the old layout, or none.
 *
 * In an existing layout, blobs that it has already are kept; blobs that no entry refers to any more are not removed.
 */
import { lstatSync, readdirSync, realpathSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { type BlobDigest, splitBlobDigest } from '../bytes/digest.ts';
import { isPlanishError, PlanishError } from '../errors.ts';
import { formatJson } from '../oci/json.ts';
import { emptyIndex, type Index } from '../oci/manifest.ts';
import { placeImage } from '../oci/place-image.ts';
import type { BlobFile } from './blob-file.ts';
import { attempt, makeDirectory, renamePath, syncDirectory, writeNewFile } from './durable-file.ts';
import {
  type BlobIdentity,
  BlobStaging,
  type CommitImage,
  type ImageWriter,
  indexEntry,
} from './image-writer.ts';
import { checkMarker, isLayoutDirectory, LAYOUT_MARKER, LayoutDirectory, readLayoutIndex } from './layout.ts';
import { type LayoutLock, lockLayout } from './layout-lock.ts';
import {
  createTemporaryDirectory,
  isTemporaryName,
  removeStaleDirectories,
  type TemporaryDirectory,
} from './temporary.ts';

const MARKER_BYTES = Buffer.from(LAYOUT_MARKER);

/**
 * Begins writing to a layout at `path`: absent (its parent must exist), an empty directory, or a layout. Throws
 * `DESTINATION_EXISTS` for anything else, and what a malformed existing layout throws, before any work is done.
 */
export function createLayoutWriter(path: string): ImageWriter {
  const existing = examine(path);
  const target = existing ? realpathSync(path) : resolve(path);
  // A run that died before the layout was there left its staging beside it.
  if (existing) removeStaleDirectories(dirname(target));
  const directory = createTemporaryDirectory(existing ? target : dirname(target));
  try {
    return new LayoutWriter(target, directory, existing);
  } catch (error) {
    directory.close();
    throw error;
  }
}

class LayoutWriter implements ImageWriter {
  readonly #target: string;
  readonly #directory: TemporaryDirectory;
  readonly #staging: BlobStaging;
  /** Whether the destination was a directory when work began. */
  readonly #existing: boolean;

  constructor(target: string, directory: TemporaryDirectory, existing: boolean) {
    this.#target = target;
    this.#directory = directory;
    this.#existing = existing;
    this.#staging = new BlobStaging(directory, true);
  }

  createBlobFile(name: string): string {
    return this.#staging.createFile(name);
  }

  addBlobFile(path: string, digest: BlobDigest, size: number): Promise<void> {
    return this.#staging.addFile(path, digest, size);
  }

  addBytes(bytes: Uint8Array): Promise<BlobIdentity> {
    return this.#staging.addBytes(bytes);
  }

  addDocument(bytes: Uint8Array, digest: BlobDigest): Promise<void> {
    return this.#staging.addDocument(bytes, digest);
  }

  async copyBlob(blob: BlobFile, digest: BlobDigest): Promise<void> {
    if (!this.hasBlob(digest, blob.size)) await this.#staging.copy(blob, digest);
  }

  async carryBlob(blob: BlobFile, digest: BlobDigest): Promise<void> {
    if (!this.hasBlob(digest, blob.size)) await this.#staging.carry(blob, digest);
  }

  hasBlob(digest: BlobDigest, size: number): boolean {
    if (this.#staging.has(digest, size)) return true;
    return this.#existing && isFileOfSize(blobPath(this.#target, digest), size);
  }

  async commit(image: CommitImage): Promise<void> {
    if (!this.hasBlob(image.descriptor.digest, image.descriptor.size)) {
      throw new PlanishError('INVARIANT', 'the manifest was not written before the commit');
    }
    if (this.#existing || !this.#placeWhole(image)) await this.#merge(image);
    this.#directory.close();
  }

  abort(): void {
    this.#directory.close();
  }

  /** Renames the staged layout into place; false when another run made one there meanwhile. */
  #placeWhole(image: CommitImage): boolean {
    const root = this.#staging.root;
    writeNewFile(join(root, 'oci-layout'), [MARKER_BYTES]);
    writeNewFile(join(root, 'index.json'), [formatIndex(emptyIndex(), image)]);
    for (const directory of directoriesOf(this.#staging)) syncDirectory(directory);
    syncDirectory(root);
    try {
      renamePath(root, this.#target);
    } catch (error) {
      if (isPlanishError(error, 'SYSCALL_FAILED') && examine(this.#target)) return false;
      throw error;
    }
    syncDirectory(dirname(this.#target));
    return true;
  }

  async #merge(image: CommitImage): Promise<void> {
    this.#placeMarker();
    placeBlobs(this.#target, this.#staging);
    while (!(await this.#replaceIndex(image)));
    syncDirectory(this.#target);
  }

  /** The marker goes first, so that what an ending between here and the index leaves is an empty layout. */
  #placeMarker(): void {
    if (isLayoutDirectory(this.#target)) return;
    const staged = join(this.#directory.path, 'marker');
    writeNewFile(staged, [MARKER_BYTES]);
    renamePath(staged, join(this.#target, 'oci-layout'));
  }

  /** Reads, changes and replaces `index.json`; false when the lock was lost meanwhile. */
  async #replaceIndex(image: CommitImage): Promise<boolean> {
    const lock = await lockLayout(this.#target, this.#directory.path);
    try {
      const bytes = formatIndex(readExistingIndex(this.#target), image);
      return placeIndex({ target: this.#target, staging: this.#directory.path, lock }, bytes);
    } finally {
      lock.release();
    }
  }
}

/** Moves staged blobs into a layout, under their names, durably. Those that it has already stay. */
export function placeBlobs(target: string, staging: BlobStaging): void {
  for (const { digest, size } of staging.blobs()) placeBlob(target, staging, digest, size);
  for (const directory of directoriesOf(staging)) syncDirectory(join(target, 'blobs', basename(directory)));
}

function placeBlob(target: string, staging: BlobStaging, digest: BlobDigest, size: number): void {
  const path = blobPath(target, digest);
  makeDirectory(dirname(path));
  const real = realpathSync(dirname(path));
  if (!real.startsWith(`${target}${sep}`)) {
    throw new PlanishError('PATH_ESCAPES_ROOT', 'a link leads out of the layout', {
      file: dirname(path),
      actual: real,
    });
  }
  if (!isFileOfSize(path, size)) renamePath(staging.pathOf(digest), path);
}

/** A layout whose lock is held, and a private directory on its file system. */
export interface LockedLayout {
  readonly target: string;
  readonly staging: string;
  readonly lock: LayoutLock;
}

/** Replaces `index.json`; false when the lock was lost meanwhile. */
export function placeIndex({ target, staging, lock }: LockedLayout, bytes: Uint8Array): boolean {
  const staged = join(staging, 'index.json');
  rmSync(staged, { force: true });
  writeNewFile(staged, [bytes]);
  if (!lock.isHeld()) return false;
  renamePath(staged, join(target, 'index.json'));
  return true;
}

/** Whether a directory is there to write into; false when nothing is. Throws `DESTINATION_EXISTS`. */
function examine(path: string): boolean {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return false;
  const isDirectory = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  if (isDirectory && isLayoutDirectory(path)) {
    checkMarker(new LayoutDirectory(path, path));
    readExistingIndex(path);
    return true;
  }
  const names = isDirectory ? attempt('reading a directory', path, () => readdirSync(path)) : ['itself'];
  if (names.every(isTemporaryName)) return true;
  throw new PlanishError('DESTINATION_EXISTS', 'the destination exists and is no image layout', {
    file: path,
    hint: 'name an empty directory, a layout, or nothing that exists',
  });
}

function readExistingIndex(path: string): Index {
  const layout = new LayoutDirectory(path, path);
  return layout.findRootFile('index.json') === undefined ? emptyIndex() : readLayoutIndex(layout);
}

function formatIndex(index: Index, image: CommitImage): Uint8Array {
  return formatJson(placeImage(index, indexEntry(image), image.refName));
}

function blobPath(root: string, digest: BlobDigest): string {
  const { algorithm, hex } = splitBlobDigest(digest);
  return join(root, 'blobs', algorithm, hex);
}

/** The directories that hold staged blobs, one for each digest algorithm. */
function directoriesOf(staging: BlobStaging): readonly string[] {
  const names = staging.blobs().map(({ digest }) => splitBlobDigest(digest).algorithm);
  return [...new Set(names)].map((algorithm) => join(staging.root, 'blobs', algorithm));
}

function isFileOfSize(path: string, size: number): boolean {
  // Not through links: a reader refuses those that lead outside.
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat?.isFile() === true && stat.size === size;
}
