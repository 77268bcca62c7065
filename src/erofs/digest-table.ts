/**
 * Numbers for fs-verity digests, in the order in which they come. Digits of a digest are as good as random, so the first
 * eight are its hash; an image has a digest for nearly every file, and a map of strings would hash all 64 or 128 digits
 * of each.
 */
import type { ByteString } from '../bytes/byte-string.ts';
import { hexDigit } from './bytes-out.ts';

const FIRST_SLOTS = 1024;
const HASH_DIGITS = 8;
/** Slots looked at for one digest. Only digests that someone chose to be alike take more: those are kept aside. */
const PROBES_MAX = 16;

/** See the module. Keys are strings of hexadecimal digits. */
export class DigestTable {
  /** Slots hold the number of their digest plus one; 0 for none. */
  #slots: Int32Array = new Int32Array(FIRST_SLOTS);
  readonly #digests: ByteString[] = [];
  readonly #hashes: number[] = [];
  readonly #aside = new Map<ByteString, number>();

  /** How many digests there are: the number that the next new one gets. */
  get size(): number {
    return this.#digests.length;
  }

  /** The number of a digest. */
  numberOf(digest: ByteString): number {
    const hash = hashOf(digest);
    const mask = this.#slots.length - 1;
    for (let probe = 0; probe < PROBES_MAX; probe++) {
      const slot = (hash + probe) & mask;
      const number = (this.#slots[slot] as number) - 1;
      if (number < 0) return this.#aside.get(digest) ?? this.#add(digest, hash, slot);
      if (this.#hashes[number] === hash && this.#digests[number] === digest) return number;
    }
    return this.#aside.get(digest) ?? this.#addAside(digest, hash);
  }

  #add(digest: ByteString, hash: number, slot: number): number {
    this.#hashes.push(hash);
    const size = this.#digests.push(digest);
    this.#slots[slot] = size;
    if (size * 2 > this.#slots.length) this.#grow();
    return size - 1;
  }

  #addAside(digest: ByteString, hash: number): number {
    this.#hashes.push(hash);
    const number = this.#digests.push(digest) - 1;
    this.#aside.set(digest, number);
    return number;
  }

  /** What finds no slot any more goes aside. */
  #grow(): void {
    this.#slots = new Int32Array(this.#slots.length * 4);
    for (let number = 0; number < this.#digests.length; number++) this.#place(number);
  }

  #place(number: number): void {
    const mask = this.#slots.length - 1;
    const hash = this.#hashes[number] as number;
    for (let probe = 0; probe < PROBES_MAX; probe++) {
      const slot = (hash + probe) & mask;
      if (this.#slots[slot] !== 0) continue;
      this.#slots[slot] = number + 1;
      return;
    }
    this.#aside.set(this.#digests[number] as ByteString, number);
  }
}

function hashOf(digest: ByteString): number {
  let hash = 0;
  for (let index = 0; index < HASH_DIGITS; index++) hash = (hash << 4) | hexDigit(digest.charCodeAt(index));
  return hash;
}
