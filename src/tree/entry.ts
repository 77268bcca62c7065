/**
 * What is kept of a layer once it was read: its entries in tar order, each with content already measured. Plain data
 * that can cross a thread or be stored in a cache.
 */
import type { ByteString } from '../bytes/byte-string.ts';
import type { Timestamp, Xattrs } from '../bytes/stat.ts';
import type { Content } from './tree.ts';

/** Kinds of entry a tar can hold. */
export type LayerEntryType =
  | 'regular'
  | 'directory'
  | 'symlink'
  | 'hardlink'
  | 'character'
  | 'block'
  | 'fifo';

/** One tar entry, decoded, names as they stand in the tar. */
export interface LayerEntry {
  readonly type: LayerEntryType;
  /** Name as in the tar: may start with `./` or `/`, may end in `/`. */
  readonly path: ByteString;
  /** Target of a symlink or hard link, else empty. */
  readonly linkTarget: ByteString;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: Timestamp;
  readonly xattrs: Xattrs;
  /** Device numbers; 0 for anything that is no device. */
  readonly major: number;
  readonly minor: number;
  /** Content of a regular file; absent for all else. */
  readonly content: Content | undefined;
  /** Whether the tar stored it sparsely. */
  readonly sparse: boolean;
  /** Offset of the entry's first header block in the uncompressed tar. */
  readonly offset: number;
  /** How hosts read the entry where they read it in another way; absent for nearly every entry. */
  readonly hostReading?: HostReading | undefined;
}

/** A host's reading of an entry; see `tar/host-reading.ts`. */
export interface HostReading {
  /** Why it refuses the entry. */
  readonly refused: string | undefined;
  /** Whether it takes a directory for an empty file. */
  readonly isFile: boolean;
  readonly xattrs: Xattrs;
}
