/**
 * The header of an RPM package as a database stores it: number of index entries, bytes of data, the entries of 16
 * bytes (tag, type, offset, count), the data. Numbers are big-endian; there is no magic number. Fields that were
 * added at installation stand last, and win over those of the package.
 */
import { type ByteString, fromBytes } from '../../bytes/byte-string.ts';
import { badDatabase } from './sqlite-file.ts';

const PREAMBLE_BYTES = 8;
const ENTRY_BYTES = 16;
/** Most entries that rpm itself takes. */
const MAX_ENTRIES = 65_535;

/** Bytes of one number of each integer type: CHAR, INT8, INT16, INT32, INT64. */
const INTEGER_BYTES: Readonly<Record<number, 1 | 2 | 4 | 8>> = { 1: 1, 2: 1, 3: 2, 4: 4, 5: 8 };
const STRING = 6;
const STRING_ARRAY = 8;
const I18N_STRING = 9;

interface Entry {
  readonly type: number;
  /** Offset in the blob. */
  readonly start: number;
  readonly count: number;
}

/** One header. Values are decoded when asked for; every access throws `RPM_BAD_DATABASE` for malformed data. */
export class RpmHeader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #entries = new Map<number, Entry>();

  /** The blob is kept, never written to. */
  constructor(blob: Uint8Array) {
    this.#bytes = blob;
    this.#view = new DataView(blob.buffer, blob.byteOffset, blob.length);
    if (blob.length < PREAMBLE_BYTES) throw badDatabase('a package header is too short');
    const entries = this.#view.getUint32(0);
    const data = PREAMBLE_BYTES + entries * ENTRY_BYTES;
    if (entries > MAX_ENTRIES || data + this.#view.getUint32(4) !== blob.length)
      throw badDatabase('a package header does not have the size that it claims');
    for (let at = PREAMBLE_BYTES; at < data; at += ENTRY_BYTES) {
      const start = data + this.#view.getUint32(at + 8);
      const entry = { type: this.#view.getUint32(at + 4), start, count: this.#view.getUint32(at + 12) };
      this.#entries.set(this.#view.getUint32(at), entry);
    }
  }

  /** Strings of a tag, empty where the header lacks it. */
  strings(tag: number): ByteString[] {
    const entry = this.#entries.get(tag);
    if (entry === undefined) return [];
    if (![STRING, STRING_ARRAY, I18N_STRING].includes(entry.type)) throw wrongType(tag);
    const found: ByteString[] = [];
    let start = entry.start;
    for (let left = entry.count; left > 0; left--) {
      const end = this.#bytes.indexOf(0, start);
      if (end < 0 || start >= this.#bytes.length) throw beyond(tag);
      found.push(fromBytes(this.#bytes, start, end));
      start = end + 1;
    }
    return found;
  }

  /** Unsigned integers of a tag, of any width, empty where the header lacks it. */
  integers(tag: number): number[] {
    const entry = this.#entries.get(tag);
    if (entry === undefined) return [];
    const width = INTEGER_BYTES[entry.type];
    if (width === undefined) throw wrongType(tag);
    if (entry.start + entry.count * width > this.#bytes.length) throw beyond(tag);
    return Array.from({ length: entry.count }, (_, ordinal) =>
      this.#integer(entry.start + ordinal * width, width),
    );
  }

  #integer(at: number, width: 1 | 2 | 4 | 8): number {
    switch (width) {
      case 1:
        return this.#view.getUint8(at);
      case 2:
        return this.#view.getUint16(at);
      case 4:
        return this.#view.getUint32(at);
      case 8:
        return Number(this.#view.getBigUint64(at));
    }
  }
}

function wrongType(tag: number): Error {
  return badDatabase(`tag ${tag} of a package header has a type that it cannot have`);
}

function beyond(tag: number): Error {
  return badDatabase(`tag ${tag} of a package header reaches beyond its end`);
}
