/**
 * The composefs EROFS format: numbers and field offsets, nothing else. Every integer is little-endian. The writer and
 * the reader share this file, so a number here means the same to both; changing any of them changes digests.
 *
 * Sources: `erofs_fs.h` of Linux (EROFS on-disk format), `lcfs-erofs.h` of composefs.
 */
import { type ByteString, byteString } from '../bytes/byte-string.ts';

/** The three byte formats; the number is the header's `composefs_version`. */
export type ImageVersion = 0 | 1 | 2;

/** Bytes of a block, and of a page of the hosts that mount images. */
export const BLOCK_SIZE = 4096;
/** log2 of {@link BLOCK_SIZE}, as the superblock and chunk bits count. */
export const BLOCK_BITS = 12;
/** Bytes of an inode slot: an inode starts on a multiple of it, and that multiple is its number (nid). */
export const SLOT_SIZE = 32;

/** The composefs header: 32 bytes at offset 0. */
export const HEADER = {
  size: 32,
  /** u32 */
  magic: 0,
  /** u32, always {@link HEADER_VERSION} */
  headerVersion: 4,
  /** u32, see {@link HEADER_FLAG_ACL} */
  flags: 8,
  /** u32: 0, 1 or 2 */
  composefsVersion: 12,
} as const;
/** `magic` of the composefs header. */
export const HEADER_MAGIC = 0xd078629a;
/** The one known version of the composefs header itself. */
export const HEADER_VERSION = 1;
/** Flag: some inode has a POSIX ACL. No other flag is defined. */
export const HEADER_FLAG_ACL = 1;

/** The EROFS superblock: 128 bytes at offset 1024; offsets are inside it. */
export const SUPERBLOCK = {
  offset: 1024,
  size: 128,
  /** u32 */
  magic: 0,
  /** u32, 0: the checksum feature is off */
  checksum: 4,
  /** u32 */
  featureCompat: 8,
  /** u8, always {@link BLOCK_BITS} */
  blockBits: 12,
  /** u8, 0 */
  extensionSlots: 13,
  /** u16, below 65535 */
  rootNid: 14,
  /** u64, inodes in the image */
  inodes: 16,
  /** u64 in two's complement, seconds; the time of every compact inode */
  buildTime: 24,
  /** u32 */
  buildTimeNsec: 32,
  /** u32, blocks of the whole file */
  blocks: 36,
  /** u32, 0: nids count from the start of the file */
  metaBlock: 40,
  /** u32, block that shared xattr ids count from */
  xattrBlock: 44,
  /** 16 bytes, zeros */
  uuid: 48,
  /** 16 bytes, zeros */
  volumeName: 64,
  /** u32, 0 */
  featureIncompat: 80,
  /** u16 compression algorithms, 0 */
  compression: 84,
  /** u16, 0 */
  extraDevices: 86,
  /** u16, 0 */
  deviceSlot: 88,
  /** u8, 0 */
  directoryBlockBits: 90,
  /** u8, 0 */
  xattrPrefixCount: 91,
  /** u32, 0 */
  xattrPrefixStart: 92,
  /** u64, 0 */
  packedNid: 96,
} as const;
/** `magic` of the EROFS superblock. */
export const SUPERBLOCK_MAGIC = 0xe0f5e1e2;
/** Compatible feature: inode times are modification times. */
const COMPAT_MTIME = 2;
/** Compatible feature: xattr bodies start with a name filter. */
const COMPAT_XATTR_FILTER = 4;
/** What every composefs image has in `featureCompat`. */
export const FEATURE_COMPAT: number = COMPAT_MTIME | COMPAT_XATTR_FILTER;
/** Incompatible feature that a reader may meet: chunk-based files. Never written. */
export const INCOMPAT_CHUNKED_FILE = 4;
/** End of the superblock: the first inode lies here. */
export const INODES_START: number = SUPERBLOCK.offset + SUPERBLOCK.size;
/** The root's nid must be below this. */
export const ROOT_NID_LIMIT = 0xffff;

/** The compact inode: 32 bytes, no time of its own. */
export const COMPACT_INODE = {
  size: 32,
  /** u16 */
  format: 0,
  /** u16, 0 or (bytes of the xattr body - 12) / 4 + 1 */
  xattrCount: 2,
  /** u16, type and permission bits */
  mode: 4,
  /** u16 */
  nlink: 6,
  /** u32 */
  fileSize: 8,
  /** u32: first data block, chunk format or device number */
  union: 16,
  /** u32 */
  ino: 20,
  /** u16 */
  uid: 24,
  /** u16 */
  gid: 26,
} as const;

/** The extended inode: 64 bytes. */
export const EXTENDED_INODE = {
  size: 64,
  /** u16 */
  format: 0,
  /** u16, as in {@link COMPACT_INODE} */
  xattrCount: 2,
  /** u16 */
  mode: 4,
  /** u64 */
  fileSize: 8,
  /** u32, as in {@link COMPACT_INODE} */
  union: 16,
  /** u32 */
  ino: 20,
  /** u32 */
  uid: 24,
  /** u32 */
  gid: 28,
  /** u64 in two's complement, seconds */
  mtime: 32,
  /** u32 */
  mtimeNsec: 40,
  /** u32 */
  nlink: 44,
} as const;

/** Bit 0 of an inode's `format`: the inode is extended. */
export const FORMAT_EXTENDED = 1;
/** The data layout stands above bit 0 of `format`. */
export const FORMAT_LAYOUT_SHIFT = 1;
/** Bits of the data layout once shifted down. */
export const FORMAT_LAYOUT_MASK = 7;
/** Data layout: whole blocks only. */
export const LAYOUT_PLAIN = 0;
/** Data layout: whole blocks, then a tail right after the inode and its xattrs. */
export const LAYOUT_INLINE = 2;
/** Data layout: an array of chunk addresses after the inode and its xattrs. */
export const LAYOUT_CHUNK = 4;

/** Bits of a chunk inode's `union` that hold log2(chunk size) - {@link BLOCK_BITS}. */
export const CHUNK_BITS_MASK = 0x1f;
/** Flag of a chunk inode's `union`: 8-byte indexes. composefs never sets it. */
export const CHUNK_INDEXES = 0x20;
/** Largest log2(chunk size). */
export const CHUNK_BITS_MAX = 43;
/** Bytes of one entry of a chunk array. */
export const CHUNK_ENTRY_SIZE = 4;
/** A chunk address that stands for a hole: every chunk of a composefs image. */
export const CHUNK_HOLE = 0xffffffff;

/** A directory entry: 12 bytes; names follow the last entry of a block. */
export const DIRENT = {
  size: 12,
  /** u64 */
  nid: 0,
  /** u16, from the start of the block */
  nameOffset: 8,
  /** u8, see {@link DIRENT_TYPE} */
  fileType: 10,
} as const;

/** `fileType` of a directory entry. */
export const DIRENT_TYPE = {
  regular: 1,
  directory: 2,
  character: 3,
  block: 4,
  fifo: 5,
  socket: 6,
  symlink: 7,
} as const;

/** A tail above this many bytes becomes a block of its own (directories, content in the image). */
export const TAIL_MAX = 2048;

/** The xattr body of an inode: 12 bytes, shared ids (u32 each), own entries. */
export const XATTR_BODY = {
  size: 12,
  /** u32, complement of a Bloom filter of names */
  filter: 0,
  /** u8 */
  sharedCount: 4,
} as const;
/** Bytes of a shared id. */
export const XATTR_ID_SIZE = 4;

/** An xattr entry: 4 bytes, then name suffix and value, padded to a multiple of 4. */
export const XATTR_ENTRY = {
  size: 4,
  /** u8 */
  suffixLength: 0,
  /** u8, see {@link XATTR_PREFIXES} */
  prefixIndex: 1,
  /** u16 */
  valueLength: 2,
} as const;
/** Entries are padded to a multiple of this, and shared ids count in it. */
export const XATTR_ALIGN = 4;
/** Seed of the name filter; the prefix index is added. */
export const XATTR_FILTER_SEED = 0x25bbe08f;
/** Most shared ids of one inode in C. */
export const XATTR_SHARED_MAX = 128;
/** Most that the 8-bit count of shared ids can say. */
export const XATTR_SHARED_COUNT_MAX = 255;

/** A prefix of xattr names that is stored as a number. */
export interface XattrPrefix {
  readonly index: number;
  readonly prefix: ByteString;
  /** Whether it is used in version 2 only. */
  readonly version2Only: boolean;
}
/** Prefixes in order of trial; a name with none of them has index 0 and is stored whole. */
export const XATTR_PREFIXES: readonly XattrPrefix[] = [
  { index: 1, prefix: byteString('user.'), version2Only: false },
  { index: 2, prefix: byteString('system.posix_acl_access'), version2Only: false },
  { index: 3, prefix: byteString('system.posix_acl_default'), version2Only: false },
  { index: 4, prefix: byteString('trusted.'), version2Only: false },
  { index: 5, prefix: byteString('lustre.'), version2Only: true },
  { index: 6, prefix: byteString('security.'), version2Only: false },
];

/** Names with a meaning to overlayfs or to composefs. */
export const XATTR_NAMES = {
  selinux: byteString('security.selinux'),
  aclAccess: byteString('system.posix_acl_access'),
  aclDefault: byteString('system.posix_acl_default'),
  metacopy: byteString('trusted.overlay.metacopy'),
  redirect: byteString('trusted.overlay.redirect'),
  opaque: byteString('trusted.overlay.opaque'),
  escapedWhiteout: byteString('trusted.overlay.overlay.whiteout'),
  escapedWhiteouts: byteString('trusted.overlay.overlay.whiteouts'),
  escapedOpaque: byteString('trusted.overlay.overlay.opaque'),
  userWhiteout: byteString('user.overlay.whiteout'),
  userWhiteouts: byteString('user.overlay.whiteouts'),
  userOpaque: byteString('user.overlay.opaque'),
} as const;
/** Prefix that overlayfs keeps for itself: names of the input with it are escaped. */
export const OVERLAY_PREFIX: ByteString = byteString('trusted.overlay.');
/** What {@link OVERLAY_PREFIX} becomes by escaping. */
export const OVERLAY_ESCAPED_PREFIX: ByteString = byteString('trusted.overlay.overlay.');

/** The value of `trusted.overlay.metacopy` (`ovl_metacopy` of Linux): 4 bytes, then the fs-verity digest. */
export const METACOPY = {
  size: 4,
  /** u8, 0 */
  version: 0,
  /** u8, bytes of the whole value */
  length: 1,
  /** u8, 0 */
  flags: 2,
  /** u8, see {@link METACOPY_HASH_ID} */
  hashId: 3,
} as const;
/** Hash ids of the kernel's fs-verity. */
export const METACOPY_HASH_ID = { sha256: 1, sha512: 2 } as const;

/** Names of root that v0 and v1 fill with whiteouts: `00` to `ff`. */
export const STUB_COUNT = 256;
/** `mode` of a stub: a character device 0:0 with 0644. */
export const STUB_PERMISSIONS = 0o644;
