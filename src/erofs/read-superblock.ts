/** The composefs header and the EROFS superblock of an image, checked for what composefs writes. */
import type { Timestamp } from '../bytes/stat.ts';
import { PlanishError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import {
  BLOCK_BITS,
  BLOCK_SIZE,
  FEATURE_COMPAT,
  HEADER,
  HEADER_FLAG_ACL,
  HEADER_MAGIC,
  HEADER_VERSION,
  type ImageVersion,
  INCOMPAT_CHUNKED_FILE,
  INODES_START,
  ROOT_NID_LIMIT,
  SUPERBLOCK,
  SUPERBLOCK_MAGIC,
} from './format.ts';
import { type ImageView, readBytes, readI64, readU16, readU32, readU64 } from './image-view.ts';

/** What the head of an image says. */
export interface Superblock {
  readonly version: ImageVersion;
  /** Whether an inode has an ACL, as the header says; without, images are mounted with `noacl`. */
  readonly acl: boolean;
  readonly rootNid: number;
  /** Time of every compact inode. */
  readonly buildTime: Timestamp;
  /** Offset in the image that ids of shared attributes count from. */
  readonly xattrStart: number;
}

/**
 * Reads the first 1152 bytes. Throws `EROFS_BAD_SUPERBLOCK` for anything but a composefs image of version 0, 1 or 2,
 * `LIMIT_EXCEEDED` above `erofsBytes`.
 */
export function readSuperblock(view: ImageView): Superblock {
  if (view.size > LIMITS.erofsBytes) throw tooLarge(view.size);
  const head = readBytes(view, 0, INODES_START, 'EROFS_BAD_SUPERBLOCK', 'the superblock');
  const { version, acl } = readHeader(head);
  const superblock = head.subarray(SUPERBLOCK.offset);
  checkSuperblock(superblock, view.size);
  const buildTime = {
    sec: readI64(superblock, SUPERBLOCK.buildTime),
    nsec: readU32(superblock, SUPERBLOCK.buildTimeNsec),
  };
  const xattrStart = readU32(superblock, SUPERBLOCK.xattrBlock) * BLOCK_SIZE;
  check(Number.isSafeInteger(buildTime.sec), 'the build time is beyond 2^53', SUPERBLOCK.buildTime);
  check(xattrStart < view.size, 'the shared attributes lie outside the image', SUPERBLOCK.xattrBlock);
  const rootNid = readU16(superblock, SUPERBLOCK.rootNid);
  return { version, acl, rootNid, buildTime, xattrStart };
}

function readHeader(head: Uint8Array): Pick<Superblock, 'version' | 'acl'> {
  checkHeader(readU32(head, HEADER.magic) === HEADER_MAGIC, 'this is no composefs image', HEADER.magic);
  const headerVersion = readU32(head, HEADER.headerVersion);
  checkHeader(headerVersion === HEADER_VERSION, 'the header version is unknown', HEADER.headerVersion);
  const flags = readU32(head, HEADER.flags);
  checkHeader((flags & ~HEADER_FLAG_ACL) === 0, 'the header has unknown flags', HEADER.flags);
  const version = readU32(head, HEADER.composefsVersion);
  if (version === 0 || version === 1 || version === 2) return { version, acl: flags === HEADER_FLAG_ACL };
  throw new PlanishError('EROFS_BAD_SUPERBLOCK', 'the composefs version is not 0, 1 or 2', {
    offset: HEADER.composefsVersion,
    actual: version,
  });
}

function checkSuperblock(superblock: Uint8Array, size: number): void {
  const { magic, featureCompat, blockBits, rootNid, blocks } = SUPERBLOCK;
  check(readU32(superblock, magic) === SUPERBLOCK_MAGIC, 'this is no EROFS image', magic);
  const compat = readU32(superblock, featureCompat) & ~FEATURE_COMPAT;
  check(compat === 0, 'the image has unknown compatible features', featureCompat);
  check(superblock[blockBits] === BLOCK_BITS, 'the block size is not 4096', blockBits);
  check(readU16(superblock, rootNid) < ROOT_NID_LIMIT, 'the root has no valid number', rootNid);
  const length = readU32(superblock, blocks) * BLOCK_SIZE;
  check(length === size, `the image says it has ${length} bytes, but has ${size}`, blocks);
  checkUnused(superblock);
}

/** Features that composefs never uses: compression, further devices, packed inodes, name prefixes, … */
function checkUnused(superblock: Uint8Array): void {
  const incompat = readU32(superblock, SUPERBLOCK.featureIncompat) & ~INCOMPAT_CHUNKED_FILE;
  check(incompat === 0, 'the image needs features that composefs has not', SUPERBLOCK.featureIncompat);
  const { metaBlock, extensionSlots, compression, extraDevices, packedNid } = SUPERBLOCK;
  check(readU32(superblock, metaBlock) === 0, 'inodes do not count from the start', metaBlock);
  check(superblock[extensionSlots] === 0, 'the superblock is extended', extensionSlots);
  check(readU16(superblock, compression) === 0, 'the image is compressed', compression);
  check(readU16(superblock, extraDevices) === 0, 'the image spans several devices', extraDevices);
  check(readU64(superblock, packedNid) === 0, 'the image has a packed inode', packedNid);
  const { directoryBlockBits, xattrPrefixCount } = SUPERBLOCK;
  check(superblock[directoryBlockBits] === 0, 'directory blocks are not 4096 bytes', directoryBlockBits);
  check(superblock[xattrPrefixCount] === 0, 'the image has name prefixes of its own', xattrPrefixCount);
}

function check(ok: boolean, message: string, field: number): void {
  checkHeader(ok, message, SUPERBLOCK.offset + field);
}

function checkHeader(ok: boolean, message: string, offset: number): void {
  if (!ok) throw new PlanishError('EROFS_BAD_SUPERBLOCK', message, { offset });
}

function tooLarge(size: number): PlanishError {
  return new PlanishError('LIMIT_EXCEEDED', 'the image passes the limit erofsBytes', {
    limit: 'erofsBytes',
    expected: LIMITS.erofsBytes,
    actual: size,
  });
}
