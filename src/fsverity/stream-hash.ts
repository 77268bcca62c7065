/**
 * The digest of a stream that is hashed beside fs-verity, or beside another stream. SHA-256 of one stream leaves half of a
 * processor idle: a tar and its contents, or a blob and its tar, take the C helpers hardly longer than one of them. Where
 * there are no helpers, or no instructions, `node:crypto` hashes what comes at once.
 */
import { createHash, type Hash } from 'node:crypto';
import { DIGEST_BYTES, type HashAlgorithm } from '../bytes/digest.ts';
import type { StreamHelpers } from '../native/contract.ts';
import { nativeHelpers } from '../native/load.ts';

const NO_BYTES = new Uint8Array(0);

/** A stream that is hashed by and by: what was pushed last may wait until something else is hashed, or {@link settle}. */
export class StreamHash {
  readonly #way: Hash | { readonly helpers: StreamHelpers; readonly state: Uint8Array };
  #waiting: Uint8Array = NO_BYTES;

  constructor(algorithm: HashAlgorithm, helpers: StreamHelpers | undefined = nativeHelpers()) {
    const bytes = algorithm === 'sha256' && helpers !== undefined ? helpers.streamStateBytes() : 0;
    if (helpers === undefined || bytes === 0) this.#way = createHash(algorithm);
    else {
      this.#way = { helpers, state: new Uint8Array(bytes) };
      helpers.beginStream(this.#way.state);
    }
  }

  /** The state of the helpers, or `undefined` where nothing waits. */
  get state(): Uint8Array | undefined {
    return this.#waiting.length > 0 && 'state' in this.#way ? this.#way.state : undefined;
  }

  /** What waits to be hashed. */
  get waiting(): Uint8Array {
    return this.#waiting;
  }

  /** Notes that of what waits all but the last `count` bytes were hashed. */
  leave(count: number): void {
    this.#waiting = count === 0 ? NO_BYTES : this.#waiting.subarray(this.#waiting.length - count);
  }

  /** Adds bytes, which must be left alone until {@link settle}. */
  push(bytes: Uint8Array): void {
    if ('state' in this.#way) {
      this.settle();
      this.#waiting = bytes;
    } else this.#way.update(bytes);
  }

  /** Hashes what waits and, beside it, what waits of another stream, at most as much. */
  settle(other?: StreamHash): void {
    const state = this.state;
    if (state === undefined || !('state' in this.#way)) return;
    const left = this.#way.helpers.addToStreams(state, this.#waiting, other?.state, other?.waiting);
    other?.leave(left);
    this.leave(0);
  }

  /** The digest of everything, in hexadecimal. Nothing may be added afterwards. */
  digest(): string {
    if (!('state' in this.#way)) return this.#way.digest('hex');
    this.settle();
    const digest = Buffer.alloc(DIGEST_BYTES.sha256);
    this.#way.helpers.endStream(this.#way.state, digest);
    return digest.toString('hex');
  }
}
