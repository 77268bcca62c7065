/**
 * Canonical tar headers: the same entry gives the same bytes, everywhere and always, and every byte that is written
 * here is part of a layer's digest.
 *
 * An entry is one ustar block. Names are raw bytes; one that is too long for `name` is split at the last slash that
 * lets the front fit `prefix`. What a block cannot hold goes into one PAX header before it, with its records in byte
 * order of their keys: long names and link targets, sizes from 8 GiB, owners from 2^21, times outside the octal range,
 * and extended attributes. User and group names are empty, device numbers 0 but for devices, times whole seconds.
 */
import { type ByteString, byteString, display, toBytes } from '../bytes/byte-string.ts';
import type { Timestamp, Xattrs } from '../bytes/stat.ts';
import { PlanishError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import type { TarEntryType } from './entry.ts';
import { BLOCK_BYTES, FIELDS, type Field, paddingLength } from './header.ts';
import { encodePaxRecords, XATTR_PREFIX } from './pax.ts';

export { paddingLength } from './header.ts';

/** An entry to be written. */
export interface TarRecord {
  readonly type: TarEntryType;
  /** Not empty. A directory's name may lack its final slash; nothing else may end in one. */
  readonly path: ByteString;
  /** Target of a symlink or hard link, else empty. */
  readonly linkTarget: ByteString;
  /** 0 to 0o7777. */
  readonly mode: number;
  /** 0 to 2^32-1, as is `gid`. */
  readonly uid: number;
  readonly gid: number;
  /** Whole seconds. */
  readonly mtime: Timestamp;
  /** Bytes of content that follow; 0 for all but regular files. */
  readonly size: number;
  readonly xattrs: Xattrs;
  /** Device numbers, 0 to 2^21-1; 0 for all but devices. */
  readonly major: number;
  readonly minor: number;
}

/** Two zero blocks. Not to be written to. */
export const END_OF_ARCHIVE: Uint8Array = new Uint8Array(2 * BLOCK_BYTES);

const TYPEFLAGS: Readonly<Record<TarEntryType, number>> = {
  regular: 0x30,
  hardlink: 0x31,
  symlink: 0x32,
  character: 0x33,
  block: 0x34,
  directory: 0x35,
  fifo: 0x36,
};

const TYPEFLAG_PAX = 0x78;
const PAX_NAME_PREFIX = 'PaxHeaders/';
const PAX_MODE = 0o644;
const OWNER_MAX = 0xffff_ffff;

/** Largest number in a field of octal digits and a NUL. */
function octalMax(field: Field): number {
  return 8 ** (field.length - 1) - 1;
}

const OWNER_FIELD_MAX = octalMax(FIELDS.uid);
const SIZE_FIELD_MAX = octalMax(FIELDS.size);
const TIME_FIELD_MAX = octalMax(FIELDS.mtime);
const DEVICE_FIELD_MAX = octalMax(FIELDS.devmajor);

/** What all blocks have in common: magic, and the zeros of every number. */
const TEMPLATE = makeTemplate();

function makeTemplate(): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  block.write('ustar\u000000', FIELDS.magic.at, 'latin1');
  for (const name of ['mode', 'uid', 'gid', 'size', 'mtime', 'devmajor', 'devminor'] as const) {
    putOctal(block, 0, FIELDS[name], 0);
  }
  return block;
}

/**
 * All header blocks of an entry: a PAX header where one is needed, then the ustar block, a fresh buffer. Content,
 * {@link paddingLength} zeros and in the end {@link END_OF_ARCHIVE} are the caller's to write. Throws `UNREPRESENTABLE`
 * for what a tar cannot express (NUL in a name, `=` in an attribute's name, more metadata than hosts read), `INVARIANT`
 * for a record that contradicts itself. Changing this changes digests.
 */
export function encodeTarHeader(record: TarRecord): Uint8Array {
  const path = checkedPath(record);
  checkNumbers(record);
  const split = splitPath(path);
  const pax = paxRecords(record, path, split === undefined);
  if (pax === undefined) {
    const block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
    putEntry(block, 0, record, path, split ?? path.length);
    return block;
  }
  return withPaxHeader(encodePaxRecords(pax), record, path, split ?? path.length);
}

function withPaxHeader(content: Uint8Array, record: TarRecord, path: ByteString, split: number): Uint8Array {
  if (content.length > LIMITS.tarMetadataBytes) {
    throw unrepresentable('an entry has more metadata than hosts read', path);
  }
  const end = BLOCK_BYTES + content.length + paddingLength(content.length);
  const blocks = Buffer.alloc(end + BLOCK_BYTES);
  TEMPLATE.copy(blocks, 0);
  putText(blocks, 0, FIELDS.name, paxHeaderName(path));
  putOctal(blocks, 0, FIELDS.mode, PAX_MODE);
  putOctal(blocks, 0, FIELDS.size, content.length);
  seal(blocks, 0, TYPEFLAG_PAX);
  blocks.set(content, BLOCK_BYTES);
  putEntry(blocks, end, record, path, split);
  return blocks;
}

/** For readers that know no PAX: the last component, cut to fit. */
function paxHeaderName(path: ByteString): ByteString {
  const trimmed = path.endsWith('/') ? path.slice(0, -1) : path;
  const base = trimmed.slice(trimmed.lastIndexOf('/') + 1) || '.';
  return byteString(`${PAX_NAME_PREFIX}${base}`.slice(0, FIELDS.name.length));
}

/** Writes the ustar block at `at`; what PAX has taken over is 0 or cut here. */
function putEntry(block: Buffer, at: number, record: TarRecord, path: ByteString, split: number): void {
  TEMPLATE.copy(block, at);
  if (split === path.length) putText(block, at, FIELDS.name, path);
  else {
    block.write(path.slice(0, split), at + FIELDS.prefix.at, 'latin1');
    block.write(path.slice(split + 1), at + FIELDS.name.at, 'latin1');
  }
  putOctal(block, at, FIELDS.mode, record.mode);
  putOctal(block, at, FIELDS.uid, fitting(record.uid, OWNER_FIELD_MAX));
  putOctal(block, at, FIELDS.gid, fitting(record.gid, OWNER_FIELD_MAX));
  putOctal(block, at, FIELDS.size, fitting(record.size, SIZE_FIELD_MAX));
  putOctal(block, at, FIELDS.mtime, fitting(record.mtime.sec, TIME_FIELD_MAX));
  if (record.linkTarget !== '') putText(block, at, FIELDS.linkname, record.linkTarget);
  if (record.major !== 0) putOctal(block, at, FIELDS.devmajor, record.major);
  if (record.minor !== 0) putOctal(block, at, FIELDS.devminor, record.minor);
  seal(block, at, TYPEFLAGS[record.type]);
}

function fitting(value: number, max: number): number {
  return value >= 0 && value <= max ? value : 0;
}

function putText(block: Buffer, at: number, field: Field, text: ByteString): void {
  block.write(text, at + field.at, field.length, 'latin1');
}

/** Octal digits with leading zeros, and a NUL. */
function putOctal(block: Buffer, at: number, field: Field, value: number): void {
  const start = at + field.at;
  let rest = value;
  for (let index = start + field.length - 2; index >= start; index--) {
    // Sizes and times pass 32 bits, so no shifts.
    const next = Math.floor(rest / 8);
    block[index] = 0x30 + rest - next * 8;
    rest = next;
  }
  block[start + field.length - 1] = 0;
}

/** Puts the type and the checksum: six octal digits, a NUL, a space. */
function seal(block: Buffer, at: number, typeflag: number): void {
  block[at + FIELDS.typeflag.at] = typeflag;
  const chksum = at + FIELDS.chksum.at;
  block.fill(0x20, chksum, chksum + FIELDS.chksum.length);
  let sum = 0;
  for (let index = at; index < at + BLOCK_BYTES; index++) sum += block[index] as number;
  putOctal(block, at, { at: FIELDS.chksum.at, length: 7 }, sum);
}

/**
 * Where the slash lies that separates prefix from name; the length when no prefix is needed; `undefined` when the path
 * does not fit. The last slash that leaves the prefix at most 155 bytes, as GNU tar and Go choose it.
 */
function splitPath(path: ByteString): number | undefined {
  if (path.length <= FIELDS.name.length) return path.length;
  const last = path.length - 2;
  const slash = path.lastIndexOf('/', Math.min(last, FIELDS.prefix.length));
  const rest = path.length - slash - 1;
  return slash > 0 && rest <= FIELDS.name.length ? slash : undefined;
}

type PaxMap = Map<ByteString, Uint8Array>;

/** The PAX records that an entry needs, or `undefined` when it needs none. */
function paxRecords(record: TarRecord, path: ByteString, longPath: boolean): PaxMap | undefined {
  const { linkTarget, size, uid, gid, mtime, xattrs } = record;
  const records: PaxMap = new Map();
  if (longPath) putPax(records, 'path', path);
  if (linkTarget.length > FIELDS.linkname.length) putPax(records, 'linkpath', linkTarget);
  if (size > SIZE_FIELD_MAX) putPax(records, 'size', String(size));
  if (uid > OWNER_FIELD_MAX) putPax(records, 'uid', String(uid));
  if (gid > OWNER_FIELD_MAX) putPax(records, 'gid', String(gid));
  if (mtime.sec < 0 || mtime.sec > TIME_FIELD_MAX) putPax(records, 'mtime', String(mtime.sec));
  for (const [name, value] of xattrs) putXattr(records, name, value, path);
  return records.size === 0 ? undefined : records;
}

function putPax(records: PaxMap, key: string, value: string): void {
  records.set(byteString(key), toBytes(byteString(value)));
}

function putXattr(records: PaxMap, name: ByteString, value: Uint8Array, path: ByteString): void {
  if (name === '' || name.includes('=') || name.includes('\0')) {
    throw unrepresentable(`an extended attribute has a name that no tar can hold: ${display(name)}`, path);
  }
  records.set(byteString(`${XATTR_PREFIX}${name}`), value);
}

/** The name as it is written. */
function checkedPath({ type, path, linkTarget }: TarRecord): ByteString {
  if (path === '') throw unrepresentable('a tar entry needs a name', path);
  if (path.includes('\0') || linkTarget.includes('\0')) {
    throw unrepresentable('a name or link target holds a NUL', path);
  }
  const isLink = type === 'symlink' || type === 'hardlink';
  if (isLink !== (linkTarget !== '')) {
    throw unrepresentable(isLink ? 'a link has no target' : 'an entry that is no link has a target', path);
  }
  if (path.endsWith('/')) {
    if (type === 'directory') return path;
    throw unrepresentable('only the name of a directory can end in a slash', path);
  }
  return type === 'directory' ? byteString(`${path}/`) : path;
}

function checkNumbers(record: TarRecord): void {
  const { type, path, mode, uid, gid, mtime, size, major, minor } = record;
  const isDevice = type === 'character' || type === 'block';
  if (!isWithin(uid, OWNER_MAX) || !isWithin(gid, OWNER_MAX))
    throw unrepresentable('an owner is out of range', path);
  if (isDevice && !(isWithin(major, DEVICE_FIELD_MAX) && isWithin(minor, DEVICE_FIELD_MAX))) {
    throw unrepresentable('a device number is out of range', path);
  }
  const consistent =
    isWithin(mode, 0o7777) &&
    isWithin(size, type === 'regular' ? Number.MAX_SAFE_INTEGER : 0) &&
    (isDevice || (major === 0 && minor === 0)) &&
    mtime.nsec === 0 &&
    Number.isSafeInteger(mtime.sec);
  if (!consistent) {
    throw new PlanishError('INVARIANT', 'a tar record contradicts itself', { path: display(path) });
  }
}

function isWithin(value: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= max;
}

function unrepresentable(message: string, path: ByteString): PlanishError {
  return new PlanishError('UNREPRESENTABLE', message, { path: display(path) });
}
