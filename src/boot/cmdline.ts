/**
 * The kernel command line, and what it says of composefs.
 *
 * The kernel splits at white space, except within double quotes; there is no escape, and a quote that is not closed
 * runs to the end (`next_arg` in `lib/cmdline.c`). Hosts compare items as they stand, quotes included.
 */
import type { HashAlgorithm } from '../bytes/digest.ts';

/** Items of a command line, verbatim; empty ones are left out. */
export function splitCmdline(text: string): string[] {
  const items: string[] = [];
  let item = '';
  let quoted = false;
  for (const character of text) {
    if (character === '"') quoted = !quoted;
    if (quoted || !isSpace(character)) item += character;
    else if (item !== '') {
      items.push(item);
      item = '';
    }
  }
  if (item !== '') items.push(item);
  return items;
}

/**
 * The items without those that say again what one before them says, as bootc leaves them out: `-` and `_` of a key are the same to
 * the kernel, and so is a value with quotes around it, or around the whole.
 */
export function distinctArguments(items: readonly string[]): string[] {
  const byMeaning = new Map<string, string>();
  for (const item of items) {
    const meaning = meaningOf(item);
    if (!byMeaning.has(meaning)) byMeaning.set(meaning, item);
  }
  return [...byMeaning.values()];
}

function meaningOf(item: string): string {
  const text = item.replace(/^"/, '').replace(/"$/, '');
  const equals = text.indexOf('=');
  const key = (equals < 0 ? text : text.slice(0, equals)).replaceAll('-', '_');
  return equals < 0 ? key : `${key}=${text.slice(equals + 1).replace(/^"/, '')}`;
}

function isSpace(character: string): boolean {
  return character === ' ' || (character >= '\t' && character <= '\r');
}

/** One `composefs=` or `composefs.digest=` of a command line. */
export interface ComposefsArgument {
  /** The item as it stands. */
  readonly text: string;
  /** bootc reads the first form only; composefs-setup-root both, and prefers the second. */
  readonly key: 'composefs' | 'composefs.digest';
  /** Whether a `?` makes verification optional. */
  readonly optional: boolean;
  /** What `composefs.digest=` says of the image; `undefined` in the plain form, or when it is not as it should be. */
  readonly described: { readonly version: 1 | 2; readonly algorithm: HashAlgorithm } | undefined;
  /** The digest as written, not checked. */
  readonly digest: string;
}

const ARGUMENT = /^(composefs(?:\.digest)?)=(\?)?(.*)$/s;
const DESCRIPTOR = /^v([12])-(sha256|sha512)-12:(.*)$/s;

/** All of them, in their order. */
export function composefsArguments(cmdline: string): ComposefsArgument[] {
  return splitCmdline(cmdline).flatMap((text) => {
    const match = ARGUMENT.exec(text);
    return match === null ? [] : [parseArgument(text, match)];
  });
}

function parseArgument(text: string, [, key, mark, value = '']: RegExpExecArray): ComposefsArgument {
  const optional = mark === '?';
  if (key === 'composefs') {
    return { text, key, optional, described: undefined, digest: value };
  }
  const [, version, algorithm, digest] = DESCRIPTOR.exec(value) ?? [];
  const described =
    digest === undefined
      ? undefined
      : { version: version === '1' ? (1 as const) : (2 as const), algorithm: algorithm as HashAlgorithm };
  return { text, key: 'composefs.digest', optional, described, digest: digest ?? value };
}
