/** What a backslash begins, in both dialects. */
import { type ByteSet, CLASS_ESCAPES, NOT_NEWLINE, PCRE2_CLASS_ESCAPES } from './byte-set.ts';
import type { RegexCursor } from './regex-cursor.ts';
import { syntaxFault, unsupported } from './regex-fault.ts';
import type { Assertion } from './regex-tree.ts';

/**
 * Whose reading counts. `rust`: the regex crate without Unicode, as composefs-rs sets it up. `pcre2`: PCRE2 in bytes,
 * as libselinux uses it, and composefs-rs for what the crate refuses.
 */
export type Dialect = 'rust' | 'pcre2';

/** What an escape stands for. */
export type Escape =
  | { readonly kind: 'byte'; readonly byte: number }
  | { readonly kind: 'set'; readonly set: ByteSet }
  | { readonly kind: 'assertion'; readonly assertion: Assertion };

const CONTROLS: ReadonlyMap<string, number> = new Map([
  ['a', 0x07],
  ['f', 0x0c],
  ['n', 0x0a],
  ['r', 0x0d],
  ['t', 0x09],
]);

const RUST_ASSERTIONS: ReadonlyMap<string, Assertion> = new Map([
  ['A', 'begin'],
  ['z', 'end'],
  ['b', 'word-boundary'],
  ['B', 'no-word-boundary'],
]);

const PCRE2_ASSERTIONS: ReadonlyMap<string, Assertion> = new Map([
  ...RUST_ASSERTIONS,
  ['Z', 'end-or-newline'],
]);

const TWO_HEX = /[0-9A-Fa-f]{2}/y;
const UP_TO_TWO_HEX = /[0-9A-Fa-f]{0,2}/y;
const ALPHANUMERIC = /^[0-9A-Za-z]$/;

/** Reads an escape; the cursor stands behind the backslash. Throws a {@link RegexFault}. */
export function parseEscape(cursor: RegexCursor, dialect: Dialect): Escape {
  const letter = cursor.peek();
  if (letter === '') throw syntaxFault('it ends with a backslash');
  cursor.at++;
  const control = CONTROLS.get(letter);
  if (control !== undefined) return { kind: 'byte', byte: control };
  return dialect === 'rust' ? rustEscape(cursor, letter) : pcre2Escape(cursor, letter);
}

function rustEscape(cursor: RegexCursor, letter: string): Escape {
  if (letter === '<' || letter === '>') throw unsupported(`the word boundary \\${letter}`);
  if (letter === 'b' && cursor.peek() === '{') throw unsupported('a word boundary with braces');
  if (letter === 'v') return { kind: 'byte', byte: 0x0b };
  if (letter === 'x') return rustHex(cursor);
  if ('uUpP'.includes(letter)) throw unsupported(`the escape \\${letter}`);
  const known = classOrAssertion(letter, CLASS_ESCAPES, RUST_ASSERTIONS);
  if (known !== undefined) return known;
  if (ALPHANUMERIC.test(letter) || letter > '\x7f') throw syntaxFault(`the escape \\${letter} is unknown`);
  return { kind: 'byte', byte: letter.charCodeAt(0) };
}

function rustHex(cursor: RegexCursor): Escape {
  if (cursor.peek() === '{') throw unsupported('the escape \\x{…}');
  const digits = cursor.match(TWO_HEX);
  if (digits === undefined) throw syntaxFault('\\x lacks its two digits');
  return { kind: 'byte', byte: Number.parseInt(digits[0], 16) };
}

function pcre2Escape(cursor: RegexCursor, letter: string): Escape {
  if (letter === 'x') return pcre2Hex(cursor);
  if (letter === 'e') return { kind: 'byte', byte: 0x1b };
  if (letter === 'N' && cursor.peek() !== '{') return { kind: 'set', set: NOT_NEWLINE };
  const known = classOrAssertion(letter, PCRE2_CLASS_ESCAPES, PCRE2_ASSERTIONS);
  if (known !== undefined) return known;
  if (ALPHANUMERIC.test(letter)) throw unsupported(`the escape \\${letter}`);
  return { kind: 'byte', byte: letter.charCodeAt(0) };
}

function pcre2Hex(cursor: RegexCursor): Escape {
  if (cursor.peek() === '{') throw unsupported('the escape \\x{…}');
  const digits = cursor.match(UP_TO_TWO_HEX)?.[0] ?? '';
  return { kind: 'byte', byte: digits === '' ? 0 : Number.parseInt(digits, 16) };
}

function classOrAssertion(
  letter: string,
  classes: ReadonlyMap<string, ByteSet>,
  assertions: ReadonlyMap<string, Assertion>,
): Escape | undefined {
  const set = classes.get(letter);
  if (set !== undefined) return { kind: 'set', set };
  const assertion = assertions.get(letter);
  return assertion === undefined ? undefined : { kind: 'assertion', assertion };
}
