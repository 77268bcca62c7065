/**
 * Sparse files, in the four forms GNU tar has written ("Storing Sparse Files" in its manual): the old GNU type `S` with
 * extents in the header and extension blocks; PAX 0.0, a sequence of offset and size records; 0.1, one record with all
 * of them; 1.0, decimal numbers in blocks before the content. All say which stretches of the file are stored, one after
 * another; everything else is zeros.
 *
 * Hosts refuse such entries; they are read so that an image that holds one can be mended. A map that is out of order,
 * overlaps, or does not add up to what is stored is refused: readers would disagree about it.
 */
import { byteString, display } from '../bytes/byte-string.ts';
import type { Extent } from '../bytes/stat.ts';
import type { PlanishError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { BLOCK_BYTES, FIELDS, parseNumber, tarError } from './header.ts';
import { type PaxRecord, paxNumber } from './pax.ts';

/** Prefix of the keys of sparse records. */
export const SPARSE_PREFIX = 'GNU.sparse.';

/** Gathers and checks a map. `offset` is where the entry begins in the tar, for errors. */
export class SparseMap {
  readonly offset: number;
  /** Bytes of the expanded file. */
  readonly realSize: number;
  /** Pairs of place in the file and length. */
  readonly #pairs: number[] = [];
  #end = 0;
  #stored = 0;

  constructor(realSize: number, offset: number) {
    this.realSize = realSize;
    this.offset = offset;
    if (realSize > LIMITS.fileBytes) throw this.#limit('a sparse file is too large', 'fileBytes');
  }

  /** Extents so far, those of length 0 included. */
  get count(): number {
    return this.#pairs.length / 2;
  }

  /** Adds the next extent. Throws `TAR_BAD_HEADER` when it is out of order or bounds, `LIMIT_EXCEEDED`. */
  add(at: number, length: number): void {
    if (this.count === LIMITS.sparseExtents) {
      throw this.#limit('a sparse file has too many extents', 'sparseExtents');
    }
    if (at < this.#end || length > this.realSize || at > this.realSize - length) {
      throw tarError('TAR_BAD_HEADER', 'the extents of a sparse file are inconsistent', this.offset);
    }
    this.#pairs.push(at, length);
    this.#end = at + length;
    this.#stored += length;
  }

  /** The extents, empty ones left out, for content that is stored at `dataOffset` in `storedSize` bytes. */
  finish(dataOffset: number, storedSize: number): Extent[] {
    if (this.#stored !== storedSize) {
      const message = 'a sparse file stores another number of bytes than its extents need';
      const detail = { expected: this.#stored, actual: storedSize };
      throw tarError('TAR_BAD_HEADER', message, this.offset, detail);
    }
    if (this.realSize - storedSize > LIMITS.sparseHoleBytes) {
      throw this.#limit('the holes of a sparse file are too large', 'sparseHoleBytes');
    }
    const extents: Extent[] = [];
    let offset = dataOffset;
    for (let index = 0; index < this.#pairs.length; index += 2) {
      const length = this.#pairs[index + 1] as number;
      if (length > 0) extents.push({ at: this.#pairs[index] as number, offset, length });
      offset += length;
    }
    return extents;
  }

  #limit(message: string, limit: 'fileBytes' | 'sparseExtents' | 'sparseHoleBytes'): PlanishError {
    return tarError('LIMIT_EXCEEDED', message, this.offset, { limit });
  }
}

const GNU_EXTENT_BYTES = 24;
const GNU_HEADER_EXTENTS = 4;
const GNU_BLOCK_EXTENTS = 21;

/** Adds the extents in an old GNU header; whether an extension block follows. */
export function addHeaderExtents(map: SparseMap, block: Buffer, at: number): boolean {
  addGnuExtents(map, block, at + FIELDS.gnuSparse.at, GNU_HEADER_EXTENTS);
  return block[at + FIELDS.gnuIsExtended.at] !== 0;
}

/** Adds the extents of an old GNU extension block; whether another one follows. */
export function addBlockExtents(map: SparseMap, block: Buffer, at: number): boolean {
  addGnuExtents(map, block, at, GNU_BLOCK_EXTENTS);
  return block[at + GNU_BLOCK_EXTENTS * GNU_EXTENT_BYTES] !== 0;
}

/** An empty place or length ends the list, as it does for GNU tar, BSD tar and Go. */
function addGnuExtents(map: SparseMap, block: Buffer, start: number, count: number): void {
  const half = GNU_EXTENT_BYTES / 2;
  for (let at = start; at < start + count * GNU_EXTENT_BYTES; at += GNU_EXTENT_BYTES) {
    if (block[at] === 0 || block[at + half] === 0) return;
    const place = parseNumber(block, at, half);
    const length = parseNumber(block, at + half, half);
    if (place === undefined || length === undefined || place < 0 || length < 0) {
      throw tarError('TAR_BAD_HEADER', 'an extent of a sparse file is no number', map.offset);
    }
    map.add(place, length);
  }
}

/** What the PAX records of an entry say about sparseness. */
export interface PaxSparse {
  readonly map: SparseMap;
  /** Whether the extents are yet to come, before the content (version 1.0). */
  readonly inContent: boolean;
}

/**
 * The sparse map that PAX records describe. `pairs` are the records of version 0.0 in their order, all others are
 * found with `find`. Throws `TAR_UNSUPPORTED` for an unknown version, and `TAR_BAD_HEADER`.
 */
export function paxSparse(
  find: (key: string) => PaxRecord | undefined,
  pairs: readonly PaxRecord[],
  offset: number,
): PaxSparse {
  const version = sparseVersion(find, offset);
  const size = find('GNU.sparse.realsize') ?? find('GNU.sparse.size');
  if (size === undefined) throw tarError('TAR_BAD_HEADER', 'a sparse file does not say its size', offset);
  const map = new SparseMap(paxNumber(size), offset);
  if (version === '1.0') return { map, inContent: true };
  const list = find('GNU.sparse.map');
  if (list === undefined) addPairs(map, pairs);
  else addList(map, list);
  const count = find('GNU.sparse.numblocks');
  if (count !== undefined && paxNumber(count) !== map.count) {
    throw tarError('TAR_BAD_HEADER', 'a sparse file has another number of extents than it says', offset);
  }
  return { map, inContent: false };
}

/** Versions 0.0 and 0.1 mostly do not say so. */
function sparseVersion(find: (key: string) => PaxRecord | undefined, offset: number): '0' | '1.0' {
  const major = find('GNU.sparse.major')?.value;
  const minor = find('GNU.sparse.minor')?.value;
  if (major === undefined && minor === undefined) return '0';
  if (major === '1' && minor === '0') return '1.0';
  if (major === '0' && (minor === '0' || minor === '1')) return '0';
  const version = display(byteString(`${major ?? '?'}.${minor ?? '?'}`.slice(0, 40)));
  throw tarError('TAR_UNSUPPORTED', `sparse format ${version} is not known`, offset);
}

function addPairs(map: SparseMap, pairs: readonly PaxRecord[]): void {
  for (let index = 0; index < pairs.length; index += 2) {
    const place = pairs[index] as PaxRecord;
    const length = pairs[index + 1];
    if (!place.key.endsWith('.offset') || length?.key.endsWith('.numbytes') !== true) {
      throw tarError('PAX_BAD_RECORD', 'the extents of a sparse file do not come in pairs', place.offset);
    }
    map.add(paxNumber(place), paxNumber(length));
  }
}

function addList(map: SparseMap, list: PaxRecord): void {
  const numbers = list.value === '' ? [] : list.value.split(',');
  for (let index = 0; index < numbers.length; index += 2) {
    const place = listNumber(numbers[index], list);
    map.add(place, listNumber(numbers[index + 1], list));
  }
}

function listNumber(text: string | undefined, list: PaxRecord): number {
  if (text === undefined) {
    throw tarError('PAX_BAD_RECORD', 'the extents of a sparse file do not come in pairs', list.offset);
  }
  return paxNumber({ key: list.key, value: byteString(text), offset: list.offset });
}

const NEWLINE = 0x0a;

/** Reads the map of version 1.0 block by block: a count, then place and length of each, one decimal number a line. */
export class SparseText {
  readonly #map: SparseMap;
  #left: number | undefined;
  #place: number | undefined;
  #number: number | undefined;

  constructor(map: SparseMap) {
    this.#map = map;
  }

  /** Takes the block at `at`; true when the map is complete, and content begins with the next block. */
  push(block: Buffer, at: number): boolean {
    for (let index = at; index < at + BLOCK_BYTES; index++) {
      const byte = block[index] as number;
      if (byte === NEWLINE) this.#line();
      else this.#digit(byte - 0x30);
      if (this.#left === 0) return true;
    }
    return false;
  }

  #digit(digit: number): void {
    const value = (this.#number ?? 0) * 10 + digit;
    if (digit < 0 || digit > 9 || value > Number.MAX_SAFE_INTEGER) throw this.#bad();
    this.#number = value;
  }

  #line(): void {
    const value = this.#number;
    if (value === undefined) throw this.#bad();
    this.#number = undefined;
    if (this.#left === undefined) this.#left = value;
    else if (this.#place === undefined) this.#place = value;
    else {
      this.#map.add(this.#place, value);
      this.#place = undefined;
      this.#left -= 1;
    }
  }

  #bad(): PlanishError {
    return tarError('TAR_BAD_HEADER', 'the map of a sparse file is malformed', this.#map.offset);
  }
}
