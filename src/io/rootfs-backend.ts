/**
 * Ways of reading one directory of a root file system: by the C helpers in one call, or by calls of Node and a
 * source of attributes. Both give the same records; links are never followed below the root.
 */
import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { type ByteString, byteString, display, fromBytes, toBytes } from '../bytes/byte-string.ts';
import type { HashAlgorithm } from '../bytes/digest.ts';
import { NO_XATTRS, type Timestamp } from '../bytes/stat.ts';
import { PlanishError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import {
  FAILURE_BYTES,
  HASH_ALGORITHM_ID,
  type NativeHelpers,
  SCAN_CLONES,
  SCAN_STEPS,
  SCAN_WITHOUT_XATTRS,
  STORE_OUTCOME,
} from '../native/contract.ts';
import { nativeHelpers, nativeStatus } from '../native/load.ts';
import {
  type DirectoryListing,
  decodeListing,
  decodeListings,
  type InodeRecord,
  type StampWish,
  type XattrCache,
} from '../native/records.ts';
import { joinPath } from '../tree/walk.ts';
import { formatStamp } from './file-stamps.ts';
import { systemCallError } from './system-call.ts';
import { BLIND_XATTR_SOURCE, type FsXattr, fsXattrSource, type XattrSource } from './xattr.ts';
import { findGetfattr } from './xattr-getfattr.ts';

/** Whether extended attributes are read at all. */
export type XattrMode = 'all' | 'skip';

/** What is read of contents while directories are listed. */
export interface ContentWish {
  /** By which small contents are measured. */
  readonly algorithm: HashAlgorithm;
  /** Of which files it is told by what to see that they have not changed since; default `none`. */
  readonly stamps?: StampWish | undefined;
  /** A directory of objects that they are stored in, and whether they can share their bytes with the source. */
  readonly store?: { readonly directory: Uint8Array; readonly clones: boolean } | undefined;
}

/** A way of reading directories. */
export interface RootfsBackend {
  readonly name: string;
  /** Why a faster one is not used; absent for the fastest. */
  readonly slowBecause: string | undefined;
  /**
   * One directory; of its files what `contents` asks for may be left out. Throws `CONTENT_CHANGED` where something
   * vanished or was replaced, `SYSCALL_FAILED` where reading is refused, `LIMIT_EXCEEDED` where the directory does not fit.
   */
  list(path: ByteString, contents?: ContentWish): DirectoryListing;
  /**
   * Directories from the first on, as many as it likes, on another thread, with what is read of their files by the way: to be
   * unpacked by a call. None where `list` shall say what is wrong with the first.
   */
  readonly listAhead?:
    | ((paths: readonly ByteString[], contents: ContentWish | undefined) => Promise<() => DirectoryListing[]>)
    | undefined;
  /** For the records that `list` gives without attributes. */
  readonly xattrs: XattrSource;
}

const EOVERFLOW = -75;
const S_IFMT = 0o170000;
const S_IFDIR = 0o040000;
const S_IFLNK = 0o120000;
const S_IFREG = 0o100000;

/** The best that this machine has. */
export async function chooseBackend(mode: XattrMode): Promise<RootfsBackend> {
  const helpers = nativeHelpers();
  if (helpers !== undefined) return nativeBackend(helpers, mode);
  const status = nativeStatus();
  const reason = status.available ? '' : status.reason;
  if (mode === 'skip') return portableBackend(undefined, reason);
  const rest = findGetfattr() ?? BLIND_XATTR_SOURCE;
  const fsXattr = await loadFsXattr();
  return portableBackend(fsXattr === undefined ? rest : fsXattrSource(fsXattr, rest), reason);
}

/** The package is optional: its types may be absent where this is compiled, so its name is no literal import. */
const FS_XATTR_PACKAGE: string = 'fs-xattr';

async function loadFsXattr(): Promise<FsXattr | undefined> {
  try {
    return (await import(FS_XATTR_PACKAGE)) as FsXattr;
  } catch {
    return undefined;
  }
}

/** One call of the C helpers a directory. */
export function nativeBackend(helpers: NativeHelpers, mode: XattrMode): RootfsBackend {
  const cache: XattrCache = new Map();
  const failure = new Uint8Array(FAILURE_BYTES);
  const flags = mode === 'skip' ? SCAN_WITHOUT_XATTRS : 0;
  const list = (path: ByteString): DirectoryListing => {
    const packed = helpers.scanDirectory(toBytes(path), flags, LIMITS.scanBytes, failure);
    if (typeof packed === 'number') throw scanError(packed, path, failure);
    return decodeListing(packed, cache);
  };
  const listAhead = async (
    paths: readonly ByteString[],
    contents: ContentWish | undefined,
  ): Promise<() => DirectoryListing[]> => {
    const packed = await helpers.scanDirectoriesLater(
      Buffer.from(paths.map((path) => `${path}\0`).join(''), 'latin1'),
      flags | (contents?.store?.clones === true ? SCAN_CLONES : 0),
      LIMITS.scanBytes,
      contents === undefined ? 0 : HASH_ALGORITHM_ID[contents.algorithm],
      contents?.store?.directory ?? NO_BYTES,
    );
    return () =>
      typeof packed === 'number' ? [] : decodeListings(packed, cache, contents?.stamps ?? 'none');
  };
  return { name: 'native', slowBecause: undefined, list, listAhead, xattrs: BLIND_XATTR_SOURCE };
}

const NO_BYTES = new Uint8Array(0);

function scanError(errno: number, path: ByteString, failure: Uint8Array): PlanishError {
  const name = fromBytes(failure, 2, 2 + (failure[1] ?? 0));
  const place = name === '' ? path : joinPath(path, name);
  if (errno !== EOVERFLOW) {
    return systemCallError(errno, `scanning, ${SCAN_STEPS[failure[0] ?? 0] ?? 'start'}`, place);
  }
  return new PlanishError('LIMIT_EXCEEDED', 'a directory and its attributes take more memory than allowed', {
    file: display(path),
    limit: 'scanBytes',
    expected: LIMITS.scanBytes,
  });
}

/** Calls of Node, and attributes from `xattrs`; without a source there are none. */
export function portableBackend(xattrs: XattrSource | undefined, reason: string): RootfsBackend {
  const skipXattrs = xattrs === undefined;
  const list = (path: ByteString, contents?: ContentWish): DirectoryListing =>
    listPortably(path, { skipXattrs, isStamped: (contents?.stamps ?? 'none') !== 'none' });
  return {
    name: `node, ${xattrs?.name ?? 'no attributes'}`,
    slowBecause: reason,
    list,
    xattrs: xattrs ?? BLIND_XATTR_SOURCE,
  };
}

/** How an inode is looked at: whether its attributes are left, and whether a file gets a stamp. */
interface Look {
  readonly skipXattrs: boolean;
  readonly isStamped: boolean;
}

/** Of a file whose content was not read. */
const UNREAD = { bytes: undefined, verity: undefined, outcome: STORE_OUTCOME.left } as const;

/**
 * Node has no call relative to an open directory, so the directory is looked at before and after: whoever replaces
 * it meanwhile is noticed.
 */
function listPortably(path: ByteString, look: Look): DirectoryListing {
  const none = byteString('');
  const self = lookAt(path, none, look);
  if ((self.mode & S_IFMT) !== S_IFDIR) throw systemCallError('ENOTDIR', 'listing', path);
  const names = attempt('listing', path, () => readdirSync(toBytes(path) as Buffer, { encoding: 'buffer' }));
  const children = names.map((bytes) => {
    const name = fromBytes(bytes);
    return lookAt(joinPath(path, name), name, look);
  });
  const after = lookAt(path, none, look);
  if (after.identity !== self.identity) throw systemCallError('ESTALE', 'listing', path);
  return { self, children };
}

function lookAt(path: ByteString, name: ByteString, { skipXattrs, isStamped }: Look): InodeRecord {
  const bytes = toBytes(path) as Buffer;
  const stat = attempt('reading metadata', path, () => lstatSync(bytes, { bigint: true }));
  const mode = Number(stat.mode);
  return {
    name,
    mode,
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    size: Number(stat.size),
    mtime: splitNanoseconds(stat.mtimeNs),
    nlink: Number(stat.nlink),
    ...splitDevice(stat.rdev),
    identity: `${stat.dev}:${stat.ino}`,
    target: (mode & S_IFMT) === S_IFLNK ? readTarget(path, bytes) : byteString(''),
    xattrs: skipXattrs ? NO_XATTRS : undefined,
    file: isStamped && (mode & S_IFMT) === S_IFREG ? { ...UNREAD, stamp: formatStamp(stat) } : undefined,
  };
}

function readTarget(path: ByteString, bytes: Buffer): ByteString {
  return fromBytes(attempt('reading a link', path, () => readlinkSync(bytes, { encoding: 'buffer' })));
}

/** Seconds rounded down, so that the nanoseconds count upwards before 1970 as well. */
function splitNanoseconds(total: bigint): Timestamp {
  const nsec = ((total % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return { sec: Number((total - nsec) / 1_000_000_000n), nsec: Number(nsec) };
}

/** `gnu_dev_major` and `gnu_dev_minor`: 12 + 20 bits and 8 + 24 bits, interleaved. */
function splitDevice(device: bigint): { major: number; minor: number } {
  return {
    major: Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n)),
    minor: Number((device & 0xffn) | ((device >> 12n) & 0xffffff00n)),
  };
}

function attempt<T>(action: string, path: ByteString, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw systemCallError((error as NodeJS.ErrnoException).code ?? String(error), action, path, error);
  }
}
