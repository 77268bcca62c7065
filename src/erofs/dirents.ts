/** Directory data: how entries fill blocks, and their bytes (EROFS on-disk format, directories). */
import type { ByteString } from '../bytes/byte-string.ts';
import { type ImageBuffer, putInt64, putText } from './bytes-out.ts';
import { BLOCK_SIZE, DIRENT, DIRENT_TYPE, SLOT_SIZE, TAIL_MAX } from './format.ts';
import type { DirectoryEntries, ImageNode } from './nodes.ts';

/** Whole blocks of a directory and the bytes of its tail. */
export function measureDirectory(names: readonly ByteString[]): { blocks: number; tail: number } {
  let blocks = 0;
  let used = 0;
  for (let index = 0; index < names.length; index++) {
    const size = DIRENT.size + (names[index] as ByteString).length;
    if (used + size > BLOCK_SIZE) {
      blocks++;
      used = 0;
    }
    used += size;
  }
  return used > TAIL_MAX ? { blocks: blocks + 1, tail: 0 } : { blocks, tail: used };
}

/** Index behind the last entry that fits a block begun by entry `start`. */
function endOfBlock(names: readonly ByteString[], start: number): number {
  let used = 0;
  let end = start;
  for (; end < names.length; end++) {
    used += DIRENT.size + (names[end] as ByteString).length;
    if (used > BLOCK_SIZE) break;
  }
  return end;
}

/** Writes a directory: whole blocks from `blocksAt`, what remains to `tailAt` (or to one more block, for no tail). */
export function putDirectory(out: ImageBuffer, node: ImageNode, blocksAt: number, tailAt: number): void {
  const entries = node.entries as DirectoryEntries;
  const { length } = entries.names;
  let start = 0;
  for (let block = 0; start < length; block++) {
    const end = endOfBlock(entries.names, start);
    const at = block < node.blocks ? blocksAt + block * BLOCK_SIZE : tailAt;
    putEntries(out, at, entries, start, end);
    start = end;
  }
}

function putEntries(
  out: ImageBuffer,
  at: number,
  entries: DirectoryEntries,
  start: number,
  end: number,
): void {
  let nameAt = at + (end - start) * DIRENT.size;
  for (let index = start; index < end; index++) {
    const entryAt = at + (index - start) * DIRENT.size;
    const node = entries.nodes[index] as ImageNode;
    putInt64(out, entryAt + DIRENT.nid, node.offset / SLOT_SIZE);
    out.view.setUint16(entryAt + DIRENT.nameOffset, nameAt - at, true);
    out.view.setUint8(entryAt + DIRENT.fileType, DIRENT_TYPE[node.type]);
    nameAt = putText(out, nameAt, entries.names[index] as ByteString);
  }
}
