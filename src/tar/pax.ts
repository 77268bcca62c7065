/**
 * PAX extended header records (POSIX.1-2001 `pax`, "pax Extended Header"): `length key=value\n`, where the decimal
 * length counts itself, the space and the newline. Keys and values are bytes: extended attributes carry NULs, newlines
 * and anything else, and names are in no particular encoding, so nothing is decoded as UTF-8.
 */
import { type ByteString, byteString, display } from '../bytes/byte-string.ts';
import type { Timestamp } from '../bytes/stat.ts';
import type { PlanishError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { latin1, tarError } from './header.ts';

/** One record; `offset` is where it begins in the tar. */
export interface PaxRecord {
  readonly key: ByteString;
  readonly value: ByteString;
  readonly offset: number;
}

const SPACE = 0x20;
const EQUALS = 0x3d;
const NEWLINE = 0x0a;
/** A length above the limit of all metadata needs no more digits to be wrong. */
const LENGTH_DIGITS_MAX = 8;

/**
 * The records in `[start, end)`, in their order, duplicates included. `offset` is where `start` lies in the tar.
 * Throws `PAX_BAD_RECORD` for anything that is not exactly a sequence of records, and `LIMIT_EXCEEDED` (`paxRecords`).
 */
export function decodePaxRecords(bytes: Buffer, start: number, end: number, offset: number): PaxRecord[] {
  const records: PaxRecord[] = [];
  for (let at = start; at < end; ) {
    if (records.length === LIMITS.paxRecords) {
      throw tarError('LIMIT_EXCEEDED', 'a PAX header has too many records', offset, { limit: 'paxRecords' });
    }
    const position = offset + at - start;
    const body = findBody(bytes, at, end, position);
    const next = at + recordLength(bytes, at, body - 1);
    if (next > end || next <= body || bytes[next - 1] !== NEWLINE) {
      throw badRecord('a PAX record does not end where its length says', position);
    }
    records.push(splitRecord(bytes, body, next - 1, position));
    at = next;
  }
  return records;
}

/** Index after the space that ends the length; the length is checked to be digits. */
function findBody(bytes: Buffer, at: number, end: number, position: number): number {
  const limit = Math.min(end, at + LENGTH_DIGITS_MAX + 1);
  for (let index = at; index < limit; index++) {
    const byte = bytes[index] as number;
    if (byte === SPACE && index > at) return index + 1;
    if (byte < 0x30 || byte > 0x39) break;
  }
  throw badRecord('a PAX record does not begin with its length', position);
}

function recordLength(bytes: Buffer, start: number, end: number): number {
  let length = 0;
  for (let index = start; index < end; index++) length = length * 10 + (bytes[index] as number) - 0x30;
  return length;
}

function splitRecord(bytes: Buffer, start: number, end: number, offset: number): PaxRecord {
  const equals = bytes.indexOf(EQUALS, start);
  if (equals <= start || equals >= end) throw badRecord('a PAX record has no key', offset);
  const key = latin1(bytes, start, equals);
  if (key.includes('\0')) throw badRecord('the key of a PAX record holds a NUL', offset);
  return { key, value: latin1(bytes, equals + 1, end), offset };
}

function badRecord(message: string, offset: number): PlanishError {
  return tarError('PAX_BAD_RECORD', message, offset);
}

function badValue(record: PaxRecord, expected: string): PlanishError {
  const message = `the PAX record ${display(record.key).slice(0, 80)} has a value that it cannot have`;
  return tarError('PAX_BAD_RECORD', message, record.offset, {
    expected,
    actual: display(byteString(record.value.slice(0, 80))),
  });
}

/** A text without NUL (a path or link target). Throws `PAX_BAD_RECORD`. */
export function paxText(record: PaxRecord): ByteString {
  if (record.value.includes('\0')) throw badValue(record, 'no NUL');
  return record.value;
}

/** A decimal number from 0 to `max`. Throws `PAX_BAD_RECORD`. */
export function paxNumber(record: PaxRecord, max: number = Number.MAX_SAFE_INTEGER): number {
  const value = /^[0-9]{1,20}$/.test(record.value) ? Number(record.value) : -1;
  if (value < 0 || value > max) throw badValue(record, `0 to ${max}`);
  return value;
}

/**
 * A time: seconds with an optional sign and fraction, of which the first nine digits count. Negative times are turned
 * to the form of {@link Timestamp}: -1.5 is second -2 and 500 000 000 ns. Throws `PAX_BAD_RECORD`.
 */
export function paxTime(record: PaxRecord): Timestamp {
  const match = /^(-?)([0-9]{1,16})(?:\.([0-9]*))?$/.exec(record.value);
  const seconds = Number(match?.[2]);
  if (match === null || seconds >= Number.MAX_SAFE_INTEGER) throw badValue(record, 'seconds since 1970');
  const nanoseconds = Number((match[3] ?? '').slice(0, 9).padEnd(9, '0'));
  if (match[1] === '') return { sec: seconds, nsec: nanoseconds };
  return nanoseconds === 0
    ? { sec: 0 - seconds, nsec: 0 }
    : { sec: 0 - seconds - 1, nsec: 1_000_000_000 - nanoseconds };
}

/** Prefix of the keys of extended attributes whose values are raw bytes. */
export const XATTR_PREFIX = 'SCHILY.xattr.';
/** Prefix of libarchive's own form: name URL-encoded, value in base64. */
export const XATTR_PREFIX_ENCODED = 'LIBARCHIVE.xattr.';

/** An extended attribute of a record, or `undefined` when the record is none. */
export interface PaxXattr {
  readonly name: ByteString;
  /** A buffer of its own. */
  readonly value: Uint8Array;
  /** Whether another spelling of the same name takes its place. */
  readonly weak: boolean;
}

/**
 * The extended attribute in a record: `SCHILY.xattr.NAME` with raw bytes, or `LIBARCHIVE.xattr.NAME` with the name
 * URL-encoded and the value in base64. An empty value is an attribute with an empty value, although POSIX would delete
 * the record: tools write it so, and composefs hosts read it so. Throws `PAX_BAD_RECORD` and `LIMIT_EXCEEDED`.
 */
export function paxXattr(record: PaxRecord): PaxXattr | undefined {
  const { key, value } = record;
  if (key.startsWith(XATTR_PREFIX)) {
    const name = byteString(key.slice(XATTR_PREFIX.length));
    return checkXattr(record, { name, value: ownBytes(value, 'latin1'), weak: false });
  }
  if (!key.startsWith(XATTR_PREFIX_ENCODED)) return undefined;
  const name = decodeUrl(key.slice(XATTR_PREFIX_ENCODED.length));
  if (!isBase64(value)) throw badValue(record, 'base64');
  return checkXattr(record, { name, value: ownBytes(value, 'base64'), weak: true });
}

/** Padding is optional: libarchive writes none. */
function isBase64(text: string): boolean {
  return /^[A-Za-z0-9+/]*={0,2}$/.test(text) && text.replace(/=+$/, '').length % 4 !== 1;
}

/** Never a view of the pool that small buffers share: attributes outlive the scan and cross threads. */
function ownBytes(text: string, encoding: 'latin1' | 'base64'): Uint8Array {
  return new Uint8Array(Buffer.from(text, encoding));
}

function checkXattr(record: PaxRecord, xattr: PaxXattr): PaxXattr {
  const { name, value } = xattr;
  if (name === '' || name.includes('\0')) throw badValue(record, 'the name of an extended attribute');
  if (name.length > LIMITS.xattrNameBytes) throw tooLong(record, 'name', 'xattrNameBytes');
  if (value.length > LIMITS.xattrValueBytes) throw tooLong(record, 'value', 'xattrValueBytes');
  return xattr;
}

function tooLong(record: PaxRecord, what: string, limit: 'xattrNameBytes' | 'xattrValueBytes'): PlanishError {
  const message = `the ${what} of an extended attribute is too long`;
  return tarError('LIMIT_EXCEEDED', message, record.offset, { limit });
}

function decodeUrl(text: string): ByteString {
  const decode = (_: string, digits: string): string => String.fromCharCode(Number.parseInt(digits, 16));
  return byteString(text.replace(/%([0-9A-Fa-f]{2})/g, decode));
}

/**
 * Records as the content of an `x` header, in byte order of their keys. Keys hold neither `=` nor NUL and occur once.
 * Changing this changes digests.
 */
export function encodePaxRecords(records: ReadonlyMap<ByteString, Uint8Array>): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [key, value] of [...records].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const length = countWithItself(key.length + value.length + 3);
    parts.push(Buffer.from(`${length} ${key}=`, 'latin1'), value, NEWLINE_BYTES);
  }
  return Buffer.concat(parts);
}

const NEWLINE_BYTES = Uint8Array.of(NEWLINE);

/** `rest` plus the digits of the result: adding them can add a digit, once. */
function countWithItself(rest: number): number {
  const guess = rest + String(rest).length;
  return rest + String(guess).length;
}
