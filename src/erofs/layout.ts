/**
 * Where everything of an image lies: sizes, offsets, block numbers and the shared xattr table, computed before a byte
 * is written. Changing anything here changes digests.
 */
import type { Timestamp } from '../bytes/stat.ts';
import { PlanishError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import type { Metadata } from '../tree/tree.ts';
import type { CollectedNodes } from './collect.ts';
import { measureDirectory } from './dirents.ts';
import {
  BLOCK_SIZE,
  CHUNK_ENTRY_SIZE,
  COMPACT_INODE,
  EXTENDED_INODE,
  INODES_START,
  ROOT_NID_LIMIT,
  SLOT_SIZE,
  TAIL_MAX,
  XATTR_ALIGN,
  XATTR_SHARED_MAX,
} from './format.ts';
import type { ImageNode } from './nodes.ts';
import type { PairTable } from './pairs.ts';
import type { RewriteOptions } from './rewrite.ts';
import { bodySize } from './xattrs.ts';

/** An image before it is written. */
export interface ImageLayout {
  /** Inodes in order, root first, each with its place. */
  readonly nodes: readonly ImageNode[];
  /** The shared table in order. */
  readonly shared: readonly number[];
  /** Offset of the shared table, a multiple of 32. */
  readonly sharedStart: number;
  /** Block that shared ids count from. */
  readonly xattrBlock: number;
  /** Time of the superblock and of all compact inodes. */
  readonly buildTime: Timestamp;
  /** Bytes of the image, a multiple of 4096. */
  readonly size: number;
}

/** Rounds a safe integer up to a multiple of a power of two below 2^31. */
function roundUp(value: number, unit: number): number {
  return value + (-value & (unit - 1));
}

/** Most shared ids of one inode: C goes on with own entries after 128, composefs-rs has no cap. */
export function sharedLimit({ dialect, version }: RewriteOptions): number {
  return dialect === 'c' && version !== 2 ? XATTR_SHARED_MAX : Number.POSITIVE_INFINITY;
}

/** Lays out an image. Throws `UNREPRESENTABLE` for what the format cannot say, `LIMIT_EXCEEDED` above 1 GiB. */
export function layOut({ nodes, pool }: CollectedNodes, options: RewriteOptions): ImageLayout {
  const v2 = options.version === 2;
  checkAllMetadata(nodes);
  const buildTime = v2 ? { sec: 0, nsec: 0 } : leastTime(nodes, options);
  const sharedMax = sharedLimit(options);
  let end = INODES_START;
  for (let ordinal = 0; ordinal < nodes.length; ordinal++) {
    const node = nodes[ordinal] as ImageNode;
    measure(node, pool.pairs, sharedMax);
    node.extended = v2 || needsExtended(node, buildTime);
    end = v2 ? placeVersion2(node, end) : place(node, end);
  }
  const sharedStart = roundUp(end, SLOT_SIZE);
  const shared = pool.shared();
  const xattrBlock = v2 ? 0 : Math.floor(sharedStart / BLOCK_SIZE);
  const sharedEnd = placeShared(pool.pairs, shared, sharedStart, xattrBlock * BLOCK_SIZE);
  const size = placeBlocks(nodes, roundUp(sharedEnd, BLOCK_SIZE));
  checkRoot(nodes[0] as ImageNode);
  return { nodes, shared, sharedStart, xattrBlock, buildTime, size };
}

/** Least time of all inodes. composefs-rs compares seconds without sign: times before 1970 come last there. */
function leastTime(nodes: readonly ImageNode[], { dialect }: RewriteOptions): Timestamp {
  const rank = ({ sec }: Timestamp) => (dialect === 'rs' && sec < 0 ? sec + 2 ** 64 : sec);
  let least = (nodes[0] as ImageNode).metadata.mtime;
  for (let ordinal = 1; ordinal < nodes.length; ordinal++) {
    const { mtime } = (nodes[ordinal] as ImageNode).metadata;
    if (mtime === least) continue;
    const order = rank(mtime) - rank(least) || mtime.sec - least.sec;
    if (order < 0 || (order === 0 && mtime.nsec < least.nsec)) least = mtime;
  }
  return least;
}

const WORD_MAX = 0xffffffff;

/** Neighbours often share theirs. */
function checkAllMetadata(nodes: readonly ImageNode[]): void {
  let last: Metadata | undefined;
  for (let ordinal = 0; ordinal < nodes.length; ordinal++) {
    const { metadata } = nodes[ordinal] as ImageNode;
    if (metadata === last) continue;
    checkMetadata(metadata);
    last = metadata;
  }
}

/** Numbers that would be cut when written are refused. */
function checkMetadata({ mode, uid, gid, mtime }: Metadata): void {
  const { sec, nsec } = mtime;
  const inRange = mode <= 0o7777 && uid <= WORD_MAX && gid <= WORD_MAX && nsec <= WORD_MAX;
  if (inRange && mode >= 0 && uid >= 0 && gid >= 0 && nsec >= 0 && Number.isSafeInteger(sec)) return;
  throw new PlanishError('UNREPRESENTABLE', 'a mode, owner or time is out of the range of an EROFS inode', {
    actual: `mode ${mode}, owner ${uid}:${gid}, time ${sec}.${nsec}`,
  });
}

/** Size of the xattr body, blocks and tail before placement. */
function measure(node: ImageNode, pairs: PairTable, sharedMax: number): void {
  node.xattrSize = bodySize(pairs, node.xattrs, sharedMax);
  if (node.entries !== undefined) {
    const { blocks, tail } = measureDirectory(node.entries.names);
    node.blocks = blocks;
    node.tail = tail;
    node.size = blocks * BLOCK_SIZE + tail;
  } else if (node.chunks >= 0) {
    node.tail = node.chunks * CHUNK_ENTRY_SIZE;
  } else if (node.type === 'symlink') {
    node.tail = node.size;
  } else if (node.data !== undefined) {
    const tail = node.size % BLOCK_SIZE;
    node.blocks = Math.floor(node.size / BLOCK_SIZE) + (tail > TAIL_MAX ? 1 : 0);
    node.tail = tail > TAIL_MAX ? 0 : tail;
  }
}

/** Whether something of an inode does not fit the compact form. */
function needsExtended({ metadata, nlink, size }: ImageNode, buildTime: Timestamp): boolean {
  const { uid, gid, mtime } = metadata;
  if (mtime.sec !== buildTime.sec || mtime.nsec !== buildTime.nsec) return true;
  return nlink > 0xffff || uid > 0xffff || gid > 0xffff || size > 0xffffffff;
}

/** Bytes of an inode with its xattrs. */
function headSize(node: ImageNode): number {
  return (node.extended ? EXTENDED_INODE.size : COMPACT_INODE.size) + node.xattrSize;
}

/** Places an inode of v0 and v1 at or after `end`; returns the end of its tail. */
function place(node: ImageNode, end: number): number {
  const start = roundUp(end, SLOT_SIZE);
  node.offset = node.type === 'symlink' ? placeSymlink(node, start) : placeOther(node, start);
  return node.offset + headSize(node) + node.tail;
}

/** A symlink lies in one block with inode and xattrs, or its target gets a block: kernels before 6.12 need it. */
function placeSymlink(node: ImageNode, start: number): number {
  const total = headSize(node) + node.tail;
  const crosses = Math.floor(start / BLOCK_SIZE) !== Math.floor((start + total - 1) / BLOCK_SIZE);
  if (total >= BLOCK_SIZE) {
    node.blocks = 1;
    node.tail = 0;
  }
  return crosses ? roundUp(start, BLOCK_SIZE) : start;
}

/** A tail lies in one block; the inode and xattrs before it need not. */
function placeOther(node: ImageNode, start: number): number {
  const tailAt = start + headSize(node);
  const remain = BLOCK_SIZE - (tailAt % BLOCK_SIZE);
  if (remain >= node.tail) return start;
  const moved = roundUp(remain, SLOT_SIZE);
  if (node.tail <= BLOCK_SIZE - ((tailAt + moved) % BLOCK_SIZE)) return start + moved;
  node.blocks++;
  node.tail = 0;
  return roundUp(start, BLOCK_SIZE);
}

/** Places an inode of version 2. A tail that ends exactly with a block is moved as well, as composefs-rs does. */
function placeVersion2(node: ImageNode, end: number): number {
  let start = roundUp(end, SLOT_SIZE);
  const head = headSize(node);
  if (node.tail > 0 && node.chunks < 0) {
    const last = start + head - 1;
    const behind = start + head + (node.size % BLOCK_SIZE);
    if (Math.floor(last / BLOCK_SIZE) !== Math.floor(behind / BLOCK_SIZE)) {
      start = roundUp(start + BLOCK_SIZE - (last % BLOCK_SIZE), SLOT_SIZE);
    }
  }
  node.offset = start;
  return roundUp(start + head + node.tail, SLOT_SIZE);
}

/** Numbers the shared pairs from the byte `origin` on; returns the end of the table. */
function placeShared(
  { sharedIds, sizes }: PairTable,
  shared: readonly number[],
  start: number,
  origin: number,
): number {
  let at = start;
  for (const pair of shared) {
    sharedIds[pair] = (at - origin) / XATTR_ALIGN;
    at += sizes[pair] as number;
  }
  return at;
}

/** Gives data blocks in inode order; returns the size of the image. */
function placeBlocks(nodes: readonly ImageNode[], start: number): number {
  let block = start / BLOCK_SIZE;
  for (let ordinal = 0; ordinal < nodes.length; ordinal++) {
    const node = nodes[ordinal] as ImageNode;
    if (node.blocks === 0) continue;
    node.firstBlock = block;
    block += node.blocks;
  }
  const size = block * BLOCK_SIZE;
  if (size <= LIMITS.erofsBytes) return size;
  throw new PlanishError('LIMIT_EXCEEDED', 'the image would be too large for its readers', {
    actual: size,
    expected: LIMITS.erofsBytes,
    limit: 'erofsBytes',
  });
}

function checkRoot(root: ImageNode): void {
  const nid = root.offset / SLOT_SIZE;
  if (nid < ROOT_NID_LIMIT) return;
  throw new PlanishError('UNREPRESENTABLE', 'the root directory lies too far into the image', {
    path: '/',
    actual: nid,
  });
}
