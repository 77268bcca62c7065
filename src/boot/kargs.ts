/**
 * Kernel arguments that an image asks for: `/usr/lib/bootc/kargs.d/*.toml`. bootc reads two keys, `kargs` (required)
 * and `match-architectures`, both arrays of strings, and refuses any other. This is the part of TOML 1.0 that such a
 * file can hold: comments, bare and quoted keys, basic and literal strings on one line, arrays over several.
 */

/** What a file says, or what is wrong with it. */
export type KargsFile =
  | { readonly kargs: readonly string[]; readonly architectures: readonly string[] | undefined }
  | { readonly fault: string /** One-based. */; readonly line: number };

const KEYS = ['kargs', 'match-architectures'];

/** Parses such a file. Never throws; the time is linear in the text. */
export function parseKargs(text: string): KargsFile {
  const reader = new Reader(text);
  const found = new Map<string, string[]>();
  try {
    for (reader.skipBlank(); !reader.atEnd; reader.skipBlank()) {
      const key = reader.key();
      if (!KEYS.includes(key)) throw new Fault(`unknown key ${JSON.stringify(key)}`);
      if (found.has(key)) throw new Fault(`the key ${key} occurs twice`);
      reader.expect('=');
      found.set(key, reader.strings());
      reader.endOfLine();
    }
  } catch (error) {
    if (error instanceof Fault) return { fault: error.message, line: reader.line };
    throw error;
  }
  const kargs = found.get('kargs');
  if (kargs === undefined) return { fault: 'the key kargs is missing', line: reader.line };
  return { kargs, architectures: found.get('match-architectures') };
}

class Fault extends Error {}

const ESCAPES: Readonly<Record<string, string>> = {
  b: '\b',
  t: '\t',
  n: '\n',
  f: '\f',
  r: '\r',
  '"': '"',
  '\\': '\\',
};

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  get line(): number {
    return this.#text.slice(0, this.#at).split('\n').length;
  }

  /** Passes over white space, line ends and comments. */
  skipBlank(): void {
    this.#match(/(?:[ \t\r\n]+|#[^\n]*)*/y);
  }

  key(): string {
    const bare = this.#match(/[A-Za-z0-9_-]+/y);
    if (bare !== undefined && bare !== '') return bare;
    if (this.#peek() === '[') throw new Fault('tables have no place here');
    return this.#string('a key');
  }

  expect(character: string): void {
    this.#match(/[ \t]*/y);
    if (this.#peek() !== character) throw new Fault(`expected ${JSON.stringify(character)}`);
    this.#at += 1;
    this.#match(/[ \t]*/y);
  }

  endOfLine(): void {
    if (this.#match(/[ \t]*(?:#[^\n]*)?(?:\r?\n|$)/y) === undefined)
      throw new Fault('expected the end of the line');
  }

  strings(): string[] {
    this.expect('[');
    const values: string[] = [];
    for (;;) {
      this.skipBlank();
      if (this.#peek() === ']') break;
      values.push(this.#string('a string'));
      this.skipBlank();
      if (this.#peek() !== ',') break;
      this.#at += 1;
    }
    this.expect(']');
    return values;
  }

  #string(what: string): string {
    const literal = this.#match(/'(?!'')[^'\n]*'/y);
    if (literal !== undefined) return literal.slice(1, -1);
    const basic = this.#match(/"(?!"")(?:[^"\\\n]|\\[^\n])*"/y);
    if (basic === undefined) throw new Fault(`expected ${what}`);
    return basic.slice(1, -1).replace(/\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)/gs, expandEscape);
  }

  #peek(): string | undefined {
    return this.#text[this.#at];
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    this.#at += match[0].length;
    return match[0];
  }
}

function expandEscape(whole: string, code: string): string {
  const simple = ESCAPES[code];
  if (simple !== undefined) return simple;
  const point = code.length > 1 ? Number.parseInt(code.slice(1), 16) : -1;
  const isScalar = point >= 0 && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
  if (!isScalar) throw new Fault(`${whole} is no escape`);
  return String.fromCodePoint(point);
}
