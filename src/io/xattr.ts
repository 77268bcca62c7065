/**
 * Reading extended attributes of many inodes without following links, by whatever this machine has.
 *
 * | source | sees | cost |
 * |---|---|---|
 * | native helpers | everything | a few µs an inode (the scan brings them along) |
 * | fs-xattr | regular files and directories whose path is UTF-8; attribute names in UTF-8 | about as much |
 * | getfattr (with xargs) | everything | a process for some thousand inodes |
 *
 * fs-xattr follows links and takes paths as text, so it is only asked where neither matters; the rest goes to
 * getfattr. What no source can see is `NATIVE_UNAVAILABLE`, never left out: a lost attribute changes digests.
 */
import { type ByteString, decodeUtf8, display, fromUtf8, toBytes } from '../bytes/byte-string.ts';
import type { Xattrs } from '../bytes/stat.ts';
import { type ErrorDetail, PlanishError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import type { NativeHelpers } from '../native/contract.ts';
import { decodeXattrs, sortedXattrs } from '../native/records.ts';
import { systemCallError } from './system-call.ts';

/** An inode whose attributes are wanted. */
export interface XattrRequest {
  /** Absolute path on this machine. */
  readonly path: ByteString;
  readonly type: 'regular' | 'directory' | 'other';
}

/** A way of reading attributes. */
export interface XattrSource {
  readonly name: string;
  /**
   * All attributes of each inode, in the order of the requests; names in byte order. Throws `CONTENT_CHANGED` where
   * an inode is gone, `SYSCALL_FAILED` where reading is refused, `NATIVE_UNAVAILABLE` for what cannot be seen.
   */
  read(requests: readonly XattrRequest[]): Xattrs[];
}

/** What is used of the npm package fs-xattr. */
export interface FsXattr {
  listAttributesSync(path: string): string[];
  getAttributeSync(path: string, name: string): Buffer;
}

const HINT = 'build the native helpers (npm run build:native) or install getfattr (package attr) and xargs';

/** One call of the C helpers an inode. */
export function nativeXattrSource(helpers: NativeHelpers): XattrSource {
  const readOne = ({ path }: XattrRequest): Xattrs => {
    const packed = helpers.listXattrs(toBytes(path), LIMITS.scanBytes);
    if (typeof packed === 'number') throw systemCallError(packed, 'reading attributes', path);
    return decodeXattrs(packed);
  };
  return { name: 'native', read: (requests) => requests.map(readOne) };
}

/** fs-xattr for what it can see, `rest` for all else. */
export function fsXattrSource(fsXattr: FsXattr, rest: XattrSource): XattrSource {
  return {
    name: `fs-xattr, ${rest.name}`,
    read: (requests) => {
      const results = requests.map((request) => readByFsXattr(fsXattr, request));
      const missing = requests.filter((_, index) => results[index] === undefined);
      const others = (missing.length === 0 ? [] : rest.read(missing)).values();
      return results.map((found) => found ?? (others.next().value as Xattrs));
    },
  };
}

/** Attributes, or `undefined` where fs-xattr would see something else or nothing. */
function readByFsXattr(fsXattr: FsXattr, { path, type }: XattrRequest): Xattrs | undefined {
  const text = type === 'other' ? undefined : decodeUtf8(path);
  if (text === undefined) return undefined;
  const names = attempt(() => fsXattr.listAttributesSync(text), 'ENOTSUP', path);
  // A name that is no UTF-8 arrives with replacement characters, and cannot be asked for.
  if (names?.some((name) => name.includes('\ufffd'))) return undefined;
  const found: [ByteString, Uint8Array][] = [];
  for (const name of names ?? []) {
    const value = attempt(() => fsXattr.getAttributeSync(text, name), 'ENODATA', path);
    if (value !== undefined) found.push([fromUtf8(name), value]);
  }
  return sortedXattrs(found);
}

function attempt<T>(call: () => T, tolerated: string, path: ByteString): T | undefined {
  try {
    return call();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === tolerated) return undefined;
    throw systemCallError(code ?? String(error), 'reading attributes', path, error);
  }
}

/** Sees nothing: every request is `NATIVE_UNAVAILABLE`. */
export const BLIND_XATTR_SOURCE: XattrSource = {
  name: 'none',
  read: (requests) => requests.map(refuse),
};

function refuse({ path }: XattrRequest): Xattrs {
  const detail: ErrorDetail = { file: display(path), hint: HINT };
  throw new PlanishError(
    'NATIVE_UNAVAILABLE',
    'extended attributes of links, special files and names that are not UTF-8 cannot be read here',
    detail,
  );
}
