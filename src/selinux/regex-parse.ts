/**
 * Reads an expression of a policy, by the rules of either engine. Both work on bytes. What an engine reads and is not
 * modelled here (named groups, inline flags, back references, …) is refused by name: a guess could be a wrong label.
 */
import { ANY_BYTE, type ByteSet, NOT_NEWLINE, NOT_NUL } from './byte-set.ts';
import { parseBracket } from './regex-bracket.ts';
import { RegexCursor } from './regex-cursor.ts';
import { type Dialect, parseEscape } from './regex-escape.ts';
import { syntaxFault, unsupported } from './regex-fault.ts';
import { byteNode, fixedWidth, type RegexTree, sequence, setNode } from './regex-tree.ts';

/** Depth of groups; both engines stop at 250. */
const MAX_DEPTH = 250;

/** Largest count in braces that PCRE2 takes. */
const PCRE2_MAX_COUNT = 65_535;

const COUNT = /\{([0-9]+)(,([0-9]*))?\}/y;

/** Options of {@link parseRegex}. */
export interface ParseOptions {
  readonly dialect: Dialect;
  /** Whether `.` matches a newline in PCRE2 (PCRE2_DOTALL). */
  readonly dotAll: boolean;
}

/** The tree of an expression, one byte a character. Throws a {@link RegexFault}. */
export function parseRegex(text: string, options: ParseOptions): RegexTree {
  return new Parser(text, options).parse();
}

class Parser {
  readonly #cursor: RegexCursor;
  readonly #dialect: Dialect;
  readonly #dot: ByteSet;
  #depth = 0;

  constructor(text: string, { dialect, dotAll }: ParseOptions) {
    this.#cursor = new RegexCursor(text);
    this.#dialect = dialect;
    this.#dot = dialect === 'rust' ? NOT_NUL : dotAll ? ANY_BYTE : NOT_NEWLINE;
  }

  parse(): RegexTree {
    const tree = this.#choice();
    if (!this.#cursor.done) throw syntaxFault('a parenthesis closes nothing');
    return tree;
  }

  #choice(): RegexTree {
    const branches = [this.#sequence()];
    while (this.#cursor.accept('|')) branches.push(this.#sequence());
    return branches.length === 1 ? (branches[0] as RegexTree) : { kind: 'choice', branches };
  }

  #sequence(): RegexTree {
    const items: RegexTree[] = [];
    while (!this.#cursor.done && !'|)'.includes(this.#cursor.peek())) items.push(this.#item());
    return sequence(items);
  }

  #item(): RegexTree {
    if (this.#atQuantifier()) throw syntaxFault('a quantifier follows nothing');
    const atom = this.#atom();
    return this.#dialect === 'rust' ? this.#rustQuantifiers(atom) : this.#pcre2Quantifier(atom);
  }

  /** Whether a quantifier stands here. To the crate every opening brace is one; to PCRE2 only what looks like one. */
  #atQuantifier(): boolean {
    const character = this.#cursor.peek();
    if (character !== '{') return character !== '' && '*+?'.includes(character);
    return this.#dialect === 'rust' || /^\{[0-9]+(?:,[0-9]*)?\}/.test(this.#rest(32));
  }

  #rest(length: number): string {
    return this.#cursor.text.slice(this.#cursor.at, this.#cursor.at + length);
  }

  #rustQuantifiers(atom: RegexTree): RegexTree {
    let tree = atom;
    while (this.#atQuantifier()) {
      const [min, max] = this.#counts();
      tree = { kind: 'repeat', body: tree, min, max, lazy: this.#cursor.accept('?') };
    }
    return tree;
  }

  #pcre2Quantifier(atom: RegexTree): RegexTree {
    if (/^\{,[0-9]+\}/.test(this.#rest(32))) throw unsupported('a count without a lower bound');
    if (!this.#atQuantifier()) return atom;
    if (atom.kind === 'assertion') throw syntaxFault('a quantifier follows an assertion');
    if (atom.kind === 'look') throw unsupported('a quantifier behind a look-around');
    const [min, max] = this.#counts();
    if (min > PCRE2_MAX_COUNT || (max > PCRE2_MAX_COUNT && max !== Number.POSITIVE_INFINITY)) {
      throw syntaxFault('a count is too large');
    }
    const possessive = this.#cursor.accept('+');
    const lazy = !possessive && this.#cursor.accept('?');
    if (this.#atQuantifier()) throw syntaxFault('a quantifier follows a quantifier');
    const body: RegexTree = { kind: 'repeat', body: atom, min, max, lazy };
    return possessive ? { kind: 'atomic', body } : body;
  }

  /** The bounds of the quantifier here. */
  #counts(): [number, number] {
    if (this.#cursor.accept('*')) return [0, Number.POSITIVE_INFINITY];
    if (this.#cursor.accept('+')) return [1, Number.POSITIVE_INFINITY];
    if (this.#cursor.accept('?')) return [0, 1];
    const found = this.#cursor.match(COUNT);
    if (found === undefined) throw syntaxFault('a count in braces is malformed');
    const min = Number(found[1]);
    const max = found[2] === undefined ? min : found[3] === '' ? Number.POSITIVE_INFINITY : Number(found[3]);
    if (min > max) throw syntaxFault('the bounds of a count are the wrong way round');
    return [min, max];
  }

  #atom(): RegexTree {
    const cursor = this.#cursor;
    if (cursor.accept('(')) return this.#group();
    if (cursor.accept('[')) return setNode(parseBracket(cursor, this.#dialect));
    if (cursor.accept('.')) return setNode(this.#dot);
    if (cursor.accept('^')) return { kind: 'assertion', assertion: 'begin' };
    if (cursor.accept('$')) {
      return { kind: 'assertion', assertion: this.#dialect === 'rust' ? 'end' : 'end-or-newline' };
    }
    if (cursor.accept('\\')) {
      const found = parseEscape(cursor, this.#dialect);
      return found.kind === 'byte' ? byteNode(found.byte) : found;
    }
    return this.#literal();
  }

  /** A byte, or in the crate all bytes of a character in UTF-8: a quantifier there counts characters. */
  #literal(): RegexTree {
    const bytes = [this.#cursor.take()];
    if (this.#dialect === 'rust' && (bytes[0] as number) >= 0xc0) {
      while (/^[\x80-\xbf]$/.test(this.#cursor.peek())) bytes.push(this.#cursor.take());
    }
    return bytes.length === 1
      ? byteNode(bytes[0] as number)
      : { kind: 'sequence', items: bytes.map(byteNode) };
  }

  #group(): RegexTree {
    if (++this.#depth > MAX_DEPTH) throw syntaxFault(`groups are nested deeper than ${MAX_DEPTH}`);
    const kind = this.#groupKind();
    const body = this.#choice();
    if (!this.#cursor.accept(')')) throw syntaxFault('a parenthesis is not closed');
    this.#depth--;
    // Alone in parentheses an assertion may be repeated, which it may not be by itself.
    const isBare = body.kind === 'assertion' || body.kind === 'look';
    if (kind === 'plain') return isBare ? { kind: 'sequence', items: [body] } : body;
    if (kind === 'atomic') return { kind: 'atomic', body };
    const behind = kind.startsWith('behind');
    if (behind) checkWidths(body);
    return { kind: 'look', behind, negated: kind.endsWith('-not'), body };
  }

  #groupKind(): 'plain' | 'atomic' | 'ahead' | 'ahead-not' | 'behind' | 'behind-not' {
    const cursor = this.#cursor;
    if (cursor.peek() === '*' && this.#dialect === 'pcre2') throw unsupported('a verb in parentheses');
    if (!cursor.accept('?')) return 'plain';
    if (cursor.accept(':')) return 'plain';
    const known = LOOKS.find(([sign]) => cursor.accept(sign));
    if (known === undefined) throw unsupported(`a group that begins with "(?${cursor.peek()}"`);
    if (this.#dialect === 'rust') throw syntaxFault('the regex crate has no such group');
    return known[1];
  }
}

const LOOKS = [
  ['=', 'ahead'],
  ['!', 'ahead-not'],
  ['<=', 'behind'],
  ['<!', 'behind-not'],
  ['>', 'atomic'],
] as const;

/** PCRE2 looks behind only by widths that are known beforehand, one for each branch. */
function checkWidths(body: RegexTree): void {
  const branches = body.kind === 'choice' ? body.branches : [body];
  if (branches.every((branch) => fixedWidth(branch) !== undefined)) return;
  throw syntaxFault('it looks behind by a width that is not fixed');
}
