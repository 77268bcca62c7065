/** From an inode and its attributes to a node of the tree. */

import { type ByteString, fromBytes } from '../bytes/byte-string.ts';
import { LIMITS } from '../limits.ts';
import { type Content, type Device, EMPTY_CONTENT, type Leaf, type Metadata } from '../tree/tree.ts';
import {
  BLOCK_BITS,
  BLOCK_SIZE,
  CHUNK_BITS_MASK,
  CHUNK_ENTRY_SIZE,
  CHUNK_HOLE,
  CHUNK_INDEXES,
  type ImageVersion,
  LAYOUT_CHUNK,
  SLOT_SIZE,
} from './format.ts';
import { type ImageView, readBytes, readU32 } from './image-view.ts';
import { badInode, type ErofsInode, readWhole } from './read-inode.ts';
import { type DecodedXattrs, payloadBesides } from './read-xattrs.ts';

/** Chunk entries that always follow their inode; an array of more may stand in a block of its own. */
const CHUNKS_IN_PLACE = (BLOCK_SIZE - SLOT_SIZE) / CHUNK_ENTRY_SIZE;

/** Metadata of an inode. */
export function nodeMetadata({ mode, uid, gid, mtime }: ErofsInode, { xattrs }: DecodedXattrs): Metadata {
  return { mode, uid, gid, mtime, xattrs };
}

/** The leaf of an inode that is no directory. Content in the image is a view of it. Throws `EROFS_BAD_INODE`. */
export function readLeaf(
  view: ImageView,
  version: ImageVersion,
  inode: ErofsInode,
  decoded: DecodedXattrs,
): Leaf {
  const metadata = nodeMetadata(inode, decoded);
  const { type } = inode;
  if (decoded.whiteout) return { type: 'character', metadata, major: 0, minor: 0 };
  switch (type) {
    case 'regular':
      return { type, metadata, content: readContent(view, version, inode, decoded) };
    case 'symlink':
      return { type, metadata, target: readTarget(view, inode) };
    case 'character':
    case 'block':
      return { type, metadata, ...splitDevice(inode.union) };
    case 'directory':
      throw badInode(inode.nid, 'is a directory');
    default:
      return { type, metadata };
  }
}

function readContent(
  view: ImageView,
  version: ImageVersion,
  inode: ErofsInode,
  { verity, payload, metacopy }: DecodedXattrs,
): Content {
  const { size, layout, nid } = inode;
  if (layout === LAYOUT_CHUNK) {
    checkChunks(view, inode, version === 2 ? Number(verity !== undefined) : undefined);
    return { kind: 'external', size, verity, payload: payloadBesides(verity, payload), location: undefined };
  }
  if (metacopy || payload !== undefined) throw badInode(nid, 'has content both in the image and elsewhere');
  return size === 0 ? EMPTY_CONTENT : { kind: 'inline', bytes: readWhole(view, inode) };
}

/**
 * Checks that all chunks are holes: composefs keeps no content in chunks. `count` is how many there are; by default
 * as many as the size asks for. An array of more than a block's worth may lie anywhere and is not looked at.
 */
function checkChunks(view: ImageView, inode: ErofsInode, count: number | undefined): void {
  const { union, size, nid, tailOffset } = inode;
  if ((union & CHUNK_INDEXES) !== 0) throw badInode(nid, 'has chunk indexes, which composefs does not use');
  const bits = (union & CHUNK_BITS_MASK) + BLOCK_BITS;
  const chunks = count ?? Math.ceil(size / 2 ** bits);
  if (chunks > CHUNKS_IN_PLACE) return;
  const array = readBytes(view, tailOffset, chunks * CHUNK_ENTRY_SIZE, 'EROFS_BAD_INODE', `inode ${nid}`);
  for (let at = 0; at < array.length; at += CHUNK_ENTRY_SIZE)
    if (readU32(array, at) !== CHUNK_HOLE) throw badInode(nid, 'has a chunk that is no hole');
}

function readTarget(view: ImageView, inode: ErofsInode): ByteString {
  const { size, nid } = inode;
  if (size === 0 || size > LIMITS.pathBytes) throw badInode(nid, 'is a symlink with no valid length');
  const target = fromBytes(readWhole(view, inode));
  if (target.includes('\0')) throw badInode(nid, 'is a symlink to a name with a NUL byte');
  return target;
}

/** Major and minor of the low 32 bits of Linux' `st_rdev`. */
function splitDevice(rdev: number): Pick<Device, 'major' | 'minor'> {
  return { major: (rdev >>> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00) };
}
