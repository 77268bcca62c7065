/**
 * Reads a tar from pieces of any size, without copying content and without waiting for anything.
 *
 * An integer says what comes next: a block that must be whole before it can be read (a header, the content of an
 * extension header, a piece of a sparse map), content, padding, or nothing of interest. Blocks are read in place; only
 * one that straddles two pieces is gathered in a carry buffer, which grows with the bytes that came and never with what
 * a header claims. Content goes to the handler as ranges of the pieces.
 *
 * The size of links, directories, devices and FIFOs is ignored, and no content follows it: so does Go, and with it the
 * container engines. (POSIX lets a pax archive store content with a hard link; nothing that writes layers does.) Hosts
 * refuse such an entry, hence a warning.
 */
import { display } from '../bytes/byte-string.ts';
import { PlanishError } from '../errors.ts';
import type { OnWarning } from '../warnings.ts';
import { decodeEntry, decodeSize, type TarEntry, TYPEFLAG_SPARSE } from './entry.ts';
import { EntryWarnings } from './entry-warnings.ts';
import { EXTENSION_FLAGS, Extensions } from './extensions.ts';
import {
  BLOCK_BYTES,
  decodeNumber,
  FIELDS,
  headerFormat,
  isZeroBlock,
  paddingLength,
  tarError,
  verifyChecksum,
} from './header.ts';
import { addBlockExtents, addHeaderExtents, paxSparse, SparseMap, SparseText } from './sparse.ts';

export type { TarEntry, TarEntryType } from './entry.ts';

/** Receives what a {@link TarScanner} finds, in the order of the tar. */
export interface TarHandler {
  /** An entry begins. */
  entry(entry: TarEntry): void;
  /** Stored bytes of a regular file: the range `[start, end)` of a piece, which must not be kept. */
  data(chunk: Uint8Array, start: number, end: number): void;
  /** The content of the entry, if any, is complete. Called once for every entry. */
  endOfEntry(): void;
}

/** How a tar is read. */
export interface TarScannerOptions {
  readonly onWarning?: OnWarning | undefined;
  /**
   * Whether records of `g` headers count, as POSIX has it and GNU tar, bsdtar and Python do, or are passed over, as Go
   * (so every container engine) and composefs hosts do. Changing this can change digests. `apply` unless given.
   */
  readonly globalHeaders?: 'apply' | 'ignore' | undefined;
}

/** What is known at the end of a tar. */
export interface TarEnd {
  /** Bytes that were pushed. */
  readonly size: number;
  /** Whether the two zero blocks were seen. */
  readonly endOfArchive: boolean;
}

const HEADER = 0;
const EXTENSION = 1;
const SPARSE_BLOCK = 2;
const SPARSE_TEXT = 3;
const CONTENT = 4;
const PADDING = 5;
const END = 6;

/** Where a sparse file stands whose map is not yet complete. */
interface PendingSparse {
  readonly entry: TarEntry;
  readonly map: SparseMap;
  readonly text: SparseText;
  /** Bytes of the map that lie in the content. */
  taken: number;
}

/**
 * The scanner. {@link push} and {@link finish} throw `TAR_BAD_CHECKSUM`, `TAR_BAD_HEADER`, `TAR_TRUNCATED`,
 * `TAR_UNSUPPORTED`, `PAX_BAD_RECORD`, `PATH_INVALID` and `LIMIT_EXCEEDED`, with the offset in the tar; after that, and
 * after `finish`, a scanner is of no more use.
 */
export class TarScanner {
  readonly #handler: TarHandler;
  readonly #warnings: EntryWarnings;
  readonly #ignoreGlobal: boolean;
  readonly #extensions = new Extensions();
  #state = HEADER;
  /** Bytes of the block that must be whole, in the states before `CONTENT`. */
  #want = BLOCK_BYTES;
  /** Bytes of content or padding that are still to come. */
  #left = 0;
  #padding = 0;
  /** Bytes in earlier pieces. */
  #base = 0;
  #carry: Buffer = Buffer.alloc(BLOCK_BYTES);
  #carried = 0;
  #zeroBlockSeen = false;
  #extensionFlag = 0;
  #extensionSize = 0;
  #sparse: PendingSparse | undefined;
  /** The entry whose content is awaited, to be named where it ends too soon. */
  #current: TarEntry | undefined;

  constructor(handler: TarHandler, options: TarScannerOptions = {}) {
    this.#handler = handler;
    this.#warnings = new EntryWarnings(options.onWarning);
    this.#ignoreGlobal = options.globalHeaders === 'ignore';
  }

  /** Takes the next piece. It is neither changed nor kept. */
  push(chunk: Uint8Array): void {
    const bytes = asBuffer(chunk);
    let at = 0;
    while (at < bytes.length) at = this.#step(bytes, at);
    this.#base += bytes.length;
  }

  /**
   * Passes over the whole stored content of the entry that has just begun, for a caller that has it from elsewhere, and
   * gives its length; `undefined` where no content is awaited, or part of it was pushed.
   */
  skipContent(): number | undefined {
    const size = this.#current?.storedSize ?? 0;
    if (this.#state !== CONTENT || this.#left !== size) return undefined;
    this.#base += size;
    this.#countDown(size);
    return size;
  }

  /**
   * Passes over what is left of the content at hand and its padding, or of what stands behind the end of the archive, for
   * a caller that reads by position and wants none of it: of at most `limit` bytes, those that there are. Gives how many
   * bytes need not be pushed; 0 where a header comes next.
   */
  passOver(limit: number): number {
    let passed = 0;
    while (passed < limit && this.#state >= CONTENT) {
      const left = this.#state === END ? Number.POSITIVE_INFINITY : this.#left;
      const count = Math.min(left, limit - passed);
      passed += count;
      if (this.#state !== END) this.#countDown(count);
    }
    this.#base += passed;
    return passed;
  }

  /**
   * Ends the tar. Throws `TAR_TRUNCATED` when it stops inside a header or a content; a tar without its two zero blocks
   * (also one without any entry, or without the padding of its last content) is only reported.
   */
  finish(): TarEnd {
    const endOfArchive = this.#state === END;
    const complete = endOfArchive || this.#state === PADDING || this.#isBetweenEntries();
    if (!complete) throw this.#truncated();
    return { size: this.#base, endOfArchive };
  }

  #truncated(): PlanishError {
    if (this.#state !== CONTENT) {
      return tarError('TAR_TRUNCATED', 'the tar ends in the middle of a header', this.#base);
    }
    return tarError('TAR_TRUNCATED', 'the tar ends in the middle of a content', this.#base, {
      path: this.#current === undefined ? undefined : display(this.#current.path),
      expected: `${this.#left} more bytes`,
    });
  }

  #isBetweenEntries(): boolean {
    const idle = this.#state === HEADER && !this.#extensions.isPending;
    return idle && isZeroBlock(this.#carry, 0, this.#carried);
  }

  #step(bytes: Buffer, at: number): number {
    if (this.#state < CONTENT) return this.#gather(bytes, at);
    if (this.#state === END) return bytes.length;
    const count = Math.min(this.#left, bytes.length - at);
    if (this.#state === CONTENT) this.#handler.data(bytes, at, at + count);
    this.#countDown(count);
    return at + count;
  }

  /** So many bytes of content or padding are done with. */
  #countDown(count: number): void {
    this.#left -= count;
    if (this.#left > 0) return;
    if (this.#state === CONTENT) this.#endContent();
    else this.#expectHeader();
  }

  /** Reads the wanted block in place when it is whole, else carries over what there is of it. */
  #gather(bytes: Buffer, at: number): number {
    const want = this.#want;
    if (this.#carried === 0 && bytes.length - at >= want) {
      this.#take(bytes, at, this.#base + at);
      return at + want;
    }
    const count = Math.min(want - this.#carried, bytes.length - at);
    this.#reserve(this.#carried + count);
    bytes.copy(this.#carry, this.#carried, at, at + count);
    this.#carried += count;
    if (this.#carried === want) {
      this.#carried = 0;
      this.#take(this.#carry, 0, this.#base + at + count - want);
    }
    return at + count;
  }

  #reserve(length: number): void {
    if (length <= this.#carry.length) return;
    const larger = Buffer.alloc(Math.max(length, 2 * this.#carry.length));
    this.#carry.copy(larger, 0, 0, this.#carried);
    this.#carry = larger;
  }

  #take(block: Buffer, at: number, offset: number): void {
    if (this.#state === HEADER) this.#takeHeader(block, at, offset);
    else if (this.#state === EXTENSION) this.#takeExtension(block, at, offset);
    else if (this.#state === SPARSE_BLOCK) this.#takeSparseBlock(block, at, offset);
    else this.#takeSparseText(block, at, offset);
  }

  #expectHeader(): void {
    this.#state = HEADER;
    this.#want = BLOCK_BYTES;
  }

  #takeHeader(block: Buffer, at: number, offset: number): void {
    if (block[at] === 0 && isZeroBlock(block, at)) {
      this.#takeZeroBlock(offset);
      return;
    }
    if (this.#zeroBlockSeen) {
      throw tarError('TAR_BAD_HEADER', 'a single zero block is followed by more entries', offset);
    }
    verifyChecksum(block, at, offset);
    const typeflag = block[at + FIELDS.typeflag.at] as number;
    if (isExtension(typeflag)) this.#beginExtension(typeflag, block, at, offset);
    else this.#beginEntry(typeflag, block, at, offset);
  }

  #takeZeroBlock(offset: number): void {
    if (this.#extensions.isPending) {
      throw tarError('TAR_BAD_HEADER', 'an extension header is not followed by an entry', offset);
    }
    if (this.#zeroBlockSeen) this.#state = END;
    this.#zeroBlockSeen = true;
  }

  #beginExtension(typeflag: number, block: Buffer, at: number, offset: number): void {
    const size = decodeSize(block, at, offset);
    this.#extensions.begin(size, offset);
    this.#extensionFlag = typeflag;
    this.#extensionSize = size;
    this.#state = EXTENSION;
    this.#want = size + paddingLength(size);
    if (size === 0) this.#takeExtension(block, at, offset + BLOCK_BYTES);
  }

  #takeExtension(bytes: Buffer, at: number, offset: number): void {
    const flag = this.#extensionFlag;
    if (this.#ignoreGlobal && flag === EXTENSION_FLAGS.paxGlobal) {
      this.#warnings.globalHeaderIgnored();
    } else {
      this.#extensions.take(flag, bytes, at, at + this.#extensionSize, offset);
    }
    this.#expectHeader();
  }

  #beginEntry(typeflag: number, block: Buffer, at: number, offset: number): void {
    const entry = decodeEntry(block, at, offset, this.#extensions);
    this.#warnings.lookAt(entry, block, at, offset, this.#extensions);
    if (typeflag === TYPEFLAG_SPARSE) this.#beginGnuSparse(entry, block, at, offset);
    else if (this.#extensions.isSparse) this.#beginPaxSparse(entry, offset);
    else this.#emit(entry);
  }

  #beginGnuSparse(entry: TarEntry, block: Buffer, at: number, offset: number): void {
    if (headerFormat(block, at) !== 'gnu' || this.#extensions.isSparse) {
      throw tarError('TAR_BAD_HEADER', 'a sparse file in a header that cannot describe it', offset);
    }
    const map = new SparseMap(decodeNumber(block, at, 'gnuRealSize', offset), offset);
    if (addHeaderExtents(map, block, at)) this.#expectMap(SPARSE_BLOCK, entry, map);
    else this.#emit(withExtents(entry, map, 0));
  }

  #beginPaxSparse(entry: TarEntry, offset: number): void {
    if (entry.type !== 'regular') {
      throw tarError('TAR_BAD_HEADER', 'only a regular file can be sparse', offset);
    }
    const extensions = this.#extensions;
    const { map, inContent } = paxSparse((key) => extensions.find(key), extensions.sparsePairs, offset);
    if (inContent) this.#expectMap(SPARSE_TEXT, entry, map);
    else this.#emit(withExtents(entry, map, 0));
  }

  #expectMap(state: typeof SPARSE_BLOCK | typeof SPARSE_TEXT, entry: TarEntry, map: SparseMap): void {
    this.#sparse = { entry, map, text: new SparseText(map), taken: 0 };
    this.#state = state;
    this.#want = BLOCK_BYTES;
    if (state === SPARSE_TEXT) this.#checkTextFits(this.#sparse);
  }

  /** Extension blocks stand before the content and are not part of its size. */
  #takeSparseBlock(block: Buffer, at: number, offset: number): void {
    const sparse = this.#pendingSparse();
    this.#extensions.addBytes(BLOCK_BYTES, offset);
    if (addBlockExtents(sparse.map, block, at)) return;
    const entry = { ...sparse.entry, dataOffset: offset + BLOCK_BYTES };
    this.#emit(withExtents(entry, sparse.map, 0));
  }

  #takeSparseText(block: Buffer, at: number, offset: number): void {
    const sparse = this.#pendingSparse();
    this.#extensions.addBytes(BLOCK_BYTES, offset);
    sparse.taken += BLOCK_BYTES;
    if (sparse.text.push(block, at)) this.#emit(withExtents(sparse.entry, sparse.map, sparse.taken));
    else this.#checkTextFits(sparse);
  }

  #checkTextFits({ entry, map, taken }: PendingSparse): void {
    if (entry.storedSize - taken >= BLOCK_BYTES) return;
    throw tarError('TAR_BAD_HEADER', 'the map of a sparse file is longer than its content', map.offset);
  }

  #pendingSparse(): PendingSparse {
    if (this.#sparse === undefined) throw invariant('a sparse map without its entry');
    return this.#sparse;
  }

  #emit(entry: TarEntry): void {
    this.#sparse = undefined;
    this.#extensions.clear();
    this.#padding = paddingLength(entry.storedSize);
    this.#left = entry.storedSize;
    this.#state = CONTENT;
    this.#current = entry;
    this.#handler.entry(entry);
    if (entry.storedSize === 0) this.#endContent();
  }

  #endContent(): void {
    this.#left = this.#padding;
    if (this.#padding > 0) this.#state = PADDING;
    else this.#expectHeader();
    this.#handler.endOfEntry();
  }
}

/** The same bytes; many short chunks are worth a look at whether they are a buffer already. */
function asBuffer(chunk: Uint8Array): Buffer {
  return chunk instanceof Buffer ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

function isExtension(typeflag: number): boolean {
  return (
    typeflag === EXTENSION_FLAGS.paxLocal ||
    typeflag === EXTENSION_FLAGS.paxGlobal ||
    typeflag === EXTENSION_FLAGS.gnuLongName ||
    typeflag === EXTENSION_FLAGS.gnuLongLink
  );
}

/** An entry whose content is sparse; `taken` bytes of what is stored are the map. */
function withExtents(entry: TarEntry, map: SparseMap, taken: number): TarEntry {
  const dataOffset = entry.dataOffset + taken;
  const storedSize = entry.storedSize - taken;
  return { ...entry, size: map.realSize, dataOffset, storedSize, sparse: map.finish(dataOffset, storedSize) };
}

function invariant(message: string): PlanishError {
  return new PlanishError('INVARIANT', message);
}
