/** The entries of a directory (EROFS on-disk format, directories). */
import { type ByteString, byteString, fromBytes } from '../bytes/byte-string.ts';
import { PlanishError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { BLOCK_SIZE, DIRENT, SLOT_SIZE } from './format.ts';
import { type ImageView, readU16, readU64 } from './image-view.ts';
import { type ErofsInode, readData } from './read-inode.ts';

/** One entry. */
export interface Dirent {
  readonly name: ByteString;
  readonly nid: number;
  /** As in `DIRENT_TYPE`. */
  readonly fileType: number;
}

const SELF = byteString('.');
const PARENT = byteString('..');

/**
 * All entries of a directory but `.` and `..`, in ascending order of their names: the kernel finds names by bisection,
 * so any other order is an error. Throws `EROFS_BAD_DIRECTORY`, also where `.` or `..` do not lead to the directory
 * itself and to `parentNid`.
 */
export function readDirectory(view: ImageView, inode: ErofsInode, parentNid: number): Dirent[] {
  const { blocks, tail } = readData(view, inode);
  const entries: Dirent[] = [];
  for (let at = 0; at < blocks.length; at += BLOCK_SIZE)
    readBlock(inode, blocks.subarray(at, at + BLOCK_SIZE), entries);
  if (tail.length > 0) readBlock(inode, tail, entries);
  checkOrder(inode, entries);
  const children = entries.filter(({ name }) => name !== SELF && name !== PARENT);
  if (children.length !== entries.length - 2) throw badDirectory(inode, 'lacks "." or ".."');
  for (const { name, nid } of entries) {
    const expected = name === SELF ? inode.nid : name === PARENT ? parentNid : nid;
    if (nid !== expected) throw badDirectory(inode, `has a "${name}" that leads elsewhere`);
  }
  return children;
}

function readBlock(inode: ErofsInode, block: Uint8Array, entries: Dirent[]): void {
  const namesAt = block.length < DIRENT.size ? 0 : readU16(block, DIRENT.nameOffset);
  const wellFormed = namesAt > 0 && namesAt % DIRENT.size === 0 && namesAt <= block.length;
  if (!wellFormed) throw badDirectory(inode, 'has a block without valid entries');
  for (let at = 0; at < namesAt; at += DIRENT.size) {
    const start = readU16(block, at + DIRENT.nameOffset);
    const last = at + DIRENT.size === namesAt;
    const end = last ? endOfName(block, start) : readU16(block, at + DIRENT.size + DIRENT.nameOffset);
    if (start < namesAt || end <= start || end > block.length)
      throw badDirectory(inode, 'has an entry without a valid name');
    entries.push({
      name: readName(inode, block, start, end),
      nid: readU64(block, at + DIRENT.nid),
      fileType: block[at + DIRENT.fileType] ?? 0,
    });
  }
}

/** The last name ends at a NUL, or with the block. */
function endOfName(block: Uint8Array, start: number): number {
  const nul = block.indexOf(0, start);
  return nul < 0 ? block.length : nul;
}

function readName(inode: ErofsInode, block: Uint8Array, start: number, end: number): ByteString {
  if (end - start > LIMITS.nameBytes)
    throw badDirectory(inode, `has a name beyond ${LIMITS.nameBytes} bytes`);
  const name = fromBytes(block, start, end);
  if (name.includes('/') || name.includes('\0'))
    throw badDirectory(inode, 'has a name that no file can have');
  return name;
}

function checkOrder(inode: ErofsInode, entries: readonly Dirent[]): void {
  let previous: Dirent | undefined;
  for (const entry of entries) {
    if (previous !== undefined && previous.name >= entry.name)
      throw badDirectory(inode, 'has names that are not in ascending order');
    previous = entry;
  }
}

/** An `EROFS_BAD_DIRECTORY` with the offset of the directory's inode. */
export function badDirectory({ nid }: ErofsInode, what: string): PlanishError {
  return new PlanishError('EROFS_BAD_DIRECTORY', `directory ${nid} ${what}`, { offset: nid * SLOT_SIZE });
}
