/**
 * JSON documents from outside: checked for size, nesting, UTF-8 and shape before anything is believed. Parsed
 * documents stay open objects, so fields that nobody here knows survive being written again.
 */
import { PlanishError } from '../errors.ts';
import { LIMITS, type LimitName } from '../limits.ts';

/** A JSON object with whatever fields it came with. */
export type JsonObject = { readonly [field: string]: unknown };

const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Parses one JSON document. `where` names it in errors. Throws `LIMIT_EXCEEDED` above `jsonBytes` or `jsonDepth`
 * and `JSON_BAD_DOCUMENT` for anything that is not UTF-8 JSON; a byte order mark is not (RFC 8259, section 8.1).
 */
export function parseJson(bytes: Uint8Array, where: string): unknown {
  if (bytes.length > LIMITS.jsonBytes) {
    throw limitExceeded(where, 'jsonBytes', bytes.length);
  }
  checkDepth(bytes, where);
  try {
    return JSON.parse(DECODER.decode(bytes));
  } catch (error) {
    throw new PlanishError('JSON_BAD_DOCUMENT', `${where} is no JSON in UTF-8`, {}, error);
  }
}

/** As {@link parseJson}, for documents that must be objects. */
export function parseJsonObject(bytes: Uint8Array, where: string): JsonObject {
  return asObject(parseJson(bytes, where), where);
}

/**
 * The bytes of a document: no white space, no final newline, fields in the order in which the object was built.
 * Deterministic, so digests of what planish writes depend on it. Integer-like field names come first, in ascending
 * order, as everywhere in ECMAScript; integers beyond 2^53 lose digits, which no OCI field may hold.
 */
export function formatJson(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value), 'utf8');
}

/** The value as an object, neither array nor null. Throws `JSON_BAD_DOCUMENT` naming `where`. */
export function asObject(value: unknown, where: string): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw badField(where, 'is no object', value);
}

/** The value as an array within a named limit; null and absence are empty, as Go writes a nil slice. */
export function asArray(value: unknown, where: string, limit: LimitName): readonly unknown[] {
  if (isAbsent(value)) return [];
  if (!Array.isArray(value)) throw badField(where, 'is no array', value);
  if (value.length > LIMITS[limit]) throw limitExceeded(where, limit, value.length);
  return value;
}

/** The value as a string. */
export function asString(value: unknown, where: string): string {
  if (typeof value === 'string') return value;
  throw badField(where, 'is no string', value);
}

/** The value as a non-empty string. */
export function asName(value: unknown, where: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw badField(where, 'is no non-empty string', value);
}

/** The value as a count of bytes: a safe integer from 0. */
export function asSize(value: unknown, where: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw badField(where, 'is no size in bytes', value);
}

/** The value as an object whose values are strings: annotations, labels. */
export function asStrings(value: unknown, where: string): Readonly<Record<string, string>> {
  const object = asObject(value, where);
  for (const [key, item] of Object.entries(object)) asString(item, `${where}[${JSON.stringify(key)}]`);
  return object as Readonly<Record<string, string>>;
}

/** Whether an optional field says nothing: absent, or null as Go writes a nil pointer or map. */
export function isAbsent(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}

/** `JSON_BAD_DOCUMENT` for a field, with a short rendering of what stands there. */
export function badField(where: string, complaint: string, value: unknown): PlanishError {
  const actual = value === undefined ? 'nothing' : render(value);
  return new PlanishError('JSON_BAD_DOCUMENT', `${where} ${complaint}`, { actual });
}

function render(value: unknown): string {
  if (Array.isArray(value)) return `array of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'object';
  return JSON.stringify(value).slice(0, 160);
}

function limitExceeded(where: string, limit: LimitName, actual: number): PlanishError {
  const expected = LIMITS[limit];
  return new PlanishError('LIMIT_EXCEEDED', `${where} passes the limit ${limit}`, {
    limit,
    expected,
    actual,
  });
}

/** Deep nesting is refused before parsing: serialising it again would exhaust the stack. */
function checkDepth(bytes: Uint8Array, where: string): void {
  let depth = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) at = skipString(bytes, at);
    else if (byte === 0x7b || byte === 0x5b) depth++;
    else if (byte === 0x7d || byte === 0x5d) depth--;
    if (depth > LIMITS.jsonDepth) throw limitExceeded(where, 'jsonDepth', depth);
  }
}

/** Position of the closing quote of the string that opens at `at`, or the end. */
function skipString(bytes: Uint8Array, at: number): number {
  for (let end = at + 1; end < bytes.length; end++) {
    if (bytes[end] === BACKSLASH) end++;
    else if (bytes[end] === QUOTE) return end;
  }
  return bytes.length;
}
