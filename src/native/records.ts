/**
 * The packed results of the C helpers, decoded. The layout of a record stands at the head of `native-helpers/scan.c`;
 * an attribute is u16 length of name, u32 length of value, name, value. All little-endian. The bytes come from our
 * own C, so a record that does not fit is a defect (`INVARIANT`), but it is checked all the same.
 */
import { type ByteString, byteString } from '../bytes/byte-string.ts';
import { type VerityDigest, verityDigest } from '../bytes/digest.ts';
import { NO_XATTRS, type Timestamp, type Xattrs } from '../bytes/stat.ts';
import { PlanishError } from '../errors.ts';
import { KNOWN_CONTENT, STORE_OUTCOME } from './contract.ts';

/** What was read of a regular file when its directory was listed. */
export interface FileRecord {
  /** What tells that it is the same and has not changed: {@link STAMP_BYTES} bytes, one a character; only where wanted. */
  readonly stamp: string | undefined;
  /** Its content, where that is small. */
  readonly bytes: Uint8Array | undefined;
  /** fs-verity digest of its content, where that was measured. */
  readonly verity: VerityDigest | undefined;
  /** What became of it as an object ({@link STORE_OUTCOME}). */
  readonly outcome: number;
}

/** What the system tells of one inode under one name. */
export interface InodeRecord {
  /** Name in its directory; empty for the directory itself. */
  readonly name: ByteString;
  /** `st_mode` with the type bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: Timestamp;
  readonly nlink: number;
  /** Device numbers of the inode itself; 0 for what is no device. */
  readonly major: number;
  readonly minor: number;
  /**
   * Opaque: equal exactly when device of the file system and inode number are equal. One source only. It may be empty
   * where it is no directory and has but one name.
   */
  readonly identity: string;
  /** Target of a symbolic link, else empty. */
  readonly target: ByteString;
  /** In byte order of names; absent where they must be read apart. Shared between records. */
  readonly xattrs: Xattrs | undefined;
  /** Only of a regular file that was opened by the way. */
  readonly file?: FileRecord | undefined;
}

/** One directory: its own record, and those of its children in the order of the file system. */
export interface DirectoryListing {
  readonly self: InodeRecord;
  readonly children: readonly InodeRecord[];
}

const RECORD_HEAD = 72;
const XATTR_HEAD = 6;
/** Bytes of what stands behind the attributes of a regular file that was opened, before its content or digest. */
const TAIL_HEAD = 13;

/**
 * Sets of attributes by their packed bytes. A tree with SELinux labels has a few hundred different sets on hundreds
 * of thousands of inodes; sharing them keeps no buffer of a scan alive.
 */
export type XattrCache = Map<string, Xattrs>;

/** Decodes what `scanDirectory` returned. The record of a child that is a directory has no attributes. */
export function decodeListing(bytes: Buffer, cache: XattrCache): DirectoryListing {
  const [listing] = decodeListings(bytes, cache, 'none');
  if (listing === undefined) throw broken(0);
  return listing;
}

/** Of which files it is told by what to see that they have not changed: of all, of those that were not stored, of none. */
export type StampWish = 'all' | 'left' | 'none';

/** The same of several, as `scanDirectoriesLater` returns them: each begins with a record without a name. */
export function decodeListings(
  bytes: Buffer,
  cache: XattrCache,
  stamps: StampWish = 'all',
): DirectoryListing[] {
  const listings: DirectoryListing[] = [];
  let children: InodeRecord[] = [];
  for (let at = 0; at < bytes.length; at += bytes.readUInt32LE(at)) {
    const record = decodeRecord(bytes, at, cache, stamps);
    if (record.name === '') {
      children = [];
      listings.push({ self: record, children });
    } else children.push(record);
  }
  return listings;
}

const NONE = byteString('');
const DIRECTORY_BITS = 0o040000;
const TYPE_MASK = 0o170000;

function decodeRecord(bytes: Buffer, at: number, cache: XattrCache, stamps: StampWish): InodeRecord {
  if (at + RECORD_HEAD > bytes.length) throw broken(at);
  const target = at + RECORD_HEAD + bytes.readUInt16LE(at + 64);
  const xattrs = target + bytes.readUInt16LE(at + 66);
  const end = xattrs + bytes.readUInt32LE(at + 68);
  const next = at + bytes.readUInt32LE(at);
  if (end > next || next > bytes.length) throw broken(at);
  const mode = bytes.readUInt32LE(at + 4);
  const nlink = bytes.readUInt32LE(at + 36);
  const isIdentified = nlink > 1 || (mode & TYPE_MASK) === DIRECTORY_BITS;
  return {
    name: byteString(bytes.toString('latin1', at + RECORD_HEAD, target)),
    mode,
    uid: bytes.readUInt32LE(at + 8),
    gid: bytes.readUInt32LE(at + 12),
    size: readUint64(bytes, at + 16),
    mtime: { sec: readInt64(bytes, at + 24), nsec: bytes.readUInt32LE(at + 32) },
    nlink,
    major: bytes.readUInt32LE(at + 40),
    minor: bytes.readUInt32LE(at + 44),
    identity: isIdentified ? bytes.toString('latin1', at + 48, at + 64) : '',
    target: target === xattrs ? NONE : byteString(bytes.toString('latin1', target, xattrs)),
    xattrs: xattrs === end ? NO_XATTRS : cachedXattrs(bytes.toString('latin1', xattrs, end), cache),
    file: next === end ? undefined : decodeFile(bytes, { at, tail: end, next }, stamps),
  };
}

function decodeFile(
  bytes: Buffer,
  { at, tail, next }: { at: number; tail: number; next: number },
  stamps: StampWish,
): FileRecord {
  const content = tail + TAIL_HEAD;
  if (content > next) throw broken(tail);
  const known = bytes[tail] ?? 0;
  const isMeasured = known >= KNOWN_CONTENT.measured;
  const outcome = isMeasured ? known - KNOWN_CONTENT.measured : STORE_OUTCOME.left;
  const isStamped = stamps === 'all' || (stamps === 'left' && outcome === STORE_OUTCOME.left);
  return {
    stamp: isStamped ? stampAt(bytes, at, tail) : undefined,
    bytes: known === KNOWN_CONTENT.itself ? new Uint8Array(bytes.subarray(content, next)) : undefined,
    verity: isMeasured ? verityDigest(bytes.toString('hex', content, next)) : undefined,
    outcome,
  };
}

/** Size and mtime, device and inode, ctime: as they lie there. */
function stampAt(bytes: Buffer, at: number, tail: number): string {
  return (
    bytes.toString('latin1', at + 16, at + 36) +
    bytes.toString('latin1', at + 48, at + 64) +
    bytes.toString('latin1', tail + 1, tail + TAIL_HEAD)
  );
}

function cachedXattrs(packed: string, cache: XattrCache): Xattrs {
  const known = cache.get(packed);
  if (known !== undefined) return known;
  const decoded = decodeXattrs(Buffer.from(packed, 'latin1'));
  cache.set(packed, decoded);
  return decoded;
}

/** Decodes packed attributes; values are views of `bytes`. */
export function decodeXattrs(bytes: Buffer): Xattrs {
  const found: [ByteString, Uint8Array][] = [];
  for (let at = 0; at < bytes.length; ) {
    if (at + XATTR_HEAD > bytes.length) throw broken(at);
    const value = at + XATTR_HEAD + bytes.readUInt16LE(at);
    const next = value + bytes.readUInt32LE(at + 2);
    if (next > bytes.length) throw broken(at);
    found.push([byteString(bytes.toString('latin1', at + XATTR_HEAD, value)), bytes.subarray(value, next)]);
    at = next;
  }
  return sortedXattrs(found);
}

/** Attributes as a map in byte order of names, so that every way of reading them gives the same map. */
export function sortedXattrs(pairs: [ByteString, Uint8Array][]): Xattrs {
  if (pairs.length === 0) return NO_XATTRS;
  return new Map(pairs.sort(([a], [b]) => (a < b ? -1 : 1)));
}

// Sizes and times beyond 2^53 lose their last bits here and are refused by whoever knows the limits.
function readUint64(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32;
}

function readInt64(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readInt32LE(at + 4) * 2 ** 32;
}

function broken(offset: number): PlanishError {
  return new PlanishError('INVARIANT', 'the native helpers returned bytes that are no records', { offset });
}
