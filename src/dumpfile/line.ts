/** One line of a dumpfile: where its eleven fields and its extended attributes lie, and how to complain about them. */
import type { ByteString } from '../bytes/byte-string.ts';
import { PlanishError } from '../errors.ts';
import { quotePath } from '../tree/path.ts';
import { unescapeField } from './escape.ts';

/** Fields of a line, by position (composefs-dump(5)). */
export const FIELD = {
  path: 0,
  size: 1,
  mode: 2,
  nlink: 3,
  uid: 4,
  gid: 5,
  rdev: 6,
  mtime: 7,
  payload: 8,
  content: 9,
  digest: 10,
} as const;
/** How many fields stand before the extended attributes. */
export const FIELD_COUNT = 11;

/** Position of a field in a line. */
export type FieldIndex = (typeof FIELD)[keyof typeof FIELD];

const FIELD_NAMES = [
  'PATH',
  'SIZE',
  'MODE',
  'NLINK',
  'UID',
  'GID',
  'RDEV',
  'MTIME',
  'PAYLOAD',
  'CONTENT',
  'DIGEST',
] as const;

const SPACE = 0x20;
const DASH = 0x2d;

/** A window on the buffer being parsed. One object serves all lines; nothing in it outlives the next line. */
export class DumpLine {
  bytes: Buffer = Buffer.alloc(0);
  /** One-based. */
  number = 0;
  /** Where the line starts in the dumpfile. */
  offset = 0;
  /** Where the line starts in `bytes`. */
  start = 0;
  /** Fields present, at most {@link FIELD_COUNT}. Those absent read as empty. */
  fieldCount = 0;
  /** The text after the eleventh field's space in `bytes`; `tailStart` is -1 without that space. */
  tailStart = -1;
  end = 0;
  readonly starts: Int32Array = new Int32Array(FIELD_COUNT);
  readonly ends: Int32Array = new Int32Array(FIELD_COUNT);

  /** Points this object at `[start, end)` of a buffer: one line without its newline. */
  assign(bytes: Buffer, start: number, end: number, offset: number): void {
    this.bytes = bytes;
    this.number += 1;
    this.offset = offset;
    this.start = start;
    this.end = end;
    this.#split();
  }

  #split(): void {
    let field = 0;
    let from = this.start;
    const { bytes, starts, ends, end } = this;
    for (let at = from; at < end && field < FIELD_COUNT; at++) {
      if (bytes[at] !== SPACE) continue;
      starts[field] = from;
      ends[field] = at;
      field += 1;
      from = at + 1;
    }
    this.tailStart = field === FIELD_COUNT ? from : -1;
    this.fieldCount = Math.min(field + 1, FIELD_COUNT);
    for (; field < FIELD_COUNT; field++, from = end) {
      starts[field] = from;
      ends[field] = end;
    }
  }

  /** Start of a field in `bytes`. */
  from(field: FieldIndex): number {
    return this.starts[field] ?? 0;
  }

  /** End of a field in `bytes`. */
  to(field: FieldIndex): number {
    return this.ends[field] ?? 0;
  }

  /** The bytes `[start, end)` of the buffer, as they stand. */
  text(start: number, end: number): ByteString {
    return this.bytes.toString('latin1', start, end) as ByteString;
  }

  /** The field as it stands. */
  raw(field: FieldIndex): ByteString {
    return this.text(this.from(field), this.to(field));
  }

  /** Whether the field is `-`: none. */
  isNone(field: FieldIndex): boolean {
    return this.to(field) - this.from(field) === 1 && this.bytes[this.from(field)] === DASH;
  }

  /** The field with its escapes undone. */
  unescaped(field: FieldIndex): ByteString {
    const text = unescapeField(this.raw(field));
    if (text === undefined) this.fail(field, 'holds an invalid escape');
    return text;
  }

  /**
   * The field as C reads it into a string, which an escaped NUL ends. In strict mode such a NUL is an error:
   * composefs-rs refuses it.
   */
  cString(field: FieldIndex, strict: boolean): ByteString {
    const text = this.unescaped(field);
    const nul = text.indexOf('\0');
    if (nul < 0) return text;
    if (strict) this.fail(field, 'holds an escaped NUL');
    return text.slice(0, nul) as ByteString;
  }

  /** Throws `DUMP_BAD_LINE` naming the field, the line and the offset of the field in the dumpfile. */
  fail(field: FieldIndex, what: string): never {
    this.failAt(this.from(field), `the ${FIELD_NAMES[field]} field ${what}`);
  }

  /** Throws `DUMP_BAD_LINE` for the byte at `at` of `bytes`. */
  failAt(at: number, message: string): never {
    throw new PlanishError('DUMP_BAD_LINE', message, {
      line: this.number,
      offset: this.offset + (at - this.start),
      path: quotePath(this.raw(FIELD.path)),
    });
  }
}
