/**
 * Where an uncompressed layer, or what is wanted of it, is kept while it goes by: in a file without a name, or in memory
 * that all threads share.
 */
import { writeSync } from 'node:fs';
import { type ErrorDetail, fromSystemError } from '../errors.ts';
import { type ContentRanges, spansIn } from './content-ranges.ts';

/** Bytes of a window of shared memory, the last of a layer may be shorter. */
export const WINDOW_BYTES: number = 1024 * 1024;

/** A place for one layer, plain data that crosses to a thread. Without `ranges` all of it is kept. */
export type Spool =
  | { readonly kind: 'file'; readonly fd: number; readonly ranges: ContentRanges | undefined }
  | {
      readonly kind: 'memory';
      /** Most bytes that may be held. */
      readonly limit: number;
      readonly ranges: ContentRanges | undefined;
    };

/** Memory that holds bytes one behind another, {@link WINDOW_BYTES} in each but the last. */
export type Windows = readonly SharedArrayBuffer[];

/** The spool has no name by which to find it. */
const SPOOL_FAILURE: ErrorDetail = {
  file: 'temporary file',
  hint: '--tmpdir says where uncompressed layers are kept meanwhile',
};

/** Takes the pieces of a tar in order. */
export class SpoolWriter {
  readonly #spans: Iterator<readonly [number, number]>;
  readonly #fd: number | undefined;
  readonly #memory: WindowWriter | undefined;
  #span: readonly [number, number];
  /** Bytes of the tar that went by, and bytes that were kept of them. */
  #offset = 0;
  #position = 0;

  constructor({ ranges, ...place }: Spool) {
    this.#fd = place.kind === 'file' ? place.fd : undefined;
    this.#memory = place.kind === 'file' ? undefined : new WindowWriter(place.limit);
    const everything = [[0, Number.POSITIVE_INFINITY] as const];
    this.#spans = (ranges === undefined ? everything : spansIn(ranges))[Symbol.iterator]();
    this.#span = this.#nextSpan();
  }

  /** Keeps what is wanted of a piece. Throws `DISK_FULL`, `SYSCALL_FAILED`. */
  readonly write = (piece: Uint8Array): void => {
    const end = this.#offset + piece.length;
    while (this.#span[0] < end) {
      const from = Math.max(this.#span[0], this.#offset) - this.#offset;
      const to = Math.min(this.#span[1], end) - this.#offset;
      this.#keep(piece.subarray(from, to));
      if (this.#span[1] > end) break;
      this.#span = this.#nextSpan();
    }
    this.#offset = end;
  };

  /** The memory that was filled, if it was memory; nothing where the layer outgrew its limit. */
  get windows(): Windows | undefined {
    return this.#memory?.windows;
  }

  /** Whether nothing that may still come would be kept. */
  get isComplete(): boolean {
    const outgrown = this.#memory !== undefined && this.#memory.windows === undefined;
    return outgrown || this.#span[0] === Number.POSITIVE_INFINITY;
  }

  #keep(bytes: Uint8Array): void {
    if (this.#fd === undefined) this.#memory?.write(bytes);
    else writeAll(this.#fd, bytes, this.#position, SPOOL_FAILURE);
    this.#position += bytes.length;
  }

  #nextSpan(): readonly [number, number] {
    const next = this.#spans.next();
    return next.done === true ? [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY] : next.value;
  }
}

/** Fills windows up to a limit; beyond it all is given up, so that no more than the limit is ever held. */
class WindowWriter {
  windows: SharedArrayBuffer[] | undefined = [];
  readonly #limit: number;
  #room: Uint8Array = new Uint8Array(0);
  #held = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  write(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length && this.windows !== undefined; ) {
      if (this.#room.length === 0) this.#open();
      const part = bytes.subarray(done, done + this.#room.length);
      this.#room.set(part);
      this.#room = this.#room.subarray(part.length);
      done += part.length;
    }
  }

  #open(): void {
    const length = Math.min(WINDOW_BYTES, this.#limit - this.#held);
    if (length === 0) {
      this.windows = undefined;
      return;
    }
    const window = new SharedArrayBuffer(length);
    this.windows?.push(window);
    this.#room = new Uint8Array(window);
    this.#held += length;
  }
}

/** Copies the bytes at `position` of windows; false where there are fewer. */
export function copyFromWindows(windows: Windows, position: number, target: Uint8Array): boolean {
  for (let done = 0; done < target.length; ) {
    const at = position + done;
    const window = windows[Math.floor(at / WINDOW_BYTES)];
    const start = at % WINDOW_BYTES;
    if (window === undefined || start >= window.byteLength) return false;
    const length = Math.min(target.length - done, window.byteLength - start);
    target.set(new Uint8Array(window, start, length), done);
    done += length;
  }
  return true;
}

/** Writes all of a piece, at a position or where the file stands. Throws `DISK_FULL`, `SYSCALL_FAILED`. */
export function writeAll(fd: number, piece: Uint8Array, position: number | null, detail: ErrorDetail): void {
  let done = 0;
  while (done < piece.length) {
    const at = position === null ? null : position + done;
    try {
      done += writeSync(fd, piece, done, piece.length - done, at);
    } catch (error) {
      throw fromSystemError(error, 'writing a file', detail);
    }
  }
}
