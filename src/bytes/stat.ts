/** The small values that tar entries, trees and images share. */
import type { ByteString } from './byte-string.ts';

/** Seconds since 1970 (may be negative) and nanoseconds 0 to 999 999 999 upwards from there. */
export interface Timestamp {
  readonly sec: number;
  readonly nsec: number;
}

/** Extended attributes by full name (`security.capability`); values are raw bytes and not to be written to. */
export type Xattrs = ReadonlyMap<ByteString, Uint8Array>;

/** A stretch of a file's content: `length` bytes that belong at `at` in the file lie at `offset` in the source. */
export interface Extent {
  readonly at: number;
  readonly offset: number;
  readonly length: number;
}

/** No extended attributes, shared. */
export const NO_XATTRS: Xattrs = new Map();

/** The epoch, shared. */
export const EPOCH: Timestamp = { sec: 0, nsec: 0 };
