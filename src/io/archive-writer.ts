/**
 * Writing `oci-archive:`: an image layout as one tar, the same bytes for the same image. Blobs are staged beside the
 * destination; the tar is written there and renamed into place. An archive holds one image: an older archive of the
 * same name is replaced as a whole.
 *
 * The tar: `oci-layout`, `index.json`, then `blobs/`, each algorithm's directory and in it the blobs by digest; mode
 * 0644 and 0755, owner 0:0, time 0. The directories must be there: for a missing one, the library under skopeo and
 * podman makes it and gives it to root, which fails for an ordinary user.
 */
import { closeSync, fsyncSync, lstatSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { byteString } from '../bytes/byte-string.ts';
import { type BlobDigest, splitBlobDigest } from '../bytes/digest.ts';
import { EPOCH, NO_XATTRS } from '../bytes/stat.ts';
import { PlanishError } from '../errors.ts';
import { formatJson } from '../oci/json.ts';
import { emptyIndex } from '../oci/manifest.ts';
import { placeImage } from '../oci/place-image.ts';
import { END_OF_ARCHIVE, encodeTarHeader, paddingLength } from '../tar/writer.ts';
import { type BlobFile, readBlob } from './blob-file.ts';
import { attempt, openNewFile, renamePath, syncDirectory, writeFully } from './durable-file.ts';
import {
  type BlobIdentity,
  BlobStaging,
  type CommitImage,
  type ImageWriter,
  indexEntry,
} from './image-writer.ts';
import { LAYOUT_MARKER } from './layout.ts';
import { isOciArchive } from './recognize.ts';
import { createTemporaryDirectory, type TemporaryDirectory } from './temporary.ts';

/**
 * Begins writing an archive at `path`: absent (its directory must exist), an empty file, or an archive of this kind.
 * Throws `DESTINATION_EXISTS` for anything else.
 */
export function createArchiveWriter(path: string): ImageWriter {
  const target = examine(path) ? realpathSync(path) : resolve(path);
  const directory = createTemporaryDirectory(dirname(target));
  try {
    return new ArchiveWriter(target, directory);
  } catch (error) {
    directory.close();
    throw error;
  }
}

class ArchiveWriter implements ImageWriter {
  readonly #target: string;
  readonly #directory: TemporaryDirectory;
  readonly #staging: BlobStaging;

  constructor(target: string, directory: TemporaryDirectory) {
    this.#target = target;
    this.#directory = directory;
    this.#staging = new BlobStaging(directory, false);
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
    return this.#staging.has(digest, size);
  }

  async commit(image: CommitImage): Promise<void> {
    if (!this.hasBlob(image.descriptor.digest, image.descriptor.size)) {
      throw new PlanishError('INVARIANT', 'the manifest was not written before the commit');
    }
    const staged = join(this.#directory.path, 'archive.tar');
    await this.#writeTar(staged, image);
    examine(this.#target);
    renamePath(staged, this.#target);
    syncDirectory(dirname(this.#target));
    this.#directory.close();
  }

  abort(): void {
    this.#directory.close();
  }

  /** Blobs are removed as they are copied, so that room is needed for the image and its largest blob, not for two. */
  async #writeTar(file: string, image: CommitImage): Promise<void> {
    const descriptor = openNewFile(file);
    try {
      const index = placeImage(emptyIndex(), indexEntry(image), image.refName);
      writeMember(descriptor, file, 'oci-layout', Buffer.from(LAYOUT_MARKER));
      writeMember(descriptor, file, 'index.json', formatJson(index));
      await this.#writeBlobs(descriptor, file);
      writeFully(descriptor, END_OF_ARCHIVE, file);
      attempt('flushing a file', file, () => fsyncSync(descriptor));
    } finally {
      closeSync(descriptor);
    }
  }

  async #writeBlobs(descriptor: number, file: string): Promise<void> {
    writeFully(descriptor, header('directory', 'blobs/', 0), file);
    let directory = '';
    for (const blob of this.#staging.blobs()) {
      const { algorithm } = splitBlobDigest(blob.digest);
      if (algorithm !== directory)
        writeFully(descriptor, header('directory', `blobs/${algorithm}/`, 0), file);
      directory = algorithm;
      await this.#writeBlob(descriptor, file, blob);
      this.#staging.drop(blob.digest);
    }
  }

  async #writeBlob(descriptor: number, file: string, { digest, size }: BlobIdentity): Promise<void> {
    const { algorithm, hex } = splitBlobDigest(digest);
    writeFully(descriptor, header('regular', `blobs/${algorithm}/${hex}`, size), file);
    const blob = { file: this.#staging.pathOf(digest), offset: 0, size };
    for await (const chunk of readBlob(blob)) writeFully(descriptor, chunk, file);
    writeFully(descriptor, new Uint8Array(paddingLength(size)), file);
  }
}

/** Whether an archive is there to be replaced; false when nothing is. Throws `DESTINATION_EXISTS`. */
function examine(path: string): boolean {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return false;
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isFile() === true && (stat.size === 0 || isOciArchive(path))) return true;
  throw new PlanishError('DESTINATION_EXISTS', 'the destination exists and is no image archive', {
    file: path,
    hint: 'name an archive of this kind, or nothing that exists',
  });
}

/** Writes one member: header, content, padding. */
export function writeMember(descriptor: number, file: string, name: string, content: Uint8Array): void {
  writeFully(descriptor, header('regular', name, content.length), file);
  writeFully(descriptor, content, file);
  writeFully(descriptor, new Uint8Array(paddingLength(content.length)), file);
}

function header(type: 'regular' | 'directory', name: string, size: number): Uint8Array {
  return encodeTarHeader({
    type,
    path: byteString(name),
    linkTarget: byteString(''),
    mode: type === 'directory' ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    mtime: EPOCH,
    size,
    xattrs: NO_XATTRS,
    major: 0,
    minor: 0,
  });
}
