/**
 * Where contents are read again. A table of these travels beside a tree; locations in the tree name its rows.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { type ByteString, display, toBytes } from '../bytes/byte-string.ts';
import { fromSystemError, PlanishError } from '../errors.ts';

/** A file by open descriptor (shared by all threads of the process) or by path; `base` is added to offsets. */
export type ContentFile =
  | { readonly kind: 'descriptor'; readonly fd: number; readonly base: number }
  | { readonly kind: 'path'; readonly path: ByteString; readonly base: number };

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

function readFully(fd: number, position: number, target: Uint8Array, file: ContentFile): void {
  let done = 0;
  while (done < target.length) {
    const count = readOnce(fd, target, done, position + done, file);
    if (count === 0) throw changed(fd, file);
    done += count;
  }
}

function readOnce(fd: number, target: Uint8Array, done: number, position: number, file: ContentFile): number {
  try {
    return readSync(fd, target, done, target.length - done, position);
  } catch (error) {
    throw fromSystemError(error, 'reading content', { file: nameOf(file) });
  }
}

function changed(fd: number, file: ContentFile): PlanishError {
  const detail = { file: nameOf(file), actual: fstatSync(fd).size };
  return new PlanishError('CONTENT_CHANGED', 'a file became shorter while it was read', detail);
}

function nameOf(file: ContentFile): string {
  return file.kind === 'path' ? display(file.path) : 'temporary file';
}
