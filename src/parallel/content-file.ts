/**
 * Where contents are read again. A table of these travels beside a tree; locations in the tree name its rows.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { type ByteString, display, toBytes } from '../bytes/byte-string.ts';
import { fromSystemError, PlanishError } from '../errors.ts';

/**
 * A file by open descriptor (shared by all threads of the process) or by path, `base` being added to offsets; or
 * some contents, by their offsets, of a layer that is not at hand otherwise.
 */
export type ContentFile =
  | { readonly kind: 'descriptor'; readonly fd: number; readonly base: number }
  | {
      readonly kind: 'path';
      readonly path: ByteString;
      readonly base: number;
      /** Whether the file is one content and nothing else. */
      readonly isWhole?: boolean;
    }
  | { readonly kind: 'kept'; readonly kept: ReadonlyMap<number, Uint8Array> };

type StoredFile = Exclude<ContentFile, { kind: 'kept' }>;

/** Reads from a table of content files, keeping one file open at a time. Close it when done. */
export class ContentReader {
  readonly #files: readonly ContentFile[];
  #open: { source: number; fd: number } | undefined;

  constructor(files: readonly ContentFile[]) {
    this.#files = files;
  }

  /** Fills `target` with the bytes at `offset`. Throws `CONTENT_CHANGED` when the file has become shorter. */
  readonly read = (source: number, offset: number, target: Uint8Array): void => {
    const file = this.#files[source];
    if (file === undefined) throw new PlanishError('INVARIANT', `no content source ${source}`);
    if (file.kind === 'kept') {
      copyKept(file.kept, offset, target);
      return;
    }
    const fd = file.kind === 'descriptor' ? file.fd : this.#descriptorOf(source, file.path);
    readFully(fd, file.base + offset, target, file);
  };

  close(): void {
    if (this.#open !== undefined) closeSync(this.#open.fd);
    this.#open = undefined;
  }

  #descriptorOf(source: number, path: ByteString): number {
    if (this.#open?.source === source) return this.#open.fd;
    this.close();
    try {
      const fd = openSync(Buffer.from(toBytes(path)), constants.O_RDONLY | constants.O_NOFOLLOW);
      this.#open = { source, fd };
      return fd;
    } catch (error) {
      throw fromSystemError(error, 'opening a content source', { file: display(path) });
    }
  }
}

/** The bytes that lie at `offset`, where a content that is kept covers them. */
function copyKept(kept: ReadonlyMap<number, Uint8Array>, offset: number, target: Uint8Array): void {
  for (const [start, bytes] of kept) {
    const at = offset - start;
    if (at < 0 || at + target.length > bytes.length) continue;
    target.set(bytes.subarray(at, at + target.length));
    return;
  }
  throw new PlanishError('INVARIANT', 'a content was asked for that is not at hand');
}

function readFully(fd: number, position: number, target: Uint8Array, file: StoredFile): void {
  let done = 0;
  while (done < target.length) {
    const count = readOnce(fd, target, done, position + done, file);
    if (count === 0) throw changed(fd, file);
    done += count;
  }
}

function readOnce(fd: number, target: Uint8Array, done: number, position: number, file: StoredFile): number {
  try {
    return readSync(fd, target, done, target.length - done, position);
  } catch (error) {
    throw fromSystemError(error, 'reading content', { file: nameOf(file) });
  }
}

function changed(fd: number, file: StoredFile): PlanishError {
  const detail = { file: nameOf(file), actual: fstatSync(fd).size };
  return new PlanishError('CONTENT_CHANGED', 'a file became shorter while it was read', detail);
}

function nameOf(file: StoredFile): string {
  return file.kind === 'path' ? display(file.path) : 'temporary file';
}
