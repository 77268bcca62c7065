/** A layer taken apart while it is read: large contents here, everything else there, nothing lost between. */
import type { VerityDigest } from '../bytes/digest.ts';
import type { TarEntry, TarHandler } from '../tar/scanner.ts';
import { INLINE_CONTENT_MAX } from '../tree/tree.ts';
import type { EntryCollector } from './entry-collector.ts';

/** Receives the parts in the order of the tar. Ranges are of pieces that must not be kept. */
export interface LayerParts {
  /** Bytes of the tar that are no large content: headers, small contents, padding, the end. */
  inline(bytes: Uint8Array, start: number, end: number): void;
  /** Bytes of a content of more than 64 bytes, `size` in all; where these are all of them, they are so until its end. */
  content(bytes: Uint8Array, start: number, end: number, size: number): void;
  /** That content is complete, and this is its digest. */
  endOfContent(digest: VerityDigest, size: number): void;
}

/**
 * A {@link TarHandler} that passes everything on to a collector, and the bytes to `parts`. Contents of sparse files stay
 * inline: what the tar stores of them is not their content. The owner tells where pieces begin and end.
 */
export class PartingHandler implements TarHandler {
  readonly #collector: EntryCollector;
  readonly #parts: LayerParts;
  /** Size of the large content at hand, or nothing. */
  #size: number | undefined;
  /** Bytes of this piece that were passed on. */
  #mark = 0;

  constructor(collector: EntryCollector, parts: LayerParts) {
    this.#collector = collector;
    this.#parts = parts;
  }

  entry(entry: TarEntry): void {
    const isLarge = entry.type === 'regular' && entry.size > INLINE_CONTENT_MAX && entry.sparse === undefined;
    this.#size = isLarge ? entry.size : undefined;
    this.#collector.entry(entry);
  }

  data(chunk: Uint8Array, start: number, end: number): void {
    this.#collector.data(chunk, start, end);
    if (this.#size === undefined) return;
    this.#passInline(chunk, start);
    this.#parts.content(chunk, start, end, this.#size);
    this.#mark = end;
  }

  endOfEntry(): void {
    this.#collector.endOfEntry();
    this.#collector.endOfPiece();
    const content = this.#collector.entries.at(-1)?.content;
    if (this.#size !== undefined && content?.kind === 'external' && content.verity !== undefined) {
      this.#parts.endOfContent(content.verity, this.#size);
    }
    this.#size = undefined;
  }

  /** The piece that was pushed ends here. */
  endOfPiece(piece: Uint8Array): void {
    this.#passInline(piece, piece.length);
    this.#mark = 0;
  }

  #passInline(bytes: Uint8Array, end: number): void {
    if (end > this.#mark) this.#parts.inline(bytes, this.#mark, end);
  }
}
