/**
 * The 512-byte tar header block (POSIX.1-1988 ustar, the older v7 form, GNU and star variants): where its fields are
 * and how their values are read.
 *
 * All forms share the fields up to `linkname`. What follows depends on the eight bytes of magic and version: ustar has
 * a `prefix` of 155 bytes that goes before the name, star the same with 131 bytes, GNU puts sparse extents and times
 * there, and v7 has neither owner names nor device numbers. Numbers are octal digits between spaces and NULs, or, when
 * the first byte has its top bit set, big-endian two's complement ("base-256"). Nothing here copies or keeps a buffer.
 */
import { type ByteString, byteString } from '../bytes/byte-string.ts';
import { type ErrorCode, type ErrorDetail, PlanishError } from '../errors.ts';

/** Bytes of a block: headers are one, contents are padded to a multiple. */
export const BLOCK_BYTES = 512;

/** Zeros after `size` bytes of content, up to the next block. */
export function paddingLength(size: number): number {
  return (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
}

/** A field of the header block: first byte and length. */
export interface Field {
  readonly at: number;
  readonly length: number;
}

/** Name of a field. */
export type FieldName =
  | 'name'
  | 'mode'
  | 'uid'
  | 'gid'
  | 'size'
  | 'mtime'
  | 'chksum'
  | 'typeflag'
  | 'linkname'
  | 'magic'
  | 'version'
  | 'uname'
  | 'gname'
  | 'devmajor'
  | 'devminor'
  | 'prefix'
  | 'starPrefix'
  | 'starTrailer'
  | 'gnuSparse'
  | 'gnuIsExtended'
  | 'gnuRealSize';

/** The fields, by their names in POSIX `pax`, "ustar Interchange Format", and in GNU `tar.h`. */
export const FIELDS: Readonly<Record<FieldName, Field>> = {
  name: { at: 0, length: 100 },
  mode: { at: 100, length: 8 },
  uid: { at: 108, length: 8 },
  gid: { at: 116, length: 8 },
  size: { at: 124, length: 12 },
  mtime: { at: 136, length: 12 },
  chksum: { at: 148, length: 8 },
  typeflag: { at: 156, length: 1 },
  linkname: { at: 157, length: 100 },
  magic: { at: 257, length: 6 },
  version: { at: 263, length: 2 },
  uname: { at: 265, length: 32 },
  gname: { at: 297, length: 32 },
  devmajor: { at: 329, length: 8 },
  devminor: { at: 337, length: 8 },
  prefix: { at: 345, length: 155 },
  /** star: the prefix ends earlier, times follow. */
  starPrefix: { at: 345, length: 131 },
  starTrailer: { at: 508, length: 4 },
  /** GNU: four extents, whether an extension block follows, and the size of the expanded file. */
  gnuSparse: { at: 386, length: 96 },
  gnuIsExtended: { at: 482, length: 1 },
  gnuRealSize: { at: 483, length: 12 },
};

/** Which fields a header has after `linkname`. */
export type HeaderFormat = 'v7' | 'ustar' | 'star' | 'gnu';

/** An error at a byte offset of the tar. */
export function tarError(code: ErrorCode, message: string, offset: number, more?: ErrorDetail): PlanishError {
  return new PlanishError(code, message, { offset, ...more });
}

/** The bytes `[start, end)` as a byte string, without making a view first: this runs for every name. */
export function latin1(bytes: Buffer, start: number, end: number): ByteString {
  return byteString(bytes.toString('latin1', start, end));
}

/** Whether the block at `at` is all zeros. */
export function isZeroBlock(block: Uint8Array, at: number, length: number = BLOCK_BYTES): boolean {
  for (let index = at; index < at + length; index++) if (block[index] !== 0) return false;
  return true;
}

/**
 * Checks the header checksum: the sum of all bytes, with the field itself as spaces. Old writers summed signed bytes,
 * so that sum is right as well. Throws `TAR_BAD_CHECKSUM`; `offset` is where the block lies in the tar.
 */
export function verifyChecksum(block: Buffer, at: number, offset: number): void {
  const { at: field, length } = FIELDS.chksum;
  const sum = sumOf(block, at, BLOCK_BYTES) - sumOf(block, at + field, length) + 0x20 * length;
  const stored = parseOctal(block, at + field, length);
  if (stored === sum) return;
  const high = highOf(block, at, BLOCK_BYTES) - highOf(block, at + field, length);
  if (stored === sum - 256 * high) return;
  throw tarError('TAR_BAD_CHECKSUM', 'a tar header does not match its checksum', offset, {
    expected: stored ?? 'an octal number',
    actual: sum,
  });
}

function sumOf(block: Buffer, start: number, length: number): number {
  let sum = 0;
  for (let index = start; index < start + length; index++) sum += block[index] as number;
  return sum;
}

/** How many bytes have their top bit set. */
function highOf(block: Buffer, start: number, length: number): number {
  let high = 0;
  for (let index = start; index < start + length; index++) high += (block[index] as number) >> 7;
  return high;
}

const MAGIC_USTAR = 'ustar\u000000';
const MAGIC_GNU = 'ustar  \u0000';
const STAR_TRAILER = 'tar\u0000';
const LETTER_U = 0x75;

/** The form of a header, by magic and version; anything unknown is v7. */
export function headerFormat(block: Buffer, at: number): HeaderFormat {
  const magic = at + FIELDS.magic.at;
  if (block[magic] !== LETTER_U) return 'v7';
  if (holdsText(block, magic, MAGIC_GNU)) return 'gnu';
  if (!holdsText(block, magic, MAGIC_USTAR)) return 'v7';
  return holdsText(block, at + FIELDS.starTrailer.at, STAR_TRAILER) ? 'star' : 'ustar';
}

/** Whether those bytes begin at `start`. Compared one by one: this runs for every header, and a string costs more. */
function holdsText(block: Buffer, start: number, text: string): boolean {
  for (let index = 0; index < text.length; index++)
    if (block[start + index] !== text.charCodeAt(index)) return false;
  return true;
}

const NO_TEXT = byteString('');

/** The bytes of a text field up to its first NUL, or all of it. */
export function decodeText(block: Buffer, at: number, field: Field): ByteString {
  const start = at + field.at;
  const limit = start + field.length;
  let end = start;
  while (end < limit && block[end] !== 0) end += 1;
  return end === start ? NO_TEXT : latin1(block, start, end);
}

/**
 * A number that cannot be negative. An empty field is 0. Throws `TAR_BAD_HEADER` for what is no number, is negative,
 * or is above `max`.
 */
export function decodeNumber(
  block: Buffer,
  at: number,
  name: FieldName,
  offset: number,
  max: number = Number.MAX_SAFE_INTEGER,
): number {
  const value = decodeSigned(block, at, name, offset);
  if (value >= 0 && value <= max) return value;
  throw tarError('TAR_BAD_HEADER', `the ${name} field of a tar header is out of range`, offset, {
    expected: `0 to ${max}`,
    actual: value,
  });
}

/** A number that may be negative (only base-256 can say so). Throws `TAR_BAD_HEADER` for what is no safe integer. */
export function decodeSigned(block: Buffer, at: number, name: FieldName, offset: number): number {
  const field = FIELDS[name];
  const value = parseNumber(block, at + field.at, field.length);
  if (value !== undefined) return value;
  throw tarError('TAR_BAD_HEADER', `the ${name} field of a tar header is no number`, offset);
}

/** Octal or base-256 number in `length` bytes, or `undefined` when it is none or not a safe integer. */
export function parseNumber(block: Uint8Array, start: number, length: number): number | undefined {
  const first = block[start] as number;
  return first >= 0x80 ? parseBase256(block, start, length) : parseOctal(block, start, length);
}

/**
 * Octal digits after any spaces and NULs, up to a NUL or trailing spaces; 0 when there are none. What follows the NUL
 * is ignored, as GNU tar and Go do.
 */
function parseOctal(block: Uint8Array, start: number, length: number): number | undefined {
  const end = start + length;
  let index = start;
  while (index < end && (block[index] === 0x20 || block[index] === 0)) index += 1;
  let value = 0;
  for (; index < end; index++) {
    const digit = (block[index] as number) - 0x30;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
  }
  while (index < end && block[index] === 0x20) index += 1;
  return index === end || block[index] === 0 ? value : undefined;
}

/** Two's complement, big-endian; the top bit is the mark and the next one the sign. */
function parseBase256(block: Uint8Array, start: number, length: number): number | undefined {
  const negative = ((block[start] as number) & 0x40) !== 0;
  const flip = negative ? 0xff : 0;
  let value = ((block[start] as number) ^ flip) & 0x7f;
  for (let index = start + 1; index < start + length; index++) {
    value = value * 256 + ((block[index] as number) ^ flip);
  }
  if (value >= Number.MAX_SAFE_INTEGER) return undefined;
  return negative ? -value - 1 : value;
}
