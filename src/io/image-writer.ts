/** Writing an image: one interface for layouts and archives, and the staging of blobs that both share. */
import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  copyFileSync,
  linkSync,
  realpathSync,
  rmSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { type BlobDigest, blobDigest, splitBlobDigest } from '../bytes/digest.ts';
import { fromSystemError, PlanishError } from '../errors.ts';
import type { Descriptor, Platform } from '../oci/descriptor.ts';
import { type BlobFile, readBlob } from './blob-file.ts';
import { attempt, makeDirectory, openNewFile, renamePath, writeFully, writeNewFile } from './durable-file.ts';
import { bringBlob } from './late-blob.ts';
import type { TemporaryDirectory } from './temporary.ts';

/** What a commit makes visible: the manifest (or index) that stands for the image, and its name. */
export interface CommitImage {
  readonly descriptor: Descriptor;
  readonly refName: string | undefined;
  /** Stated beside the manifest in `index.json`. */
  readonly platform?: Platform | undefined;
}

/** A blob's name and bytes. */
export interface BlobIdentity {
  readonly digest: BlobDigest;
  readonly size: number;
}

/**
 * Writes one image to a destination. Everything is staged beside the destination and appears at once by `commit`;
 * until then, and after `abort`, the destination is as it was. All methods throw `DISK_FULL` and `SYSCALL_FAILED`.
 */
export interface ImageWriter {
  /** A path on the destination's file system for a worker to create and write a blob to; `name` is one word. */
  createBlobFile(name: string): string;
  /** Says that a finished file will be taken in: a writer may send it on its way while others are made. */
  announceBlobFile?(path: string, digest: BlobDigest, size: number): void;
  /** Takes in a finished file from {@link createBlobFile}. Its digest is taken on trust, its size is checked. */
  addBlobFile(path: string, digest: BlobDigest, size: number): Promise<void>;
  /** Takes in bytes and computes their digest. */
  addBytes(bytes: Uint8Array): Promise<BlobIdentity>;
  /** Takes in a document that was verified, under the digest that names it. */
  addDocument(bytes: Uint8Array, digest: BlobDigest): Promise<void>;
  /** Copies a blob from elsewhere and verifies it. Throws `DIGEST_MISMATCH`, `CONTENT_CHANGED`. */
  copyBlob(blob: BlobFile, digest: BlobDigest): Promise<void>;
  /**
   * Takes in a blob of another image whose digest is taken on trust: as a further name of the same file, or a clone,
   * where the file system can; else as {@link ImageWriter.copyBlob} does.
   */
  carryBlob(blob: BlobFile, digest: BlobDigest): Promise<void>;
  /** Whether the destination or the staging holds a blob of that digest and size: it need not be written again. */
  hasBlob(digest: BlobDigest, size: number): boolean;
  /** Makes the image visible, durably. Throws `DESTINATION_EXISTS` when something else took the place. */
  commit(image: CommitImage): Promise<void>;
  /** Removes all that was staged; does nothing after a commit. */
  abort(): void;
}

const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/;

/** Blobs on their way into a layout or archive. */
export class BlobStaging {
  /** A layout in the making: holds `blobs/`. Made with the caller's umask, unlike the private directory around it. */
  readonly root: string;
  readonly #work: string;
  readonly #durable: boolean;
  readonly #blobs = new Map<BlobDigest, number>();

  /** `durable`: every blob is flushed to disk when it is taken in. */
  constructor(directory: TemporaryDirectory, durable: boolean) {
    this.root = join(directory.path, 'layout');
    this.#work = join(directory.path, 'blobs-in-progress');
    this.#durable = durable;
    makeDirectory(this.root);
    makeDirectory(this.#work);
  }

  /** Digests and sizes of the staged blobs, in order of their digests. */
  blobs(): readonly BlobIdentity[] {
    const list = [...this.#blobs].map(([digest, size]) => ({ digest, size }));
    return list.sort((a, b) => (a.digest < b.digest ? -1 : 1));
  }

  has(digest: BlobDigest, size: number): boolean {
    return this.#blobs.get(digest) === size;
  }

  createFile(name: string): string {
    if (!FILE_NAME.test(name))
      throw new PlanishError('INVARIANT', 'a staging file has an odd name', { path: name });
    return join(this.#work, name);
  }

  async addFile(path: string, digest: BlobDigest, size: number): Promise<void> {
    const actual = statSize(path);
    if (actual !== size) {
      throw new PlanishError('CONTENT_CHANGED', 'a staged blob has not the size it was written with', {
        file: path,
        expected: size,
        actual,
      });
    }
    if (this.#durable) await syncFile(path);
    const target = this.pathOf(digest);
    makeDirectory(join(target, '..'));
    renamePath(path, target);
    this.#blobs.set(digest, size);
  }

  async addBytes(bytes: Uint8Array): Promise<BlobIdentity> {
    const identity = { digest: digestOf(bytes), size: bytes.length };
    await this.addDocument(bytes, identity.digest);
    return identity;
  }

  /** Stages bytes whose digest is known. */
  async addDocument(bytes: Uint8Array, digest: BlobDigest): Promise<void> {
    if (this.has(digest, bytes.length)) return;
    const path = this.createFile(`bytes-${splitBlobDigest(digest).hex}`);
    writeNewFile(path, [bytes]);
    await this.addFile(path, digest, bytes.length);
  }

  async copy(blob: BlobFile, digest: BlobDigest): Promise<void> {
    const { algorithm, hex } = splitBlobDigest(digest);
    const path = this.createFile(`copy-${hex}`);
    const hash = createHash(algorithm);
    const descriptor = openNewFile(path);
    try {
      for await (const chunk of readBlob(blob)) {
        hash.update(chunk);
        writeFully(descriptor, chunk, path);
      }
    } finally {
      closeSync(descriptor);
    }
    const actual = blobDigest(algorithm, hash.digest('hex'));
    if (actual === digest) return this.addFile(path, digest, blob.size);
    unlinkSync(path);
    throw new PlanishError('DIGEST_MISMATCH', 'a blob has not the digest that names it', {
      file: blob.file,
      expected: digest,
      actual,
    });
  }

  /** Links a blob that is a file of its own, or copies it. */
  async carry(blob: BlobFile, digest: BlobDigest): Promise<void> {
    await bringBlob(blob);
    const path = this.createFile(`carry-${splitBlobDigest(digest).hex}`);
    if (!isWholeFile(blob) || !linkFile(blob.file, path)) return this.copy(blob, digest);
    return this.addFile(path, digest, blob.size);
  }

  /** A staged blob; `undefined` when there is none of that digest. */
  find(digest: BlobDigest): BlobFile | undefined {
    const size = this.#blobs.get(digest);
    return size === undefined ? undefined : { file: this.pathOf(digest), offset: 0, size };
  }

  /** Where a staged blob lies. */
  pathOf(digest: BlobDigest): string {
    const { algorithm, hex } = splitBlobDigest(digest);
    return join(this.root, 'blobs', algorithm, hex);
  }

  /** Forgets a staged blob and removes its file. */
  drop(digest: BlobDigest): void {
    this.#blobs.delete(digest);
    unlinkSync(this.pathOf(digest));
  }
}

/** The descriptor that `index.json` is to hold. */
export function indexEntry(image: CommitImage): Descriptor {
  return image.platform === undefined ? image.descriptor : { ...image.descriptor, platform: image.platform };
}

function statSize(path: string): number {
  return attempt('looking at a staged blob', path, () => statSync(path).size);
}

function isWholeFile({ file, offset, size }: BlobFile): boolean {
  return offset === 0 && statSize(file) === size;
}

/** A clone where the file system has them, for then nobody can change one through the other; else a hard link. */
function linkFile(file: string, path: string): boolean {
  const real = attempt('looking for a blob', file, () => realpathSync(file));
  try {
    copyFileSync(real, path, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE);
    return true;
  } catch {
    rmSync(path, { force: true });
  }
  try {
    linkSync(real, path);
    return true;
  } catch {
    return false;
  }
}

/** Not synchronous: blobs are large, and other work goes on meanwhile. */
async function syncFile(path: string): Promise<void> {
  try {
    const handle = await open(path, 'r+');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw fromSystemError(error, 'flushing a file', { file: path });
  }
}

function digestOf(bytes: Uint8Array): BlobDigest {
  return blobDigest('sha256', createHash('sha256').update(bytes).digest('hex'));
}
