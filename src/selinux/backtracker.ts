/**
 * Matches one expression with what no automaton here can do: look-arounds, atomic groups, word boundaries, anchors in
 * the middle. It tries alternatives in the order of the expression and never the same node twice at a position, so
 * its work is bounded by the product of the two, times the nesting of groups that are matched by themselves.
 */
import { isWordByte } from './byte-set.ts';
import {
  ASSERTIONS,
  NODE_ASSERTION,
  NODE_ATOMIC,
  NODE_BYTE,
  NODE_LOOK,
  NODE_MATCH,
  NODE_SET,
  NODE_SPLIT,
  type Program,
} from './program.ts';
import type { Assertion } from './regex-tree.ts';
import type { StepBudget } from './step-budget.ts';

const NEWLINE = 0x0a;

/** Whether a program that begins at `entry` matches somewhere in `text`, or at its front when `anchored`. */
export function matches(
  program: Program,
  entry: number,
  text: string,
  options: { readonly anchored: boolean; readonly budget: StepBudget },
): boolean {
  const run = new Run(program, text, options.budget);
  const visited = new Set<number>();
  const last = options.anchored ? 0 : text.length;
  for (let start = 0; start <= last; start++) {
    if (run.end(entry, start, visited) >= 0) return true;
  }
  return false;
}

class Run {
  readonly #program: Program;
  readonly #text: string;
  readonly #budget: StepBudget;
  /** Results of look-arounds and atomic groups, by node and position. */
  readonly #known = new Map<number, number>();

  constructor(program: Program, text: string, budget: StepBudget) {
    this.#program = program;
    this.#text = text;
    this.#budget = budget;
  }

  /**
   * Where the first match from `start` ends, -1 when there is none; with `mustEnd`, the first that ends there. What is
   * in `visited` is known to fail.
   */
  end(entry: number, start: number, visited: Set<number>, mustEnd = -1): number {
    const pending = [entry, start];
    while (pending.length > 0) {
      const position = pending.pop() as number;
      const node = pending.pop() as number;
      const key = this.#key(node, position);
      if (visited.has(key)) continue;
      visited.add(key);
      this.#budget.spend(1);
      if (this.#program.kind[node] === NODE_MATCH) {
        if (mustEnd < 0 || position === mustEnd) return position;
      } else {
        this.#step(node, position, pending);
      }
    }
    return -1;
  }

  #key(node: number, position: number): number {
    return node * (this.#text.length + 1) + position;
  }

  /** Pushes what comes after a node, what is to be tried first last. */
  #step(node: number, position: number, pending: number[]): void {
    const { kind, a, b, sets } = this.#program;
    const operand = a[node] as number;
    const next = b[node] as number;
    switch (kind[node]) {
      case NODE_BYTE:
        if (this.#text.charCodeAt(position) === operand) pending.push(next, position + 1);
        break;
      case NODE_SET:
        if (position < this.#text.length && sets[operand]?.[this.#text.charCodeAt(position)] === 1) {
          pending.push(next, position + 1);
        }
        break;
      case NODE_SPLIT:
        pending.push(next, position, operand, position);
        break;
      case NODE_ASSERTION:
        if (this.#holds(ASSERTIONS[operand] as Assertion, position)) pending.push(next, position);
        break;
      case NODE_LOOK:
        if (this.#once(node, position, () => (this.#look(operand, position) ? 1 : 0)) === 1) {
          pending.push(next, position);
        }
        break;
      case NODE_ATOMIC: {
        const end = this.#once(node, position, () => this.end(operand, position, new Set()));
        if (end >= 0) pending.push(next, end);
        break;
      }
    }
  }

  #once(node: number, position: number, compute: () => number): number {
    const key = this.#key(node, position);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const result = compute();
    this.#known.set(key, result);
    return result;
  }

  #look(index: number, position: number): boolean {
    const look = this.#program.looks[index];
    if (look === undefined) return false;
    const found = look.branches.some(({ entry, width }) => {
      if (position < width) return false;
      return this.end(entry, position - width, new Set(), look.behind ? position : -1) >= 0;
    });
    return found !== look.negated;
  }

  #holds(assertion: Assertion, position: number): boolean {
    const { length } = this.#text;
    switch (assertion) {
      case 'begin':
        return position === 0;
      case 'end':
        return position === length;
      case 'end-or-newline':
        return (
          position === length || (position === length - 1 && this.#text.charCodeAt(position) === NEWLINE)
        );
      case 'word-boundary':
        return this.#isWord(position - 1) !== this.#isWord(position);
      case 'no-word-boundary':
        return this.#isWord(position - 1) === this.#isWord(position);
    }
  }

  #isWord(position: number): boolean {
    return position >= 0 && position < this.#text.length && isWordByte(this.#text.charCodeAt(position));
  }
}
