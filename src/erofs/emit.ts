/** Writing a laid-out image: every byte that is not zero, into one buffer. */
import type { ByteString } from '../bytes/byte-string.ts';
import { TYPE_BITS } from '../tree/tree.ts';
import { type ImageBuffer, putHex, putInt64, putText } from './bytes-out.ts';
import { chunkBits } from './chunks.ts';
import { putDirectory } from './dirents.ts';
import {
  BLOCK_BITS,
  BLOCK_SIZE,
  CHUNK_BITS_MASK,
  CHUNK_ENTRY_SIZE,
  CHUNK_HOLE,
  COMPACT_INODE,
  EXTENDED_INODE,
  FORMAT_EXTENDED,
  FORMAT_LAYOUT_SHIFT,
  LAYOUT_CHUNK,
  LAYOUT_INLINE,
  LAYOUT_PLAIN,
  METACOPY,
  METACOPY_HASH_ID,
  SLOT_SIZE,
  XATTR_BODY,
  XATTR_ENTRY,
  XATTR_ID_SIZE,
} from './format.ts';
import type { ImageNode } from './nodes.ts';
import type { PairTable, XattrName } from './pairs.ts';
import { type XattrList, xattrCount } from './xattrs.ts';

/** What the bytes of an inode depend on beside the inode. */
export interface EmitContext {
  readonly version2: boolean;
  readonly pairs: PairTable;
  /** Most shared ids of one inode. */
  readonly sharedMax: number;
  /** The xattr body of the first inode that {@link isLoneObject}; the others' differ from it in the digits alone. */
  objectBody: Uint8Array | undefined;
}

/** For one image. */
export function newEmitContext(pairs: PairTable, version2: boolean, sharedMax: number): EmitContext {
  return { version2, pairs, sharedMax, objectBody: undefined };
}

/** Writes an inode, its xattrs, tail and data blocks. `ordinal`: its place in the order of inodes. */
export function putNode(out: ImageBuffer, node: ImageNode, ordinal: number, context: EmitContext): void {
  const ino = context.version2 ? node.offset / SLOT_SIZE : ordinal;
  const head = node.extended ? putExtended(out, node, ino, context) : putCompact(out, node, ino, context);
  const xattrsAt = node.offset + head;
  if (node.xattrSize > 0) putXattrs(out, xattrsAt, node, context);
  const tailAt = xattrsAt + node.xattrSize;
  const blocksAt = node.firstBlock * BLOCK_SIZE;
  if (node.entries !== undefined) putDirectory(out, node, blocksAt, tailAt);
  else if (node.chunks >= 0) putChunks(out, node, tailAt, blocksAt);
  else if (typeof node.data === 'string') putText(out, node.blocks > 0 ? blocksAt : tailAt, node.data);
  else if (node.data !== undefined) putContent(out, node, node.data, blocksAt, tailAt);
}

/** Content of more than the whole blocks goes on in the tail. */
function putContent(
  out: ImageBuffer,
  node: ImageNode,
  data: Uint8Array,
  blocksAt: number,
  tailAt: number,
): void {
  const inBlocks = node.blocks * BLOCK_SIZE;
  if (inBlocks > 0) out.bytes.set(data.subarray(0, inBlocks), blocksAt);
  if (data.length > inBlocks) out.bytes.set(data.subarray(inBlocks), tailAt);
}

/** A chunk array is holes only; one that was moved out fills its block. */
function putChunks(out: ImageBuffer, node: ImageNode, tailAt: number, blocksAt: number): void {
  if (node.blocks > 0) out.bytes.fill(0xff, blocksAt, blocksAt + BLOCK_SIZE);
  for (let at = tailAt; at < tailAt + node.tail; at += CHUNK_ENTRY_SIZE) {
    out.view.setUint32(at, CHUNK_HOLE, true);
  }
}

function formatOf(node: ImageNode): number {
  const inline = node.tail > 0 ? LAYOUT_INLINE : LAYOUT_PLAIN;
  const layout = node.chunks >= 0 ? LAYOUT_CHUNK : inline;
  return (layout << FORMAT_LAYOUT_SHIFT) | (node.extended ? FORMAT_EXTENDED : 0);
}

/** `i_u`: chunk format, first data block, or device number. */
function unionOf(node: ImageNode, { version2 }: EmitContext): number {
  if (node.chunks < 0) return node.blocks > 0 ? node.firstBlock : node.device;
  const bits = version2 ? CHUNK_BITS_MASK : chunkBits(node.size) - BLOCK_BITS;
  // Only the upper half of a moved-out array's block number is kept: what the other writers do, and digests need.
  return ((node.firstBlock & 0xffff0000) | bits) >>> 0;
}

/** `i_size`: the size attribute of devices and the like decides the form of the inode, but is not written. */
function sizeOf(node: ImageNode): number {
  return node.entries !== undefined || node.type === 'regular' || node.type === 'symlink' ? node.size : 0;
}

function putCompact(out: ImageBuffer, node: ImageNode, ino: number, context: EmitContext): number {
  const { view } = out;
  const at = node.offset;
  const { uid, gid, mode } = node.metadata;
  view.setUint16(at + COMPACT_INODE.format, formatOf(node), true);
  view.setUint16(at + COMPACT_INODE.xattrCount, xattrCount(node.xattrSize), true);
  view.setUint16(at + COMPACT_INODE.mode, TYPE_BITS[node.type] | mode, true);
  view.setUint16(at + COMPACT_INODE.nlink, node.nlink, true);
  view.setUint32(at + COMPACT_INODE.fileSize, sizeOf(node), true);
  view.setUint32(at + COMPACT_INODE.union, unionOf(node, context), true);
  view.setUint32(at + COMPACT_INODE.ino, ino, true);
  view.setUint16(at + COMPACT_INODE.uid, uid, true);
  view.setUint16(at + COMPACT_INODE.gid, gid, true);
  return COMPACT_INODE.size;
}

function putExtended(out: ImageBuffer, node: ImageNode, ino: number, context: EmitContext): number {
  const { view } = out;
  const at = node.offset;
  const { uid, gid, mode, mtime } = node.metadata;
  view.setUint16(at + EXTENDED_INODE.format, formatOf(node), true);
  view.setUint16(at + EXTENDED_INODE.xattrCount, xattrCount(node.xattrSize), true);
  view.setUint16(at + EXTENDED_INODE.mode, TYPE_BITS[node.type] | mode, true);
  putInt64(out, at + EXTENDED_INODE.fileSize, sizeOf(node));
  view.setUint32(at + EXTENDED_INODE.union, unionOf(node, context), true);
  view.setUint32(at + EXTENDED_INODE.ino, ino, true);
  view.setUint32(at + EXTENDED_INODE.uid, uid, true);
  view.setUint32(at + EXTENDED_INODE.gid, gid, true);
  putInt64(out, at + EXTENDED_INODE.mtime, mtime.sec);
  view.setUint32(at + EXTENDED_INODE.mtimeNsec, context.version2 ? 0 : mtime.nsec, true);
  view.setUint32(at + EXTENDED_INODE.nlink, node.nlink, true);
  return EXTENDED_INODE.size;
}

/** The xattr body of an inode: nearly every file outside the image has the same but for the digits of its digest. */
function putXattrs(
  out: ImageBuffer,
  at: number,
  { xattrs, xattrSize }: ImageNode,
  context: EmitContext,
): void {
  if (!isLoneObject(context.pairs, xattrs)) {
    putBody(out, at, xattrs, context);
  } else if (context.objectBody === undefined) {
    putBody(out, at, xattrs, context);
    context.objectBody = out.bytes.slice(at, at + xattrSize);
  } else {
    out.bytes.set(context.objectBody, at);
    putDigits(out, at, context.pairs, xattrs);
  }
}

/** Whether a list is the two pairs of one digest, which no other inode has. */
function isLoneObject({ forms, values, uses }: PairTable, list: XattrList): boolean {
  if (list.length !== 2) return false;
  const [metacopy, redirect] = list as [number, number];
  if (forms[metacopy] !== 'metacopy' || forms[redirect] !== 'digest-path') return false;
  return uses[metacopy] === 1 && uses[redirect] === 1 && values[metacopy] === values[redirect];
}

/** Writes the digits of the digest into the body of such an inode. */
function putDigits(out: ImageBuffer, at: number, { names, values, sizes }: PairTable, list: XattrList): void {
  const [metacopy, redirect] = list as [number, number];
  const digest = values[metacopy] as ByteString;
  const first = at + XATTR_BODY.size + XATTR_ENTRY.size;
  const second = first + (sizes[metacopy] as number);
  putHex(out, first + (names[metacopy] as XattrName).suffix.length + METACOPY.size, digest);
  putObjectPath(out, second + (names[redirect] as XattrName).suffix.length, digest);
}

/** Any xattr body: filter of all names, ids of shared pairs, then the other pairs. */
function putBody(out: ImageBuffer, at: number, list: XattrList, context: EmitContext): void {
  const { names, uses, sharedIds } = context.pairs;
  let filter = 0;
  let shared = 0;
  let idAt = at + XATTR_BODY.size;
  for (let index = 0; index < list.length; index++) {
    const pair = list[index] as number;
    filter |= (names[pair] as XattrName).filterBit;
    if ((uses[pair] as number) < 2 || shared >= context.sharedMax) continue;
    shared++;
    out.view.setUint32(idAt, sharedIds[pair] as number, true);
    idAt += XATTR_ID_SIZE;
  }
  out.view.setUint32(at + XATTR_BODY.filter, ~filter, true);
  out.view.setUint8(at + XATTR_BODY.sharedCount, shared);
  putOwnEntries(out, idAt, list, context);
}

function putOwnEntries(
  out: ImageBuffer,
  start: number,
  list: XattrList,
  { pairs, sharedMax }: EmitContext,
): void {
  let at = start;
  let shared = 0;
  for (let index = 0; index < list.length; index++) {
    const pair = list[index] as number;
    if ((pairs.uses[pair] as number) > 1 && shared < sharedMax) shared++;
    else at = putEntry(out, at, pairs, pair);
  }
}

/** Writes the entry of a row; returns the offset behind it and its padding. */
export function putEntry(out: ImageBuffer, at: number, pairs: PairTable, row: number): number {
  const { suffix, prefixIndex } = pairs.names[row] as XattrName;
  out.view.setUint8(at + XATTR_ENTRY.suffixLength, suffix.length);
  out.view.setUint8(at + XATTR_ENTRY.prefixIndex, prefixIndex);
  out.view.setUint16(at + XATTR_ENTRY.valueLength, pairs.valueLength(row), true);
  putValue(out, putText(out, at + XATTR_ENTRY.size, suffix), pairs, row);
  return at + (pairs.sizes[row] as number);
}

const SLASH = '/' as ByteString;
const SLASH_CODE = 0x2f;

function putValue(out: ImageBuffer, at: number, { forms, values }: PairTable, row: number): void {
  const value = values[row] as ByteString;
  switch (forms[row]) {
    case 'bytes':
      putText(out, at, value);
      break;
    case 'path':
      putText(out, putText(out, at, SLASH), value);
      break;
    case 'digest-path':
      putObjectPath(out, at, value);
      break;
    case 'metacopy':
      if (value.length > 0) putMetacopy(out, at, value);
  }
}

function putObjectPath({ bytes }: ImageBuffer, at: number, digest: ByteString): void {
  bytes[at] = SLASH_CODE;
  bytes[at + 1] = digest.charCodeAt(0);
  bytes[at + 2] = digest.charCodeAt(1);
  bytes[at + 3] = SLASH_CODE;
  for (let index = 2; index < digest.length; index++) bytes[at + 2 + index] = digest.charCodeAt(index);
}

function putMetacopy(out: ImageBuffer, at: number, digest: ByteString): void {
  const algorithm = digest.length === 64 ? 'sha256' : 'sha512';
  out.view.setUint8(at + METACOPY.length, METACOPY.size + digest.length / 2);
  out.view.setUint8(at + METACOPY.hashId, METACOPY_HASH_ID[algorithm]);
  putHex(out, at + METACOPY.size, digest);
}
