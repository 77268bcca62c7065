/**
 * A tar cut into windows, and windows into segments, in order and without gaps: contents that lie whole in a window with
 * all that stands around them, and parts of contents that are too large for that. What is done with segments may take its
 * time: the owner gives another window for what follows.
 */
import { PlanishError } from '../errors.ts';
import { VERITY_BLOCK_BYTES } from '../fsverity/descriptor.ts';
import type { EntryCollector } from '../layer/entry-collector.ts';
import type { Measured } from '../layer/whole-contents.ts';
import type { TarEntry, TarHandler } from '../tar/scanner.ts';
import { INLINE_CONTENT_MAX } from '../tree/tree.ts';

/**
 * Bytes of a window; contents up to this size lie whole in one. Less would be work for threads that are woken more often than
 * it is worth: with a megabyte a run takes a tenth more of processor time.
 */
export const WINDOW_BYTES: number = 4 * 1024 * 1024;

/** A content that lies whole in a window. Its digest is to be set. */
export interface WholeContent {
  readonly start: number;
  readonly content: Measured;
}

/** A content that comes in parts. */
export interface LargeContent {
  readonly size: number;
}

/** Bytes `[start, end)` of a window. */
export type Segment =
  | {
      readonly kind: 'wholes';
      readonly start: number;
      readonly end: number;
      readonly contents: readonly WholeContent[];
    }
  | {
      readonly kind: 'part';
      readonly start: number;
      readonly end: number;
      readonly of: LargeContent;
      /** With the last part, what the digest is to be set of; all parts before are of whole blocks of fs-verity. */
      readonly last: Measured | undefined;
    };

/** A window that is full, or the last one. */
export interface CutWindow {
  readonly bytes: Uint8Array;
  readonly segments: readonly Segment[];
}

/** A large content that has begun and not ended. */
interface OpenContent extends LargeContent {
  /** Where in the window what is left of it begins; nothing where no byte of it has come. */
  start: number | undefined;
  /** Bytes of it that went as parts. */
  gone: number;
}

/** See the module. The owner writes bytes to {@link room}, tells of them by {@link advance}, and has what that gives scanned. */
export class TarWindows implements TarHandler {
  readonly #collector: EntryCollector;
  #window: Uint8Array;
  /** Bytes of the window that are there. */
  #filled = 0;
  /** Where what is in no segment yet begins, and the contents in it. */
  #start = 0;
  #wholes: WholeContent[] = [];
  #segments: Segment[] = [];
  #open: OpenContent | undefined;

  /** `window` is the first one, of {@link WINDOW_BYTES}. */
  constructor(collector: EntryCollector, window: Uint8Array) {
    this.#collector = collector;
    this.#window = window;
  }

  /** Where the next bytes belong; empty where the window is full. */
  get room(): Uint8Array {
    return this.#window.subarray(this.#filled);
  }

  /** Notes that bytes were written to the room; gives them. */
  advance(count: number): Uint8Array {
    this.#filled += count;
    return this.#window.subarray(this.#filled - count, this.#filled);
  }

  /** Ends the window and goes on in the next one, of {@link WINDOW_BYTES}, where what shall lie whole is moved to. */
  turn(next: Uint8Array): CutWindow {
    const [bytes, filled] = [this.#window, this.#filled];
    const end = this.#cutOpen();
    this.#close(end);
    const segments = this.#segments;
    next.set(bytes.subarray(end, filled));
    this.#window = next;
    this.#filled = filled - end;
    this.#start = 0;
    this.#segments = [];
    if (this.#open?.start !== undefined) this.#open.start = 0;
    return { bytes, segments };
  }

  entry(entry: TarEntry): void {
    const { type, size, sparse } = entry;
    const isLarge = type === 'regular' && size > INLINE_CONTENT_MAX && sparse === undefined;
    this.#collector.entry(entry);
    this.#open = isLarge ? { size, start: undefined, gone: 0 } : undefined;
    if (isLarge) this.#collector.leaveContent();
  }

  data(chunk: Uint8Array, start: number, end: number): void {
    if (this.#open === undefined) this.#collector.data(chunk, start, end);
    else this.#open.start ??= chunk.byteOffset + start - this.#window.byteOffset;
  }

  endOfEntry(): void {
    this.#collector.endOfEntry();
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    const content = this.#collector.entries.at(-1)?.content;
    if (content?.kind !== 'external' || open.start === undefined) {
      throw new PlanishError('INVARIANT', 'a large content is none');
    }
    if (!isParted(open)) this.#wholes.push({ start: open.start, content });
    else this.#part(open, open.start, open.size - open.gone, content);
  }

  /** Where of the content that has not ended no byte is in a segment any more; the end where there is none. */
  #cutOpen(): number {
    const open = this.#open;
    if (open?.start === undefined) return this.#filled;
    if (!isParted(open)) return open.start;
    const length = this.#filled - open.start;
    const blocks = length - (length % VERITY_BLOCK_BYTES);
    if (blocks > 0) this.#part(open, open.start, blocks, undefined);
    return open.start + blocks;
  }

  #part(open: OpenContent, start: number, length: number, last: Measured | undefined): void {
    this.#close(start);
    open.gone += length;
    this.#start = start + length;
    this.#segments.push({ kind: 'part', start, end: this.#start, of: open, last });
  }

  #close(end: number): void {
    if (end === this.#start) return;
    this.#segments.push({ kind: 'wholes', start: this.#start, end, contents: this.#wholes });
    this.#wholes = [];
    this.#start = end;
  }
}

/** It goes in parts, and so does not lie whole in any window. */
function isParted({ size }: LargeContent): boolean {
  return size > WINDOW_BYTES;
}
