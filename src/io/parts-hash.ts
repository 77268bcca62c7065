/**
 * The SHA-256 digest of a stream that consists of files and bytes between them, and the fs-verity digests of the files, each
 * of them read once; by the C helpers, on threads of libuv's pool. While they hash, the next files are gathered.
 */
import {
  type BlobDigest,
  blobDigest,
  DIGEST_BYTES,
  type HashAlgorithm,
  type VerityDigest,
} from '../bytes/digest.ts';
import { PlanishError } from '../errors.ts';
import { splitDigests } from '../fsverity/digest.ts';
import { HASH_ALGORITHM_ID, type HashHelpers, type StreamHelpers } from '../native/contract.ts';

/** What is needed for it. */
export type PartsHelpers = HashHelpers & StreamHelpers;

/** Files of one call, and bytes between them. */
const CALL_FILES = 512;
const CALL_BYTES = 256 * 1024;

/** Whether this machine can do it. */
export function canHashParts(helpers: StreamHelpers): boolean {
  return helpers.streamStateBytes() > 0;
}

/** Files that wait, and the bytes of the stream before each. */
class Parts {
  readonly paths: string[] = [];
  readonly sizes: number[] = [];
  readonly gaps: number[] = [];
  readonly expected: VerityDigest[] = [];
  #between: Buffer = Buffer.allocUnsafe(CALL_BYTES / 4);
  #length = 0;
  #gapStart = 0;

  get isFull(): boolean {
    return this.paths.length >= CALL_FILES || this.#length >= CALL_BYTES;
  }

  get between(): Uint8Array {
    return this.#between.subarray(0, this.#length);
  }

  addBytes(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#between.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, 2 * this.#between.length));
      this.#between.copy(larger, 0, 0, this.#length);
      this.#between = larger;
    }
    this.#between.set(bytes, this.#length);
    this.#length = length;
  }

  addFile(path: string, size: number, expected: VerityDigest): void {
    this.paths.push(`${path}\0`);
    this.sizes.push(size);
    this.expected.push(expected);
    this.gaps.push(this.#length - this.#gapStart);
    this.#gapStart = this.#length;
  }
}

/** See the module. */
export class PartsHash {
  readonly #helpers: PartsHelpers;
  readonly #algorithm: HashAlgorithm;
  readonly #progress: (bytes: number) => void;
  readonly #state: Uint8Array;
  readonly #sound = new Map<VerityDigest, number>();
  #parts = new Parts();
  #running: Promise<void> = Promise.resolve();
  #total = 0;
  #done = 0;

  /** `progress` is told how many bytes of files were read; what it throws ends the work. */
  constructor(algorithm: HashAlgorithm, helpers: PartsHelpers, progress: (bytes: number) => void) {
    this.#algorithm = algorithm;
    this.#helpers = helpers;
    this.#progress = progress;
    this.#state = new Uint8Array(helpers.streamStateBytes());
    helpers.beginStream(this.#state);
  }

  /** Files that were measured and had the digest that was expected, with their sizes. */
  get sound(): ReadonlyMap<VerityDigest, number> {
    return this.#sound;
  }

  /** Bytes that were added. */
  get total(): number {
    return this.#total;
  }

  /** Whether {@link flush} is to be called before more is added. */
  get isFull(): boolean {
    return this.#parts.isFull;
  }

  /** Adds bytes; they are copied. */
  addBytes(bytes: Uint8Array): void {
    this.#parts.addBytes(bytes);
    this.#total += bytes.length;
  }

  /** Adds a file that is to have that size and that digest. */
  addFile(path: string, size: number, expected: VerityDigest): void {
    this.#parts.addFile(path, size, expected);
    this.#total += size;
  }

  /** Begins with what was added, once what was begun before is done. Throws `VERITY_MISMATCH` where that was not as expected. */
  async flush(): Promise<void> {
    const parts = this.#parts;
    this.#parts = new Parts();
    await this.#running;
    this.#running = this.#measure(parts);
    // Told to whoever waits for it next, which may be later than the end of this turn.
    this.#running.catch(() => undefined);
  }

  /** The digest of all that was added. Nothing may be added afterwards. Throws `VERITY_MISMATCH`. */
  async digest(): Promise<BlobDigest> {
    await this.flush();
    await this.#running;
    const digest = Buffer.alloc(DIGEST_BYTES.sha256);
    this.#helpers.endStream(this.#state, digest);
    return blobDigest('sha256', digest.toString('hex'));
  }

  /** Waits until nothing is read any more. */
  async settle(): Promise<void> {
    await Promise.allSettled([this.#running]);
  }

  async #measure(parts: Parts): Promise<void> {
    const count = parts.paths.length;
    const digests = Buffer.alloc(count * DIGEST_BYTES[this.#algorithm]);
    const measured = await this.#helpers.measurePartsLater(
      Buffer.from(parts.paths.join('')),
      Float64Array.from(parts.sizes),
      HASH_ALGORITHM_ID[this.#algorithm],
      digests,
      this.#state,
      parts.between,
      Float64Array.from(parts.gaps),
    );
    const sound = this.#takeSound(parts, splitDigests(digests, this.#algorithm, Math.max(0, measured)));
    this.#progress(this.#done);
    if (sound < count || measured < 0) throw new PlanishError('VERITY_MISMATCH', 'a file is not as expected');
  }

  #takeSound({ expected, sizes }: Parts, digests: readonly VerityDigest[]): number {
    let sound = 0;
    for (const [index, digest] of digests.entries()) {
      const size = sizes[index] as number;
      this.#done += size;
      if (digest !== expected[index]) continue;
      this.#sound.set(digest, size);
      sound += 1;
    }
    return sound;
  }
}
