/**
 * Extended attributes on their way into an image. Every name and every (name, value) pair exists once in a
 * {@link XattrPool}, whatever number of inodes has it: that is what the format needs (pairs of several inodes go to a
 * shared table) and what keeps a million files small.
 */
import type { ByteString } from '../bytes/byte-string.ts';
import { PlanishError } from '../errors.ts';
import { DigestMap } from './digest-map.ts';
import {
  type ImageVersion,
  XATTR_ALIGN,
  XATTR_BODY,
  XATTR_ENTRY,
  XATTR_FILTER_SEED,
  XATTR_ID_SIZE,
  XATTR_NAMES,
  XATTR_PREFIXES,
  XATTR_SHARED_COUNT_MAX,
} from './format.ts';
import { xxh32 } from './xxh32.ts';

/**
 * How a pair's `value` spells the bytes that are written. `bytes`: as they are. `metacopy`: hexadecimal digest, or
 * empty for the empty value. `digest-path`: hexadecimal digest, written as `/xx/xxxx…`. `path`: written after a `/`.
 * Digests stay the strings that the tree holds, so a file costs no string of its own.
 */
export type ValueForm = 'bytes' | 'metacopy' | 'digest-path' | 'path';

/** A name of an xattr as it will be stored. */
export interface XattrName {
  readonly name: ByteString;
  readonly prefixIndex: number;
  readonly suffix: ByteString;
  /** The bit of this name in name filters. */
  readonly filterBit: number;
  readonly pairs: Map<ByteString, XattrPair>;
}

/** One (name, value) pair. */
export interface XattrPair {
  readonly name: XattrName;
  readonly value: ByteString;
  readonly form: ValueForm;
  /** Inodes that have it. */
  uses: number;
  /** Id in the shared table, once it is laid out. */
  sharedId: number;
}

/** The xattrs of an inode in the order they are written. Equal inputs share one list; never write to it. */
export type XattrList = readonly XattrPair[];

/** The two pairs by which overlayfs finds a file outside the image: its digest, and the redirect to its object. */
export type ObjectPairs = readonly [metacopy: XattrPair, redirect: XattrPair];

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
  readonly #objects = new DigestMap<ObjectPairs>();
  /** The names of {@link ObjectPairs}. */
  readonly metacopy: XattrName;
  readonly redirect: XattrName;

  constructor(version: ImageVersion) {
    this.#version = version;
    this.metacopy = this.name(XATTR_NAMES.metacopy);
    this.redirect = this.name(XATTR_NAMES.redirect);
  }

  /** The pairs of a digest of lower-case hexadecimal digits. */
  object(digest: ByteString): ObjectPairs {
    return this.#objects.get(digest, this.#newObject);
  }

  readonly #newObject = (digest: ByteString): ObjectPairs => [
    { name: this.metacopy, value: digest, form: 'metacopy', uses: 0, sharedId: 0 },
    { name: this.redirect, value: digest, form: 'digest-path', uses: 0, sharedId: 0 },
  ];

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
  pair(name: XattrName, value: ByteString, form: ValueForm = 'bytes'): XattrPair {
    const known = name.pairs.get(value);
    if (known !== undefined) return known;
    const made: XattrPair = { name, value, form, uses: 0, sharedId: 0 };
    const length = valueLength(made);
    if (length > 0xffff) throw tooLarge('the value of an extended attribute', length, 0xffff);
    name.pairs.set(value, made);
    return made;
  }

  /** Names of the tree's own xattrs and of marks that some inode has. */
  usedNames(): XattrName[] {
    return [...this.#names.values()].filter(({ pairs }) => hasUse(pairs.values()));
  }

  /** Pairs that several inodes have, in the order of the shared table. Changing it changes digests. */
  shared(): XattrPair[] {
    const shared: XattrPair[] = [];
    for (const { pairs } of this.#names.values()) addShared(shared, pairs.values());
    for (const pairs of this.#objects.values()) addShared(shared, pairs);
    return shared.sort(this.#version === 2 ? ascending : descending);
  }
}

function hasUse(pairs: Iterable<XattrPair>): boolean {
  for (const { uses } of pairs) if (uses > 0) return true;
  return false;
}

function addShared(shared: XattrPair[], pairs: Iterable<XattrPair>): void {
  for (const pair of pairs) if (pair.uses > 1) shared.push(pair);
}

function tooLarge(what: string, actual: number, expected: number): PlanishError {
  return new PlanishError('UNREPRESENTABLE', `${what} is too long for an EROFS image`, { actual, expected });
}

function compare(a: string | number, b: string | number): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** v0 and v1: descending by name, length of value, value. */
function descending(a: XattrPair, b: XattrPair): number {
  return (
    compare(b.name.name, a.name.name) ||
    compare(valueLength(b), valueLength(a)) ||
    compare(textOf(b), textOf(a))
  );
}

/** A value as it is compared: paths of both forms alike. */
function textOf({ form, value }: XattrPair): string {
  return form === 'digest-path' ? objectPath(value) : value;
}

/** Path of an object: the first two digits of its digest, a slash, the others. */
function objectPath(digest: ByteString): ByteString {
  return `${digest.slice(0, 2)}/${digest.slice(2)}` as ByteString;
}

/** Version 2: ascending by prefix index, suffix, value. */
function ascending(a: XattrPair, b: XattrPair): number {
  return (
    compare(a.name.prefixIndex, b.name.prefixIndex) ||
    compare(a.name.suffix, b.name.suffix) ||
    compare(a.value, b.value)
  );
}

/** Bytes of a pair's value as written. */
export function valueLength({ form, value }: XattrPair): number {
  switch (form) {
    case 'bytes':
      return value.length;
    case 'path':
      return value.length + 1;
    case 'digest-path':
      return value.length + 2;
    case 'metacopy':
      return value.length === 0 ? 0 : 4 + value.length / 2;
  }
}

/** Bytes of a pair as an entry, padded: of an inode's own or of the shared table. */
export function entrySize(pair: XattrPair): number {
  const size = XATTR_ENTRY.size + pair.name.suffix.length + valueLength(pair);
  return (size + XATTR_ALIGN - 1) & -XATTR_ALIGN;
}

/**
 * Bytes of an inode's xattr body, 0 for no xattrs. `sharedMax`: most ids it may have; pairs beyond become own entries.
 * Throws `UNREPRESENTABLE` when the counts of the format cannot say it. Uses must have been counted.
 */
export function bodySize(list: XattrList, sharedMax: number): number {
  if (list.length === 0) return 0;
  let shared = 0;
  let own = 0;
  for (const pair of list) {
    if (pair.uses > 1 && shared < sharedMax) shared++;
    else own += entrySize(pair);
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
