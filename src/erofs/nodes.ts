/**
 * The inodes of an image as the writer sees them, and how one is made of a leaf of a tree: content that stays
 * outside, whiteouts that become marked files, and the limits of what an image can hold.
 */
import type { ByteString } from '../bytes/byte-string.ts';
import { PlanishError } from '../errors.ts';
import {
  type Device,
  type ExternalContent,
  type FileType,
  isWhiteoutDevice,
  type Leaf,
  type Metadata,
  type RegularFile,
} from '../tree/tree.ts';
import { chunkCount } from './chunks.ts';
import { type ImageVersion, XATTR_NAMES } from './format.ts';
import type { XattrRewriter } from './rewrite.ts';
import type { XattrList } from './xattrs.ts';

/** The entries of a directory, `.` and `..` among them, by bytes. `nodes[i]` is named `names[i]`. */
export interface DirectoryEntries {
  readonly names: ByteString[];
  readonly nodes: ImageNode[];
  /** Indices of names that are further hard links: their inodes are placed elsewhere. Absent: none. */
  links: Set<number> | undefined;
}

/** An inode to be written. What is not read-only is filled in: by who makes it, while links are counted, by the layout. */
export interface ImageNode {
  readonly type: FileType;
  readonly metadata: Metadata;
  xattrs: XattrList;
  entries: DirectoryEntries | undefined;
  /** Bytes in the image: content of a file, or target of a symlink. */
  data: Uint8Array | ByteString | undefined;
  /** Entries of the chunk array; -1: the file is not chunk-based. */
  chunks: number;
  /** Device number as `st_rdev` of Linux, its low 32 bits. */
  device: number;
  /** Size attribute. Of directories: bytes of their entries. */
  size: number;
  nlink: number;

  /** Whether the inode has 64 bytes. */
  extended: boolean;
  /** Bytes from the start of the image. */
  offset: number;
  /** Bytes of the xattr body. */
  xattrSize: number;
  /** Data blocks, and the first one's number (0 without any). */
  blocks: number;
  firstBlock: number;
  /** Bytes right behind the xattr body. */
  tail: number;
}

/** An inode without content, links or place. One literal, mostly of constants, so that all have one shape and are made by copying. */
export function newNode(type: FileType, metadata: Metadata, xattrs: XattrList): ImageNode {
  return {
    type,
    metadata,
    xattrs,
    entries: undefined,
    data: undefined,
    chunks: -1,
    device: 0,
    size: 0,
    nlink: 0,
    extended: false,
    offset: 0,
    xattrSize: 0,
    blocks: 0,
    firstBlock: 0,
    tail: 0,
  };
}

/** The inode, with bytes in the image. */
function withData(node: ImageNode, data: Uint8Array | ByteString): ImageNode {
  node.data = data;
  node.size = data.length;
  return node;
}

/** Bytes of content that C, and for version 2 composefs-rs, put into an image. */
const CONTENT_MAX = 5000;
const CONTENT_MAX_V2 = 512;
/** Bytes of a symlink's target (Linux PATH_MAX less the final NUL). */
const TARGET_MAX = 4095;

/** Makes inodes of leaves. `rewriter` keeps the xattrs of the whole image. */
export class LeafMaker {
  readonly #rewriter: XattrRewriter;
  readonly #whiteoutMarks: XattrList;
  readonly #version: ImageVersion;
  readonly #emptyIsExternal: boolean;

  constructor(rewriter: XattrRewriter) {
    this.#rewriter = rewriter;
    this.#version = rewriter.options.version;
    this.#emptyIsExternal = rewriter.options.dialect === 'rs';
    this.#whiteoutMarks = [
      rewriter.mark(XATTR_NAMES.escapedWhiteout),
      rewriter.mark(XATTR_NAMES.userWhiteout),
    ];
  }

  /**
   * The inode of a leaf, without links. `size`: the size attribute that a dumpfile gives to what has no content.
   * `literal`: a whiteout stays a device. Throws `UNREPRESENTABLE`.
   */
  make(leaf: Leaf, size: number, literal: boolean): ImageNode {
    if (leaf.type === 'regular') return this.#regular(leaf);
    if (isWhiteoutDevice(leaf) && !literal) return this.#whiteout(leaf.metadata);
    const { type, metadata } = leaf;
    const xattrs = this.#rewriter.own(metadata.xattrs);
    if (leaf.type === 'symlink') {
      checkLength('the target of a symbolic link', leaf.target.length, 1, TARGET_MAX);
      return withData(newNode(type, metadata, xattrs), leaf.target);
    }
    const node = newNode(type, metadata, xattrs);
    if ('major' in leaf) node.device = deviceNumber(leaf);
    node.size = size;
    return node;
  }

  #regular({ type, metadata, content }: RegularFile): ImageNode {
    if (content.kind === 'external' && (content.size > 0 || this.#emptyIsExternal)) {
      return this.#external(metadata, content);
    }
    const xattrs = this.#rewriter.own(metadata.xattrs);
    if (content.kind === 'external') return newNode(type, metadata, xattrs);
    const { bytes } = content;
    const max = this.#version === 2 ? CONTENT_MAX_V2 : CONTENT_MAX;
    checkLength('content inside the image', bytes.length, 0, max);
    return withData(newNode(type, metadata, xattrs), bytes);
  }

  #external(metadata: Metadata, content: ExternalContent): ImageNode {
    const { size, verity } = content;
    if (!Number.isSafeInteger(size) || size < 0) {
      throw new PlanishError('UNREPRESENTABLE', 'a file is too large for an EROFS image', { actual: size });
    }
    const node = newNode('regular', metadata, this.#rewriter.external(metadata.xattrs, content));
    node.chunks = this.#version === 2 ? Number(verity !== undefined) : chunkCount(size);
    node.size = size;
    return node;
  }

  #whiteout(metadata: Metadata): ImageNode {
    const xattrs = this.#rewriter.marked(this.#rewriter.own(metadata.xattrs), this.#whiteoutMarks);
    return newNode('regular', metadata, xattrs);
  }
}

/** `st_rdev` as Linux packs it in 32 bits. */
function deviceNumber({ major, minor }: Device): number {
  if (major > 0xfff || minor > 0xfffff) {
    throw new PlanishError('UNREPRESENTABLE', 'a device number does not fit an EROFS image', {
      actual: `${major}:${minor}`,
    });
  }
  return ((minor & 0xff) | (major << 8) | ((minor & 0xfff00) << 12)) >>> 0;
}

/** Throws `UNREPRESENTABLE` unless a length lies in its range. */
function checkLength(what: string, actual: number, min: number, max: number): void {
  if (actual >= min && actual <= max) return;
  const fault = actual < min ? 'is empty' : 'is too long for an EROFS image';
  throw new PlanishError('UNREPRESENTABLE', `${what} ${fault}`, { actual, expected: max });
}
