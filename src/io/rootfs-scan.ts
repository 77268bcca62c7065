/** The walk behind `rootfs.ts`: listings of directories become a tree. */
import { type ByteString, byteString, display } from '../bytes/byte-string.ts';
import type { VerityDigest } from '../bytes/digest.ts';
import { EPOCH, NO_XATTRS } from '../bytes/stat.ts';
import { PlanishError } from '../errors.ts';
import { LIMITS, type LimitName } from '../limits.ts';
import { STORE_OUTCOME } from '../native/contract.ts';
import type { DirectoryListing, InodeRecord } from '../native/records.ts';
import type { OnProgress } from '../progress.ts';
import {
  type Content,
  type Directory,
  EMPTY_CONTENT,
  type FileType,
  INLINE_CONTENT_MAX,
  type Leaf,
  type Metadata,
  type Node,
  newDirectory,
  type RegularFile,
  TYPE_BITS,
} from '../tree/tree.ts';
import { joinPath } from '../tree/walk.ts';
import { DirectoryQueue } from './directory-queue.ts';
import { readSmallFile } from './measure-file.ts';
import type { ContentWish, RootfsBackend } from './rootfs-backend.ts';
import { systemCallError } from './system-call.ts';
import type { XattrRequest } from './xattr.ts';

/** A directory, read. */
export interface Rootfs {
  /** Regular files above 64 bytes have external content, some of it without digest: see `measureTree`. */
  readonly root: Directory;
  /** Content source `i` is the file at this absolute path; in a fixed order. */
  readonly files: readonly ByteString[];
  /** The node of each. */
  readonly leaves: readonly RegularFile[];
  /** What tells that it is the same and has not changed (see `file-stamps.ts`), where it was opened and that is wanted. */
  readonly stamps: readonly (string | undefined)[];
  /** Contents that are objects now. */
  readonly stored: StoredContents;
  /** Bytes of all regular files, each inode once. */
  readonly totalBytes: number;
}

/** Sizes of contents that were stored, by their digests: what was written once is new, however often it was found. */
export class StoredContents {
  readonly written = new Map<VerityDigest, number>();
  readonly found = new Map<VerityDigest, number>();

  /** Notes what has become of one ({@link STORE_OUTCOME}). */
  note(verity: VerityDigest, size: number, outcome: number): void {
    if (outcome === STORE_OUTCOME.written) this.written.set(verity, size);
    else if (outcome === STORE_OUTCOME.present) this.found.set(verity, size);
  }

  has(verity: VerityDigest): boolean {
    return this.written.has(verity) || this.found.has(verity);
  }
}

/** How a scan goes. */
export interface ScanOptions {
  readonly onProgress?: OnProgress | undefined;
  /** What is read of contents by the way, where the backend can. */
  readonly contents?: ContentWish | undefined;
  /** Directories that are read at once, in tens; default 1. */
  readonly width?: number | undefined;
  /** Called between directories. What it throws ends the scan. */
  readonly onTurn?: (() => void) | undefined;
}

/** Entries between two reports of progress. */
const REPORT_EVERY = 2048;

/** Inodes whose attributes are asked for at once where they must be read apart. */
const XATTR_BATCH = 8192;

const TYPES: ReadonlyMap<number, FileType> = new Map(
  Object.entries(TYPE_BITS).map(([type, bits]) => [bits, type as FileType]),
);

interface PendingDirectory {
  readonly node: Directory;
  /** Absolute on this machine. */
  readonly path: ByteString;
  readonly depth: number;
  /** What the parent's listing said; absent for the root. */
  readonly identity: string | undefined;
}

/** One scan; level by level, children in byte order so that every machine numbers files alike. */
export class RootfsScan {
  readonly #top: ByteString;
  readonly #backend: RootfsBackend;
  readonly #options: ScanOptions;
  readonly #root: Directory = newDirectory({
    mode: 0,
    uid: 0,
    gid: 0,
    mtime: EPOCH,
    xattrs: NO_XATTRS,
  });
  readonly #queue: DirectoryQueue<PendingDirectory>;
  readonly #links = new Map<string, Leaf>();
  readonly #files: ByteString[] = [];
  readonly #leaves: RegularFile[] = [];
  readonly #stamps: (string | undefined)[] = [];
  readonly #stored = new StoredContents();
  #withoutXattrs: { readonly request: XattrRequest; readonly node: Node }[] = [];
  #totalBytes = 0;
  #entries = 0;
  #reportAt = REPORT_EVERY;

  constructor(top: ByteString, backend: RootfsBackend, options: ScanOptions) {
    this.#top = top;
    this.#backend = backend;
    this.#options = options;
    this.#queue = new DirectoryQueue(backend, { contents: options.contents, width: options.width ?? 1 });
    this.#queue.add({ node: this.#root, path: top, depth: 0, identity: undefined });
  }

  /** Reads all. When it throws nothing is read any more. */
  async run(): Promise<Rootfs> {
    try {
      for (let batch = await this.#queue.next(); batch !== undefined; batch = await this.#queue.next()) {
        for (const [directory, listing] of batch) this.#take(directory, listing);
        this.#options.onTurn?.();
      }
    } finally {
      await this.#queue.end();
    }
    this.#readXattrs();
    this.#report(this.#entries);
    return {
      root: this.#root,
      files: this.#files,
      leaves: this.#leaves,
      stamps: this.#stamps,
      stored: this.#stored,
      totalBytes: this.#totalBytes,
    };
  }

  #report(total: number | undefined): void {
    this.#options.onProgress?.({ stage: 'read', done: this.#entries, total, unit: 'files' });
  }

  #take({ node, path, depth, identity }: PendingDirectory, { self, children }: DirectoryListing): void {
    if (identity !== undefined && identity !== self.identity) {
      throw systemCallError('ESTALE', 'listing', path);
    }
    node.metadata = metadataOf(self);
    this.#noteXattrs(self, path, node);
    const sorted = [...children].sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const record of sorted) {
      const childPath = joinPath(path, record.name);
      this.#checkLimits(childPath, depth + 1);
      const child = this.#nodeOf(record, childPath);
      node.children.set(record.name, child);
      if (child.type === 'directory')
        this.#queue.add({ node: child, path: childPath, depth: depth + 1, identity: record.identity });
    }
    this.#entries += sorted.length;
    if (this.#entries < this.#reportAt) return;
    this.#reportAt = this.#entries + REPORT_EVERY;
    this.#report(undefined);
  }

  #nodeOf(record: InodeRecord, path: ByteString): Node {
    const type = typeOf(record, path);
    if (type === 'directory') return newDirectory(metadataOf(record));
    const known = record.nlink > 1 ? this.#links.get(record.identity) : undefined;
    if (known !== undefined) return known;
    const leaf = this.#leafOf(type, record, path);
    if (record.nlink > 1) this.#links.set(record.identity, leaf);
    this.#noteXattrs(record, path, leaf);
    return leaf;
  }

  #leafOf(type: Exclude<FileType, 'directory'>, record: InodeRecord, path: ByteString): Leaf {
    const metadata = metadataOf(record);
    switch (type) {
      case 'regular': {
        const leaf: RegularFile = { type, metadata, content: this.#contentOf(record, path) };
        if (leaf.content.kind === 'external') this.#leaves.push(leaf);
        return leaf;
      }
      case 'symlink':
        return { type, metadata, target: record.target };
      case 'character':
      case 'block':
        return { type, metadata, major: record.major, minor: record.minor };
      default:
        return { type, metadata };
    }
  }

  #contentOf({ size, file }: InodeRecord, path: ByteString): Content {
    if (size > LIMITS.fileBytes) throw tooLarge('fileBytes', path, size);
    this.#totalBytes += size;
    if (size === 0) return EMPTY_CONTENT;
    if (size <= INLINE_CONTENT_MAX)
      return { kind: 'inline', bytes: file?.bytes ?? readSmallFile(path, size) };
    const source = this.#files.push(path) - 1;
    this.#stamps.push(file?.stamp);
    const verity = file?.verity;
    if (verity !== undefined) this.#stored.note(verity, size, file?.outcome ?? STORE_OUTCOME.left);
    const location = { source, extents: [{ at: 0, offset: 0, length: size }] };
    return { kind: 'external', size, verity, payload: undefined, location };
  }

  #checkLimits(path: ByteString, depth: number): void {
    const inside = path.length - (this.#top === '/' ? 0 : this.#top.length);
    if (inside > LIMITS.pathBytes) throw tooLarge('pathBytes', path, inside);
    if (depth > LIMITS.pathDepth) throw tooLarge('pathDepth', path, depth);
  }

  #noteXattrs(record: InodeRecord, path: ByteString, node: Node): void {
    if (record.xattrs !== undefined) return;
    const type = node.type === 'regular' || node.type === 'directory' ? node.type : 'other';
    this.#withoutXattrs.push({ request: { path, type }, node });
    if (this.#withoutXattrs.length >= XATTR_BATCH) this.#readXattrs();
  }

  #readXattrs(): void {
    const batch = this.#withoutXattrs;
    this.#withoutXattrs = [];
    if (batch.length === 0) return;
    const found = this.#backend.xattrs.read(batch.map(({ request }) => request));
    for (const [index, { node }] of batch.entries()) {
      node.metadata = { ...node.metadata, xattrs: found[index] ?? NO_XATTRS };
    }
  }
}

function metadataOf({ mode, uid, gid, mtime, xattrs }: InodeRecord): Metadata {
  return { mode: mode & 0o7777, uid, gid, mtime, xattrs: xattrs ?? NO_XATTRS };
}

function typeOf({ mode }: InodeRecord, path: ByteString): FileType {
  const type = TYPES.get(mode & 0o170000);
  if (type !== undefined) return type;
  throw new PlanishError('UNREPRESENTABLE', 'a file is of no known type', {
    file: display(path),
    actual: mode,
  });
}

function tooLarge(limit: LimitName, path: ByteString, actual: number): PlanishError {
  return new PlanishError('LIMIT_EXCEEDED', `the directory tree passes the limit ${limit}`, {
    file: display(byteString(path.slice(0, 256))),
    limit,
    expected: LIMITS[limit],
    actual,
  });
}
