/** Inflating by `node:zlib`, on a thread of its own: the way where there are no C helpers. */
import { createInflateRaw, type InflateRaw } from 'node:zlib';
import { gzipError } from './gzip-format.ts';
import { INFLATED_BYTES, type MemberInflater } from './inflater.ts';
import type { PieceReader } from './piece-reader.ts';

/**
 * One deflate stream, fed one piece at a time: a piece is its producer's again when the next is asked for. The stream
 * ends itself when bytes are left over after its last block, which the trailer of a member sees to.
 */
export class ZlibInflater implements MemberInflater {
  readonly #reader: PieceReader;
  readonly #start: number;
  readonly #stream: InflateRaw = createInflateRaw({ chunkSize: INFLATED_BYTES });
  #busy = false;
  #ended = false;
  #error: unknown;
  /** What the stream had consumed before the piece it has now. */
  #consumed = 0;
  #wake: () => void = () => {};

  constructor(reader: PieceReader) {
    this.#reader = reader;
    this.#start = reader.offset;
    this.#stream.on('readable', () => this.#wake());
    this.#stream.on('end', () => {
      this.#ended = true;
      this.#wake();
    });
    this.#stream.on('error', (error) => {
      this.#error = error;
      this.#wake();
    });
  }

  /** The next piece, or `undefined` after the last, when the reader stands right behind the deflate stream. */
  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      const piece = this.#next();
      if (piece !== null) {
        await this.#readAhead();
        return piece;
      }
      if (this.#error !== undefined) throw this.#failure();
      if (this.#ended) {
        this.#settle();
        return undefined;
      }
      if (!this.#busy) await this.#feed();
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  close(): void {
    this.#stream.destroy();
  }

  #next(): Uint8Array | null {
    const length = this.#stream.readableLength;
    // Without a length all buffers that are ready would be joined by a copy.
    return length > INFLATED_BYTES ? this.#stream.read(INFLATED_BYTES) : this.#stream.read();
  }

  /**
   * Gives the stream its next piece before the receiver works on what came out of the last one: it inflates on a thread
   * of its own, so that both go on at once. Bytes that are left over belong to the trailer.
   */
  async #readAhead(): Promise<void> {
    if (this.#busy || this.#ended || this.#error !== undefined) return;
    this.#settle();
    if (this.#reader.rest.length === 0 && (await this.#reader.fill(1))) this.#write();
  }

  async #feed(): Promise<void> {
    this.#settle();
    if (!(await this.#reader.fill(1))) throw gzipError('the gzip data is truncated', this.#reader.offset);
    this.#write();
  }

  #write(): void {
    this.#busy = true;
    this.#stream.write(this.#reader.rest, () => {
      this.#busy = false;
      this.#wake();
    });
  }

  /** Takes from the reader what the stream has consumed by now. */
  #settle(): void {
    this.#reader.take(this.#stream.bytesWritten - this.#consumed);
    this.#consumed = this.#stream.bytesWritten;
  }

  #failure(): unknown {
    return gzipError('the gzip data is malformed', this.#start, this.#error);
  }
}
