/**
 * The fs-verity digest of a stream (Linux, Documentation/filesystems/fsverity.rst): data in 4096-byte blocks, the
 * last padded with zeros; hashes of blocks concatenated into blocks of the next level, until one hash is left; that
 * and the size in a descriptor, whose hash is the digest. One partly filled block a level is all the memory needed.
 */
import { DIGEST_BYTES, type HashAlgorithm, type VerityDigest, verityDigest } from '../bytes/digest.ts';
import { PlanishError } from '../errors.ts';
import { encodeVerityDescriptor, VERITY_BLOCK_BYTES } from './descriptor.ts';
import { type BlockHash, defaultBackend, type HashBackend } from './hash.ts';

/** One level of the tree: the block that is being filled with hashes, and how many hashes the level had in all. */
interface Level {
  readonly block: Buffer;
  filled: number;
  hashes: number;
}

/** Zeros to pad with and to hash. Never written to. */
const ZERO_BLOCK = Buffer.alloc(VERITY_BLOCK_BYTES);

/** Incremental hasher; `reset` makes it usable again. */
export class VerityHasher {
  readonly #algorithm: HashAlgorithm;
  readonly #hash: BlockHash;
  readonly #hashBlocks: HashBackend['hashBlocks'];
  readonly #digestBytes: number;
  readonly #data: Buffer = Buffer.alloc(VERITY_BLOCK_BYTES);
  readonly #levels: Level[] = [];
  /** Hashes of full subtrees of zeros: of one block, of a block of such hashes, and so on. */
  readonly #zeroHashes: string[] = [];
  #buffered = 0;
  #size = 0;
  #finished = false;

  constructor(algorithm: HashAlgorithm, backend: HashBackend = defaultBackend()) {
    this.#algorithm = algorithm;
    this.#hash = backend.hash[algorithm];
    this.#hashBlocks = backend.hashBlocks;
    this.#digestBytes = DIGEST_BYTES[algorithm];
  }

  /** Forgets all data. */
  reset(): this {
    for (const level of this.#levels) {
      level.filled = 0;
      level.hashes = 0;
    }
    this.#buffered = 0;
    this.#size = 0;
    this.#finished = false;
    return this;
  }

  /** Appends `bytes[start, end)`; whole blocks are hashed where they lie. */
  update(bytes: Uint8Array, start = 0, end: number = bytes.length): this {
    if (!(start >= 0 && end <= bytes.length)) throw misuse('a range outside its buffer');
    this.#grow(end - start);
    let position = this.#buffered === 0 ? start : this.#fill(bytes, start, end);
    position = this.#pushRuns(bytes, position, end);
    for (; end - position >= VERITY_BLOCK_BYTES; position += VERITY_BLOCK_BYTES) {
      this.#push(0, this.#hash(bytes.subarray(position, position + VERITY_BLOCK_BYTES)));
    }
    if (position < end) this.#fill(bytes, position, end);
    return this;
  }

  /** Appends `count` zero bytes, in time that hardly grows with their number. */
  updateZeros(count: number): this {
    this.#grow(count);
    let left = count;
    if (this.#buffered > 0 && left > 0) {
      const length = Math.min(left, VERITY_BLOCK_BYTES - this.#buffered);
      this.#fill(ZERO_BLOCK, 0, length);
      left -= length;
    }
    const blocks = Math.floor(left / VERITY_BLOCK_BYTES);
    this.#pushZeroBlocks(blocks);
    this.#fill(ZERO_BLOCK, 0, left - blocks * VERITY_BLOCK_BYTES);
    return this;
  }

  /**
   * Appends `size` bytes by the digests of their blocks, one behind another; a last block that is not full was hashed with
   * zeros behind it, and nothing may follow it.
   */
  updateHashed(digests: Uint8Array, size: number): this {
    if (this.#buffered > 0) throw misuse('blocks that begin in the middle of one');
    this.#grow(size);
    let left = Math.ceil(size / VERITY_BLOCK_BYTES);
    for (let at = 0; left > 0; ) {
      const level = this.#level(0);
      const count = Math.min(left, (VERITY_BLOCK_BYTES - level.filled) / this.#digestBytes);
      const end = at + count * this.#digestBytes;
      level.block.set(digests.subarray(at, end), level.filled);
      this.#grew(0, count);
      left -= count;
      at = end;
    }
    return this;
  }

  /** The digest of everything so far. Nothing may be added afterwards, but after `reset`. */
  digest(): VerityDigest {
    this.#finished = true;
    if (this.#buffered > 0) {
      this.#data.fill(0, this.#buffered);
      this.#push(0, this.#hash(this.#data));
      this.#buffered = 0;
    }
    const descriptor = encodeVerityDescriptor(this.#algorithm, this.#size, this.#rootHash());
    return verityDigest(Buffer.from(this.#hash(descriptor), 'latin1').toString('hex'));
  }

  /** Notes that data comes. Throws `INVARIANT` for what no caller can mean, before it can spoil a digest. */
  #grow(count: number): void {
    if (this.#finished) throw misuse('data after the digest');
    if (!(count >= 0 && Number.isSafeInteger(this.#size + count))) throw misuse('an impossible length');
    this.#size += count;
  }

  #fill(bytes: Uint8Array, start: number, end: number): number {
    const length = Math.min(end - start, VERITY_BLOCK_BYTES - this.#buffered);
    this.#data.set(bytes.subarray(start, start + length), this.#buffered);
    this.#buffered += length;
    if (this.#buffered === VERITY_BLOCK_BYTES) {
      this.#push(0, this.#hash(this.#data));
      this.#buffered = 0;
    }
    return start + length;
  }

  /** Whole blocks in runs, as many as the block of hashes has room for; a single one is left to the plain way. */
  #pushRuns(bytes: Uint8Array, start: number, end: number): number {
    const hashBlocks = this.#hashBlocks;
    let position = start;
    while (hashBlocks !== undefined && end - position >= 2 * VERITY_BLOCK_BYTES) {
      const level = this.#level(0);
      const room = (VERITY_BLOCK_BYTES - level.filled) / this.#digestBytes;
      const count = Math.min(room, Math.floor((end - position) / VERITY_BLOCK_BYTES));
      hashBlocks(this.#algorithm, bytes, position, count, level.block, level.filled);
      this.#grew(0, count);
      position += count * VERITY_BLOCK_BYTES;
    }
    return position;
  }

  #level(index: number): Level {
    let level = this.#levels[index];
    if (level === undefined) {
      level = { block: Buffer.alloc(VERITY_BLOCK_BYTES), filled: 0, hashes: 0 };
      this.#levels[index] = level;
    }
    return level;
  }

  #push(index: number, digest: string): void {
    const level = this.#level(index);
    level.block.write(digest, level.filled, 'latin1');
    this.#grew(index, 1);
  }

  /** Notes hashes that were written behind `filled`. */
  #grew(index: number, hashes: number): void {
    const level = this.#level(index);
    level.filled += hashes * this.#digestBytes;
    level.hashes += hashes;
    if (level.filled < VERITY_BLOCK_BYTES) return;
    level.filled = 0;
    this.#push(index + 1, this.#hash(level.block));
  }

  /** Whole subtrees go in as one hash wherever the levels below are at a boundary. */
  #pushZeroBlocks(count: number): void {
    const fanOut = VERITY_BLOCK_BYTES / this.#digestBytes;
    let left = count;
    while (left > 0) {
      let index = 0;
      let span = 1;
      while (left >= span * fanOut && this.#level(index).filled === 0) {
        index += 1;
        span *= fanOut;
      }
      for (let below = 0, blocks = span; below < index; below++, blocks /= fanOut) {
        this.#level(below).hashes += blocks;
      }
      this.#push(index, this.#zeroHash(index));
      left -= span;
    }
  }

  #zeroHash(index: number): string {
    const known = this.#zeroHashes[index];
    if (known !== undefined) return known;
    const block = index === 0 ? ZERO_BLOCK : Buffer.alloc(VERITY_BLOCK_BYTES);
    if (index > 0) block.fill(this.#zeroHash(index - 1), 'latin1');
    const digest = this.#hash(block);
    this.#zeroHashes[index] = digest;
    return digest;
  }

  /** Closes level after level; the first that has a single hash holds the root. Empty for no data. */
  #rootHash(): string {
    if (this.#size === 0) return '';
    for (let index = 0; ; index++) {
      const level = this.#level(index);
      if (level.hashes === 1) return level.block.toString('latin1', 0, this.#digestBytes);
      if (level.filled === 0) continue;
      level.block.fill(0, level.filled);
      level.filled = 0;
      this.#push(index + 1, this.#hash(level.block));
    }
  }
}

function misuse(what: string): PlanishError {
  return new PlanishError('INVARIANT', `a verity hasher was given ${what}`);
}
