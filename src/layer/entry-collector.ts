/** Turns the calls of the tar scanner into layer entries with measured content. */
import type { ByteString } from '../bytes/byte-string.ts';
import type { Extent } from '../bytes/stat.ts';
import { PlanishError } from '../errors.ts';
import type { VerityHasher } from '../fsverity/verity-hasher.ts';
import { LIMITS } from '../limits.ts';
import type { TarEntry, TarHandler } from '../tar/scanner.ts';
import type { LayerEntry } from '../tree/entry.ts';
import { wholeLocation } from '../tree/location.ts';
import { type Content, EMPTY_CONTENT, INLINE_CONTENT_MAX } from '../tree/tree.ts';
import type { Measuring } from './measuring.ts';
import type { Measured } from './whole-contents.ts';

/** Bytes of all contents of a layer that are kept; a policy has about one MiB. */
const KEPT_BYTES = 64 * 1024 * 1024;

/** What is wanted of the entries of a layer. */
export interface CollectorOptions {
  /** What locations of contents will name. */
  readonly source: number;
  /** What measures contents; absent: they are not measured, and have no digests. */
  readonly measuring?: Measuring | undefined;
  /** Names of entries whose contents are kept. */
  readonly keep?: RegExp | undefined;
}

/**
 * A {@link TarHandler} that measures contents as they go by, where digests are wanted, and keeps none but the smallest, and
 * those whose names `keep` matches, of up to `selinuxFileBytes` each and {@link KEPT_BYTES} together.
 *
 * Contents that lie whole in a piece of the tar are measured together, when the owner says that the piece ends; until
 * then their digests are absent.
 */
export class EntryCollector implements TarHandler {
  entries: LayerEntry[] = [];
  /** Path of the first sparse file. */
  sparsePath: ByteString | undefined;
  /** Contents that were kept, by their offset in the tar. */
  readonly kept = new Map<number, Uint8Array>();
  /** Entries that have begun. */
  #count = 0;
  readonly #keep: RegExp | undefined;
  #keeping: Uint8Array | undefined;
  #keptLength = 0;
  #keptBytes = 0;
  readonly #source: number;
  readonly #measuring: Measuring | undefined;
  /** Whether the content at hand lies whole in the piece at hand. */
  #isWhole = false;
  /** Whether somebody else measures it. */
  #isLeft = false;
  readonly #small: Uint8Array = new Uint8Array(INLINE_CONTENT_MAX);
  #current: TarEntry | undefined;
  #sparse: SparseFeed | undefined;
  #smallLength = 0;

  constructor({ source, measuring, keep }: CollectorOptions) {
    this.#source = source;
    this.#keep = keep;
    this.#measuring = measuring;
  }

  /** Whether anything is made of the content at hand; else it may be passed over. */
  get wantsContent(): boolean {
    const isSmall = (this.#current?.size ?? 0) <= INLINE_CONTENT_MAX;
    return isSmall || this.#keeping !== undefined || this.#measuring !== undefined;
  }

  entry(entry: TarEntry): void {
    if (this.#count >= LIMITS.layerEntries) {
      throw new PlanishError('LIMIT_EXCEEDED', 'a layer has too many entries', {
        limit: 'layerEntries',
        offset: entry.offset,
      });
    }
    this.#count++;
    this.#current = entry;
    if (entry.sparse !== undefined) this.sparsePath ??= entry.path;
    this.#smallLength = 0;
    this.#isWhole = this.#isLeft = false;
    this.#measuring?.hasher.reset();
    this.#sparse = entry.sparse === undefined ? undefined : new SparseFeed(entry.sparse, entry.size);
    this.#startKeeping(entry);
  }

  #startKeeping({ type, path, size, sparse }: TarEntry): void {
    const wanted =
      type === 'regular' && size > INLINE_CONTENT_MAX && sparse === undefined && this.#keep?.test(path);
    const fits = size <= LIMITS.selinuxFileBytes && this.#keptBytes + size <= KEPT_BYTES;
    this.#keeping = wanted === true && fits ? new Uint8Array(size) : undefined;
    this.#keptLength = 0;
  }

  data(chunk: Uint8Array, start: number, end: number): void {
    const size = this.#current?.size ?? 0;
    if (size > INLINE_CONTENT_MAX) this.#take(chunk, start, end);
    else if (this.#sparse !== undefined) this.#sparse.store(this.#small, chunk, start, end);
    else this.#keepSmall(chunk, start, end);
  }

  endOfEntry(): void {
    const entry = this.#current;
    if (entry === undefined) return;
    this.entries.push(layerEntry(entry, entry.type === 'regular' ? this.#content(entry) : undefined));
    this.#small.fill(0);
  }

  /** The piece that was pushed ends here, and with it the bytes that digests are still wanted of. */
  endOfPiece(): void {
    this.#measuring?.wholes.measure();
  }

  /** Entries that came since they were taken last; to be called where a piece has ended, and never where contents are left to others. */
  takeEntries(): readonly LayerEntry[] {
    const taken = this.entries;
    this.entries = [];
    return taken;
  }

  /**
   * The content of the entry that has just begun is measured by the caller, who passes none of its bytes on and sets its digest.
   * Not for contents of up to 64 bytes, nor for those of sparse files, nor where contents are kept.
   */
  leaveContent(): void {
    this.#isLeft = true;
  }

  #take(chunk: Uint8Array, start: number, end: number): void {
    if (this.#measuring !== undefined) this.#measure(this.#measuring, chunk, start, end);
    this.#keeping?.set(chunk.subarray(start, end), this.#keptLength);
    this.#keptLength += end - start;
  }

  #measure({ hasher, wholes }: Measuring, chunk: Uint8Array, start: number, end: number): void {
    this.#isWhole = this.#sparse === undefined && end - start === this.#current?.size;
    if (this.#isWhole) wholes.hold(chunk, start);
    else if (this.#sparse === undefined) hasher.update(chunk, start, end);
    else this.#sparse.feed(hasher, chunk, start, end);
  }

  #keepSmall(chunk: Uint8Array, start: number, end: number): void {
    for (let index = start; index < end; index++) this.#small[this.#smallLength++] = chunk[index] as number;
  }

  #content(entry: TarEntry): Content {
    if (entry.size === 0) return EMPTY_CONTENT;
    if (entry.size <= INLINE_CONTENT_MAX) {
      return { kind: 'inline', bytes: this.#small.slice(0, entry.size) };
    }
    if (this.#keeping !== undefined) {
      this.kept.set(entry.dataOffset, this.#keeping);
      this.#keptBytes += entry.size;
    }
    const source = this.#source;
    const content: Measured = {
      kind: 'external',
      size: entry.size,
      verity: undefined,
      payload: undefined,
      location:
        entry.sparse === undefined
          ? wholeLocation(source, entry.dataOffset, entry.size)
          : { source, extents: entry.sparse },
    };
    if (!this.#isLeft) this.#addDigest(content);
    return content;
  }

  #addDigest(content: Measured): void {
    if (this.#measuring === undefined) return;
    const { hasher, wholes } = this.#measuring;
    this.#sparse?.finish(hasher);
    if (this.#isWhole) wholes.add(content);
    else content.verity = hasher.digest();
  }
}

/** What is kept of a tar entry, with its content. */
export function layerEntry(entry: TarEntry, content: Content | undefined): LayerEntry {
  const { type, path, linkTarget, mode, uid, gid, mtime, xattrs, major, minor, offset } = entry;
  const sparse = entry.sparse !== undefined;
  const known = {
    type,
    path,
    linkTarget,
    mode,
    uid,
    gid,
    mtime,
    xattrs,
    major,
    minor,
    content,
    sparse,
    offset,
  };
  return entry.hostReading === undefined ? known : { ...known, hostReading: entry.hostReading };
}

/** Puts the stored bytes of a sparse file back in their places, with zeros between. */
class SparseFeed {
  readonly #extents: readonly Extent[];
  readonly #size: number;
  #index = 0;
  #within = 0;
  #position = 0;

  constructor(extents: readonly Extent[], size: number) {
    this.#extents = extents;
    this.#size = size;
  }

  /** Feeds stored bytes, preceded by the zeros that belong before them. */
  feed(hasher: VerityHasher, chunk: Uint8Array, start: number, end: number): void {
    this.#place(start, end, (at, from, to) => {
      hasher.updateZeros(at - this.#position);
      hasher.update(chunk, from, to);
      this.#position = at + (to - from);
    });
  }

  /** Copies stored bytes of a small file to their places in a zeroed buffer. */
  store(target: Uint8Array, chunk: Uint8Array, start: number, end: number): void {
    this.#place(start, end, (at, from, to) => target.set(chunk.subarray(from, to), at));
  }

  finish(hasher: VerityHasher): void {
    hasher.updateZeros(this.#size - this.#position);
    this.#position = this.#size;
  }

  #place(start: number, end: number, use: (at: number, from: number, to: number) => void): void {
    let from = start;
    while (from < end) {
      const extent = this.#extents[this.#index];
      if (extent === undefined) throw new PlanishError('INVARIANT', 'more sparse content than extents');
      const length = Math.min(end - from, extent.length - this.#within);
      if (length > 0) use(extent.at + this.#within, from, from + length);
      from += length;
      this.#within += length;
      if (this.#within === extent.length) {
        this.#index += 1;
        this.#within = 0;
      }
    }
  }
}
