/**
 * What a composefs dumpfile says of a tree beyond what a tree can hold. The C tools write these facts into images as
 * they are given, right or wrong, so an image equal to theirs needs them; a tree from anywhere else has none.
 */
import type { ByteString } from '../bytes/byte-string.ts';
import type { Directory, Leaf } from './tree.ts';

/** One name of a leaf: the directory and the name in it. */
export interface LeafName {
  readonly parent: Directory;
  readonly name: ByteString;
}

/** A side table to a tree, filled by the dumpfile parser. A leaf that is in no map behaves as a tree's leaf does. */
export interface DumpFacts {
  /** NLINK as given, 0 to 2^32-1. Absent: the number of names. */
  readonly nlink: Map<Leaf, number>;
  /** The name of the line without `@`, for leaves of several names. Absent: the first one, depth first. */
  readonly primaryName: Map<Leaf, LeafName>;
  /** SIZE as given for fifos, sockets and devices; only whether it passes 2^32-1 matters. Absent: 0. */
  readonly size: Map<Leaf, number>;
}

/** An empty side table. */
export function newDumpFacts(): DumpFacts {
  return { nlink: new Map(), primaryName: new Map(), size: new Map() };
}
