/** Writes DER (ITU-T X.690): every function gives the encoding of one element. Nothing of it holds a clock or an order. */
import { encodeOidContent } from './oid.ts';
import { contextTag, TAG } from './tags.ts';

/** An element of any tag; the parts are its content, one after the other. */
export function encodeElement(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Uint8Array.of(tag), encodeLength(length), ...parts]);
}

function encodeLength(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length);
  const bytes: number[] = [];
  for (let left = length; left > 0; left = Math.trunc(left / 256)) bytes.unshift(left % 256);
  return Uint8Array.of(0x80 | bytes.length, ...bytes);
}

/** SEQUENCE. */
export function encodeSequence(...parts: readonly Uint8Array[]): Uint8Array {
  return encodeElement(TAG.sequence, ...parts);
}

/** SET OF: the elements are sorted by their encodings, as DER has it. */
export function encodeSetOf(...elements: readonly Uint8Array[]): Uint8Array {
  return encodeElement(TAG.set, ...elements.toSorted(Buffer.compare));
}

/** A context-specific tag around elements, or in place of a constructed one's own. */
export function encodeContext(number: number, ...parts: readonly Uint8Array[]): Uint8Array {
  return encodeElement(contextTag(number, true), ...parts);
}

/** A context-specific tag in place of a primitive one's own. */
export function encodeContextPrimitive(number: number, content: Uint8Array): Uint8Array {
  return encodeElement(contextTag(number, false), content);
}

/** INTEGER of a number that is not negative: big-endian bytes, leading zeros or not. */
export function encodeUnsigned(bytes: Uint8Array): Uint8Array {
  const start = bytes.findIndex((byte) => byte !== 0);
  const significant = start < 0 ? Uint8Array.of(0) : bytes.subarray(start);
  const sign = (significant[0] ?? 0) >= 0x80 ? [Uint8Array.of(0)] : [];
  return encodeElement(TAG.integer, ...sign, significant);
}

/** INTEGER of a number from 0 to 127: versions. */
export function encodeSmallInteger(value: number): Uint8Array {
  return encodeElement(TAG.integer, Uint8Array.of(value));
}

/** OBJECT IDENTIFIER, given as numbers with dots. */
export function encodeOid(text: string): Uint8Array {
  return encodeElement(TAG.oid, encodeOidContent(text));
}

/** OCTET STRING. */
export function encodeOctets(bytes: Uint8Array): Uint8Array {
  return encodeElement(TAG.octetString, bytes);
}

/** BIT STRING of whole bytes. */
export function encodeBitString(bytes: Uint8Array): Uint8Array {
  return encodeElement(TAG.bitString, Uint8Array.of(0), bytes);
}

/** NULL. */
export const DER_NULL: Uint8Array = encodeElement(TAG.null);
