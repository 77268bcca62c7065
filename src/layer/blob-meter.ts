/** A blob while it is read: its bytes, its digest and size, and whether they are what was promised. */
import { type BlobDigest, blobDigest, type HashAlgorithm, splitBlobDigest } from '../bytes/digest.ts';
import { type ErrorDetail, PlanishError } from '../errors.ts';
import { StreamHash } from '../fsverity/stream-hash.ts';

/** What is known of a blob before it is read. Absent expectations are not checked. */
export interface BlobPromise {
  readonly digest: BlobDigest | undefined;
  /** Bytes that the descriptor claims. */
  readonly size: number | undefined;
}

/** How a blob is read. */
export interface BlobMeterOptions {
  /** Bytes of the blob read so far. */
  readonly progress?: ((bytes: number) => void) | undefined;
  /** Whether its digest will be asked for; default true. */
  readonly hashes?: boolean | undefined;
}

/** Hashes and counts a blob while it is read, and can look at its beginning first. */
export class BlobMeter implements AsyncIterable<Uint8Array> {
  readonly #iterator: AsyncIterator<Uint8Array>;
  /** Of the digest that names the blob. */
  readonly algorithm: HashAlgorithm;
  /** What is hashed of the blob; may be settled beside something else, but not pushed to. */
  readonly hash: StreamHash;
  readonly #progress: BlobMeterOptions['progress'];
  readonly #hashes: boolean;
  readonly #held: Uint8Array[] = [];
  #size = 0;
  #digest: BlobDigest | undefined;

  constructor(
    input: AsyncIterable<Uint8Array>,
    digest: BlobDigest | undefined,
    { progress, hashes = true }: BlobMeterOptions = {},
  ) {
    this.#iterator = input[Symbol.asyncIterator]();
    this.algorithm = digest === undefined ? 'sha256' : splitBlobDigest(digest).algorithm;
    this.hash = new StreamHash(this.algorithm);
    this.#progress = progress;
    this.#hashes = hashes;
  }

  /** Bytes read so far. */
  get size(): number {
    return this.#size;
  }

  /** The first `length` bytes, or all there are; they will still be iterated. */
  async peek(length: number): Promise<Uint8Array> {
    let have = 0;
    while (have < length) {
      const piece = await this.#next();
      if (piece === undefined) break;
      // A piece is the producer's again once the next one is asked for, so what is held is copied.
      this.#held.push(Uint8Array.from(piece));
      have += piece.length;
    }
    return this.#held.length === 1 ? (this.#held[0] as Uint8Array) : Buffer.concat(this.#held);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for (let held = this.#held.shift(); held !== undefined; held = this.#held.shift()) yield held;
    for (let piece = await this.#next(); piece !== undefined; piece = await this.#next()) yield piece;
  }

  async #next(): Promise<Uint8Array | undefined> {
    // The piece before is the producer's again.
    this.hash.settle();
    const result = await this.#iterator.next();
    if (result.done === true) return undefined;
    if (this.#hashes) this.hash.push(result.value);
    this.#size += result.value.length;
    this.#progress?.(this.#size);
    return result.value;
  }

  /** Lets go of the input, of which no more is wanted. */
  async close(): Promise<void> {
    await this.#iterator.return?.();
  }

  identity(): { digest: BlobDigest; size: number } {
    this.#digest ??= blobDigest(this.algorithm, this.hash.digest());
    return { digest: this.#digest, size: this.#size };
  }

  /** Throws `DIGEST_MISMATCH` unless everything read so far is what the request names. */
  verify(request: BlobPromise, detail: ErrorDetail = {}): void {
    const { digest, size } = this.identity();
    if (request.size !== undefined && request.size !== size) {
      throw new PlanishError('DIGEST_MISMATCH', 'the layer does not have the size of its descriptor', {
        ...detail,
        expected: request.size,
        actual: size,
      });
    }
    if (request.digest === undefined || request.digest === digest) return;
    throw new PlanishError('DIGEST_MISMATCH', 'the layer does not have the digest that names it', {
      ...detail,
      expected: request.digest,
      actual: digest,
    });
  }

  /**
   * Reads what is left, then verifies, where there is a digest: a corrupted blob is reported as such and not as a bad tar,
   * and a part of a blob is not taken for more than it is.
   */
  async verifyRest(request: BlobPromise, detail: ErrorDetail): Promise<void> {
    if (request.digest === undefined || this.#digest !== undefined) return;
    for (let piece = await this.#next(); piece !== undefined; piece = await this.#next());
    this.verify(request, detail);
  }
}
