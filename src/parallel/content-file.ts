/**
 * Where contents are read again. A table of these travels beside a tree; locations in the tree name its rows.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { type ByteString, display, toBytes } from '../bytes/byte-string.ts';
import { fromSystemError, PlanishError } from '../errors.ts';
import type { Content } from '../tree/tree.ts';
import { type ContentRanges, positionIn, spansOf } from './content-ranges.ts';
import { copyFromWindows, type Windows } from './spool.ts';

/**
 * A file by open descriptor (shared by all threads of the process), or memory (as well), with all of a layer or `ranges` of
 * it; a file by path, `base` being added to offsets; or some contents, by their offsets, of a layer that is not at hand
 * otherwise.
 */
export type ContentFile =
  | { readonly kind: 'descriptor'; readonly fd: number; readonly ranges?: ContentRanges | undefined }
  | { readonly kind: 'memory'; readonly windows: Windows; readonly ranges?: ContentRanges | undefined }
  | {
      readonly kind: 'path';
      readonly path: ByteString;
      readonly base: number;
      /** Whether the file is one content and nothing else. */
      readonly isWhole?: boolean;
    }
  | { readonly kind: 'kept'; readonly kept: ReadonlyMap<number, Uint8Array> };

/** Whether a content can be read from a row. */
export function holdsContent(file: ContentFile, content: Content): boolean {
  if (content.kind === 'inline' || file.kind === 'path') return true;
  if (file.kind === 'kept') {
    return file.kept.get(content.location?.extents[0]?.offset ?? -1)?.length === content.size;
  }
  const { ranges } = file;
  return [...spansOf(content)].every(([start, end]) => positionIn(ranges, start, end - start) !== undefined);
}

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
    if (file.kind === 'kept') copyKept(file.kept, offset, target);
    else if (file.kind === 'path') {
      readFully(this.#descriptorOf(source, file.path), file.base + offset, target, display(file.path));
    } else {
      const position = positionIn(file.ranges, offset, target.length);
      if (position === undefined) throw notAtHand();
      if (file.kind === 'descriptor') readFully(file.fd, position, target, 'temporary file');
      else if (!copyFromWindows(file.windows, position, target)) throw notAtHand();
    }
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
  throw notAtHand();
}

function notAtHand(): PlanishError {
  return new PlanishError('INVARIANT', 'a content was asked for that is not at hand');
}

function readFully(fd: number, position: number, target: Uint8Array, file: string): void {
  let done = 0;
  while (done < target.length) {
    const count = readOnce(fd, target, done, position + done, file);
    if (count === 0) throw changed(fd, file);
    done += count;
  }
}

function readOnce(fd: number, target: Uint8Array, done: number, position: number, file: string): number {
  try {
    return readSync(fd, target, done, target.length - done, position);
  } catch (error) {
    throw fromSystemError(error, 'reading content', { file });
  }
}

function changed(fd: number, file: string): PlanishError {
  const detail = { file, actual: fstatSync(fd).size };
  return new PlanishError('CONTENT_CHANGED', 'a file became shorter while it was read', detail);
}
