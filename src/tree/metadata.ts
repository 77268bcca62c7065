/** Comparing and copying what every inode has. */
import type { ByteString } from '../bytes/byte-string.ts';
import { NO_XATTRS, type Timestamp, type Xattrs } from '../bytes/stat.ts';
import type { Metadata } from './tree.ts';

/** Whether two buffers hold the same bytes. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a === b || (a.length === b.length && Buffer.compare(a, b) === 0);
}

/** Whether two times are the same to the nanosecond. */
export function sameTime(a: Timestamp, b: Timestamp): boolean {
  return a.sec === b.sec && a.nsec === b.nsec;
}

/** Whether two sets of extended attributes are the same; their order does not count. */
function sameXattrs(a: Xattrs, b: Xattrs): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  for (const [name, value] of a) {
    const other = b.get(name);
    if (other === undefined || !sameBytes(value, other)) return false;
  }
  return true;
}

/** Whether two inodes have the same mode, owners, time and extended attributes. */
export function sameMetadata(a: Metadata, b: Metadata): boolean {
  if (a === b) return true;
  const sameStat = a.mode === b.mode && a.uid === b.uid && a.gid === b.gid && sameTime(a.mtime, b.mtime);
  return sameStat && sameXattrs(a.xattrs, b.xattrs);
}

/** The metadata without the attributes that `keep` refuses; the same object when it keeps all. */
export function keepXattrs(metadata: Metadata, keep: (name: ByteString) => boolean): Metadata {
  const kept = [...metadata.xattrs].filter(([name]) => keep(name));
  if (kept.length === metadata.xattrs.size) return metadata;
  return { ...metadata, xattrs: kept.length === 0 ? NO_XATTRS : new Map(kept) };
}
