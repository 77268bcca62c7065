/**
 * `Packages`, the database of rpm up to Enterprise Linux 8: a hash table of Berkeley DB (versions 8 to 10 of the
 * format), read-only and out of bytes in memory. Numbers are in the order of the machine that wrote it.
 *
 * Page 0 describes the table; buckets are chains of pages with pairs of key and value; values of more than a page are
 * chains of overflow pages. Keys are package numbers; the value of number 0 is the greatest number given out.
 */
import { badDatabase } from './sqlite-file.ts';

const HASH_MAGIC = 0x061561;
const VERSIONS = { first: 8, last: 10 };
/** Offset of the magic number in page 0, and the bytes of the description that are read. */
const MAGIC_OFFSET = 12;
const META_BYTES = 224;
const PAGE_HEADER_BYTES = 26;
const SPARES_OFFSET = 96;
/** Flag of page 0: pages have checksums, and a longer header. */
const WITH_CHECKSUMS = 1;
const MIN_PAGE_BYTES = 512;
const MAX_PAGE_BYTES = 65_536;

/** Types of pages. */
const UNUSED = 0;
const BUCKETS: readonly number[] = [2, 13];
const OVERFLOW = 7;
const META = 8;

/** Types of items, their first byte. */
const INLINE = 1;
const OFF_PAGE = 3;
const OFF_PAGE_BYTES = 12;
const KEY_BYTES = 4;

/** Header blobs by ascending package number: views of the file where they can be. Throws `RPM_BAD_DATABASE`. */
export function readBdb(bytes: Uint8Array): Uint8Array[] {
  return new HashTable(bytes).blobs();
}

function orderOf(bytes: Uint8Array): { little: boolean } | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const little = [true, false].find((order) => view.getUint32(MAGIC_OFFSET, order) === HASH_MAGIC);
  return little === undefined ? undefined : { little };
}

interface Page {
  readonly number: number;
  /** Offset in the file. */
  readonly start: number;
  readonly type: number;
  /** 0: none. */
  readonly next: number;
  readonly entries: number;
  /** Of overflow pages: bytes of content. */
  readonly length: number;
}

class HashTable {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #little: boolean;
  readonly #pageSize: number;
  /** Every page has one use, so that neither loops nor shared chains make a small file large. */
  readonly #used = new Set<number>();

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const order = bytes.length < META_BYTES ? undefined : orderOf(bytes);
    if (order === undefined) throw badDatabase('the file is no hash table of Berkeley DB', MAGIC_OFFSET);
    this.#little = order.little;
    this.#pageSize = this.#u32(20);
    this.#checkMeta();
  }

  #checkMeta(): void {
    const version = this.#u32(16);
    const size = this.#pageSize;
    if (version < VERSIONS.first || version > VERSIONS.last)
      throw badDatabase(`version ${version} of Berkeley DB's hash tables is not known`, 16);
    if (size < MIN_PAGE_BYTES || size > MAX_PAGE_BYTES || (size & (size - 1)) !== 0)
      throw badDatabase('the page size is none of Berkeley DB', 20);
    if (this.#bytes[24] !== 0) throw badDatabase('the database is encrypted', 24);
    if (this.#bytes[25] !== META) throw badDatabase('the first page does not describe a table', 25);
    if (((this.#bytes[26] ?? 0) & WITH_CHECKSUMS) !== 0)
      throw badDatabase('pages with checksums are not read', 26);
  }

  blobs(): Uint8Array[] {
    const found = new Map<number, Uint8Array>();
    const maxBucket = this.#u32(72);
    for (let bucket = 0; bucket <= maxBucket; bucket++) this.#readBucket(bucket, found);
    return [...found].sort(([a], [b]) => a - b).map(([, blob]) => blob);
  }

  /** Buckets were added in doubling groups; each group has its place behind all pages of the file at that time. */
  #readBucket(bucket: number, found: Map<number, Uint8Array>): void {
    const group = 32 - Math.clz32(bucket);
    let number = bucket + this.#u32(SPARES_OFFSET + 4 * group);
    do {
      const page = this.#page(number);
      // The bucket was made, and nothing was ever put into it.
      if (page.type === UNUSED) return;
      if (!BUCKETS.includes(page.type)) throw badDatabase(`page ${number} is no bucket`, page.start + 25);
      this.#readPairs(page, found);
      number = page.next;
    } while (number !== 0);
  }

  #readPairs(page: Page, found: Map<number, Uint8Array>): void {
    if (page.entries % 2 !== 0 || PAGE_HEADER_BYTES + 2 * page.entries > this.#pageSize)
      throw badDatabase(`page ${page.number} claims more items than it has`, page.start + 20);
    for (let at = 0; at < page.entries; at += 2) {
      const number = this.#packageNumber(page, at);
      const value = this.#value(page, at + 1);
      if (number === 0) continue;
      if (found.has(number)) throw badDatabase('two entries are the same package', page.start);
      found.set(number, value);
    }
  }

  #packageNumber(page: Page, at: number): number {
    const { start, end } = this.#item(page, at);
    if (this.#bytes[start] !== INLINE || end - start !== 1 + KEY_BYTES)
      throw badDatabase('a key is no package number', start);
    return this.#u32(start + 1);
  }

  #value(page: Page, at: number): Uint8Array {
    const { start, end } = this.#item(page, at);
    if (this.#bytes[start] === INLINE) return this.#bytes.subarray(start + 1, end);
    if (this.#bytes[start] !== OFF_PAGE || end - start !== OFF_PAGE_BYTES)
      throw badDatabase('a value is of a kind that packages are not', start);
    return this.#overflow(this.#u32(start + 4), this.#u32(start + 8));
  }

  /** Where an item lies: items fill the page from its end, in order. */
  #item(page: Page, at: number): { readonly start: number; readonly end: number } {
    const offsetOf = (ordinal: number): number => this.#u16(page.start + PAGE_HEADER_BYTES + 2 * ordinal);
    const start = offsetOf(at);
    const end = at === 0 ? this.#pageSize : offsetOf(at - 1);
    if (start < PAGE_HEADER_BYTES + 2 * page.entries || start >= end || end > this.#pageSize)
      throw badDatabase('an item reaches beyond its page', page.start);
    return { start: page.start + start, end: page.start + end };
  }

  #overflow(first: number, size: number): Uint8Array {
    const pieces: Uint8Array[] = [];
    let total = 0;
    for (let number = first; number !== 0; ) {
      const page = this.#page(number);
      if (page.type !== OVERFLOW || page.length > this.#pageSize - PAGE_HEADER_BYTES)
        throw badDatabase(`page ${number} is no overflow page`, page.start + 25);
      const start = page.start + PAGE_HEADER_BYTES;
      pieces.push(this.#bytes.subarray(start, start + page.length));
      total += page.length;
      number = page.next;
    }
    if (total !== size) throw badDatabase('a value does not have the size that it claims', first);
    return Buffer.concat(pieces);
  }

  #page(number: number): Page {
    const start = number * this.#pageSize;
    if (number === 0 || start + this.#pageSize > this.#bytes.length)
      throw badDatabase(`page ${number} lies beyond the end of the file`, start);
    if (this.#used.has(number)) throw badDatabase(`page ${number} is used twice`, start);
    this.#used.add(number);
    const type = this.#bytes[start + 25] ?? UNUSED;
    if (type !== UNUSED && this.#u32(start + 8) !== number)
      throw badDatabase(`page ${number} has another number`, start + 8);
    const [next, entries, length] = [this.#u32(start + 16), this.#u16(start + 20), this.#u16(start + 22)];
    return { number, start, type, next, entries, length };
  }

  #u32(at: number): number {
    return this.#view.getUint32(at, this.#little);
  }

  #u16(at: number): number {
    return this.#view.getUint16(at, this.#little);
  }
}
