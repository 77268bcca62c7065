/** Bracket expressions, `[…]`, in both dialects. */
import { type ByteSet, complement, POSIX_CLASSES } from './byte-set.ts';
import type { RegexCursor } from './regex-cursor.ts';
import { type Dialect, parseEscape } from './regex-escape.ts';
import { syntaxFault, unsupported } from './regex-fault.ts';

const POSIX_CLASS = /\[:(\^?)([a-z]*):\]/y;

/** Reads the rest of a bracket expression; the cursor stands behind `[`. Throws a {@link RegexFault}. */
export function parseBracket(cursor: RegexCursor, dialect: Dialect): ByteSet {
  const set = new Uint8Array(256);
  const negated = cursor.accept('^');
  let first = dialect === 'pcre2' || !takeFirstOfRust(cursor, set);
  for (; first || cursor.peek() !== ']'; first = false) {
    if (cursor.done) throw syntaxFault('a bracket is not closed');
    if (!takePosixClass(cursor, dialect, set)) takeItem(cursor, dialect, set);
  }
  cursor.at++;
  return negated ? complement(set) : set;
}

/**
 * The regex crate takes any number of hyphens at the front, or one closing bracket, as themselves and never as the
 * begin of a range. Returns whether there were any.
 */
function takeFirstOfRust(cursor: RegexCursor, set: Uint8Array): boolean {
  while (cursor.accept('-')) set[0x2d] = 1;
  if (set[0x2d] === 0 && cursor.accept(']')) set[0x5d] = 1;
  return set[0x2d] === 1 || set[0x5d] === 1;
}

function takePosixClass(cursor: RegexCursor, dialect: Dialect, set: Uint8Array): boolean {
  if (cursor.peek() !== '[') return false;
  const found = cursor.match(POSIX_CLASS);
  if (found === undefined) {
    // The crate nests brackets; PCRE2 knows [.x.] and [=x=], and refuses them.
    if (dialect === 'rust') throw unsupported('a bracket within a bracket');
    if (':.='.includes(cursor.peek(1)) && cursor.peek(1) !== '') throw unsupported('"[:" within a bracket');
    return false;
  }
  const [, caret, name = ''] = found;
  const known = POSIX_CLASSES.get(name);
  if (known === undefined) throw unsupported(`the class [:${name}:]`);
  addAll(set, caret === '^' ? complement(known) : known);
  if (isRange(cursor)) throw unsupported('a range that begins with a class');
  return true;
}

function takeItem(cursor: RegexCursor, dialect: Dialect, set: Uint8Array): void {
  if (dialect === 'rust') checkOperators(cursor);
  const from = takeMember(cursor, dialect);
  if (!isRange(cursor)) {
    if (typeof from === 'number') set[from] = 1;
    else addAll(set, from);
    return;
  }
  // Behind a member the crate reads "--" as an operator; what it means comes with the next item.
  if (dialect === 'rust' && cursor.peek(1) === '-') throw unsupported('"--" within a bracket');
  cursor.at++;
  if (dialect === 'pcre2' && cursor.peek() === '[' && ':.='.includes(cursor.peek(1))) {
    throw unsupported('a range that ends with a class');
  }
  addRange(set, from, takeMember(cursor, dialect));
}

/** The crate knows intersections and differences of brackets. */
function checkOperators(cursor: RegexCursor): void {
  for (const operator of ['&&', '--', '~~']) {
    if (cursor.text.startsWith(operator, cursor.at)) throw unsupported(`"${operator}" within a bracket`);
  }
}

/** Whether the hyphen here stands between two members. */
function isRange(cursor: RegexCursor): boolean {
  return cursor.peek() === '-' && cursor.peek(1) !== ']' && cursor.peek(1) !== '';
}

function takeMember(cursor: RegexCursor, dialect: Dialect): number | ByteSet {
  if (cursor.done) throw syntaxFault('a bracket is not closed');
  const byte = cursor.take();
  if (byte === 0x5c) return takeEscape(cursor, dialect);
  if (dialect === 'rust' && byte > 0x7f) throw syntaxFault('a bracket holds a character that is not ASCII');
  return byte;
}

function takeEscape(cursor: RegexCursor, dialect: Dialect): number | ByteSet {
  if (cursor.peek() === 'b') {
    if (dialect === 'rust') throw syntaxFault('a bracket holds a word boundary');
    cursor.at++;
    return 0x08;
  }
  if (cursor.peek() === 'N' && dialect === 'pcre2') throw syntaxFault('a bracket holds \\N');
  const found = parseEscape(cursor, dialect);
  if (found.kind === 'assertion') throw dialectFault(dialect, 'a bracket holds an assertion');
  return found.kind === 'byte' ? found.byte : found.set;
}

/** PCRE2 has readings of its own for some escapes in brackets; the crate refuses them. */
function dialectFault(dialect: Dialect, message: string): Error {
  return dialect === 'rust' ? syntaxFault(message) : unsupported(message);
}

function addRange(set: Uint8Array, from: number | ByteSet, to: number | ByteSet): void {
  if (typeof from !== 'number' || typeof to !== 'number') throw syntaxFault('a range has a class as its end');
  if (from > to) throw syntaxFault('a range runs backwards');
  set.fill(1, from, to + 1);
}

function addAll(set: Uint8Array, members: ByteSet): void {
  for (let byte = 0; byte < 256; byte++) if (members[byte] === 1) set[byte] = 1;
}
