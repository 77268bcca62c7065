/** A layer taken apart while it is read: large contents here, everything else there, nothing lost between. */
import type { VerityDigest } from '../bytes/digest.ts';
import { PlanishError } from '../errors.ts';
import type { TarEntry, TarHandler } from '../tar/scanner.ts';
import { type ExternalContent, INLINE_CONTENT_MAX } from '../tree/tree.ts';
import type { EntryCollector } from './entry-collector.ts';

/** A content of more than 64 bytes that lies whole in a piece of the tar. */
export interface WholeContent {
  /** Offset in the piece. */
  readonly start: number;
  readonly size: number;
  readonly digest: VerityDigest;
}

/** Receives the parts of the tar. Ranges are of pieces that must not be kept. */
export interface LayerParts {
  /** Bytes of the tar that are no large content, in order: headers, small contents, padding, the end. */
  inline(bytes: Uint8Array, start: number, end: number): void;
  /** A large content stands here in the tar; its bytes came before. */
  external(digest: VerityDigest, size: number): void;
  /** Large contents that lie whole in a piece, many at once. */
  wholes(piece: Uint8Array, contents: readonly WholeContent[]): void;
  /** Bytes of a large content of which the piece holds a part. */
  part(bytes: Uint8Array, start: number, end: number): void;
  /** That content is complete, and this is its digest. */
  endOfParts(digest: VerityDigest): void;
}

/**
 * A {@link TarHandler} that passes everything on to a collector, and the bytes to `parts`. Contents of sparse files stay
 * inline: what the tar stores of them is not their content. The owner tells where pieces begin and end.
 *
 * Contents that lie whole in a piece wait for its end, or for a content that does not, since together they are measured
 * and stored faster; so do the bytes between them.
 */
export class PartingHandler implements TarHandler {
  readonly #collector: EntryCollector;
  readonly #parts: LayerParts;
  /** Size of the large content at hand, or nothing. */
  #size: number | undefined;
  /** Where it begins, if it lies whole in this piece. */
  #start: number | undefined;
  /** Contents of this piece that wait. */
  readonly #waiting: { readonly start: number; readonly content: ExternalContent }[] = [];
  /** Bytes of this piece that were passed on. */
  #mark = 0;

  constructor(collector: EntryCollector, parts: LayerParts) {
    this.#collector = collector;
    this.#parts = parts;
  }

  entry(entry: TarEntry): void {
    const isLarge = entry.type === 'regular' && entry.size > INLINE_CONTENT_MAX && entry.sparse === undefined;
    this.#size = isLarge ? entry.size : undefined;
    this.#start = undefined;
    this.#collector.entry(entry);
  }

  data(chunk: Uint8Array, start: number, end: number): void {
    this.#collector.data(chunk, start, end);
    if (this.#size === undefined) return;
    if (end - start === this.#size) {
      this.#start = start;
      return;
    }
    this.#passWaiting(chunk);
    this.#passInline(chunk, start);
    this.#parts.part(chunk, start, end);
    this.#mark = end;
  }

  endOfEntry(): void {
    this.#collector.endOfEntry();
    const content = this.#collector.entries.at(-1)?.content;
    if (this.#size !== undefined && content?.kind === 'external') this.#endContent(content);
    this.#size = undefined;
  }

  #endContent(content: ExternalContent): void {
    if (this.#start !== undefined) {
      this.#waiting.push({ start: this.#start, content });
    } else if (content.verity !== undefined) {
      this.#parts.endOfParts(content.verity);
      this.#parts.external(content.verity, content.size);
    }
  }

  /** The piece that was pushed ends here. */
  endOfPiece(piece: Uint8Array): void {
    this.#passWaiting(piece);
    this.#passInline(piece, piece.length);
    this.#mark = 0;
  }

  #passWaiting(piece: Uint8Array): void {
    if (this.#waiting.length === 0) return;
    this.#collector.endOfPiece();
    const contents = this.#waiting.map(({ start, content: { size, verity } }) => {
      if (verity === undefined) throw new PlanishError('INVARIANT', 'a content was not measured');
      return { start, size, digest: verity };
    });
    this.#waiting.length = 0;
    this.#parts.wholes(piece, contents);
    for (const { start, size, digest } of contents) {
      this.#passInline(piece, start);
      this.#parts.external(digest, size);
      this.#mark = start + size;
    }
  }

  #passInline(bytes: Uint8Array, end: number): void {
    if (end > this.#mark) this.#parts.inline(bytes, this.#mark, end);
  }
}
