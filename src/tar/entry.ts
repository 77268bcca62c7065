/** From a header block and its extensions to a tar entry. */
import { type ByteString, byteString } from '../bytes/byte-string.ts';
import type { Extent, Timestamp, Xattrs } from '../bytes/stat.ts';
import { LIMITS } from '../limits.ts';
import type { Extensions } from './extensions.ts';
import {
  BLOCK_BYTES,
  decodeNumber,
  decodeSigned,
  decodeText,
  FIELDS,
  type HeaderFormat,
  headerFormat,
  tarError,
} from './header.ts';
import { type HostReading, readAsHost } from './host-reading.ts';
import { paxNumber, paxText, paxTime } from './pax.ts';

/** Kinds of entry a tar can hold (it has none for sockets). */
export type TarEntryType = 'regular' | 'directory' | 'symlink' | 'hardlink' | 'character' | 'block' | 'fifo';

/** One entry, decoded. Names stand as in the tar: not normalised, not judged. */
export interface TarEntry {
  readonly type: TarEntryType;
  /** Never empty; may begin with `./` or `/`, hold `..`, end in `/`. */
  readonly path: ByteString;
  /** Target of a symlink or hard link (never empty), else empty. */
  readonly linkTarget: ByteString;
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number;
  /** 0 to 2^32-1, as is `gid`. */
  readonly uid: number;
  readonly gid: number;
  readonly mtime: Timestamp;
  /** Bytes of a regular file's content, holes of a sparse file included; 0 for all else. */
  readonly size: number;
  readonly xattrs: Xattrs;
  /** Device numbers, 0 to 2^32-1; 0 for all but devices. */
  readonly major: number;
  readonly minor: number;
  /** Offset in the tar of the entry's first header block, extension headers included. */
  readonly offset: number;
  /** Offset in the tar of the first stored byte of content. */
  readonly dataOffset: number;
  /** Bytes of content that are stored from there. */
  readonly storedSize: number;
  /** Where the stored bytes belong; `undefined` when they are the whole content. */
  readonly sparse: readonly Extent[] | undefined;
  /** Absent where composefs hosts read the entry as it is read here: for nearly every entry. */
  readonly hostReading?: HostReading | undefined;
}

/** Typeflag of a file in GNU's old sparse format. */
export const TYPEFLAG_SPARSE = 0x53;

/** Typeflag of regular files before ustar. */
const TYPEFLAG_OLD_REGULAR = 0;

/** By typeflag: `0`, NUL, `7` (contiguous) and `S` are regular files. */
const TYPES: Readonly<Record<number, TarEntryType>> = {
  [TYPEFLAG_OLD_REGULAR]: 'regular',
  48: 'regular',
  49: 'hardlink',
  50: 'symlink',
  51: 'character',
  52: 'block',
  53: 'directory',
  54: 'fifo',
  55: 'regular',
  [TYPEFLAG_SPARSE]: 'regular',
};

/** Names of the kinds that are refused. */
const REFUSED: Readonly<Record<string, string>> = {
  A: 'Solaris access control list',
  D: 'GNU dump directory',
  E: 'Solaris extended attribute file',
  I: 'star inode metadata',
  M: 'GNU multi-volume continuation',
  N: 'old GNU long names',
  V: 'GNU volume label',
  X: 'Solaris extended header',
};

const OWNER_MAX = 0xffff_ffff;
const NO_TARGET = byteString('');

/**
 * Decodes the header at `at`, which lies at `offset` in the tar. Sparse files come out as they are stored; the caller
 * mends `size`, `dataOffset`, `storedSize` and `sparse`. Throws `TAR_BAD_HEADER`, `TAR_UNSUPPORTED`, `PAX_BAD_RECORD`,
 * `PATH_INVALID` for an empty name, `LIMIT_EXCEEDED`.
 */
export function decodeEntry(block: Buffer, at: number, offset: number, extensions: Extensions): TarEntry {
  const format = headerFormat(block, at);
  const path = decodePath(block, at, offset, format, extensions);
  const type = decodeType(block[at + FIELDS.typeflag.at] as number, path, offset);
  const size = decodeSize(block, at, offset, extensions);
  const storedSize = type === 'regular' ? size : 0;
  const device = type === 'character' || type === 'block';
  const hostReading = readAsHost(block, at, { type, size, extensions });
  return {
    type,
    path,
    linkTarget: decodeTarget(block, at, offset, type, extensions),
    mode: decodeNumber(block, at, 'mode', offset) & 0o7777,
    uid: decodeOwner(block, at, offset, 'uid', extensions),
    gid: decodeOwner(block, at, offset, 'gid', extensions),
    mtime: decodeTime(block, at, offset, extensions),
    size: storedSize,
    xattrs: extensions.xattrs(),
    major: device ? decodeDevice(block, at, offset, 'devmajor', format, extensions) : 0,
    minor: device ? decodeDevice(block, at, offset, 'devminor', format, extensions) : 0,
    offset: extensions.first ?? offset,
    dataOffset: offset + BLOCK_BYTES,
    storedSize,
    sparse: undefined,
    hostReading,
  };
}

/** Bytes that the size field claims, whatever the type. Throws `TAR_BAD_HEADER`, `LIMIT_EXCEEDED`. */
export function decodeSize(block: Buffer, at: number, offset: number, extensions?: Extensions): number {
  const record = extensions?.find('size');
  const size = record === undefined ? decodeNumber(block, at, 'size', offset) : paxNumber(record);
  if (size <= LIMITS.fileBytes) return size;
  throw tarError('LIMIT_EXCEEDED', 'a tar entry is too large', offset, { limit: 'fileBytes', actual: size });
}

/**
 * Before ustar had a type for it, a directory was a file whose name ends in a slash. With today's typeflag `0` such a
 * name is still a file, as it is for Go, and so for container engines; GNU tar makes a directory of it.
 */
function decodeType(typeflag: number, path: ByteString, offset: number): TarEntryType {
  const type = TYPES[typeflag];
  if (typeflag === TYPEFLAG_OLD_REGULAR && path.endsWith('/')) return 'directory';
  if (type !== undefined) return type;
  const letter = String.fromCharCode(typeflag);
  const shown = typeflag > 0x20 && typeflag < 0x7f ? `'${letter}'` : `0x${typeflag.toString(16)}`;
  const message = `tar entries of type ${shown} (${REFUSED[letter] ?? 'unknown'}) are not supported`;
  throw tarError('TAR_UNSUPPORTED', message, offset);
}

/** PAX wins over GNU long names, as it does for GNU tar and composefs (Go has it the other way round). */
function decodePath(
  block: Buffer,
  at: number,
  offset: number,
  format: HeaderFormat,
  extensions: Extensions,
): ByteString {
  const record =
    (extensions.isSparse ? extensions.find('GNU.sparse.name') : undefined) ?? extensions.find('path');
  const path =
    record === undefined ? (extensions.longName ?? headerPath(block, at, format)) : paxText(record);
  return checkName(path, 'name', offset);
}

function headerPath(block: Buffer, at: number, format: HeaderFormat): ByteString {
  const name = decodeText(block, at, FIELDS.name);
  if (format !== 'ustar' && format !== 'star') return name;
  if (block[at + FIELDS.prefix.at] === 0) return name;
  const prefix = decodeText(block, at, format === 'star' ? FIELDS.starPrefix : FIELDS.prefix);
  return byteString(`${prefix}/${name}`);
}

function decodeTarget(
  block: Buffer,
  at: number,
  offset: number,
  type: TarEntryType,
  extensions: Extensions,
): ByteString {
  if (type !== 'symlink' && type !== 'hardlink') return NO_TARGET;
  const record = extensions.find('linkpath');
  if (record !== undefined) return checkName(paxText(record), 'link target', offset);
  const target = extensions.longLink ?? decodeText(block, at, FIELDS.linkname);
  return checkName(target, 'link target', offset);
}

/** The slash that marks a directory does not count. */
function checkName(name: ByteString, what: string, offset: number): ByteString {
  if (name === '') throw tarError('PATH_INVALID', `the ${what} of a tar entry is empty`, offset);
  const length = name.endsWith('/') ? name.length - 1 : name.length;
  if (length <= LIMITS.pathBytes) return name;
  const detail = { limit: 'pathBytes', actual: length };
  throw tarError('LIMIT_EXCEEDED', `the ${what} of a tar entry is too long`, offset, detail);
}

function decodeOwner(
  block: Buffer,
  at: number,
  offset: number,
  key: 'uid' | 'gid',
  extensions: Extensions,
): number {
  const record = extensions.find(key);
  return record === undefined
    ? decodeNumber(block, at, key, offset, OWNER_MAX)
    : paxNumber(record, OWNER_MAX);
}

function decodeTime(block: Buffer, at: number, offset: number, extensions: Extensions): Timestamp {
  const record = extensions.find('mtime');
  return record === undefined ? { sec: decodeSigned(block, at, 'mtime', offset), nsec: 0 } : paxTime(record);
}

/** A v7 header has no device numbers; taking them for 0:0 would make a whiteout of the entry. */
function decodeDevice(
  block: Buffer,
  at: number,
  offset: number,
  name: 'devmajor' | 'devminor',
  format: HeaderFormat,
  extensions: Extensions,
): number {
  const record = extensions.find(`SCHILY.${name}`);
  if (record !== undefined) return paxNumber(record, OWNER_MAX);
  if (format !== 'v7') return decodeNumber(block, at, name, offset, OWNER_MAX);
  throw tarError('TAR_BAD_HEADER', 'a device without device numbers', offset);
}
