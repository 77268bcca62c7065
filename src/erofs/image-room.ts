/** Memory in which images are made that are not needed for long. */

/**
 * Room for one image at a time: each lies where the one before did, which is gone then. An image of many files is large, lies outside
 * of V8's heap, and would stay in memory until V8 looks for what is dead.
 */
export class ImageRoom {
  #bytes = new Uint8Array(0);

  /** Zeros, as many as asked for; what was given before must not be used any more. */
  take(size: number): Uint8Array<ArrayBuffer> {
    if (size > this.#bytes.length) this.#bytes = new Uint8Array(size);
    else this.#bytes.fill(0, 0, size);
    return this.#bytes.subarray(0, size);
  }

  /** Bytes that it holds on to. */
  get held(): number {
    return this.#bytes.length;
  }
}
