/** Regular expressions as trees. Groups are gone: nobody asks what they caught. */
import type { ByteSet } from './byte-set.ts';

/** What stands between bytes and takes none. `end-or-newline` is also true before a newline that is the last byte. */
export type Assertion = 'begin' | 'end' | 'end-or-newline' | 'word-boundary' | 'no-word-boundary';

export type RegexTree =
  | { readonly kind: 'byte'; readonly byte: number }
  | { readonly kind: 'set'; readonly set: ByteSet }
  | { readonly kind: 'sequence'; readonly items: readonly RegexTree[] }
  | { readonly kind: 'choice'; readonly branches: readonly RegexTree[] }
  /** `max` may be `Infinity`. Laziness matters only within an atomic group. */
  | {
      readonly kind: 'repeat';
      readonly body: RegexTree;
      readonly min: number;
      readonly max: number;
      readonly lazy: boolean;
    }
  | { readonly kind: 'assertion'; readonly assertion: Assertion }
  /** What follows, or what comes before, matches (or, negated, does not). */
  | {
      readonly kind: 'look';
      readonly behind: boolean;
      readonly negated: boolean;
      readonly body: RegexTree;
    }
  /** Takes what its body takes first, and never less. */
  | { readonly kind: 'atomic'; readonly body: RegexTree };

/** One byte. */
export function byteNode(byte: number): RegexTree {
  return { kind: 'byte', byte };
}

/** Any byte of a set. */
export function setNode(set: ByteSet): RegexTree {
  return { kind: 'set', set };
}

/** Trees one after the other; sequences among them are dissolved. */
export function sequence(items: readonly RegexTree[]): RegexTree {
  const flat = items.flatMap((item) => (item.kind === 'sequence' ? item.items : [item]));
  return flat.length === 1 ? (flat[0] as RegexTree) : { kind: 'sequence', items: flat };
}

/**
 * How many bytes a tree takes, when that is the same for all it matches; otherwise `undefined`. Bodies of look-arounds
 * take none.
 */
export function fixedWidth(tree: RegexTree): number | undefined {
  switch (tree.kind) {
    case 'byte':
    case 'set':
      return 1;
    case 'assertion':
    case 'look':
      return 0;
    case 'atomic':
      return fixedWidth(tree.body);
    case 'sequence':
      return sum(tree.items.map(fixedWidth));
    case 'choice':
      return same(tree.branches.map(fixedWidth));
    case 'repeat': {
      const width = fixedWidth(tree.body);
      return tree.min === tree.max && width !== undefined ? width * tree.min : undefined;
    }
  }
}

function sum(widths: readonly (number | undefined)[]): number | undefined {
  return widths.reduce((a, b) => (a === undefined || b === undefined ? undefined : a + b), 0);
}

function same(widths: readonly (number | undefined)[]): number | undefined {
  return widths.every((width) => width === widths[0]) ? widths[0] : undefined;
}
