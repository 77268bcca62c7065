/**
 * A map by fs-verity digests. Digits of a digest are as good as random, so the first eight are its hash; an image has a
 * digest for nearly every file, and a map of strings would hash all 64 or 128 digits of each.
 */
import type { ByteString } from '../bytes/byte-string.ts';

const FIRST_SLOTS = 1024;
const HASH_DIGITS = 8;
/** Slots looked at for one digest. Only digests that someone chose to be alike take more: those are kept aside. */
const PROBES_MAX = 16;

interface Entry<T> {
  readonly digest: ByteString;
  readonly hash: number;
  readonly value: T;
}

/** See the module. Keys are strings of hexadecimal digits. */
export class DigestMap<T> {
  #slots: Int32Array = new Int32Array(FIRST_SLOTS);
  /** Slots hold the ordinal of their entry plus one; 0 for none. */
  readonly #entries: Entry<T>[] = [];
  readonly #aside = new Map<ByteString, T>();
  readonly #values: T[] = [];

  /** The value of a digest, made by `make` where it is new. */
  get(digest: ByteString, make: (digest: ByteString) => T): T {
    const hash = hashOf(digest);
    const mask = this.#slots.length - 1;
    for (let probe = 0; probe < PROBES_MAX; probe++) {
      const slot = (hash + probe) & mask;
      const ordinal = this.#slots[slot] ?? 0;
      if (ordinal === 0)
        return this.#aside.get(digest) ?? this.#add(slot, { digest, hash, value: make(digest) });
      const entry = this.#entries[ordinal - 1] as Entry<T>;
      if (entry.hash === hash && entry.digest === digest) return entry.value;
    }
    return this.#aside.get(digest) ?? this.#addAside(digest, make(digest));
  }

  /** All values, in the order in which they were made. */
  values(): readonly T[] {
    return this.#values;
  }

  #add(slot: number, entry: Entry<T>): T {
    this.#slots[slot] = this.#entries.push(entry);
    this.#values.push(entry.value);
    if (this.#entries.length * 2 > this.#slots.length) this.#grow();
    return entry.value;
  }

  #addAside(digest: ByteString, value: T): T {
    this.#aside.set(digest, value);
    this.#values.push(value);
    return value;
  }

  /** What finds no slot any more goes aside. */
  #grow(): void {
    this.#slots = new Int32Array(this.#slots.length * 4);
    for (const [ordinal, entry] of this.#entries.entries()) this.#place(entry, ordinal + 1);
  }

  #place({ digest, hash, value }: Entry<T>, ordinal: number): void {
    const mask = this.#slots.length - 1;
    for (let probe = 0; probe < PROBES_MAX; probe++) {
      const slot = (hash + probe) & mask;
      if (this.#slots[slot] !== 0) continue;
      this.#slots[slot] = ordinal;
      return;
    }
    this.#aside.set(digest, value);
  }
}

function hashOf(digest: ByteString): number {
  let hash = 0;
  for (let index = 0; index < HASH_DIGITS; index++) {
    const code = digest.charCodeAt(index);
    hash = (hash << 4) | (code <= 0x39 ? code & 0xf : (code & 0xf) + 9);
  }
  return hash;
}
