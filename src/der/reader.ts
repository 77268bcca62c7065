/**
 * Reads DER, the distinguished encoding of ASN.1 (ITU-T X.690, 8 and 10): an identifier octet, a length, a content.
 *
 * Nothing but DER is read: lengths are definite and as short as can be, integers and booleans have their one form, tag
 * numbers fit in one octet (none of what is signed here has a larger one), and nothing follows the outermost element.
 * Elements are views of the input. The depth of nesting is bounded, and what a length claims is held against what is
 * there before anything is done with it.
 */
import { type ErrorDetail, PlanishError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { decodeOidContent } from './oid.ts';
import { TAG } from './tags.ts';

const CONSTRUCTED = 0x20;
const HIGH_TAG = 0x1f;

/** One element. */
export class DerValue {
  /** The identifier octet: class, whether constructed, and number. */
  readonly tag: number;
  /** The whole encoding, a view of the input. */
  readonly bytes: Uint8Array;
  /** Without identifier and length, a view of the input. */
  readonly content: Uint8Array;
  /** Offset of {@link bytes} in the input. */
  readonly offset: number;
  readonly #depth: number;

  /** For this module alone. */
  constructor(tag: number, bytes: Uint8Array, headerLength: number, offset: number, depth: number) {
    this.tag = tag;
    this.bytes = bytes;
    this.content = bytes.subarray(headerLength);
    this.offset = offset;
    this.#depth = depth;
  }

  /** The elements inside a constructed one. Throws `DER_BAD_DATA`, `LIMIT_EXCEEDED` (`derDepth`). */
  children(): DerValue[] {
    if ((this.tag & CONSTRUCTED) === 0) throw this.fault('a constructed element was expected');
    if (this.#depth >= LIMITS.derDepth) {
      const detail = { limit: 'derDepth', expected: LIMITS.derDepth, offset: this.offset };
      throw new PlanishError('LIMIT_EXCEEDED', 'DER data is nested too deeply', detail);
    }
    const start = this.offset + this.bytes.length - this.content.length;
    const children: DerValue[] = [];
    for (let at = 0; at < this.content.length; ) {
      const child = decodeElement(this.content.subarray(at), start + at, this.#depth + 1);
      children.push(child);
      at += child.bytes.length;
    }
    return children;
  }

  /** The elements inside, in order, when the tag is the one given. */
  fields(tag: number, what: string): DerFields {
    return new DerFields(this.expect(tag, what), what);
  }

  /** Itself, when the tag is the one given. Throws `DER_BAD_DATA` otherwise. */
  expect(tag: number, what: string): DerValue {
    if (this.tag === tag) return this;
    throw this.fault(`${what} has another tag than it must`, { expected: hex(tag), actual: hex(this.tag) });
  }

  /** The content of an INTEGER: two's complement, big-endian, shortest form. */
  integerBytes(what: string): Uint8Array {
    const { content } = this.expect(TAG.integer, what);
    const [first = -1, second = 0] = content;
    const isPadded =
      content.length > 1 && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80));
    if (first < 0 || isPadded) throw this.fault(`${what} is not an INTEGER in its shortest form`);
    return content;
  }

  /** A small INTEGER that is not negative. */
  smallInteger(what: string): number {
    const bytes = this.integerBytes(what);
    if (bytes.length > 4 || (bytes[0] ?? 0) >= 0x80) throw this.fault(`${what} is out of range`);
    return bytes.reduce((value, byte) => value * 256 + byte, 0);
  }

  /** An OBJECT IDENTIFIER as numbers with dots. */
  oid(what: string): string {
    const text = decodeOidContent(this.expect(TAG.oid, what).content);
    if (text === undefined) throw this.fault(`${what} is not an OBJECT IDENTIFIER`);
    return text;
  }

  /** The bytes of a BIT STRING of whole bytes. */
  bitStringBytes(what: string): Uint8Array {
    const { content } = this.expect(TAG.bitString, what);
    if (content[0] !== 0) throw this.fault(`${what} is not a BIT STRING of whole bytes`);
    return content.subarray(1);
  }

  /** The bytes of an OCTET STRING. */
  octets(what: string): Uint8Array {
    return this.expect(TAG.octetString, what).content;
  }

  /** `DER_BAD_DATA` at this place. */
  fault(message: string, detail: ErrorDetail = {}): PlanishError {
    return new PlanishError('DER_BAD_DATA', message, { offset: this.offset, ...detail });
  }
}

/** The elements of a SEQUENCE, taken one after the other. */
export class DerFields {
  readonly #parent: DerValue;
  readonly #children: readonly DerValue[];
  readonly #what: string;
  #next = 0;

  constructor(parent: DerValue, what: string) {
    this.#parent = parent;
    this.#children = parent.children();
    this.#what = what;
  }

  /** The next element, of any tag or of the one given. */
  take(what: string, tag?: number): DerValue {
    const value = this.#children[this.#next];
    if (value === undefined) throw this.#parent.fault(`${this.#what} ends before ${what}`);
    this.#next += 1;
    return tag === undefined ? value : value.expect(tag, what);
  }

  /** The next element if it has this tag. */
  takeIf(tag: number): DerValue | undefined {
    const value = this.#children[this.#next];
    if (value?.tag !== tag) return undefined;
    this.#next += 1;
    return value;
  }

  /** All that is left. */
  rest(): readonly DerValue[] {
    const values = this.#children.slice(this.#next);
    this.#next = this.#children.length;
    return values;
  }

  /** Throws `DER_BAD_DATA` unless all were taken. */
  end(): void {
    const value = this.#children[this.#next];
    if (value !== undefined) throw value.fault(`${this.#what} holds more than it may`);
  }
}

/** The one element that the bytes are. Throws `DER_BAD_DATA`, also for bytes after it. */
export function decodeDer(bytes: Uint8Array): DerValue {
  const value = decodeElement(bytes, 0, 0);
  if (value.bytes.length === bytes.length) return value;
  const detail = { offset: value.bytes.length };
  throw new PlanishError('DER_BAD_DATA', 'DER data is followed by something else', detail);
}

/** The element at the beginning of the bytes, whatever follows it. Throws `DER_BAD_DATA`. */
export function decodeDerPrefix(bytes: Uint8Array): DerValue {
  return decodeElement(bytes, 0, 0);
}

function decodeElement(bytes: Uint8Array, offset: number, depth: number): DerValue {
  const [tag, first] = bytes;
  if (tag === undefined || first === undefined) throw truncated(offset);
  if ((tag & HIGH_TAG) === HIGH_TAG) {
    throw new PlanishError('DER_BAD_DATA', 'a tag number does not fit in one octet', { offset });
  }
  const { length, headerLength } = decodeLength(bytes, first, offset);
  if (length > bytes.length - headerLength) throw truncated(offset, headerLength + length, bytes.length);
  return new DerValue(tag, bytes.subarray(0, headerLength + length), headerLength, offset, depth);
}

function decodeLength(
  bytes: Uint8Array,
  first: number,
  offset: number,
): { length: number; headerLength: number } {
  if (first < 0x80) return { length: first, headerLength: 2 };
  const count = first & 0x7f;
  const headerLength = 2 + count;
  if (count === 0 || count > 4) {
    throw new PlanishError('DER_BAD_DATA', 'a length is indefinite or too large', { offset });
  }
  if (bytes.length < headerLength) throw truncated(offset, headerLength, bytes.length);
  const length = bytes.subarray(2, headerLength).reduce((value, byte) => value * 256 + byte, 0);
  const isShortest = length >= 0x80 && length >= 2 ** (8 * (count - 1));
  if (isShortest) return { length, headerLength };
  throw new PlanishError('DER_BAD_DATA', 'a length is not in its shortest form', { offset });
}

function truncated(offset: number, expected?: number, actual?: number): PlanishError {
  const detail = expected === undefined ? {} : { expected: `${expected} bytes`, actual: `${actual} bytes` };
  return new PlanishError('DER_BAD_DATA', 'DER data ends within an element', { offset, ...detail });
}

function hex(tag: number): string {
  return `0x${tag.toString(16).padStart(2, '0')}`;
}
