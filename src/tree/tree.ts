/**
 * The model that everything meets in: one file tree, as plain objects.
 *
 * A directory maps names to nodes; a hard link is the same leaf object under several names. Order of the map is
 * insignificant: whoever needs an order walks with `walk.ts`, by bytes. Nothing here knows where a tree came from
 * or what will be made of it.
 */
import type { ByteString } from '../bytes/byte-string.ts';
import type { VerityDigest } from '../bytes/digest.ts';
import { EPOCH, type Extent, NO_XATTRS, type Timestamp, type Xattrs } from '../bytes/stat.ts';

/** What every inode has. `mode` holds permission bits only (0 to 0o7777); owners are 0 to 2^32-1. */
export interface Metadata {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: Timestamp;
  readonly xattrs: Xattrs;
}

/**
 * Where the bytes of a file can be read again: an index into the table of content sources that travels beside the
 * tree, and extents in ascending order. What no extent covers is zeros.
 */
export interface ContentLocation {
  readonly source: number;
  readonly extents: readonly Extent[];
}

/** Content small enough to live in the image and in memory. */
export interface InlineContent {
  readonly kind: 'inline';
  readonly bytes: Uint8Array;
}

/** Content that lives outside the image, named by its fs-verity digest. */
export interface ExternalContent {
  readonly kind: 'external';
  /** Bytes, a safe integer. */
  readonly size: number;
  /** Absent in trees whose contents nobody asked to be measured, or that were read from a dumpfile or image that has none. */
  readonly verity: VerityDigest | undefined;
  /** Backing path as a dumpfile gives it; absent: derived from the digest. */
  readonly payload: ByteString | undefined;
  /** Absent in trees that were read from a manifest without the content. */
  readonly location: ContentLocation | undefined;
}

/** Content of a regular file. */
export type Content = InlineContent | ExternalContent;

/**
 * Content of at most this many bytes is stored in the image itself, by both composefs projects.
 * Changing this changes digests.
 */
export const INLINE_CONTENT_MAX = 64;

export interface Directory {
  readonly type: 'directory';
  metadata: Metadata;
  readonly children: Map<ByteString, Node>;
}

export interface RegularFile {
  readonly type: 'regular';
  metadata: Metadata;
  content: Content;
}

export interface Symlink {
  readonly type: 'symlink';
  metadata: Metadata;
  readonly target: ByteString;
}

/** A device node; `major` and `minor` as Linux counts them (12 and 20 bits on disk). 0:0 character = whiteout. */
export interface Device {
  readonly type: 'character' | 'block';
  metadata: Metadata;
  readonly major: number;
  readonly minor: number;
}

export interface Special {
  readonly type: 'fifo' | 'socket';
  metadata: Metadata;
}

/** Everything but a directory. The same object under two names is one inode with two hard links. */
export type Leaf = RegularFile | Symlink | Device | Special;

export type Node = Directory | Leaf;

export type FileType = Node['type'];

/** File-type bits of `st_mode` for each type (`<linux/stat.h>`). */
export const TYPE_BITS: Readonly<Record<FileType, number>> = {
  directory: 0o040000,
  regular: 0o100000,
  symlink: 0o120000,
  character: 0o020000,
  block: 0o060000,
  fifo: 0o010000,
  socket: 0o140000,
};

/** An empty directory with the given metadata. */
export function newDirectory(metadata: Metadata): Directory {
  return { type: 'directory', metadata, children: new Map() };
}

/** Metadata of a directory that no input describes: 0755, root, the epoch. */
export const DEFAULT_DIRECTORY_METADATA: Metadata = {
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtime: EPOCH,
  xattrs: NO_XATTRS,
};

/** Bytes of a regular file's content. */
export function contentSize(content: Content): number {
  return content.kind === 'inline' ? content.bytes.length : content.size;
}

/** Content without bytes. */
export const EMPTY_CONTENT: InlineContent = { kind: 'inline', bytes: new Uint8Array(0) };

/** Whether a node is the overlayfs whiteout, a character device 0:0. */
export function isWhiteoutDevice(node: Node): boolean {
  return node.type === 'character' && node.major === 0 && node.minor === 0;
}
