/**
 * Patterns of paths: `*` any bytes but `/`, `**` any bytes, `?` one byte but `/`, `[a-z]` or `[!a-z]` one of (or but)
 * these, never `/`; a backslash takes the next byte as it is. Matched without backtracking, so that the time is
 * bounded by length of pattern times length of path.
 */
import type { ByteString } from '../../bytes/byte-string.ts';

/** One step of a pattern. */
type Step =
  | { readonly kind: 'byte'; readonly byte: string }
  | { readonly kind: 'set'; readonly bytes: ReadonlySet<string>; readonly negated: boolean }
  | { readonly kind: 'any' }
  | { readonly kind: 'star'; readonly slashes: boolean };

/** A pattern that was read. */
export interface PathPattern {
  readonly steps: readonly Step[];
  /** The path that it stands for, when it has nothing but plain bytes. */
  readonly literal: ByteString | undefined;
}

/** Reads a pattern; `undefined` for one with an unclosed bracket or a backslash at its end. */
export function parsePattern(text: ByteString): PathPattern | undefined {
  const steps: Step[] = [];
  let literal: string | undefined = '';
  for (let at = 0; at < text.length; ) {
    const read = readStep(text, at);
    if (read === undefined) return undefined;
    steps.push(read.step);
    at = read.end;
    literal = literal === undefined || read.step.kind !== 'byte' ? undefined : literal + read.step.byte;
  }
  return { steps, literal: literal as ByteString | undefined };
}

function readStep(text: ByteString, at: number): { step: Step; end: number } | undefined {
  const character = text.charAt(at);
  switch (character) {
    case '*': {
      const slashes = text[at + 1] === '*';
      return { step: { kind: 'star', slashes }, end: at + (slashes ? 2 : 1) };
    }
    case '?':
      return { step: { kind: 'any' }, end: at + 1 };
    case '[':
      return readSet(text, at + 1);
    case '\\':
      if (at + 1 === text.length) return undefined;
      return { step: { kind: 'byte', byte: text.charAt(at + 1) }, end: at + 2 };
    default:
      return { step: { kind: 'byte', byte: character }, end: at + 1 };
  }
}

/** After the opening bracket: `!` or `^` negates, a closing bracket in first place is a member. */
function readSet(text: ByteString, start: number): { step: Step; end: number } | undefined {
  const negated = text[start] === '!' || text[start] === '^';
  const first = negated ? start + 1 : start;
  const close = text.indexOf(']', first + 1);
  if (close < 0) return undefined;
  const bytes = new Set<string>();
  for (let at = first; at < close; at++) {
    const low = text.charCodeAt(at);
    const isRange = text[at + 1] === '-' && at + 2 < close;
    const high = isRange ? text.charCodeAt(at + 2) : low;
    for (let code = low; code <= high; code++) bytes.add(String.fromCharCode(code));
    if (isRange) at += 2;
  }
  return { step: { kind: 'set', bytes, negated }, end: close + 1 };
}

/** Whether a pattern matches the whole of a path. */
export function matchesPattern({ steps }: PathPattern, path: ByteString): boolean {
  // Which prefixes of the pattern match what was read so far.
  let states = closure(steps, new Uint8Array(steps.length + 1).fill(1, 0, 1));
  for (const character of path) {
    const next = new Uint8Array(steps.length + 1);
    let alive = false;
    for (const [ordinal, step] of steps.entries()) {
      if (states[ordinal] === 0 || !accepts(step, character)) continue;
      next[step.kind === 'star' ? ordinal : ordinal + 1] = 1;
      alive = true;
    }
    if (!alive) return false;
    states = closure(steps, next);
  }
  return states[steps.length] === 1;
}

/** A star may match nothing. */
function closure(steps: readonly Step[], states: Uint8Array): Uint8Array {
  for (const [ordinal, step] of steps.entries())
    if (states[ordinal] === 1 && step.kind === 'star') states[ordinal + 1] = 1;
  return states;
}

function accepts(step: Step, character: string): boolean {
  switch (step.kind) {
    case 'byte':
      return step.byte === character;
    case 'any':
      return character !== '/';
    case 'star':
      return step.slashes || character !== '/';
    case 'set':
      return character !== '/' && step.bytes.has(character) !== step.negated;
  }
}
