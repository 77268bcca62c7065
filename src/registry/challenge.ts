/** Challenges of a server that wants credentials (RFC 9110, section 11.6.1): the header `WWW-Authenticate`. */

/** One challenge. */
export interface Challenge {
  /** In lower case: `bearer`, `basic`. */
  readonly scheme: string;
  /** By names in lower case; of a name that comes twice the first value. */
  readonly parameters: ReadonlyMap<string, string>;
}

const SPACE = /[ \t]*/y;
const COMMAS = /[ \t,]*/y;
const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/y;
const EQUALS = /[ \t]*=[ \t]*/y;
const TOKEN68 = /[A-Za-z0-9\-._~+/]+=*(?=[ \t]*(?:,|$))/y;

/** The challenges of a header, in their order; what cannot be read ends them. */
export function parseChallenges(header: string): readonly Challenge[] {
  const challenges: Challenge[] = [];
  const scanner = new Scanner(header);
  for (;;) {
    scanner.take(COMMAS);
    const scheme = scanner.take(TOKEN);
    if (scheme === undefined) return challenges;
    challenges.push({ scheme: scheme.toLowerCase(), parameters: parseParameters(scanner) });
  }
}

/** Parameters up to where the next scheme begins: a name without a value is one. */
function parseParameters(scanner: Scanner): Map<string, string> {
  const parameters = new Map<string, string>();
  scanner.take(SPACE);
  for (;;) {
    const start = scanner.position;
    scanner.take(COMMAS);
    const name = scanner.take(TOKEN);
    const value = name !== undefined && scanner.take(EQUALS) !== undefined ? scanner.value() : undefined;
    if (name === undefined || value === undefined) {
      scanner.position = start;
      // A scheme may have one opaque word instead of parameters.
      if (parameters.size === 0) scanner.take(TOKEN68);
      return parameters;
    }
    if (!parameters.has(name.toLowerCase())) parameters.set(name.toLowerCase(), value);
  }
}

class Scanner {
  position = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** What the pattern matches here, passed over. */
  take(pattern: RegExp): string | undefined {
    return this.#match(pattern)?.[0];
  }

  /** A word, or a quoted one without its quotes. */
  value(): string | undefined {
    const quoted = this.#match(QUOTED);
    return quoted === undefined ? this.take(TOKEN) : (quoted[1] ?? '').replace(/\\(.)/g, '$1');
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.position;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    this.position += match[0].length;
    return match;
  }
}
