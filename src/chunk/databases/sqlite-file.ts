/**
 * Pages of an SQLite database ("Database File Format" in the SQLite documentation, sections 1.2 and 1.3), read-only
 * and out of bytes in memory: `rpmdb.sqlite` lies in images, where no SQLite could open it. Numbers are big-endian.
 */
import { PlanishError } from '../../errors.ts';
import { isPageSize, readWal, type WalPages } from './sqlite-wal.ts';

/** Bytes of the file header, at the start of page 1. */
export const FILE_HEADER_BYTES = 100;

const MAGIC = 'SQLite format 3\0';
/** Least bytes of a page that may be left for use. */
const MIN_USABLE = 480;
const UTF8 = 1;

/** The error of everything that is wrong with an RPM database. */
export function badDatabase(message: string, offset?: number): PlanishError {
  return new PlanishError('RPM_BAD_DATABASE', message, { offset });
}

/** A database file with the pages of its write-ahead log over it. */
export class SqliteFile {
  /** Bytes of a page that hold content: less than its size where bytes are reserved. */
  readonly usable: number;
  readonly #pageSize: number;
  readonly #bytes: Uint8Array;
  readonly #log: Uint8Array | undefined;
  readonly #wal: WalPages | undefined;

  /** Throws `RPM_BAD_DATABASE` for what is no such database. The buffers are kept, never written to. */
  constructor(bytes: Uint8Array, log?: Uint8Array) {
    this.#bytes = bytes;
    this.#log = log;
    this.#wal = log === undefined ? undefined : readWal(log);
    const start = this.#wal?.offsets.get(1);
    const header = start === undefined ? bytes : (log as Uint8Array).subarray(start);
    if (header.length < FILE_HEADER_BYTES || Buffer.from(header.subarray(0, 16)).toString('latin1') !== MAGIC)
      throw badDatabase('the file is no SQLite database', 0);
    const view = new DataView(header.buffer, header.byteOffset, FILE_HEADER_BYTES);
    const stored = view.getUint16(16);
    this.#pageSize = stored === 1 ? 65_536 : stored;
    if (!isPageSize(this.#pageSize)) throw badDatabase('the page size is none of SQLite', 16);
    if (this.#wal !== undefined && this.#wal.pageSize !== this.#pageSize)
      throw badDatabase('the write-ahead log has another page size', 16);
    this.usable = this.#pageSize - view.getUint8(20);
    if (this.usable < MIN_USABLE) throw badDatabase('too many bytes of each page are reserved', 20);
    if (view.getUint32(56) !== UTF8) throw badDatabase('texts are not in UTF-8', 56);
  }

  /** Content of a page, counted from 1: a view. Throws `RPM_BAD_DATABASE` for one that is not there. */
  page(number: number): Uint8Array {
    const inLog = this.#wal?.offsets.get(number);
    if (inLog !== undefined) return (this.#log as Uint8Array).subarray(inLog, inLog + this.usable);
    const start = (number - 1) * this.#pageSize;
    const dropped = this.#wal !== undefined && number > this.#wal.pageCount;
    if (number < 1 || dropped || start + this.#pageSize > this.#bytes.length)
      throw badDatabase(`page ${number} lies beyond the end of the file`, Math.max(start, 0));
    return this.#bytes.subarray(start, start + this.usable);
  }
}
