/** A compact form of numbers, byte strings and bytes: little-endian base 128, and lengths before what they measure. */
import { type ByteString, fromBytes } from './byte-string.ts';

const MORE = 0x80;
const LOW_BITS = 0x7f;
const BASE = 128;
/** Bytes of the largest safe integer. */
const MAX_BYTES = 8;
/** Bytes of the first piece, and most of one that holds several values. */
const FIRST_ROOM = 64 * 1024;
const MOST_ROOM = 4 * 1024 * 1024;

/** Writes values behind one another, in pieces of memory that are never moved. */
export class VarintWriter {
  readonly #full: Buffer<ArrayBuffer>[] = [];
  #bytes: Buffer<ArrayBuffer> = Buffer.allocUnsafe(FIRST_ROOM);
  #length = 0;

  /** A whole number from 0 to 2^53-1. */
  number(value: number): void {
    this.#reserve(MAX_BYTES);
    let rest = value;
    while (rest > LOW_BITS) {
      this.#bytes[this.#length++] = (rest % BASE) | MORE;
      rest = Math.floor(rest / BASE);
    }
    this.#bytes[this.#length++] = rest;
  }

  /** Any safe integer: its sign, then its magnitude. */
  signed(value: number): void {
    this.number(value < 0 ? 1 : 0);
    this.number(Math.abs(value));
  }

  /** A string of bytes, with its length. */
  string(text: string): void {
    this.number(text.length);
    this.#reserve(text.length);
    this.#length += this.#bytes.write(text, this.#length, 'latin1');
  }

  /** Bytes, with their length. */
  bytes(bytes: Uint8Array): void {
    this.number(bytes.length);
    this.raw(bytes);
  }

  /** Bytes of which the reader knows how many there are. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** The bytes that hexadecimal digits spell; an even number of them. Throws `RangeError` for other characters. */
  hex(digits: string): void {
    const count = digits.length / 2;
    this.#reserve(count);
    if (this.#bytes.write(digits, this.#length, 'hex') !== count) throw new RangeError('not hexadecimal');
    this.#length += count;
  }

  /** All that was written, in pieces; the last may be written to again. */
  parts(): Uint8Array<ArrayBuffer>[] {
    return [...this.#full, this.#bytes.subarray(0, this.#length)];
  }

  /** All that was written; where that is one piece, a view that the next write may invalidate. */
  written(): Uint8Array<ArrayBuffer> {
    const parts = this.parts();
    return parts.length === 1 ? (parts[0] as Uint8Array<ArrayBuffer>) : Buffer.concat(parts);
  }

  /** Forgets what was written. */
  clear(): void {
    this.#full.length = 0;
    this.#length = 0;
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    this.#full.push(this.#bytes.subarray(0, this.#length));
    const room = Math.min(2 * this.#bytes.length, MOST_ROOM);
    this.#bytes = Buffer.allocUnsafe(Math.max(count, room));
    this.#length = 0;
  }
}

/** Reads what {@link VarintWriter} wrote. Throws `RangeError` for all that cannot have been written so. */
export class VarintReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get offset(): number {
    return this.#offset;
  }

  get left(): number {
    return this.#bytes.length - this.#offset;
  }

  number(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < MAX_BYTES; count++) {
      const byte = this.#bytes[this.#offset++];
      if (byte === undefined) throw new RangeError('a number is cut short');
      value += (byte & LOW_BITS) * scale;
      if (byte <= LOW_BITS) return checkSafe(value);
      scale *= BASE;
    }
    throw new RangeError('a number is too long');
  }

  signed(): number {
    const sign = this.number();
    if (sign > 1) throw new RangeError('there is no such sign');
    const magnitude = this.number();
    return sign === 0 ? magnitude : 0 - magnitude;
  }

  /** A string of at most `limit` bytes. */
  string(limit: number): ByteString {
    const start = this.#advance(this.#length(limit));
    return fromBytes(this.#bytes, start, this.#offset);
  }

  /** A copy of at most `limit` bytes. */
  bytes(limit: number): Uint8Array {
    return this.raw(this.#length(limit));
  }

  /** A copy of so many bytes. */
  raw(length: number): Uint8Array {
    const start = this.#advance(length);
    return new Uint8Array(this.#bytes.subarray(start, this.#offset));
  }

  /** So many bytes in hexadecimal. */
  hex(length: number): string {
    const start = this.#advance(length);
    return this.#bytes.toString('hex', start, this.#offset);
  }

  #length(limit: number): number {
    const length = this.number();
    if (length > limit) throw new RangeError('a length is above its limit');
    return length;
  }

  #advance(length: number): number {
    if (length > this.left) throw new RangeError('bytes are cut short');
    const start = this.#offset;
    this.#offset += length;
    return start;
  }
}

function checkSafe(value: number): number {
  if (Number.isSafeInteger(value)) return value;
  throw new RangeError('a number is too large');
}
