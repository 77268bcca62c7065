/** Looking into an image without reading it whole: one inode, directory or path at a time. */
import type { ByteString } from '../bytes/byte-string.ts';
import { type Node, newDirectory } from '../tree/tree.ts';
import type { ImageVersion } from './format.ts';
import type { ImageView } from './image-view.ts';
import { type Dirent, readDirectory } from './read-directory.ts';
import { type ErofsInode, readInode } from './read-inode.ts';
import { nodeMetadata, readLeaf } from './read-node.ts';
import { readSuperblock, type Superblock } from './read-superblock.ts';
import { type DecodedXattrs, XattrDecoder, XattrReader } from './read-xattrs.ts';

/** How to read an image. */
export interface ImageOptions {
  /** Keep the `opaque=x` marks that version 1 puts on directories with whiteouts, as `composefs-info` does. */
  readonly keepOpaqueMarks?: boolean | undefined;
}

/** What stands at a path. */
export interface ImageEntry {
  readonly inode: ErofsInode;
  /** The directory that the path came through; the root's is the root. */
  readonly parentNid: number;
}

/** A directory's child as {@link ErofsImage.list} gives it. */
export interface ListedChild {
  readonly name: ByteString;
  readonly nid: number;
  readonly node: Node;
}

/** An opened image. Whatever it returns may hold on to views of the image's bytes. */
export class ErofsImage {
  readonly view: ImageView;
  readonly superblock: Superblock;
  readonly #xattrs: XattrReader;
  readonly #decoder: XattrDecoder;

  /** Reads the superblock. Throws `EROFS_BAD_SUPERBLOCK`, `LIMIT_EXCEEDED`. */
  constructor(view: ImageView, options: ImageOptions = {}, onShared?: (size: number) => void) {
    this.view = view;
    this.superblock = readSuperblock(view);
    this.#xattrs = new XattrReader(view, this.superblock, onShared);
    this.#decoder = new XattrDecoder(options.keepOpaqueMarks ?? false);
  }

  get version(): ImageVersion {
    return this.superblock.version;
  }

  /** The inode of a number. Throws `EROFS_BAD_INODE`. */
  inode(nid: number): ErofsInode {
    return readInode(this.view, this.superblock, nid);
  }

  /** Entries of a directory without `.` and `..`, stubs included. Throws `EROFS_BAD_DIRECTORY`. */
  entries({ inode, parentNid }: ImageEntry): Dirent[] {
    return readDirectory(this.view, inode, parentNid);
  }

  /** Attributes of an inode with the writer's changes undone. Throws `EROFS_BAD_XATTR`. */
  xattrs(inode: ErofsInode): DecodedXattrs {
    return this.#decoder.decode(this.#xattrs.read(inode), inode);
  }

  /**
   * Whether an inode is one of the whiteouts that v0 and v1 put into the root, and no part of the tree. A whiteout of
   * the tree is stored there as a regular file, so every character device 0:0 is such a stub; version 2 has none.
   */
  isStub({ type, union }: ErofsInode): boolean {
    return this.version !== 2 && type === 'character' && union === 0;
  }

  /** The node of an inode; a directory comes without its children. */
  node(inode: ErofsInode): Node {
    const decoded = this.xattrs(inode);
    if (inode.type === 'directory') return newDirectory(nodeMetadata(inode, decoded));
    return readLeaf(this.view, this.version, inode, decoded);
  }

  /** What stands at an absolute path, no links followed, or `undefined`. */
  lookup(path: ByteString): ImageEntry | undefined {
    const { rootNid } = this.superblock;
    let entry: ImageEntry = { inode: this.inode(rootNid), parentNid: rootNid };
    for (const name of path.split('/')) {
      if (name === '') continue;
      if (entry.inode.type !== 'directory') return undefined;
      const found = this.entries(entry).find((dirent) => dirent.name === name);
      if (found === undefined) return undefined;
      entry = { inode: this.inode(found.nid), parentNid: entry.inode.nid };
      if (this.isStub(entry.inode)) return undefined;
    }
    return entry;
  }

  /** The children of a directory in ascending order of names, without stubs; directories among them without theirs. */
  list(directory: ImageEntry): ListedChild[] {
    const children: ListedChild[] = [];
    for (const { name, nid } of this.entries(directory)) {
      const inode = this.inode(nid);
      if (!this.isStub(inode)) children.push({ name, nid, node: this.node(inode) });
    }
    return children;
  }
}
