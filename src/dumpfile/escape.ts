/**
 * Escapes of dumpfile fields: `\\`, `\n`, `\r`, `\t` and `\xHH` (composefs-dump(5)). Fields are separated by spaces
 * and lines by newlines, so those never stand for themselves inside a field.
 */
import { type ByteString, byteString } from '../bytes/byte-string.ts';

const BACKSLASH = 0x5c;
const CODE_OF_LETTER: Readonly<Record<string, number>> = { '\\': BACKSLASH, n: 0x0a, r: 0x0d, t: 0x09 };
const HEX_PAIR = /^[0-9a-fA-F]{2}$/;
/** Characters of `\xHH`, and of the other escapes. */
const HEX_LENGTH = 4;
const SHORT_LENGTH = 2;

/** The bytes that an escaped field stands for, or `undefined` where a backslash starts no known escape. */
export function unescapeField(text: ByteString): ByteString | undefined {
  let at = text.indexOf('\\');
  if (at < 0) return text;
  let out = text.slice(0, at);
  while (at >= 0) {
    const code = escapedByte(text, at);
    if (code === undefined) return undefined;
    const from = at + (text[at + 1] === 'x' ? HEX_LENGTH : SHORT_LENGTH);
    at = text.indexOf('\\', from);
    out += String.fromCharCode(code) + text.slice(from, at < 0 ? undefined : at);
  }
  return byteString(out);
}

function escapedByte(text: string, at: number): number | undefined {
  const letter = text[at + 1];
  if (letter === undefined) return undefined;
  if (letter !== 'x') return CODE_OF_LETTER[letter];
  const digits = text.slice(at + 2, at + HEX_LENGTH);
  return HEX_PAIR.test(digits) ? Number.parseInt(digits, 16) : undefined;
}

/** What a writer puts for each byte; the same in both composefs projects. */
const ESCAPED: readonly string[] = Array.from({ length: 256 }, (_, code) => escapeByte(code));

function escapeByte(code: number): string {
  for (const [letter, value] of Object.entries(CODE_OF_LETTER)) if (value === code) return `\\${letter}`;
  const graphic = code > 0x20 && code < 0x7f && code !== 0x3d;
  return graphic ? String.fromCharCode(code) : `\\x${code.toString(16).padStart(2, '0')}`;
}

const UNSAFE = /[^\x21-\x5b\x5d-\x7e]/;
const UNSAFE_ALL = /[^\x21-\x5b\x5d-\x7e]/g;
const UNSAFE_IN_XATTR = /[^\x21-\x3c\x3e-\x5b\x5d-\x7e]/;
const UNSAFE_IN_XATTR_ALL = /[^\x21-\x3c\x3e-\x5b\x5d-\x7e]/g;

/** A path, target or content as writers escape it: everything but graphic ASCII, and the backslash. */
export function escapeField(text: ByteString): string {
  return UNSAFE.test(text) ? text.replace(UNSAFE_ALL, escapeCharacter) : text;
}

/** As {@link escapeField}, for a field where `-` alone means none: that text becomes `\x2d`. */
export function escapeOptional(text: ByteString): string {
  return text === '-' ? '\\x2d' : escapeField(text);
}

/** Name or value of an extended attribute: `=` is escaped too, and `-` and empty stand for themselves. */
export function escapeXattr(text: ByteString): string {
  return UNSAFE_IN_XATTR.test(text) ? text.replace(UNSAFE_IN_XATTR_ALL, escapeCharacter) : text;
}

function escapeCharacter(character: string): string {
  return ESCAPED[character.charCodeAt(0)] ?? character;
}
