/**
 * Composefs EROFS image to tree: the inverse of `writer.ts`, and a checker, since images come from outside.
 *
 * Directories are read breadth first, as v0 and v1 number their inodes, each exactly once: a directory reached twice is
 * an error, so no image describes more than it holds. What inodes, attributes and data take is added up and may not
 * pass the size of the image, so no overlapping structures make a small image cost much.
 */
import type { HashAlgorithm } from '../bytes/digest.ts';
import { PlanishError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { type DumpFacts, type LeafName, newDumpFacts } from '../tree/dump-facts.ts';
import { type Directory, isWhiteoutDevice, type Leaf, newDirectory } from '../tree/tree.ts';
import { COMPACT_INODE, DIRENT_TYPE, EXTENDED_INODE, type ImageVersion, LAYOUT_CHUNK } from './format.ts';
import { ErofsImage, type ImageOptions } from './image.ts';
import { bufferView, type ImageView } from './image-view.ts';
import { badDirectory, type Dirent } from './read-directory.ts';
import { badInode, type ErofsInode } from './read-inode.ts';
import { nodeMetadata, readLeaf } from './read-node.ts';
import { type DecodedXattrs, sameAlgorithm } from './read-xattrs.ts';

/** How to decode an image. */
export interface DecodeOptions extends ImageOptions {
  /** Refuse link counts of files that are not their number of names, as composefs-rs does. Default false. */
  readonly strict?: boolean | undefined;
}

/** What an image holds. */
export interface DecodedImage {
  readonly root: Directory;
  readonly version: ImageVersion;
  /** Algorithm of all digests; `undefined` when there is none. */
  readonly algorithm: HashAlgorithm | undefined;
  /** What the tree cannot hold but encoding the same image again needs. */
  readonly facts: DumpFacts;
}

/**
 * The tree of an image. Attribute values and contents are views of `bytes`, which must not change while the tree is in
 * use. Throws `EROFS_BAD_SUPERBLOCK`, `EROFS_BAD_INODE`, `EROFS_BAD_DIRECTORY`, `EROFS_BAD_XATTR`, `LIMIT_EXCEEDED`.
 */
export function decodeImage(bytes: Uint8Array, options: DecodeOptions = {}): DecodedImage {
  return new Decoder(bufferView(bytes), options).decode();
}

/** A directory whose entries are still to be read. */
interface QueuedDirectory {
  readonly directory: Directory;
  readonly inode: ErofsInode;
  readonly parentNid: number;
  readonly depth: number;
}

/** A leaf, or a stub, for which `leaf` is absent. */
interface KnownLeaf {
  readonly leaf: Leaf | undefined;
  readonly inode: ErofsInode;
  names: number;
  /** The name under which v0 and v1 number the inode: the one it was placed by. */
  primary: LeafName | undefined;
}

const COMPACT_MAX = 0xffff;

class Decoder {
  readonly #image: ErofsImage;
  readonly #strict: boolean;
  readonly #facts = newDumpFacts();
  readonly #leaves = new Map<number, KnownLeaf>();
  readonly #directories = new Set<number>();
  readonly #queue: QueuedDirectory[] = [];
  #algorithm: HashAlgorithm | undefined;
  #unclaimed: number;
  /** The running number that the next inode of v0 and v1 has. */
  #nextIno = 1;

  constructor(view: ImageView, options: DecodeOptions) {
    this.#unclaimed = view.size;
    this.#image = new ErofsImage(view, options, (size) => this.#claim(size));
    this.#strict = options.strict ?? false;
  }

  decode(): DecodedImage {
    const { rootNid } = this.#image.superblock;
    const inode = this.#image.inode(rootNid);
    if (inode.type !== 'directory') throw badInode(rootNid, 'is the root, but no directory');
    const root = this.#enter(inode, rootNid, 0);
    for (const queued of this.#queue) this.#readChildren(queued);
    this.#noteFacts();
    return { root, version: this.#image.version, algorithm: this.#algorithm, facts: this.#facts };
  }

  /** Takes bytes of the image for one structure. */
  #claim(size: number): void {
    this.#unclaimed -= size;
    if (this.#unclaimed >= 0) return;
    throw new PlanishError(
      'EROFS_BAD_INODE',
      'the structures of the image overlap: they add up to more than it',
    );
  }

  #claimInode({ extended, xattrSize, layout, size }: ErofsInode): void {
    const head = extended ? EXTENDED_INODE.size : COMPACT_INODE.size;
    this.#claim(head + xattrSize + (layout === LAYOUT_CHUNK ? 0 : size));
  }

  #enter(inode: ErofsInode, parentNid: number, depth: number): Directory {
    if (this.#directories.has(inode.nid)) throw badInode(inode.nid, 'is a directory of several names');
    if (depth > LIMITS.pathDepth) throw tooDeep(inode.nid, depth);
    this.#directories.add(inode.nid);
    this.#claimInode(inode);
    const directory = newDirectory(nodeMetadata(inode, this.#image.xattrs(inode)));
    this.#queue.push({ directory, inode, parentNid, depth });
    return directory;
  }

  #readChildren(queued: QueuedDirectory): void {
    const { inode, directory } = queued;
    let nlink = 2;
    for (const dirent of this.#image.entries(queued)) {
      const known = this.#leaves.get(dirent.nid);
      const child = known?.inode ?? this.#image.inode(dirent.nid);
      if (dirent.fileType !== DIRENT_TYPE[child.type])
        throw badDirectory(inode, 'has an entry of a wrong type');
      if (child.type !== 'directory') this.#addLeaf(directory, dirent, child, known);
      else {
        nlink += 1;
        directory.children.set(dirent.name, this.#enter(child, inode.nid, queued.depth + 1));
      }
      if (child.type === 'directory' && child.ino === this.#nextIno) this.#nextIno += 1;
    }
    if (inode.nlink !== nlink) throw badInode(inode.nid, `has a link count of ${inode.nlink}, not ${nlink}`);
  }

  #addLeaf(parent: Directory, { name }: Dirent, inode: ErofsInode, seen: KnownLeaf | undefined): void {
    const known = seen ?? this.#newLeaf(inode);
    known.names += 1;
    if (inode.ino === this.#nextIno) {
      this.#nextIno += 1;
      known.primary = { parent, name };
    }
    if (known.leaf !== undefined) parent.children.set(name, known.leaf);
  }

  #newLeaf(inode: ErofsInode): KnownLeaf {
    this.#claimInode(inode);
    const known: KnownLeaf = { leaf: this.#readLeaf(inode), inode, names: 0, primary: undefined };
    this.#leaves.set(inode.nid, known);
    return known;
  }

  #readLeaf(inode: ErofsInode): Leaf | undefined {
    if (this.#image.isStub(inode)) return undefined;
    const decoded: DecodedXattrs = this.#image.xattrs(inode);
    this.#algorithm = sameAlgorithm(this.#algorithm, decoded.verity, inode);
    return readLeaf(this.#image.view, this.#image.version, inode, decoded);
  }

  #noteFacts(): void {
    for (const { leaf, inode, names, primary } of this.#leaves.values()) {
      if (leaf === undefined) continue;
      if (inode.nlink !== names) this.#noteLinkCount(leaf, inode, names);
      if (this.#strict && isWhiteoutDevice(leaf) && names > 1)
        throw badInode(inode.nid, 'is a whiteout of several names');
      if (this.#image.version === 2) continue;
      if (names > 1 && primary !== undefined) this.#facts.primaryName.set(leaf, primary);
      if (isNeedlesslyExtended(leaf, inode, this.#image)) this.#facts.size.set(leaf, 2 ** 32);
    }
  }

  #noteLinkCount(leaf: Leaf, inode: ErofsInode, names: number): void {
    if (this.#strict) throw badInode(inode.nid, `has a link count of ${inode.nlink}, but ${names} names`);
    this.#facts.nlink.set(leaf, inode.nlink);
  }
}

/** Whether a special file has an extended inode for nothing but a size that was given and is not stored. */
function isNeedlesslyExtended(leaf: Leaf, inode: ErofsInode, image: ErofsImage): boolean {
  if (!inode.extended || leaf.type === 'regular' || leaf.type === 'symlink' || inode.type === 'regular')
    return false;
  const { buildTime } = image.superblock;
  const sameTime = inode.mtime.sec === buildTime.sec && inode.mtime.nsec === buildTime.nsec;
  return sameTime && Math.max(inode.uid, inode.gid, inode.nlink) <= COMPACT_MAX;
}

function tooDeep(nid: number, depth: number): PlanishError {
  return new PlanishError('LIMIT_EXCEEDED', `directory ${nid} passes the limit pathDepth`, {
    limit: 'pathDepth',
    expected: LIMITS.pathDepth,
    actual: depth,
  });
}
