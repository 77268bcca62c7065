/**
 * The gzip file format (RFC 1952): a member is a header of ten bytes and optional fields, a deflate stream, and a
 * trailer with the CRC-32 and the length modulo 2^32 of what it holds, little-endian.
 */
import { crc32 } from 'node:zlib';
import { PlanishError } from '../errors.ts';
import type { PieceReader } from './piece-reader.ts';

const ID1 = 0x1f;
const ID2 = 0x8b;
const CM_DEFLATE = 8;
const HEADER_BYTES = 10;
const TRAILER_BYTES = 8;

const FHCRC = 0x02;
const FEXTRA = 0x04;
const FNAME = 0x08;
const FCOMMENT = 0x10;
const RESERVED_FLAGS = 0xe0;

const OS_UNKNOWN = 255;

/** The header that is written: no name, no time, no hint about the level, operating system unknown. */
export const CANONICAL_HEADER: Uint8Array = Uint8Array.of(ID1, ID2, CM_DEFLATE, 0, 0, 0, 0, 0, 0, OS_UNKNOWN);

/** The trailer of a member. */
export function encodeTrailer(crc: number, size: number): Uint8Array {
  const trailer = new Uint8Array(TRAILER_BYTES);
  const view = new DataView(trailer.buffer);
  view.setUint32(0, crc, true);
  view.setUint32(4, size % 2 ** 32, true);
  return trailer;
}

/** An error about a gzip stream at an offset of the compressed bytes. */
export function gzipError(message: string, offset: number, cause?: unknown): PlanishError {
  return new PlanishError('GZIP_BAD_DATA', message, { offset }, cause);
}

/** Reads past the header of a member. Throws `GZIP_BAD_DATA` where it is none, is cut short or fails its own CRC. */
export async function readHeader(reader: PieceReader): Promise<void> {
  const start = reader.offset;
  const whole = await reader.fill(HEADER_BYTES);
  const [id1 = ID1, id2 = ID2, method, flags = 0] = reader.rest;
  if (id1 !== ID1 || id2 !== ID2) {
    throw gzipError(start === 0 ? 'no gzip member begins here' : 'garbage follows the gzip data', start);
  }
  if (!whole) throw gzipError('the gzip header is truncated', start + reader.rest.length);
  if (method !== CM_DEFLATE) throw gzipError('a gzip member is not compressed by deflate', start);
  if ((flags & RESERVED_FLAGS) !== 0) throw gzipError('a gzip header has reserved flags', start);
  const fields = new HeaderFields(reader);
  await fields.take(HEADER_BYTES);
  if ((flags & FEXTRA) !== 0) await fields.takeExtra();
  if ((flags & FNAME) !== 0) await fields.takeString();
  if ((flags & FCOMMENT) !== 0) await fields.takeString();
  if ((flags & FHCRC) !== 0) await fields.checkCrc(start);
}

/** The fields of a header, any of which may be long or cut by the end of a piece; sums the CRC as they pass. */
class HeaderFields {
  readonly #reader: PieceReader;
  #crc = 0;

  constructor(reader: PieceReader) {
    this.#reader = reader;
  }

  async take(count: number): Promise<void> {
    if (!(await this.#reader.fill(count))) throw this.#truncated();
    this.#pass(count);
  }

  async takeExtra(): Promise<void> {
    if (!(await this.#reader.fill(2))) throw this.#truncated();
    const [low = 0, high = 0] = this.#reader.rest;
    await this.take(2 + low + high * 0x100);
  }

  async takeString(): Promise<void> {
    for (;;) {
      if (!(await this.#reader.fill(1))) throw this.#truncated();
      const end = this.#reader.rest.indexOf(0);
      this.#pass(end < 0 ? this.#reader.rest.length : end + 1);
      if (end >= 0) return;
    }
  }

  async checkCrc(start: number): Promise<void> {
    if (!(await this.#reader.fill(2))) throw this.#truncated();
    const [low = 0, high = 0] = this.#reader.rest;
    if (low + high * 0x100 !== (this.#crc & 0xffff)) throw gzipError('a gzip header fails its CRC', start);
    this.#reader.take(2);
  }

  #pass(count: number): void {
    this.#crc = crc32(this.#reader.rest.subarray(0, count), this.#crc);
    this.#reader.take(count);
  }

  #truncated(): PlanishError {
    return gzipError('the gzip header is truncated', this.#reader.offset + this.#reader.rest.length);
  }
}

/** Reads a trailer and compares it. Throws `GZIP_BAD_DATA` where it is cut short or differs. */
export async function readTrailer(reader: PieceReader, crc: number, size: number): Promise<void> {
  const start = reader.offset;
  if (!(await reader.fill(TRAILER_BYTES))) {
    throw gzipError('the gzip trailer is truncated', start + reader.rest.length);
  }
  const { buffer, byteOffset } = reader.rest;
  const view = new DataView(buffer, byteOffset, TRAILER_BYTES);
  if (view.getUint32(0, true) !== crc) throw gzipError('gzip data fails its CRC', start);
  if (view.getUint32(4, true) !== size % 2 ** 32) throw gzipError('gzip data has another length', start + 4);
  reader.take(TRAILER_BYTES);
}
