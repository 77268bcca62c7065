/** What stands before a tar entry and changes its meaning: GNU long names, PAX headers of one entry or of all. */
import { type ByteString, byteString } from '../bytes/byte-string.ts';
import { NO_XATTRS, type Xattrs } from '../bytes/stat.ts';
import { LIMITS } from '../limits.ts';
import { latin1, tarError } from './header.ts';
import { decodePaxRecords, type PaxRecord, type PaxXattr, paxXattr, XATTR_PREFIX_ENCODED } from './pax.ts';
import { SPARSE_PREFIX } from './sparse.ts';

/** Typeflags of the headers that only extend what follows. */
export const EXTENSION_FLAGS = {
  paxLocal: 0x78,
  paxGlobal: 0x67,
  gnuLongName: 0x4c,
  gnuLongLink: 0x4b,
} as const;

type RecordMap = Map<ByteString, PaxRecord>;

/**
 * Collects extensions until their entry comes, then is cleared; records for all entries stay. Records of an `x` header
 * win over those of `g` headers, and those over the header itself; among equals the last one wins; an empty value takes
 * back what less specific ones say (POSIX `pax`, "pax Extended Header").
 *
 * Two `x` headers, long names or long links before one entry are refused: readers disagree about which one counts.
 */
export class Extensions {
  longName: ByteString | undefined;
  longLink: ByteString | undefined;
  /** Offset of the first extension header, when there is one. */
  first: number | undefined;
  /** Offset and size records of the sparse format 0.0, in their order. */
  readonly sparsePairs: PaxRecord[] = [];
  /** Whether the entry has records of a sparse file. */
  isSparse = false;
  readonly #local: RecordMap = new Map();
  readonly #global: RecordMap = new Map();
  /** Whether there are records at all, which most entries of most layers have not. */
  #hasRecords = false;
  #seen = 0;
  #headers = 0;
  #bytes = 0;

  /** Whether an entry must follow. */
  get isPending(): boolean {
    return this.#seen !== 0;
  }

  /** Counts an extension header and its claim, before any of it is read. Throws `LIMIT_EXCEEDED`. */
  begin(size: number, offset: number): void {
    this.first ??= offset;
    this.#headers += 1;
    if (this.#headers > LIMITS.tarExtensionHeaders) {
      const detail = { limit: 'tarExtensionHeaders' };
      throw tarError('LIMIT_EXCEEDED', 'too many extension headers before one tar entry', offset, detail);
    }
    this.addBytes(size, offset);
  }

  /** Counts metadata. Throws `LIMIT_EXCEEDED` (`tarMetadataBytes`). */
  addBytes(count: number, offset: number): void {
    this.#bytes += count;
    if (this.#bytes <= LIMITS.tarMetadataBytes) return;
    throw tarError('LIMIT_EXCEEDED', 'too much metadata before one tar entry', offset, {
      limit: 'tarMetadataBytes',
      actual: this.#bytes,
    });
  }

  /** Takes the content `[start, end)` of an extension header; `offset` is where it begins in the tar. */
  take(typeflag: number, bytes: Buffer, start: number, end: number, offset: number): void {
    if (typeflag === EXTENSION_FLAGS.paxGlobal) {
      this.#takeGlobal(decodePaxRecords(bytes, start, end, offset), offset);
      return;
    }
    this.#once(typeflag, offset);
    if (typeflag === EXTENSION_FLAGS.paxLocal) this.#takeLocal(decodePaxRecords(bytes, start, end, offset));
    else if (typeflag === EXTENSION_FLAGS.gnuLongName) this.longName = untilNul(bytes, start, end);
    else this.longLink = untilNul(bytes, start, end);
  }

  #once(typeflag: number, offset: number): void {
    const bit = 1 << (typeflag & 31);
    if ((this.#seen & bit) !== 0) {
      throw tarError('TAR_BAD_HEADER', 'a tar entry has two extension headers of the same kind', offset);
    }
    this.#seen |= bit;
  }

  #takeLocal(records: PaxRecord[]): void {
    this.#hasRecords = true;
    for (const record of records) {
      if (record.key.startsWith(SPARSE_PREFIX)) this.isSparse = true;
      if (record.key === 'GNU.sparse.offset' || record.key === 'GNU.sparse.numbytes') {
        this.sparsePairs.push(record);
      } else {
        this.#local.set(record.key, record);
      }
    }
  }

  /** What all `g` headers hold together is bounded like the metadata of one entry. */
  #takeGlobal(records: PaxRecord[], offset: number): void {
    this.#hasRecords = true;
    for (const record of records) {
      if (record.key.startsWith(SPARSE_PREFIX)) {
        throw tarError('TAR_UNSUPPORTED', 'a sparse map in a global PAX header', record.offset);
      }
      this.#global.set(record.key, record);
    }
    let bytes = 0;
    for (const { key, value } of this.#global.values()) bytes += key.length + value.length;
    if (bytes > LIMITS.tarMetadataBytes || this.#global.size > LIMITS.paxRecords) {
      const detail = { limit: 'tarMetadataBytes', actual: bytes };
      throw tarError('LIMIT_EXCEEDED', 'global PAX headers hold too much', offset, detail);
    }
  }

  /** The record that counts for the next entry, or `undefined` where the header itself does. */
  find(key: string): PaxRecord | undefined {
    if (!this.#hasRecords) return undefined;
    const name = byteString(key);
    const record = this.#local.get(name) ?? this.#global.get(name);
    return record === undefined || record.value === '' ? undefined : record;
  }

  /** Extended attributes of the next entry. `LIBARCHIVE.xattr.` counts where `SCHILY.xattr.` is silent. */
  xattrs(): Xattrs {
    return this.#xattrs(true);
  }

  /** Extended attributes of the next entry in the spelling `SCHILY.xattr.`, which alone hosts read. */
  rawXattrs(): Xattrs {
    return this.#xattrs(false);
  }

  #xattrs(encoded: boolean): Xattrs {
    if (!this.#hasRecords) return NO_XATTRS;
    const found = new Map<ByteString, Uint8Array>();
    addXattrs(found, this.#global, encoded);
    addXattrs(found, this.#local, encoded);
    return found.size === 0 ? NO_XATTRS : found;
  }

  /** The first attribute of the next entry that only libarchive's spelling holds: hosts and engines miss it. */
  encodedXattr(): ByteString | undefined {
    if (!this.#hasRecords) return undefined;
    const records = [...this.#global.values(), ...this.#local.values()];
    if (!records.some(({ key }) => key.startsWith(XATTR_PREFIX_ENCODED))) return undefined;
    const found = records.flatMap((record) => paxXattr(record) ?? []);
    const strong = new Set(found.filter(({ weak }) => !weak).map(({ name }) => name));
    return found.find(({ weak, name }) => weak && !strong.has(name))?.name;
  }

  /** Forgets everything but the records for all entries. */
  clear(): void {
    if (this.#headers === 0 && this.#bytes === 0) return;
    this.longName = undefined;
    this.longLink = undefined;
    this.first = undefined;
    this.sparsePairs.length = 0;
    this.isSparse = false;
    this.#local.clear();
    this.#hasRecords = this.#global.size > 0;
    this.#seen = 0;
    this.#headers = 0;
    this.#bytes = 0;
  }
}

function addXattrs(found: Map<ByteString, Uint8Array>, records: RecordMap, encoded: boolean): void {
  const weak: PaxXattr[] = [];
  const strong = new Set<ByteString>();
  for (const record of records.values()) {
    const xattr = paxXattr(record);
    if (xattr === undefined) continue;
    if (xattr.weak) weak.push(xattr);
    else {
      strong.add(xattr.name);
      found.set(xattr.name, xattr.value);
    }
  }
  if (!encoded) return;
  for (const { name, value } of weak) if (!strong.has(name)) found.set(name, value);
}

function untilNul(bytes: Buffer, start: number, end: number): ByteString {
  const nul = bytes.indexOf(0, start);
  return latin1(bytes, start, nul === -1 ? end : Math.min(nul, end));
}
