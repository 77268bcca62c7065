/** Many small pieces as few large ones: whoever hashes or compresses thousands of files is asked once for a megabyte. */
import { PlanishError } from '../errors.ts';
import { type OpenFile, readAt } from './read-file.ts';

const WINDOW_BYTES = 1024 * 1024;

/** See the module. Pieces are views of one buffer, each valid until the next is asked for. */
export class ByteWindow {
  readonly #buffer: Buffer = Buffer.allocUnsafeSlow(WINDOW_BYTES);
  #used = 0;
  /** Bytes that were added. */
  total = 0;

  /** Adds bytes. */
  *add(bytes: Uint8Array): Generator<Uint8Array, void, undefined> {
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + WINDOW_BYTES - this.#used);
      this.#buffer.set(part, this.#used);
      at += part.length;
      yield* this.#advance(part.length);
    }
  }

  /** Adds a whole file. Throws `CONTENT_CHANGED` where it became shorter. */
  *addFile(open: OpenFile, file: string): Generator<Uint8Array, void, undefined> {
    for (let done = 0; done < open.size; ) {
      const room = Math.min(WINDOW_BYTES - this.#used, open.size - done);
      const target = this.#buffer.subarray(this.#used, this.#used + room);
      const count = readAt(open.fd, target, done, file);
      if (count === 0) throw new PlanishError('CONTENT_CHANGED', 'the file became shorter', { file });
      done += count;
      yield* this.#advance(count);
    }
  }

  /** What is left of all that was added. */
  *rest(): Generator<Uint8Array, void, undefined> {
    const used = this.#used;
    this.#used = 0;
    if (used > 0) yield this.#buffer.subarray(0, used);
  }

  *#advance(count: number): Generator<Uint8Array, void, undefined> {
    this.#used += count;
    this.total += count;
    if (this.#used === WINDOW_BYTES) yield* this.rest();
  }
}
