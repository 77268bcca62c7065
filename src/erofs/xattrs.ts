/**
 * Extended attributes on their way into an image. Every name and every (name, value) pair exists once in a
 * {@link XattrPool}, whatever number of inodes has it: that is what the format needs (pairs of several inodes go to a
 * shared table) and what keeps a million files small.
 */
import type { ByteString } from '../bytes/byte-string.ts';
import { PlanishError } from '../errors.ts';
import { DigestTable } from './digest-table.ts';
import {
  type ImageVersion,
  XATTR_ALIGN,
  XATTR_BODY,
  XATTR_FILTER_SEED,
  XATTR_ID_SIZE,
  XATTR_NAMES,
  XATTR_PREFIXES,
  XATTR_SHARED_COUNT_MAX,
} from './format.ts';
import { PairTable, type ValueForm, valueLength, type XattrName } from './pairs.ts';
import { xxh32 } from './xxh32.ts';

/**
 * The xattrs of an inode in the order they are written: rows of the {@link PairTable}. Equal inputs share one list; never
 * write to it.
 */
export type XattrList = readonly number[];

/** No xattrs. */
export const NO_PAIRS: XattrList = [];

/** Index and length of the prefix of an xattr name that version stores as a number. A pure prefix test. */
function splitPrefix(name: ByteString, version: ImageVersion): { index: number; length: number } {
  for (const { index, prefix, version2Only } of XATTR_PREFIXES) {
    if (name.startsWith(prefix) && (version === 2 || !version2Only)) return { index, length: prefix.length };
  }
  return { index: 0, length: 0 };
}

/** The bit of a name in an inode's filter, already shifted: EROFS on-disk format, `i_name_filter`. */
export function filterBit(prefixIndex: number, suffix: ByteString): number {
  return 1 << (xxh32(suffix, (XATTR_FILTER_SEED + prefixIndex) >>> 0) & 31);
}

/** All names and pairs of one image. */
export class XattrPool {
  readonly #version: ImageVersion;
  readonly #names = new Map<ByteString, XattrName>();
  readonly pairs: PairTable = new PairTable();
  readonly #digests = new DigestTable();
  /** The lists of both pairs of each digest, by its number. */
  readonly #objects: XattrList[] = [];
  /** The names of the two pairs of a digest. */
  readonly metacopy: XattrName;
  readonly redirect: XattrName;

  constructor(version: ImageVersion) {
    this.#version = version;
    this.metacopy = this.name(XATTR_NAMES.metacopy);
    this.redirect = this.name(XATTR_NAMES.redirect);
  }

  /**
   * The two pairs by which overlayfs finds a file outside the image, its digest and the redirect to its object, of a
   * digest of lower-case hexadecimal digits.
   */
  object(digest: ByteString): XattrList {
    const number = this.#digests.numberOf(digest);
    return number < this.#objects.length ? (this.#objects[number] as XattrList) : this.#addObject(digest);
  }

  #addObject(digest: ByteString): XattrList {
    const { pairs } = this;
    const rows = [
      pairs.add(this.metacopy, digest, 'metacopy'),
      pairs.add(this.redirect, digest, 'digest-path'),
    ];
    this.#objects.push(rows);
    return rows;
  }

  /** The name, made at its first use. Throws `UNREPRESENTABLE` when it is too long to be stored. */
  name(name: ByteString): XattrName {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    const { index, length } = splitPrefix(name, this.#version);
    const suffix = name.slice(length) as ByteString;
    if (name.length > 255) throw tooLarge('the name of an extended attribute', name.length, 255);
    const bit = filterBit(index, suffix);
    const made: XattrName = { name, prefixIndex: index, suffix, filterBit: bit, pairs: new Map() };
    this.#names.set(name, made);
    return made;
  }

  /**
   * The pair, made at its first use; does not count a use. The values of one name must not spell the same bytes in two
   * forms. Throws `UNREPRESENTABLE` for a value above 65535 bytes.
   */
  pair(name: XattrName, value: ByteString, form: ValueForm = 'bytes'): number {
    const known = name.pairs.get(value);
    if (known !== undefined) return known;
    const length = valueLength(form, value);
    if (length > 0xffff) throw tooLarge('the value of an extended attribute', length, 0xffff);
    const made = this.pairs.add(name, value, form);
    name.pairs.set(value, made);
    return made;
  }

  /** Names of the tree's own xattrs and of marks that some inode has. */
  usedNames(): XattrName[] {
    const used = (pair: number) => (this.pairs.uses[pair] as number) > 0;
    return [...this.#names.values()].filter(({ pairs }) => [...pairs.values()].some(used));
  }

  /** Pairs that several inodes have, in the order of the shared table. Changing it changes digests. */
  shared(): number[] {
    const shared: number[] = [];
    const { uses, length } = this.pairs;
    for (let pair = 0; pair < length; pair++) if ((uses[pair] as number) > 1) shared.push(pair);
    const order = this.#version === 2 ? ascending : descending;
    return shared.sort((a, b) => order(this.pairs, a, b));
  }
}

function tooLarge(what: string, actual: number, expected: number): PlanishError {
  return new PlanishError('UNREPRESENTABLE', `${what} is too long for an EROFS image`, { actual, expected });
}

function compare(a: string | number, b: string | number): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** v0 and v1: descending by name, length of value, value. */
function descending(pairs: PairTable, a: number, b: number): number {
  return (
    compare(nameOf(pairs, b).name, nameOf(pairs, a).name) ||
    compare(pairs.valueLength(b), pairs.valueLength(a)) ||
    compareText(pairs, b, a)
  );
}

function nameOf(pairs: PairTable, row: number): XattrName {
  return pairs.names[row] as XattrName;
}

/** Values of one length. Those of one form compare as they are, digests like the paths that they spell. */
function compareText(pairs: PairTable, a: number, b: number): number {
  if (pairs.forms[a] !== pairs.forms[b]) return compare(textOf(pairs, a), textOf(pairs, b));
  return compare(pairs.values[a] as ByteString, pairs.values[b] as ByteString);
}

/** A value as it is compared: paths of both forms alike. */
function textOf({ forms, values }: PairTable, row: number): ByteString {
  const value = values[row] as ByteString;
  return forms[row] === 'digest-path' ? objectPath(value) : value;
}

/** Path of an object: the first two digits of its digest, a slash, the others. */
function objectPath(digest: ByteString): ByteString {
  return `${digest.slice(0, 2)}/${digest.slice(2)}` as ByteString;
}

/** Version 2: ascending by prefix index, suffix, value. */
function ascending(pairs: PairTable, a: number, b: number): number {
  return (
    compare(nameOf(pairs, a).prefixIndex, nameOf(pairs, b).prefixIndex) ||
    compare(nameOf(pairs, a).suffix, nameOf(pairs, b).suffix) ||
    compare(pairs.values[a] as ByteString, pairs.values[b] as ByteString)
  );
}

/**
 * Bytes of an inode's xattr body, 0 for no xattrs. `sharedMax`: most ids it may have; pairs beyond become own entries.
 * Throws `UNREPRESENTABLE` when the counts of the format cannot say it. Uses must have been counted.
 */
export function bodySize({ uses, sizes }: PairTable, list: XattrList, sharedMax: number): number {
  if (list.length === 0) return 0;
  let shared = 0;
  let own = 0;
  for (let index = 0; index < list.length; index++) {
    const pair = list[index] as number;
    if ((uses[pair] as number) > 1 && shared < sharedMax) shared++;
    else own += sizes[pair] as number;
  }
  const size = XATTR_BODY.size + shared * XATTR_ID_SIZE + own;
  if (shared > XATTR_SHARED_COUNT_MAX) throw tooLarge('the list of shared xattrs', shared, 255);
  if (xattrCount(size) > 0xffff) throw tooLarge('the list of extended attributes', size, 0xffff * 4);
  return size;
}

/** `i_xattr_icount` of an inode from the bytes of its body. */
export function xattrCount(size: number): number {
  return size === 0 ? 0 : (size - XATTR_BODY.size) / XATTR_ALIGN + 1;
}
