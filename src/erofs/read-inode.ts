/** One inode of an image: its fields, and where its attributes and data lie. */
import type { Timestamp } from '../bytes/stat.ts';
import { PlanishError } from '../errors.ts';
import { type FileType, TYPE_BITS } from '../tree/tree.ts';
import {
  BLOCK_SIZE,
  COMPACT_INODE,
  EXTENDED_INODE,
  FORMAT_EXTENDED,
  FORMAT_LAYOUT_MASK,
  FORMAT_LAYOUT_SHIFT,
  INODES_START,
  LAYOUT_CHUNK,
  LAYOUT_INLINE,
  LAYOUT_PLAIN,
  SLOT_SIZE,
  XATTR_ALIGN,
  XATTR_BODY,
} from './format.ts';
import { type ImageView, readBytes, readI64, readU16, readU32, readU64 } from './image-view.ts';
import type { Superblock } from './read-superblock.ts';

/** An inode as it stands in the image: an escaped whiteout is a regular file, an attribute name is escaped. */
export interface ErofsInode {
  /** Offset in the image divided by 32. */
  readonly nid: number;
  readonly type: FileType;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly nlink: number;
  readonly mtime: Timestamp;
  /** Bytes of content, target or directory data; checked to fit the image unless chunk-based. */
  readonly size: number;
  readonly layout: typeof LAYOUT_PLAIN | typeof LAYOUT_INLINE | typeof LAYOUT_CHUNK;
  /** First data block, chunk format or device number. */
  readonly union: number;
  /** The running number of v0 and v1. */
  readonly ino: number;
  readonly extended: boolean;
  /** Where the attributes lie in the image, and their bytes; 0 for none. */
  readonly xattrOffset: number;
  readonly xattrSize: number;
  /** Where the tail or the chunk array lies. */
  readonly tailOffset: number;
}

const TYPE_MASK = 0o170000;
const PERMISSION_MASK = 0o7777;
const TYPE_OF_BITS: ReadonlyMap<number, FileType> = new Map(
  Object.entries(TYPE_BITS).map(([type, bits]) => [bits, type as FileType]),
);

/** The inode of a number. Throws `EROFS_BAD_INODE` where it is malformed or reaches outside the image. */
export function readInode(view: ImageView, superblock: Superblock, nid: number): ErofsInode {
  const offset = nid * SLOT_SIZE;
  if (!(offset >= INODES_START)) throw badInode(nid, 'lies before the first one');
  const head = readBytes(view, offset, COMPACT_INODE.size, 'EROFS_BAD_INODE', 'an inode');
  const extended = (readU16(head, COMPACT_INODE.format) & FORMAT_EXTENDED) !== 0;
  const bytes = extended ? readBytes(view, offset, EXTENDED_INODE.size, 'EROFS_BAD_INODE', 'an inode') : head;
  const inode = extended ? readExtended(nid, bytes) : readCompact(nid, bytes, superblock.buildTime);
  checkData(view, inode);
  return inode;
}

function readCompact(nid: number, bytes: Uint8Array, mtime: Timestamp): ErofsInode {
  const mode = readU16(bytes, COMPACT_INODE.mode);
  const xattrSize = xattrBodySize(readU16(bytes, COMPACT_INODE.xattrCount));
  const xattrOffset = nid * SLOT_SIZE + COMPACT_INODE.size;
  return {
    nid,
    type: typeOf(nid, mode),
    mode: mode & PERMISSION_MASK,
    uid: readU16(bytes, COMPACT_INODE.uid),
    gid: readU16(bytes, COMPACT_INODE.gid),
    nlink: readU16(bytes, COMPACT_INODE.nlink),
    mtime,
    size: readU32(bytes, COMPACT_INODE.fileSize),
    layout: readLayout(nid, readU16(bytes, COMPACT_INODE.format)),
    union: readU32(bytes, COMPACT_INODE.union),
    ino: readU32(bytes, COMPACT_INODE.ino),
    extended: false,
    xattrOffset,
    xattrSize,
    tailOffset: xattrOffset + xattrSize,
  };
}

function readExtended(nid: number, bytes: Uint8Array): ErofsInode {
  const mode = readU16(bytes, EXTENDED_INODE.mode);
  const xattrSize = xattrBodySize(readU16(bytes, EXTENDED_INODE.xattrCount));
  const xattrOffset = nid * SLOT_SIZE + EXTENDED_INODE.size;
  return {
    nid,
    type: typeOf(nid, mode),
    mode: mode & PERMISSION_MASK,
    uid: readU32(bytes, EXTENDED_INODE.uid),
    gid: readU32(bytes, EXTENDED_INODE.gid),
    nlink: readU32(bytes, EXTENDED_INODE.nlink),
    mtime: { sec: readI64(bytes, EXTENDED_INODE.mtime), nsec: readU32(bytes, EXTENDED_INODE.mtimeNsec) },
    size: readU64(bytes, EXTENDED_INODE.fileSize),
    layout: readLayout(nid, readU16(bytes, EXTENDED_INODE.format)),
    union: readU32(bytes, EXTENDED_INODE.union),
    ino: readU32(bytes, EXTENDED_INODE.ino),
    extended: true,
    xattrOffset,
    xattrSize,
    tailOffset: xattrOffset + xattrSize,
  };
}

function xattrBodySize(count: number): number {
  return count === 0 ? 0 : XATTR_BODY.size + XATTR_ALIGN * (count - 1);
}

function typeOf(nid: number, mode: number): FileType {
  const type = TYPE_OF_BITS.get(mode & TYPE_MASK);
  if (type === undefined) throw badInode(nid, 'has no known type');
  return type;
}

function readLayout(nid: number, format: number): ErofsInode['layout'] {
  const layout = (format >> FORMAT_LAYOUT_SHIFT) & FORMAT_LAYOUT_MASK;
  const known = FORMAT_EXTENDED | (FORMAT_LAYOUT_MASK << FORMAT_LAYOUT_SHIFT);
  if ((format & ~known) !== 0) throw badInode(nid, 'has an unknown format');
  if (layout === LAYOUT_PLAIN || layout === LAYOUT_INLINE || layout === LAYOUT_CHUNK) return layout;
  throw badInode(nid, 'has a data layout that composefs does not use');
}

function checkData(view: ImageView, inode: ErofsInode): void {
  const { nid, type, layout, size, tailOffset, mtime } = inode;
  if (!Number.isSafeInteger(mtime.sec)) throw badInode(nid, 'has a time beyond 2^53');
  if (tailOffset > view.size) throw badInode(nid, 'has attributes outside the image');
  if (layout === LAYOUT_CHUNK) {
    if (type !== 'regular') throw badInode(nid, 'is chunk-based, but no regular file');
    if (!Number.isSafeInteger(size)) throw badInode(nid, 'is not below 2^53 bytes');
    return;
  }
  if (size > view.size) throw badInode(nid, 'has more content than the image');
  const holdsData = type === 'regular' || type === 'directory' || type === 'symlink';
  if (!holdsData && size !== 0) throw badInode(nid, 'has content, but its type has none');
  const tail = layout === LAYOUT_INLINE ? size % BLOCK_SIZE : 0;
  const room = BLOCK_SIZE - (tailOffset % BLOCK_SIZE);
  if (tail > room) throw badInode(nid, 'has a tail that crosses a block');
  if (tailOffset + tail > view.size) throw badInode(nid, 'has a tail outside the image');
  const blocks = layout === LAYOUT_INLINE ? Math.floor(size / BLOCK_SIZE) : Math.ceil(size / BLOCK_SIZE);
  const inside = blocks === 0 || (inode.union > 0 && (inode.union + blocks) * BLOCK_SIZE <= view.size);
  if (!inside) throw badInode(nid, 'has content outside the image');
}

/** An `EROFS_BAD_INODE` with the offset of the inode. */
export function badInode(nid: number, what: string): PlanishError {
  return new PlanishError('EROFS_BAD_INODE', `inode ${nid} ${what}`, { offset: nid * SLOT_SIZE });
}

/**
 * The bytes of an inode that is not chunk-based, as blocks and a tail: at most two pieces, each a view of the image.
 * The inode was checked to lie inside the image.
 */
export function readData(view: ImageView, inode: ErofsInode): { blocks: Uint8Array; tail: Uint8Array } {
  const { size, layout, nid } = inode;
  const tailLength = layout === LAYOUT_INLINE ? size % BLOCK_SIZE : 0;
  const what = `the content of inode ${nid}`;
  const at = inode.union * BLOCK_SIZE;
  const blocksLength = size - tailLength;
  const blocks = readBytes(view, blocksLength === 0 ? 0 : at, blocksLength, 'EROFS_BAD_INODE', what);
  const tail = readBytes(view, inode.tailOffset, tailLength, 'EROFS_BAD_INODE', what);
  return { blocks, tail };
}

/** The bytes of an inode that is not chunk-based: a view of the image where they are in one piece, else a copy. */
export function readWhole(view: ImageView, inode: ErofsInode): Uint8Array {
  const { blocks, tail } = readData(view, inode);
  if (tail.length === 0) return blocks;
  return blocks.length === 0 ? tail : Buffer.concat([blocks, tail]);
}
