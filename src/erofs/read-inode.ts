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
  const compact = inodeBytes(view, nid, COMPACT_INODE.size);
  const format = readU16(compact, COMPACT_INODE.format);
  const extended = (format & FORMAT_EXTENDED) !== 0;
  const fields = extended
    ? readExtended(inodeBytes(view, nid, EXTENDED_INODE.size))
    : readCompact(compact, superblock.buildTime);
  const layout = readLayout(nid, format);
  const count = readU16(compact, COMPACT_INODE.xattrCount);
  const xattrSize = count === 0 ? 0 : XATTR_BODY.size + XATTR_ALIGN * (count - 1);
  const xattrOffset = offset + (extended ? EXTENDED_INODE.size : COMPACT_INODE.size);
  const { rawMode, ...rest } = fields;
  const type = TYPE_OF_BITS.get(rawMode & TYPE_MASK);
  if (type === undefined) throw badInode(nid, 'has no known type');
  const tailOffset = xattrOffset + xattrSize;
  const mode = rawMode & PERMISSION_MASK;
  const inode: ErofsInode = {
    ...{ nid, type, mode, layout, extended },
    ...rest,
    ...{ xattrOffset, xattrSize, tailOffset },
  };
  checkData(view, inode);
  return inode;
}

type RawFields = Pick<ErofsInode, 'uid' | 'gid' | 'nlink' | 'mtime' | 'size' | 'union' | 'ino'> & {
  readonly rawMode: number;
};

function readCompact(bytes: Uint8Array, mtime: Timestamp): RawFields {
  return {
    rawMode: readU16(bytes, COMPACT_INODE.mode),
    nlink: readU16(bytes, COMPACT_INODE.nlink),
    size: readU32(bytes, COMPACT_INODE.fileSize),
    union: readU32(bytes, COMPACT_INODE.union),
    ino: readU32(bytes, COMPACT_INODE.ino),
    uid: readU16(bytes, COMPACT_INODE.uid),
    gid: readU16(bytes, COMPACT_INODE.gid),
    mtime,
  };
}

function readExtended(bytes: Uint8Array): RawFields {
  return {
    rawMode: readU16(bytes, EXTENDED_INODE.mode),
    nlink: readU32(bytes, EXTENDED_INODE.nlink),
    size: readU64(bytes, EXTENDED_INODE.fileSize),
    union: readU32(bytes, EXTENDED_INODE.union),
    ino: readU32(bytes, EXTENDED_INODE.ino),
    uid: readU32(bytes, EXTENDED_INODE.uid),
    gid: readU32(bytes, EXTENDED_INODE.gid),
    mtime: {
      sec: readI64(bytes, EXTENDED_INODE.mtime),
      nsec: readU32(bytes, EXTENDED_INODE.mtimeNsec),
    },
  };
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

function inodeBytes(view: ImageView, nid: number, length: number): Uint8Array {
  return readBytes(view, nid * SLOT_SIZE, length, 'EROFS_BAD_INODE', `inode ${nid}`);
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
