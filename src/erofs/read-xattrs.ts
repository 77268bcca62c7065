/** Extended attributes of an inode: as they stand in the image, and with composefs' rewriting undone. */
import { type ByteString, byteString, fromBytes } from '../bytes/byte-string.ts';
import {
  DIGEST_BYTES,
  type HashAlgorithm,
  type VerityDigest,
  verityAlgorithm,
  verityDigest,
} from '../bytes/digest.ts';
import { NO_XATTRS, type Xattrs } from '../bytes/stat.ts';
import { PlanishError } from '../errors.ts';
import {
  METACOPY,
  METACOPY_HASH_ID,
  OVERLAY_ESCAPED_PREFIX,
  OVERLAY_PREFIX,
  XATTR_ALIGN,
  XATTR_BODY,
  XATTR_ENTRY,
  XATTR_ID_SIZE,
  XATTR_NAMES,
  XATTR_PREFIXES,
} from './format.ts';
import { type ImageView, readBytes, readU16, readU32 } from './image-view.ts';
import type { ErofsInode } from './read-inode.ts';
import type { Superblock } from './read-superblock.ts';

/** One stored attribute. The value is a view of the image. */
interface StoredXattr {
  readonly name: ByteString;
  readonly value: Uint8Array;
  /** The name in the tree; `undefined` for what writers add and readers drop. */
  readonly treeName: ByteString | undefined;
  /** Whether it may be the mark that version 1 puts on directories with whiteouts. */
  readonly opaqueMark: boolean;
  /** Bytes of the entry with its padding. */
  readonly size: number;
}

/** The attributes of an inode as they are stored. */
export interface StoredXattrs {
  readonly own: readonly StoredXattr[];
  /** Inodes with the same shared attributes have one list. */
  readonly shared: readonly StoredXattr[];
}

const NO_STORED: StoredXattrs = { own: [], shared: [] };

const PREFIX_OF_INDEX: ReadonlyMap<number, ByteString> = new Map([
  [0, byteString('')],
  ...XATTR_PREFIXES.map(({ index, prefix }): [number, ByteString] => [index, prefix]),
]);

/** Reads attributes of one image; entries of the shared table are read once. */
export class XattrReader {
  readonly #view: ImageView;
  readonly #start: number;
  readonly #shared = new Map<number, StoredXattr>();
  readonly #lists = new Map<ByteString, readonly StoredXattr[]>();
  readonly #onShared: (size: number) => void;

  /** `onShared` is told the size of each entry of the shared table when it is first met. */
  constructor(view: ImageView, superblock: Superblock, onShared: (size: number) => void = () => undefined) {
    this.#view = view;
    this.#start = superblock.xattrStart;
    this.#onShared = onShared;
  }

  /** All attributes of an inode. Throws `EROFS_BAD_XATTR`. */
  read({ nid, xattrOffset: offset, xattrSize: size }: ErofsInode): StoredXattrs {
    if (size === 0) return NO_STORED;
    const body = readBytes(this.#view, offset, size, 'EROFS_BAD_XATTR', `the attributes of inode ${nid}`);
    const ownAt = XATTR_BODY.size + (body[XATTR_BODY.sharedCount] ?? 0) * XATTR_ID_SIZE;
    if (ownAt > size) throw badXattr(offset, 'more shared attributes than their list holds');
    const own: StoredXattr[] = [];
    for (let at = ownAt; at < size; ) {
      const entry = readEntry(body, at, offset);
      own.push(entry);
      at += entry.size;
    }
    return { own, shared: this.#readList(body, ownAt) };
  }

  #readList(body: Uint8Array, end: number): readonly StoredXattr[] {
    if (end === XATTR_BODY.size) return NO_STORED.shared;
    const ids = fromBytes(body, XATTR_BODY.size, end);
    const known = this.#lists.get(ids);
    if (known !== undefined) return known;
    const list: StoredXattr[] = [];
    for (let at = XATTR_BODY.size; at < end; at += XATTR_ID_SIZE)
      list.push(this.#readShared(readU32(body, at)));
    this.#lists.set(ids, list);
    return list;
  }

  #readShared(id: number): StoredXattr {
    const known = this.#shared.get(id);
    if (known !== undefined) return known;
    const offset = this.#start + id * XATTR_ALIGN;
    const what = 'a shared attribute';
    const head = readBytes(this.#view, offset, XATTR_ENTRY.size, 'EROFS_BAD_XATTR', what);
    const entry = readEntry(
      readBytes(this.#view, offset, entrySize(head, 0), 'EROFS_BAD_XATTR', what),
      0,
      offset,
    );
    this.#shared.set(id, entry);
    this.#onShared(entry.size);
    return entry;
  }
}

/** Bytes of the entry at `at`, padded. */
function entrySize(bytes: Uint8Array, at: number): number {
  const suffix = bytes[at + XATTR_ENTRY.suffixLength] ?? 0;
  const size = XATTR_ENTRY.size + suffix + readU16(bytes, at + XATTR_ENTRY.valueLength);
  return Math.ceil(size / XATTR_ALIGN) * XATTR_ALIGN;
}

function readEntry(bytes: Uint8Array, at: number, offset: number): StoredXattr {
  const size = entrySize(bytes, at);
  if (at + size > bytes.length) throw badXattr(offset + at, 'an entry that passes the end');
  const suffixAt = at + XATTR_ENTRY.size;
  const valueAt = suffixAt + (bytes[at + XATTR_ENTRY.suffixLength] ?? 0);
  const prefix = PREFIX_OF_INDEX.get(bytes[at + XATTR_ENTRY.prefixIndex] ?? 0);
  if (prefix === undefined) throw badXattr(offset + at, 'an unknown name prefix');
  const name = byteString(prefix + fromBytes(bytes, suffixAt, valueAt));
  if (name === '' || name.includes('\0')) throw badXattr(offset + at, 'a name that no attribute can have');
  const value = bytes.subarray(valueAt, valueAt + readU16(bytes, at + XATTR_ENTRY.valueLength));
  return { name, value, treeName: treeName(name), opaqueMark: isOpaqueMark(name, value), size };
}

/** What the attributes of an inode mean. */
export interface DecodedXattrs {
  /** The attributes of the tree: own ones first, then shared, in stored order. */
  readonly xattrs: Xattrs;
  /** Whether the file stands for a whiteout. */
  readonly whiteout: boolean;
  /** Whether overlayfs looks for the content elsewhere. */
  readonly metacopy: boolean;
  readonly verity: VerityDigest | undefined;
  /** Target of the redirect without its first slash; `undefined` for none. */
  readonly payload: ByteString | undefined;
}

/** What an inode without attributes has. */
const NOTHING: DecodedXattrs = {
  xattrs: NO_XATTRS,
  whiteout: false,
  metacopy: false,
  verity: undefined,
  payload: undefined,
};

const MARKERS: ReadonlySet<ByteString> = new Set([
  XATTR_NAMES.escapedWhiteout,
  XATTR_NAMES.escapedWhiteouts,
  XATTR_NAMES.userWhiteout,
  XATTR_NAMES.userWhiteouts,
]);

/**
 * Undoes what writers do: drops the marks of whiteouts and everything else of `trusted.overlay.`, unescapes the tree's
 * own names of that prefix, reads digest and payload.
 */
export class XattrDecoder {
  readonly #keepOpaque: boolean;
  /** Attributes of inodes that have no others of their own, by their shared list. */
  readonly #known = new Map<readonly StoredXattr[], Xattrs>();

  /** `keepOpaque` keeps the `opaque=x` of version 1 on directories with whiteouts, as `composefs-info` does. */
  constructor(keepOpaque: boolean) {
    this.#keepOpaque = keepOpaque;
  }

  /** What the attributes of an inode mean; equal attributes may be one map. Throws `EROFS_BAD_XATTR`. */
  decode(stored: StoredXattrs, inode: ErofsInode): DecodedXattrs {
    if (stored === NO_STORED) return NOTHING;
    const metacopy = find(stored, XATTR_NAMES.metacopy);
    return {
      xattrs: this.#xattrs(stored),
      whiteout: inode.type === 'regular' && find(stored, XATTR_NAMES.escapedWhiteout) !== undefined,
      metacopy: metacopy !== undefined,
      verity: readMetacopy(metacopy, inode),
      payload: readRedirect(find(stored, XATTR_NAMES.redirect), inode),
    };
  }

  #xattrs(stored: StoredXattrs): Xattrs {
    const onlyShared = stored.own.every(({ treeName: name }) => name === undefined);
    const known = onlyShared ? this.#known.get(stored.shared) : undefined;
    if (known !== undefined) return known;
    const marked = !this.#keepOpaque && find(stored, XATTR_NAMES.escapedWhiteouts) !== undefined;
    const xattrs = new Map<ByteString, Uint8Array>();
    for (const list of [stored.own, stored.shared])
      for (const { treeName: name, value, opaqueMark } of list) {
        if (name === undefined || (marked && opaqueMark)) continue;
        xattrs.delete(name);
        xattrs.set(name, value);
      }
    const result = xattrs.size === 0 ? NO_XATTRS : xattrs;
    if (onlyShared && !marked) this.#known.set(stored.shared, result);
    return result;
  }
}

/** The value of a stored attribute; the last one where the name occurs twice. */
function find({ own, shared }: StoredXattrs, name: ByteString): Uint8Array | undefined {
  return findIn(shared, name) ?? findIn(own, name);
}

function findIn(list: readonly StoredXattr[], name: ByteString): Uint8Array | undefined {
  for (let at = list.length - 1; at >= 0; at--) {
    const entry = list[at];
    if (entry?.name === name) return entry.value;
  }
  return undefined;
}

const OPAQUE_MARK = 0x78;

function isOpaqueMark(name: ByteString, value: Uint8Array): boolean {
  const opaque = name === XATTR_NAMES.escapedOpaque || name === XATTR_NAMES.userOpaque;
  return opaque && value.length === 1 && value[0] === OPAQUE_MARK;
}

function treeName(name: ByteString): ByteString | undefined {
  if (MARKERS.has(name)) return undefined;
  if (!name.startsWith(OVERLAY_PREFIX)) return name;
  if (!name.startsWith(OVERLAY_ESCAPED_PREFIX)) return undefined;
  return byteString(OVERLAY_PREFIX + name.slice(OVERLAY_ESCAPED_PREFIX.length));
}

function readMetacopy(value: Uint8Array | undefined, inode: ErofsInode): VerityDigest | undefined {
  if (value === undefined || value.length === 0) return undefined;
  const algorithm = algorithmOf(value);
  const wellFormed =
    algorithm !== undefined &&
    value[METACOPY.version] === 0 &&
    value[METACOPY.length] === value.length &&
    value[METACOPY.flags] === 0 &&
    value[METACOPY.hashId] === METACOPY_HASH_ID[algorithm];
  if (!wellFormed) throw badXattr(inode.xattrOffset, 'a malformed trusted.overlay.metacopy');
  return verityDigest(Buffer.from(value.subarray(METACOPY.size)).toString('hex'));
}

function algorithmOf(value: Uint8Array): HashAlgorithm | undefined {
  if (value.length === METACOPY.size + DIGEST_BYTES.sha256) return 'sha256';
  return value.length === METACOPY.size + DIGEST_BYTES.sha512 ? 'sha512' : undefined;
}

const SLASH = 0x2f;

function readRedirect(value: Uint8Array | undefined, inode: ErofsInode): ByteString | undefined {
  if (value === undefined) return undefined;
  const payload = fromBytes(value, value[0] === SLASH ? 1 : 0);
  if (payload === '' || payload.includes('\0'))
    throw badXattr(inode.xattrOffset, 'a trusted.overlay.redirect that leads nowhere');
  return payload;
}

/** The payload of a file with the given digest: absent where it says no more than the digest, empty for none. */
export function payloadBesides(
  verity: VerityDigest | undefined,
  payload: ByteString | undefined,
): ByteString | undefined {
  if (verity === undefined) return payload;
  if (payload === undefined) return byteString('');
  const derived =
    payload.length === verity.length + 1 &&
    payload[2] === '/' &&
    payload.startsWith(verity.slice(0, 2)) &&
    payload.endsWith(verity.slice(2));
  return derived ? undefined : payload;
}

/** Notes the algorithm of a digest; throws `EROFS_BAD_XATTR` where an earlier digest had the other one. */
export function sameAlgorithm(
  known: HashAlgorithm | undefined,
  verity: VerityDigest | undefined,
  inode: ErofsInode,
): HashAlgorithm | undefined {
  if (verity === undefined) return known;
  const algorithm = verityAlgorithm(verity);
  if (known !== undefined && known !== algorithm)
    throw badXattr(inode.xattrOffset, 'a digest of another algorithm than earlier ones');
  return algorithm;
}

function badXattr(offset: number, what: string): PlanishError {
  return new PlanishError('EROFS_BAD_XATTR', `the extended attributes hold ${what}`, { offset });
}
