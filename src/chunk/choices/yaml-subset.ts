/**
 * As much of YAML 1.2 as a file of settings takes: mappings and lists, by indentation or in brackets on one line, and
 * scalars, plain or quoted on one line. What could mean more than it says is refused by name: anchors, aliases, tags,
 * merge keys, several documents, texts over several lines. Depth and size are bounded.
 */
import { LIMITS } from '../../limits.ts';

/** What such a document holds. Mappings have no prototype. */
type YamlValue = string | number | boolean | null | YamlValue[] | { [key: string]: YamlValue };

/** The error of a document that is none, or has what is not read: its message names the line, from 1. */
class YamlError extends Error {
  constructor(message: string, line: number) {
    super(`${message}, line ${line}`);
  }
}

interface Line {
  readonly number: number;
  readonly indent: number;
  readonly text: string;
}

/** Parses a document. Throws an `Error` that says what is not read and in which line. */
export function parseYaml(text: string): YamlValue {
  const lines = contentLines(text);
  if (lines.length === 0) return null;
  const parser = new BlockParser(lines);
  const value = parser.block(0);
  parser.finish();
  return value;
}

/** Lines that hold something, without comments; a first `---` is let go. */
function contentLines(text: string): Line[] {
  const lines: Line[] = [];
  for (const [ordinal, raw] of text.split(/\r?\n/).entries()) {
    const number = ordinal + 1;
    const body = withoutComment(raw).trimEnd();
    const content = body.trimStart();
    if (content === '' || (content === '---' && lines.length === 0)) continue;
    const indent = body.length - content.length;
    if (body.slice(0, indent).includes('\t')) throw new YamlError('a tab indents', number);
    if (/^(?:---|\.\.\.|%)/.test(body))
      throw new YamlError('there are several documents, or a directive', number);
    lines.push({ number, indent, text: content });
  }
  return lines;
}

/** A comment begins with a hash at the start or after a space, outside of quotes. */
function withoutComment(line: string): string {
  let quote = '';
  for (let at = 0; at < line.length; at++) {
    const char = line[at] as string;
    if (quote === '"' && char === '\\') at++;
    else if (quote !== '') quote = char === quote ? '' : quote;
    else if ((char === '"' || char === "'") && /(?:^|[\s[{,:-])$/.test(line.slice(Math.max(at - 1, 0), at)))
      quote = char;
    else if (char === '#' && (at === 0 || /\s/.test(line[at - 1] as string))) return line.slice(0, at);
  }
  return line;
}

/** A key, its colon, and what stands behind on the same line. */
const KEY =
  /^("(?:[^"\\]|\\.)*"\s*|'(?:[^']|'')*'\s*|[^\s"'[\]{},#&*!|>%@`:-][^:]*|-[^\s:][^:]*):(?:\s+(.*))?$/;

class BlockParser {
  readonly #lines: readonly Line[];
  #at = 0;

  constructor(lines: readonly Line[]) {
    this.#lines = lines;
  }

  finish(): void {
    const rest = this.#lines[this.#at];
    if (rest !== undefined) throw new YamlError('the indentation does not fit', rest.number);
  }

  /** The block that begins with the next line. */
  block(depth: number): YamlValue {
    const first = this.#lines[this.#at] as Line;
    if (depth > LIMITS.yamlDepth) throw new YamlError('the nesting is too deep', first.number);
    if (isItem(first.text)) return this.#list(first.indent, depth);
    if (KEY.test(first.text)) return this.#mapping(first.indent, depth);
    this.#at++;
    return flow(first.text, first.number);
  }

  #list(indent: number, depth: number): YamlValue[] {
    const items: YamlValue[] = [];
    for (let line = this.#lines[this.#at]; line?.indent === indent; line = this.#lines[this.#at]) {
      if (!isItem(line.text)) break;
      const rest = line.text.slice(1).trimStart();
      this.#at++;
      if (rest === '') items.push(this.#nested(indent + 1, depth));
      else if (isItem(rest) || KEY.test(rest))
        throw new YamlError('blocks inside of a list stand on lines of their own', line.number);
      else items.push(flow(rest, line.number));
    }
    return items;
  }

  #mapping(indent: number, depth: number): YamlValue {
    const fields: { [key: string]: YamlValue } = Object.create(null);
    for (let line = this.#lines[this.#at]; line?.indent === indent; line = this.#lines[this.#at]) {
      const match = KEY.exec(line.text);
      if (match === null || isItem(line.text)) break;
      const key = keyOf((match[1] ?? '').trimEnd(), line.number);
      if (key in fields) throw new YamlError(`${key} stands twice`, line.number);
      this.#at++;
      // A list may stand right below its key.
      const least = isItem(this.#lines[this.#at]?.text ?? '') ? indent : indent + 1;
      fields[key] = match[2] === undefined ? this.#nested(least, depth) : flow(match[2], line.number);
    }
    return fields;
  }

  #nested(least: number, depth: number): YamlValue {
    const next = this.#lines[this.#at];
    return next === undefined || next.indent < least ? null : this.block(depth + 1);
  }
}

const isItem = (text: string): boolean => text === '-' || text.startsWith('- ');

function keyOf(text: string, line: number): string {
  const key = /^["']/.test(text) ? quoted(text, line) : text;
  if (key === '<<') throw new YamlError('merge keys are not read', line);
  return key;
}

/** A value on one line: a list or mapping in brackets, or a scalar. */
function flow(text: string, line: number): YamlValue {
  const parser = new FlowParser(text, line);
  const value = parser.value(0);
  parser.finish();
  return value;
}

const TOKEN =
  /\s*("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[[\]{},]|:(?=\s|$)|(?:[^\s[\]{},:"']|:(?!\s|$))(?:[^[\]{},:]|:(?!\s|$))*)/y;

class FlowParser {
  readonly #tokens: string[] = [];
  readonly #line: number;
  #at = 0;

  constructor(text: string, line: number) {
    this.#line = line;
    // Outside of brackets a comma or bracket is a character like others.
    if (!/^[[{"']/.test(text)) this.#tokens.push(text);
    else for (let from = 0; from < text.length; ) from = this.#scan(text, from);
  }

  #scan(text: string, from: number): number {
    TOKEN.lastIndex = from;
    const match = TOKEN.exec(text);
    if (match === null) throw this.#error('a value is not closed');
    this.#tokens.push((match[1] ?? '').trimEnd());
    return TOKEN.lastIndex;
  }

  finish(): void {
    if (this.#at < this.#tokens.length) throw this.#error('something follows a value');
  }

  value(depth: number): YamlValue {
    const token = this.#take();
    if (depth > LIMITS.yamlDepth) throw this.#error('the nesting is too deep');
    if (token === '[') return this.#list(depth);
    if (token === '{') return this.#mapping(depth);
    return scalar(token, this.#line);
  }

  #list(depth: number): YamlValue[] {
    const items: YamlValue[] = [];
    while (!this.#takes(']')) {
      items.push(this.value(depth + 1));
      if (!this.#takes(',') && this.#tokens[this.#at] !== ']') throw this.#error('a list is not closed');
    }
    return items;
  }

  #mapping(depth: number): YamlValue {
    const fields: { [key: string]: YamlValue } = Object.create(null);
    while (!this.#takes('}')) {
      const key = keyOf(this.#take(), this.#line);
      if (!this.#takes(':')) throw this.#error('a key has no value');
      if (key in fields) throw this.#error(`${key} stands twice`);
      fields[key] = this.value(depth + 1);
      if (!this.#takes(',') && this.#tokens[this.#at] !== '}') throw this.#error('a mapping is not closed');
    }
    return fields;
  }

  #take(): string {
    const token = this.#tokens[this.#at++];
    if (token === undefined) throw this.#error('a value is not closed');
    return token;
  }

  #takes(token: string): boolean {
    if (this.#tokens[this.#at] !== token) return false;
    this.#at++;
    return true;
  }

  #error(message: string): YamlError {
    return new YamlError(message, this.#line);
  }
}

const NUMBER = /^[-+]?(?:0|[1-9]\d*)(?:\.\d+)?$/;
const WORDS: ReadonlyMap<string, boolean | null> = new Map([
  ...['null', 'Null', 'NULL', '~'].map((word) => [word, null] as const),
  ...['true', 'True', 'TRUE'].map((word) => [word, true] as const),
  ...['false', 'False', 'FALSE'].map((word) => [word, false] as const),
]);

function scalar(text: string, line: number): YamlValue {
  if (/^["']/.test(text)) return quoted(text, line);
  if (/^[&*!]/.test(text)) throw new YamlError('anchors, aliases and tags are not read', line);
  if (/^[|>]/.test(text)) throw new YamlError('texts over several lines are not read', line);
  if (/^[%@`\]},:?]/.test(text) || /:(?:\s|$)/.test(text)) throw new YamlError('a text needs quotes', line);
  const word = WORDS.get(text);
  if (word !== undefined) return word;
  return NUMBER.test(text) ? Number(text) : text;
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  '0': '\0',
  '"': '"',
  '\\': '\\',
  '/': '/',
};

function quoted(text: string, line: number): string {
  const inner = text.slice(1, -1);
  if (text.length < 2 || text.at(-1) !== text[0]) throw new YamlError('a quote is not closed', line);
  if (text.startsWith("'")) return inner.replaceAll("''", "'");
  return inner.replace(/\\(x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|.)/g, (_, sequence: string) => {
    if (sequence.length > 1) return String.fromCharCode(Number.parseInt(sequence.slice(1), 16));
    const char = ESCAPES[sequence];
    if (char === undefined) throw new YamlError(`\\${sequence} is no escape`, line);
    return char;
  });
}
