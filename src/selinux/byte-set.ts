/** Sets of bytes: what one position of a regular expression accepts. */

/** 256 entries, 1 for each byte in the set. Never written to once made. */
export type ByteSet = Uint8Array;

/** The set of the bytes that a test accepts. */
function byteSet(accepts: (byte: number) => boolean): ByteSet {
  return Uint8Array.from({ length: 256 }, (_, byte) => (accepts(byte) ? 1 : 0));
}

/** The set of what another set lacks. */
export function complement(set: ByteSet): ByteSet {
  return byteSet((byte) => set[byte] === 0);
}

/** The set of all bytes of a string of bytes. */
function bytesOf(text: string): ByteSet {
  return byteSet((byte) => text.includes(String.fromCharCode(byte)));
}

/** Every byte. */
export const ANY_BYTE: ByteSet = byteSet(() => true);

/** Every byte but a newline: `.` in PCRE2 unless told otherwise. */
export const NOT_NEWLINE: ByteSet = complement(bytesOf('\n'));

/** Every byte but NUL: `.` as composefs-rs sets up the regex crate. */
export const NOT_NUL: ByteSet = complement(bytesOf('\0'));

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;
const isUpper = (byte: number): boolean => byte >= 0x41 && byte <= 0x5a;
const isLower = (byte: number): boolean => byte >= 0x61 && byte <= 0x7a;
const isAlnum = (byte: number): boolean => isDigit(byte) || isUpper(byte) || isLower(byte);
const isGraph = (byte: number): boolean => byte > 0x20 && byte < 0x7f;

/** Whether `\w` has a byte: ASCII letters, digits, underscore. */
export function isWordByte(byte: number): boolean {
  return isAlnum(byte) || byte === 0x5f;
}

const DIGITS = byteSet(isDigit);
const WORD = byteSet(isWordByte);
const SPACE = bytesOf('\t\n\v\f\r ');

/** The POSIX classes of brackets in the C locale, which both engines use. */
export const POSIX_CLASSES: ReadonlyMap<string, ByteSet> = new Map([
  ['alnum', byteSet(isAlnum)],
  ['alpha', byteSet((byte) => isUpper(byte) || isLower(byte))],
  ['ascii', byteSet((byte) => byte < 0x80)],
  ['blank', bytesOf('\t ')],
  ['cntrl', byteSet((byte) => byte < 0x20 || byte === 0x7f)],
  ['digit', DIGITS],
  ['graph', byteSet(isGraph)],
  ['lower', byteSet(isLower)],
  ['print', byteSet((byte) => isGraph(byte) || byte === 0x20)],
  ['punct', byteSet((byte) => isGraph(byte) && !isAlnum(byte))],
  ['space', SPACE],
  ['upper', byteSet(isUpper)],
  ['word', WORD],
  ['xdigit', bytesOf('0123456789abcdefABCDEF')],
]);

/** Escapes that stand for a class, in both engines. */
export const CLASS_ESCAPES: ReadonlyMap<string, ByteSet> = new Map([
  ['d', DIGITS],
  ['D', complement(DIGITS)],
  ['s', SPACE],
  ['S', complement(SPACE)],
  ['w', WORD],
  ['W', complement(WORD)],
]);

const HORIZONTAL = bytesOf('\t \xa0');
const VERTICAL = bytesOf('\n\v\f\r\x85');

/** Escapes that stand for a class in PCRE2 only. */
export const PCRE2_CLASS_ESCAPES: ReadonlyMap<string, ByteSet> = new Map([
  ...CLASS_ESCAPES,
  ['h', HORIZONTAL],
  ['H', complement(HORIZONTAL)],
  ['v', VERTICAL],
  ['V', complement(VERTICAL)],
]);
