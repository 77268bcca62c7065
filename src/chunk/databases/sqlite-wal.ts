/**
 * The write-ahead log of an SQLite database ("WAL-mode File Format" in the SQLite documentation): pages that were
 * committed and have not yet been copied into the database file. Numbers are big-endian; the words that checksums
 * add up are in the order that the magic number tells.
 */

/** What a log holds. */
export interface WalPages {
  /** Bytes of a page. */
  readonly pageSize: number;
  /** Pages of the database after the last commit. */
  readonly pageCount: number;
  /** Offset in the log of the newest committed content of a page, by page number. */
  readonly offsets: ReadonlyMap<number, number>;
}

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
/** Magic numbers: little-endian words, big-endian words. */
const MAGIC_LITTLE = 0x377f0682;
const MAGIC_BIG = 0x377f0683;
const VERSION = 3_007_000;

/** Whether a page can have this many bytes: a power of two, 512 to 65,536. */
export function isPageSize(size: number): boolean {
  return size >= 512 && size <= 65_536 && (size & (size - 1)) === 0;
}

/**
 * The committed pages of a log, as SQLite recovers them: frames count up to the first one with a wrong salt or
 * checksum, and of those only up to the last commit. `undefined` when nothing is committed or the header is none:
 * SQLite takes such a log for empty.
 */
export function readWal(wal: Uint8Array): WalPages | undefined {
  if (wal.length < HEADER_BYTES) return undefined;
  const view = new DataView(wal.buffer, wal.byteOffset, wal.length);
  const magic = view.getUint32(0);
  const pageSize = view.getUint32(8);
  if ((magic !== MAGIC_LITTLE && magic !== MAGIC_BIG) || view.getUint32(4) !== VERSION) return undefined;
  const sum = new Checksum(view, magic === MAGIC_LITTLE);
  sum.add(0, 24);
  if (!isPageSize(pageSize) || !sum.isAt(24)) return undefined;
  return readFrames(view, sum, pageSize);
}

function readFrames(view: DataView, sum: Checksum, pageSize: number): WalPages | undefined {
  const offsets = new Map<number, number>();
  let pending = new Map<number, number>();
  let pageCount = 0;
  const step = FRAME_HEADER_BYTES + pageSize;
  for (let frame = HEADER_BYTES; frame + step <= view.byteLength; frame += step) {
    const page = view.getUint32(frame);
    const sizeAtCommit = view.getUint32(frame + 4);
    const sameSalt = view.getBigUint64(frame + 8) === view.getBigUint64(16);
    if (page === 0 || !sameSalt) break;
    sum.add(frame, frame + 8);
    sum.add(frame + FRAME_HEADER_BYTES, frame + step);
    if (!sum.isAt(frame + 16)) break;
    pending.set(page, frame + FRAME_HEADER_BYTES);
    if (sizeAtCommit === 0) continue;
    for (const [number, offset] of pending) offsets.set(number, offset);
    pending = new Map();
    pageCount = sizeAtCommit;
  }
  return pageCount === 0 ? undefined : { pageSize, pageCount, offsets };
}

/** The running sum over header and frames. */
class Checksum {
  readonly #view: DataView;
  readonly #little: boolean;
  #first = 0;
  #second = 0;

  constructor(view: DataView, little: boolean) {
    this.#view = view;
    this.#little = little;
  }

  /** Adds the bytes `[start, end)`, a multiple of eight. */
  add(start: number, end: number): void {
    let first = this.#first;
    let second = this.#second;
    for (let at = start; at < end; at += 8) {
      first = (first + this.#view.getUint32(at, this.#little) + second) >>> 0;
      second = (second + this.#view.getUint32(at + 4, this.#little) + first) >>> 0;
    }
    this.#first = first;
    this.#second = second;
  }

  /** Whether the sum so far is the one stored at an offset. */
  isAt(offset: number): boolean {
    return this.#view.getUint32(offset) === this.#first && this.#view.getUint32(offset + 4) === this.#second;
  }
}
