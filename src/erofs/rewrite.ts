/**
 * What becomes of a node's xattrs before layout: overlayfs names are escaped so that the input's own survive the
 * overlay mount, files outside the image get the two names by which overlayfs finds them, whiteouts get marks.
 * Changing anything here changes digests.
 */
import { type ByteString, byteString, compareBytes, fromBytes } from '../bytes/byte-string.ts';
import { DIGEST_BYTES, type HashAlgorithm, isVerityDigest } from '../bytes/digest.ts';
import type { Xattrs } from '../bytes/stat.ts';
import { PlanishError } from '../errors.ts';
import type { ExternalContent } from '../tree/tree.ts';
import { type ImageVersion, OVERLAY_ESCAPED_PREFIX, OVERLAY_PREFIX } from './format.ts';
import type { PairTable, XattrName } from './pairs.ts';
import { NO_PAIRS, type XattrList, XattrPool } from './xattrs.ts';

/** Which of the two programs an image must be equal to, where they differ. */
export type Dialect = 'c' | 'rs';

/** What decides how xattrs are rewritten. */
export interface RewriteOptions {
  readonly version: ImageVersion;
  readonly algorithm: HashAlgorithm;
  readonly dialect: Dialect;
}

const EMPTY = byteString('');

/** C refuses a node whose xattrs take more than this, counting 7 bytes for each beside name and value. */
const C_XATTRS_MAX = 32_767;

/** The xattrs of every node of one image. */
export class XattrRewriter {
  readonly pool: XattrPool;
  readonly options: RewriteOptions;
  readonly #lists = new Map<Xattrs, XattrList>();
  readonly #digestLength: number;

  constructor(options: RewriteOptions) {
    this.options = options;
    this.pool = new XattrPool(options.version);
    this.#digestLength = DIGEST_BYTES[options.algorithm] * 2;
  }

  /** The input's own xattrs, escaped. Maps that are one object give one list. */
  own(xattrs: Xattrs): XattrList {
    if (xattrs.size === 0) return NO_PAIRS;
    const known = this.#lists.get(xattrs);
    if (known !== undefined) return known;
    const list = this.#escape(xattrs);
    this.#lists.set(xattrs, list);
    return list;
  }

  #escape(xattrs: Xattrs): XattrList {
    if (this.options.dialect === 'c') checkTotal(xattrs);
    const names = [...xattrs.keys()].sort();
    const list = names.map((name) => {
      const value = fromBytes(xattrs.get(name) as Uint8Array);
      return this.pool.pair(this.pool.name(escapeName(name)), value);
    });
    return this.options.version === 2 ? list : list.sort(this.#byName);
  }

  /** The xattrs of a file whose content lies outside the image. Throws `UNREPRESENTABLE` for a digest of the other algorithm. */
  external(xattrs: Xattrs, content: ExternalContent): XattrList {
    const own = this.own(xattrs);
    const added = this.#added(content);
    if (own.length === 0) return added;
    if (this.options.version === 2) return [...added, ...own];
    return mergeByName(this.pool.pairs, own, added);
  }

  /** What overlayfs finds the content by. An empty payload is a file that has a digest but no backing path. */
  #added(content: ExternalContent): XattrList {
    const { payload } = content;
    const digest = this.#digestOf(content);
    const { dialect } = this.options;
    if (digest !== EMPTY && (dialect === 'rs' || payload === undefined)) return this.pool.object(digest);
    const metacopy =
      digest === EMPTY
        ? this.pool.pair(this.pool.metacopy, EMPTY, 'metacopy')
        : (this.pool.object(digest)[0] as number);
    if (payload === undefined || payload === '') return [metacopy];
    const redirect = dialect === 'c' ? this.#redirectTo(payload) : this.#objectInPath(payload);
    return [metacopy, redirect];
  }

  #digestOf({ verity }: ExternalContent): ByteString {
    if (verity === undefined) return EMPTY;
    if (verity.length === this.#digestLength) return byteString(verity);
    throw new PlanishError('UNREPRESENTABLE', 'a digest is not of the algorithm of the image', {
      actual: verity.length / 2,
      expected: this.#digestLength / 2,
    });
  }

  /** A payload that is spelled as the path of an object has the same pair as files that name it by their digest. */
  #redirectTo(payload: ByteString): number {
    const digest = payload.slice(0, 2) + payload.slice(3);
    if (payload[2] === '/' && digest.length === this.#digestLength && isVerityDigest(digest)) {
      return this.pool.object(byteString(digest))[1] as number;
    }
    return this.pool.pair(this.pool.redirect, payload, 'path');
  }

  /** Without a digest, the object that a payload ends in, `hh/hhh…`, stands in for one. */
  #objectInPath(payload: ByteString): number {
    const path = payload.slice(-(this.#digestLength + 1));
    const hex = path.slice(0, 2) + path.slice(3);
    if (path[2] === '/' && hex.length === this.#digestLength && /^[0-9a-f]+$/i.test(hex)) {
      return this.pool.object(byteString(hex.toLowerCase()))[1] as number;
    }
    throw new PlanishError('UNREPRESENTABLE', 'a payload without digest is no path of an object', {
      actual: payload.slice(0, 160),
    });
  }

  /** The pair of a fixed name and value. */
  mark(name: ByteString, value = ''): number {
    return this.pool.pair(this.pool.name(name), byteString(value));
  }

  /** A list with marks set: C replaces a name that is there, composefs-rs keeps both. */
  marked(list: XattrList, marks: XattrList): XattrList {
    const { names } = this.pool.pairs;
    const replaced = new Set(marks.map((mark) => names[mark]));
    const kept = this.options.dialect === 'c' ? list.filter((pair) => !replaced.has(names[pair])) : list;
    return [...kept, ...marks].sort(this.#byName);
  }

  /** By full name as stored. A name that is there twice: the shorter value first, then by bytes. */
  readonly #byName = (a: number, b: number): number => {
    const { pairs } = this.pool;
    const [left, right] = [nameOf(pairs, a), nameOf(pairs, b)];
    if (left !== right) return left < right ? -1 : 1;
    const lengths = pairs.valueLength(a) - pairs.valueLength(b);
    return lengths || compareBytes(pairs.values[a] as ByteString, pairs.values[b] as ByteString);
  };
}

function nameOf(pairs: PairTable, row: number): ByteString {
  return (pairs.names[row] as XattrName).name;
}

/** The name by which overlayfs shows an xattr of the input under its own. */
function escapeName(name: ByteString): ByteString {
  if (!name.startsWith(OVERLAY_PREFIX)) return name;
  return byteString(OVERLAY_ESCAPED_PREFIX + name.slice(OVERLAY_PREFIX.length));
}

/** Two lists in order of names as one. No name is in both. */
function mergeByName(pairs: PairTable, some: XattrList, others: XattrList): XattrList {
  const merged: number[] = [];
  let at = 0;
  for (const other of others) {
    const name = nameOf(pairs, other);
    for (; at < some.length && nameOf(pairs, some[at] as number) < name; at++)
      merged.push(some[at] as number);
    merged.push(other);
  }
  for (; at < some.length; at++) merged.push(some[at] as number);
  return merged;
}

function checkTotal(xattrs: Xattrs): void {
  let total = 12;
  for (const [name, value] of xattrs) total += 7 + name.length + value.length;
  if (total <= C_XATTRS_MAX) return;
  throw new PlanishError('UNREPRESENTABLE', 'the extended attributes of a node are too large', {
    actual: total,
    expected: C_XATTRS_MAX,
  });
}
