/**
 * Numbers of a dumpfile. Ordinary ones are read straight from the bytes. Others are read as C's `strtoull` does
 * (white space and a sign before the digits, saturation at 2^64-1, then reduction to the width of the field), or in
 * strict mode as composefs-rs does (digits in range, at most a plus sign).
 */
import type { Timestamp } from '../bytes/stat.ts';
import { type DumpLine, FIELD, type FieldIndex } from './line.ts';

const DIGIT_0 = 0x30;
const DOT = 0x2e;
/** So many digits of any base up to ten are exact in a double. */
const PLAIN_DIGITS = 15;
/** Digits of 2^64-1; longer numbers saturate. */
const MAX_DIGITS = { 8: 22, 10: 20 } as const;
const U64_MAX = 2n ** 64n - 1n;
const BILLION = 1_000_000_000n;

/** Bases of dumpfile numbers. */
export type Base = 8 | 10;

/** A non-negative number of plain digits in `[start, end)`, or -1 where it is empty, long or anything else. */
function plainNumber(bytes: Uint8Array, start: number, end: number, base: Base): number {
  if (end <= start || end - start > PLAIN_DIGITS) return -1;
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = (bytes[at] ?? 0) - DIGIT_0;
    if (digit < 0 || digit >= base) return -1;
    value = value * base + digit;
  }
  return value;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the white space that strtoull skips.
const C_NUMBER = /^[\x09-\x0d ]*([+-]?)0*([0-9]*)$/;
const STRICT_NUMBER = /^(\+?)0*([0-9]*)$/;

/** The number in a text, 0 to 2^64-1, or `undefined` where there is none. */
function wideNumber(text: string, base: Base, strict: boolean): bigint | undefined {
  const match = (strict ? STRICT_NUMBER : C_NUMBER).exec(text);
  const [, sign = '', digits = ''] = match ?? [];
  if (match === null || !/[0-9]$/.test(text)) return undefined;
  if (base === 8 && /[89]/.test(digits)) return undefined;
  const long = digits.length > MAX_DIGITS[base];
  const value = long ? U64_MAX + 1n : BigInt(base === 8 ? `0o0${digits}` : `0${digits}`);
  if (value > U64_MAX) return strict ? undefined : U64_MAX;
  return sign === '-' ? BigInt.asUintN(64, -value) : value;
}

/**
 * A field as an unsigned number of 32 bits, or `undefined` where it is none. C drops higher bits; strict mode
 * refuses them.
 */
export function readU32(
  line: DumpLine,
  field: FieldIndex,
  strict: boolean,
  base: Base = 10,
): number | undefined {
  return readUnsigned(line, field, line.from(field), base, strict, 32);
}

/** A field as an unsigned number of 64 bits, rounded to a double from 2^53 up, or `undefined` where it is none. */
export function readU64(line: DumpLine, field: FieldIndex, strict: boolean): number | undefined {
  return readUnsigned(line, field, line.from(field), 10, strict, 64);
}

function readUnsigned(
  line: DumpLine,
  field: FieldIndex,
  from: number,
  base: Base,
  strict: boolean,
  bits: 32 | 64,
): number | undefined {
  const plain = plainNumber(line.bytes, from, line.to(field), base);
  if (plain >= 0 && plain < 2 ** bits) return plain;
  const wide = wideNumber(line.text(from, line.to(field)), base, strict);
  if (wide === undefined) return undefined;
  const kept = BigInt.asUintN(bits, wide);
  return strict && kept !== wide ? undefined : Number(kept);
}

/** The MODE field: octal, 32 bits, after the `@` of a hard link where there is one. */
export function readMode(line: DumpLine, isLink: boolean, strict: boolean): number {
  const from = line.from(FIELD.mode) + (isLink ? 1 : 0);
  const mode = readUnsigned(line, FIELD.mode, from, 8, strict, 32);
  if (mode === undefined) line.fail(FIELD.mode, 'is not an octal number');
  return mode;
}

/**
 * The MTIME field: seconds, a dot, nanoseconds; both whole numbers, `1.5` being five nanoseconds past one second.
 * Seconds from 2^63 up are negative. Beyond a safe integer they are refused in either mode.
 */
export function readMtime(line: DumpLine, strict: boolean): Timestamp {
  const start = line.from(FIELD.mtime);
  const end = line.to(FIELD.mtime);
  let dot = start;
  while (dot < end && line.bytes[dot] !== DOT) dot += 1;
  const sec = readSeconds(line, start, dot, strict);
  const nsec = readNanoseconds(line, Math.min(dot + 1, end), end, strict);
  return { sec, nsec };
}

function readSeconds(line: DumpLine, start: number, end: number, strict: boolean): number {
  const plain = plainNumber(line.bytes, start, end, 10);
  if (plain >= 0) return plain;
  const wide = wideNumber(line.text(start, end), 10, strict);
  if (wide === undefined) line.fail(FIELD.mtime, 'has no number of seconds');
  const sec = Number(BigInt.asIntN(64, wide));
  if (!Number.isSafeInteger(sec)) line.fail(FIELD.mtime, 'has seconds beyond 2^53');
  return sec;
}

function readNanoseconds(line: DumpLine, start: number, end: number, strict: boolean): number {
  const plain = plainNumber(line.bytes, start, end, 10);
  if (plain >= 0 && plain < 1e9) return plain;
  const wide = wideNumber(line.text(start, end), 10, strict);
  if (wide === undefined) line.fail(FIELD.mtime, 'has no number of nanoseconds');
  const nsec = BigInt.asUintN(32, wide);
  if (strict && wide >= BILLION) line.fail(FIELD.mtime, 'has a second or more of nanoseconds');
  return Number(nsec);
}
