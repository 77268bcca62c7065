/** What a directory takes in an EROFS image, which `composefs-info dump` prints as its size. */
import { type ByteString, byteString, compareBytes } from '../bytes/byte-string.ts';

/** EROFS: bytes of a block, and of an entry beside its name. */
const BLOCK_SIZE = 4096;
const DIRENT_SIZE = 12;
/** A tail longer than this becomes a block of its own. */
const TAIL_MAX = 2048;
/** The root of v0 and v1 images holds `00` to `ff` besides. */
const STUBS: readonly ByteString[] = Array.from({ length: 256 }, (_, index) =>
  byteString(index.toString(16).padStart(2, '0')),
);
const DOTS: readonly ByteString[] = [byteString('.'), byteString('..')];

/** Bytes of directory data for the given names; `.` and `..`, and the stubs of a root where asked for, are added. */
export function directoryDataSize(names: Iterable<ByteString>, withStubs: boolean): number {
  const all = new Set([...DOTS, ...(withStubs ? STUBS : []), ...names]);
  let size = 0;
  let block = 0;
  for (const name of [...all].sort(compareBytes)) {
    const entry = DIRENT_SIZE + name.length;
    if (block + entry > BLOCK_SIZE) {
      size += BLOCK_SIZE;
      block = 0;
    }
    block += entry;
  }
  return size + (block > TAIL_MAX ? BLOCK_SIZE : block);
}
