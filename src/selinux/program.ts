/**
 * Expressions as graphs of small steps, the common ground of both matchers. Nodes are numbers; each has a kind and
 * two operands. Repetitions are unrolled, so the size of a graph is bounded here.
 */
import { PlanishError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import type { ByteSet } from './byte-set.ts';
import { type Assertion, fixedWidth, type RegexTree } from './regex-tree.ts';

/** `a` is a byte; on to `b`. */
export const NODE_BYTE = 0;
/** `a` is an index into the sets; on to `b`. */
export const NODE_SET = 1;
/** On to `a`, or else `b`. */
export const NODE_SPLIT = 2;
/** The end; `a` is whatever the maker wants to know. */
export const NODE_MATCH = 3;
/** `a` is an index into {@link ASSERTIONS}; on to `b`. */
export const NODE_ASSERTION = 4;
/** `a` is an index into the looks; on to `b`. */
export const NODE_LOOK = 5;
/** What begins at `a` is matched by itself, once; on to `b`. */
export const NODE_ATOMIC = 6;

/** Assertions by number. */
export const ASSERTIONS: readonly Assertion[] = [
  'begin',
  'end',
  'end-or-newline',
  'word-boundary',
  'no-word-boundary',
];

/** A look-around: any branch may match, each from `width` bytes before the position (0: looks ahead). */
export interface Look {
  readonly negated: boolean;
  readonly behind: boolean;
  readonly branches: readonly { readonly entry: number; readonly width: number }[];
}

/** See the module. Grows while expressions are added. */
export class Program {
  readonly kind: number[] = [];
  readonly a: number[] = [];
  readonly b: number[] = [];
  readonly sets: ByteSet[] = [];
  readonly looks: Look[] = [];
  readonly #max: number;
  #reserved = 0;
  readonly #setIds = new Map<string, number>();

  constructor(max: number = LIMITS.selinuxStates) {
    this.#max = max;
  }

  /** Counts a state that is kept elsewhere; returns its number, from 1. Throws `LIMIT_EXCEEDED`. */
  reserve(): number {
    this.#checkRoom();
    return ++this.#reserved;
  }

  /** Adds a node. Throws `LIMIT_EXCEEDED`. */
  add(kind: number, a: number, b: number): number {
    this.#checkRoom();
    this.kind.push(kind);
    this.a.push(a);
    this.b.push(b);
    return this.kind.length - 1;
  }

  /** Adds a tree that goes on to `next`; returns where it begins, which is `next` for what is empty. */
  emit(tree: RegexTree, next: number): number {
    switch (tree.kind) {
      case 'byte':
        return this.add(NODE_BYTE, tree.byte, next);
      case 'set':
        return this.add(NODE_SET, this.#setId(tree.set), next);
      case 'sequence':
        return tree.items.reduceRight((after, item) => this.emit(item, after), next);
      case 'choice':
        return tree.branches
          .map((branch) => this.emit(branch, next))
          .reduceRight((rest, branch) => this.add(NODE_SPLIT, branch, rest));
      case 'repeat':
        return this.#emitRepeat(tree, next);
      case 'assertion':
        return this.add(NODE_ASSERTION, ASSERTIONS.indexOf(tree.assertion), next);
      case 'look':
        return this.#emitLook(tree, next);
      case 'atomic':
        return this.add(NODE_ATOMIC, this.emit(tree.body, this.add(NODE_MATCH, 0, 0)), next);
    }
  }

  #checkRoom(): void {
    if (this.#reserved + this.kind.length < this.#max) return;
    throw new PlanishError('LIMIT_EXCEEDED', `rules for SELinux labels make more than ${this.#max} states`, {
      limit: 'selinuxStates',
    });
  }

  #setId(set: ByteSet): number {
    const key = Buffer.from(set).toString('latin1');
    const known = this.#setIds.get(key);
    if (known !== undefined) return known;
    this.#setIds.set(key, this.sets.length);
    return this.sets.push(set) - 1;
  }

  #emitRepeat({ body, min, max, lazy }: RegexTree & { kind: 'repeat' }, next: number): number {
    let entry = max === Number.POSITIVE_INFINITY ? this.#emitStar(body, lazy, next) : next;
    for (let left = max - min; left > 0 && left !== Number.POSITIVE_INFINITY; left--) {
      const inner = this.emit(body, entry);
      if (inner === entry) break;
      entry = lazy ? this.add(NODE_SPLIT, next, inner) : this.add(NODE_SPLIT, inner, next);
    }
    for (let left = min; left > 0; left--) {
      const before = this.emit(body, entry);
      // An empty body repeated is empty: a count alone must not cost anything.
      if (before === entry) break;
      entry = before;
    }
    return entry;
  }

  #emitStar(body: RegexTree, lazy: boolean, next: number): number {
    const split = this.add(NODE_SPLIT, next, next);
    const inner = this.emit(body, split);
    if (lazy) this.b[split] = inner;
    else this.a[split] = inner;
    return split;
  }

  #emitLook({ behind, negated, body }: RegexTree & { kind: 'look' }, next: number): number {
    const accept = this.add(NODE_MATCH, 0, 0);
    const trees = behind && body.kind === 'choice' ? body.branches : [body];
    const branches = trees.map((tree) => ({
      entry: this.emit(tree, accept),
      width: behind ? (fixedWidth(tree) ?? 0) : 0,
    }));
    return this.add(NODE_LOOK, this.looks.push({ negated, behind, branches }) - 1, next);
  }
}
