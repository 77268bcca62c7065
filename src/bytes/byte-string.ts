/**
 * Names are bytes. A {@link ByteString} carries them one byte a character (latin1): it is a Map key, keeps every
 * byte, and `<` orders it as `memcmp` does. An ordinary string sorts differently above U+FFFF, which would change
 * inode order and so digests; the two are therefore different types.
 */

declare const byteStringBrand: unique symbol;

/** Raw bytes in a string, each character 0x00 to 0xff. Compare with `<`; changing that order changes digests. */
export type ByteString = string & { readonly [byteStringBrand]: true };

const UTF8_DECODER = new TextDecoder('utf-8', { fatal: true });

/** Marks a string that is already one byte a character. For literals in ASCII and results of latin1 decoding. */
export function byteString(latin1: string): ByteString {
  return latin1 as ByteString;
}

/** The bytes `[start, end)` of a buffer as a byte string. */
export function fromBytes(bytes: Uint8Array, start = 0, end: number = bytes.length): ByteString {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return view.toString('latin1', start, end) as ByteString;
}

/** A fresh buffer with the bytes of a byte string. */
export function toBytes(text: ByteString): Uint8Array {
  return Buffer.from(text, 'latin1');
}

/** The bytes of an ordinary string in UTF-8, as a byte string: for names given by a person. */
export function fromUtf8(text: string): ByteString {
  return Buffer.from(text, 'utf8').toString('latin1') as ByteString;
}

/** The text that the bytes spell in UTF-8, or `undefined` where they spell none. */
export function decodeUtf8(text: ByteString): string | undefined {
  try {
    return UTF8_DECODER.decode(toBytes(text));
  } catch {
    return undefined;
  }
}

/** Orders two byte strings as `memcmp`, the shorter prefix first. */
export function compareBytes(a: ByteString, b: ByteString): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is to be escaped.
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\\]/g;

/**
 * A name for a person: UTF-8 where it is valid, `\xHH` for control characters, backslashes and all bytes of a name
 * that is not UTF-8. Never ambiguous, never able to drive a terminal.
 */
export function display(text: ByteString): string {
  const decoded = decodeUtf8(text);
  if (decoded !== undefined) return decoded.replace(UNPRINTABLE, escapeCharacter);
  return text.replace(/[^\x20-\x5b\x5d-\x7e]/g, escapeCharacter);
}

function escapeCharacter(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
