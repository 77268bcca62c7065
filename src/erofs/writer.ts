/** Tree to composefs EROFS image: collect the inodes, lay them out, write them. */
import type { HashAlgorithm } from '../bytes/digest.ts';
import type { DumpFacts } from '../tree/dump-facts.ts';
import type { Directory } from '../tree/tree.ts';
import { type ImageBuffer, imageBuffer, putInt64 } from './bytes-out.ts';
import { collectNodes } from './collect.ts';
import { newEmitContext, putEntry, putNode } from './emit.ts';
import {
  BLOCK_BITS,
  BLOCK_SIZE,
  FEATURE_COMPAT,
  HEADER,
  HEADER_FLAG_ACL,
  HEADER_MAGIC,
  HEADER_VERSION,
  type ImageVersion,
  SLOT_SIZE,
  SUPERBLOCK,
  SUPERBLOCK_MAGIC,
  XATTR_NAMES,
} from './format.ts';
import type { ImageRoom } from './image-room.ts';
import { type ImageLayout, layOut, sharedLimit } from './layout.ts';
import type { ImageNode } from './nodes.ts';
import type { XattrName } from './pairs.ts';
import type { Dialect, RewriteOptions } from './rewrite.ts';
import type { XattrPool } from './xattrs.ts';

/** Version of the bytes to write, by the name it has outside this folder. */
export type FormatVersion = ImageVersion;

/** What an image is written as; all of it changes the digest. */
export interface EncodeOptions {
  readonly version: ImageVersion;
  /** Algorithm of the digests in the tree. */
  readonly algorithm: HashAlgorithm;
  /** Whose bytes to write where mkcomposefs and composefs-rs differ; default `rs`. Version 2 is always `rs`. */
  readonly dialect?: Dialect | undefined;
  /** What a dumpfile said beyond the tree; looked at in the dialect `c` only. */
  readonly facts?: DumpFacts | undefined;
  /** Where to make it; default: in memory of its own. */
  readonly room?: ImageRoom | undefined;
}

/**
 * The composefs EROFS image of a tree, equal byte for byte to what mkcomposefs 1.0.8 (`c`) or composefs-rs (`rs`)
 * writes. The result is the caller's, or that of the room that was given. Throws `UNREPRESENTABLE` for what an image cannot hold (names above 255 bytes,
 * content above 5000, digests of another algorithm, …) and `LIMIT_EXCEEDED` for an image above 1 GiB.
 */
export function encodeImage(root: Directory, options: EncodeOptions): Uint8Array {
  const { version, algorithm } = options;
  const rewrite: RewriteOptions = {
    version,
    algorithm,
    dialect: version === 2 ? 'rs' : (options.dialect ?? 'rs'),
  };
  const collected = collectNodes(root, rewrite, options.facts);
  const layout = layOut(collected, rewrite);
  const out = imageBuffer(options.room?.take(layout.size) ?? new Uint8Array(layout.size));
  putHeader(out, rewrite, collected.pool);
  putSuperblock(out, layout);
  const { pairs } = collected.pool;
  const context = newEmitContext(pairs, version === 2, sharedLimit(rewrite));
  const { nodes } = layout;
  for (let ordinal = 0; ordinal < nodes.length; ordinal++)
    putNode(out, nodes[ordinal] as ImageNode, ordinal, context);
  let at = layout.sharedStart;
  for (const pair of layout.shared) at = putEntry(out, at, pairs, pair);
  return out.bytes;
}

function putHeader({ view }: ImageBuffer, options: RewriteOptions, pool: XattrPool): void {
  view.setUint32(HEADER.magic, HEADER_MAGIC, true);
  view.setUint32(HEADER.headerVersion, HEADER_VERSION, true);
  view.setUint32(HEADER.flags, hasAcl(options, pool) ? HEADER_FLAG_ACL : 0, true);
  view.setUint32(HEADER.composefsVersion, options.version, true);
}

/** Whether the ACL flag is set: C looks at whole names, composefs-rs at prefix indexes, version 2 has no flag. */
function hasAcl({ version, dialect }: RewriteOptions, pool: XattrPool): boolean {
  if (version === 2) return false;
  for (const name of pool.usedNames()) {
    if (dialect === 'c' ? isAclName(name) : name.prefixIndex === 2 || name.prefixIndex === 3) return true;
  }
  return false;
}

function isAclName({ name }: XattrName): boolean {
  return name === XATTR_NAMES.aclAccess || name === XATTR_NAMES.aclDefault;
}

function putSuperblock(out: ImageBuffer, layout: ImageLayout): void {
  const at = SUPERBLOCK.offset;
  const { view } = out;
  const root = layout.nodes[0] as ImageNode;
  view.setUint32(at + SUPERBLOCK.magic, SUPERBLOCK_MAGIC, true);
  view.setUint32(at + SUPERBLOCK.featureCompat, FEATURE_COMPAT, true);
  view.setUint8(at + SUPERBLOCK.blockBits, BLOCK_BITS);
  view.setUint16(at + SUPERBLOCK.rootNid, root.offset / SLOT_SIZE, true);
  putInt64(out, at + SUPERBLOCK.inodes, layout.nodes.length);
  putInt64(out, at + SUPERBLOCK.buildTime, layout.buildTime.sec);
  view.setUint32(at + SUPERBLOCK.buildTimeNsec, layout.buildTime.nsec, true);
  view.setUint32(at + SUPERBLOCK.blocks, layout.size / BLOCK_SIZE, true);
  view.setUint32(at + SUPERBLOCK.xattrBlock, layout.xattrBlock, true);
}
