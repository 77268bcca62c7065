/** Reading a stream of pieces by position, for formats whose headers straddle pieces. */

const NO_BYTES = new Uint8Array(0);

/** The unread bytes of a stream, its pieces asked for one at a time. */
export class PieceReader {
  readonly #pieces: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = NO_BYTES;
  #offset = 0;

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.#pieces = pieces[Symbol.asyncIterator]();
  }

  /** Bytes that were taken so far: the offset of the next one in the stream. */
  get offset(): number {
    return this.#offset;
  }

  /** Unread bytes that are at hand; valid until the next call of {@link fill}. */
  get rest(): Uint8Array {
    return this.#rest;
  }

  /** Takes `count` of the bytes at hand. */
  take(count: number): void {
    this.#rest = this.#rest.subarray(count);
    this.#offset += count;
  }

  /** Brings at least `count` bytes to hand, copying only where they straddle pieces; false where the stream ends before. */
  async fill(count: number): Promise<boolean> {
    while (this.#rest.length < count) {
      // A piece belongs to its producer again as soon as the next one is asked for. (`slice` of a Buffer copies nothing.)
      const kept = new Uint8Array(this.#rest);
      const next = await this.#pieces.next();
      this.#rest = kept;
      if (next.done === true) return false;
      this.#rest = kept.length === 0 ? next.value : Buffer.concat([kept, next.value]);
    }
    return true;
  }

  /** Takes `count` bytes without keeping them; false where the stream ends before. */
  async passOver(count: number): Promise<boolean> {
    let left = count;
    while (left > this.#rest.length) {
      left -= this.#rest.length;
      this.take(this.#rest.length);
      if (!(await this.fill(1))) return false;
    }
    this.take(left);
    return true;
  }

  /** Tells the producer that no more is wanted. */
  async close(): Promise<void> {
    await this.#pieces.return?.();
  }
}
