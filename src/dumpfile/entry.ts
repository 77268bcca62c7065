/** From the fields of one dumpfile line to a node of the tree. */
import { type ByteString, byteString, toBytes } from '../bytes/byte-string.ts';
import {
  type HashAlgorithm,
  isVerityDigest,
  type VerityDigest,
  verityAlgorithm,
  verityDigest,
} from '../bytes/digest.ts';
import { EPOCH, type Timestamp, type Xattrs } from '../bytes/stat.ts';
import type { DumpFacts } from '../tree/dump-facts.ts';
import {
  type Content,
  EMPTY_CONTENT,
  type FileType,
  type Leaf,
  type Metadata,
  type Node,
  newDirectory,
  TYPE_BITS,
} from '../tree/tree.ts';
import { type DumpLine, FIELD, type FieldIndex } from './line.ts';
import { readMtime, readU32, readU64 } from './numbers.ts';
import { checkStrictFields, checkStrictRegular, STRICT_CONTENT_MAX, STRICT_TARGET_MAX } from './strict.ts';
import { XattrParser } from './xattrs.ts';

/** Mask of the file-type bits of `st_mode`, and of the permission bits. */
const TYPE_MASK = 0o170000;
const PERMISSION_MASK = 0o7777;
/** Bytes of content that C takes into an image (`LCFS_INLINE_CONTENT_MAX`). */
const CONTENT_MAX = 5000;
/** Bytes of a payload or symlink target in C (`PATH_MAX` less the final NUL). */
const PAYLOAD_MAX = 4095;
/** Bytes of an external file: less than 1024 chunks of 8 TiB, of which C takes exactly so many too, but not more. */
const EXTERNAL_MAX = Number.MAX_SAFE_INTEGER;

const TYPE_OF_BITS: ReadonlyMap<number, FileType> = new Map(
  Object.entries(TYPE_BITS).map(([type, bits]) => [bits, type as FileType]),
);

/** Type of file that a mode names; throws `DUMP_BAD_LINE` where it names none. */
export function fileType(line: DumpLine, mode: number): FileType {
  const type = TYPE_OF_BITS.get(mode & TYPE_MASK);
  if (type === undefined) line.fail(FIELD.mode, 'names no known type of file');
  return type;
}

/** Gives files of one package, which are alike but for their contents, one object. */
class MetadataCache {
  /** The last by its mode. */
  readonly #last = new Map<number, Metadata>();
  #mtime: Timestamp = EPOCH;

  of(mode: number, uid: number, gid: number, mtime: Timestamp, xattrs: Xattrs): Metadata {
    const { sec, nsec } = this.#mtime;
    if (sec !== mtime.sec || nsec !== mtime.nsec) this.#mtime = mtime;
    const known = this.#last.get(mode);
    const same = known?.mtime === this.#mtime && known.xattrs === xattrs;
    if (same && known.uid === uid && known.gid === gid) return known;
    const made: Metadata = { mode, uid, gid, mtime: this.#mtime, xattrs };
    this.#last.set(mode, made);
    return made;
  }
}

/** Reads lines into nodes, noting what a tree cannot hold in `facts`. One reader serves one dumpfile. */
export class EntryReader {
  readonly #strict: boolean;
  readonly #facts: DumpFacts;
  readonly #xattrs: XattrParser;
  readonly #metadata = new MetadataCache();
  #algorithm: HashAlgorithm | undefined;

  constructor(strict: boolean, facts: DumpFacts) {
    this.#strict = strict;
    this.#facts = facts;
    this.#xattrs = new XattrParser(strict);
  }

  /** Algorithm of the digests read so far; `undefined` before the first. */
  get algorithm(): HashAlgorithm | undefined {
    return this.#algorithm;
  }

  /** The node of a line that is no hard link. Throws `DUMP_BAD_LINE`. */
  read(line: DumpLine, type: FileType, mode: number): Node {
    const size = required(line, FIELD.size, readU64(line, FIELD.size, this.#strict));
    const nlink = required(line, FIELD.nlink, readU32(line, FIELD.nlink, this.#strict));
    const uid = required(line, FIELD.uid, readU32(line, FIELD.uid, this.#strict));
    const gid = this.#readAfterUid(line, FIELD.gid, uid);
    const rdev = this.#readAfterUid(line, FIELD.rdev, uid);
    const mtime = readMtime(line, this.#strict);
    if (this.#strict) checkStrictFields(line, type, { size, nlink, rdev });
    const xattrs = this.#xattrs.parse(line);
    const metadata = this.#metadata.of(mode & PERMISSION_MASK, uid, gid, mtime, xattrs);
    const node = this.#readNode(line, type, metadata, size, rdev);
    if (node.type !== 'directory' && !this.#strict) this.#note(node, nlink, size);
    return node;
  }

  /** C looks at errors in GID and RDEV only when UID is 0, and reads 0 otherwise. */
  #readAfterUid(line: DumpLine, field: FieldIndex, uid: number): number {
    const value = readU32(line, field, this.#strict);
    if (value === undefined && uid !== 0 && !this.#strict) return 0;
    return required(line, field, value);
  }

  #note(leaf: Leaf, nlink: number, size: number): void {
    if (nlink !== 1) this.#facts.nlink.set(leaf, nlink);
    const sized = leaf.type === 'regular' || leaf.type === 'symlink';
    if (!sized && size > 0) this.#facts.size.set(leaf, size);
  }

  #readNode(line: DumpLine, type: FileType, metadata: Metadata, size: number, rdev: number): Node {
    const payload = this.#readPayload(line, type);
    const content = this.#readContent(line, type, size);
    switch (type) {
      case 'directory':
        return newDirectory(metadata);
      case 'symlink':
        return { type, metadata, target: checkTarget(line, payload) };
      case 'regular':
        return { type, metadata, content: this.#regularContent(line, size, payload, content) };
      case 'character':
      case 'block':
        return { type, metadata, ...splitDeviceNumber(rdev) };
      default:
        return { type, metadata };
    }
  }

  /** The payload; `undefined` for none and where it says no more than the digest does. */
  #readPayload(line: DumpLine, type: FileType): ByteString | undefined {
    if (line.isNone(FIELD.payload)) return undefined;
    if (type === 'regular' && isObjectPath(line)) return undefined;
    const payload = line.cString(FIELD.payload, this.#strict);
    const max = this.#strict && type === 'symlink' ? STRICT_TARGET_MAX : PAYLOAD_MAX;
    if (payload.length > max) line.fail(FIELD.payload, `passes ${max} bytes`);
    return payload;
  }

  #readContent(line: DumpLine, type: FileType, size: number): Uint8Array | undefined {
    if (line.isNone(FIELD.content)) return undefined;
    const content = line.unescaped(FIELD.content);
    if (content.length !== size)
      line.fail(FIELD.content, `holds ${content.length} bytes, but SIZE says ${size}`);
    const max = this.#strict ? STRICT_CONTENT_MAX : CONTENT_MAX;
    if (content.length > max && type !== 'symlink') line.fail(FIELD.content, `passes ${max} bytes`);
    return toBytes(content);
  }

  /** The digest. C ignores one that no image holds (of a symlink, of content), so it is read only where it counts. */
  #readDigest(line: DumpLine): VerityDigest | undefined {
    if (line.isNone(FIELD.digest)) return undefined;
    const text = plainDigest(line) ?? this.#readEscapedDigest(line);
    const algorithm = verityAlgorithm(text);
    this.#algorithm ??= algorithm;
    if (algorithm !== this.#algorithm)
      line.fail(FIELD.digest, `is ${algorithm}, but an earlier one is ${this.#algorithm}`);
    return text;
  }

  #readEscapedDigest(line: DumpLine): VerityDigest {
    const text = line.cString(FIELD.digest, this.#strict).toLowerCase();
    if (!isVerityDigest(text)) line.fail(FIELD.digest, 'is neither "-" nor 64 or 128 hexadecimal digits');
    return text;
  }

  #regularContent(
    line: DumpLine,
    size: number,
    payload: ByteString | undefined,
    content: Uint8Array | undefined,
  ): Content {
    if (this.#strict) checkStrictRegular(line, size, payload, content, this.#readDigest(line));
    if (content !== undefined && content.length > 0) return { kind: 'inline', bytes: content };
    if (size === 0) return EMPTY_CONTENT;
    if (size > EXTERNAL_MAX) line.fail(FIELD.size, 'is not below 2^53');
    if (payload === '') line.fail(FIELD.payload, 'is empty, which leads nowhere');
    const verity = this.#readDigest(line);
    const missing = verity !== undefined && line.isNone(FIELD.payload);
    const kept = missing ? NO_PAYLOAD : payload;
    return { kind: 'external', size, verity, payload: kept, location: undefined };
  }
}

/** The payload of a file that has a digest but no backing path. */
const NO_PAYLOAD: ByteString = byteString('');

function required(line: DumpLine, field: FieldIndex, value: number | undefined): number {
  if (value === undefined) line.fail(field, 'is not a number in range');
  return value;
}

function checkTarget(line: DumpLine, payload: ByteString | undefined): ByteString {
  if (payload === undefined || payload === '') line.fail(FIELD.payload, 'is empty: a symlink needs a target');
  return payload;
}

/** The DIGEST that is spelled as writers do, in digits of lower case; `undefined` for any other. */
function plainDigest(line: DumpLine): VerityDigest | undefined {
  const from = line.from(FIELD.digest);
  const to = line.to(FIELD.digest);
  if (to - from !== 64 && to - from !== 128) return undefined;
  const { bytes } = line;
  for (let at = from; at < to; at++) if (IS_LOWER_HEX[bytes[at] ?? 0] === 0) return undefined;
  return verityDigest(line.text(from, to));
}

const IS_LOWER_HEX: Uint8Array = Uint8Array.from({ length: 256 }, (_, code) =>
  Number((code >= 0x30 && code <= 0x39) || (code >= 0x61 && code <= 0x66)),
);

/** Digits of a digest in the fan-out directory's name. */
const FAN_OUT = 2;

/** Whether PAYLOAD is `xx/yyyy` for the DIGEST `xxyyyy`, compared without making strings. */
function isObjectPath(line: DumpLine): boolean {
  const payload = line.from(FIELD.payload);
  const digest = line.from(FIELD.digest);
  const length = line.to(FIELD.digest) - digest;
  if (length < 64 || line.to(FIELD.payload) - payload !== length + 1) return false;
  const { bytes } = line;
  for (let at = 0; at < length; at++) {
    const shift = at < FAN_OUT ? 0 : 1;
    if (bytes[digest + at] !== bytes[payload + at + shift]) return false;
  }
  return bytes[payload + FAN_OUT] === 0x2f;
}

/** Major and minor of the low 32 bits of Linux' `st_rdev`. */
function splitDeviceNumber(rdev: number): { major: number; minor: number } {
  return { major: (rdev >>> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00) };
}
