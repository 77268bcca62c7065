/**
 * All rules of a policy as one automaton: a path is read once, byte by byte, whatever the number of rules, and what
 * is read of a directory is not read again for what lies in it.
 *
 * Literal beginnings are one prefix tree; behind them runs a nondeterministic automaton that is made deterministic
 * where paths lead. States are kept in a table of bounded size and made again when it overflowed. The few expressions
 * that no automaton can match are tried one by one, and only where they would win.
 */

import { type ByteClasses, byteClasses } from './byte-classes.ts';
import { type PrefixNode, PrefixTree } from './prefix-tree.ts';
import { NODE_BYTE, NODE_MATCH, NODE_SET, NODE_SPLIT, Program } from './program.ts';
import type { CompiledRegex } from './regex.ts';
import { StepBudget } from './step-budget.ts';

/** States of the automaton that are kept, and nodes that these hold together. */
const MAX_KEPT_STATES = 16_384;
const MAX_KEPT_NODES = 2 ** 22;

/** What is known of a text that was read so far. Valid as long as the index it came from. */
export interface MatchState {
  /** Where the text is in the tree of literal beginnings; `undefined` when it left it. */
  readonly prefix: PrefixNode | undefined;
  /** Nodes of the program that wait for a byte or are the end of a rule, ascending. */
  readonly nodes: Int32Array;
  /** Rules that match when the text ends here, the last first. */
  readonly rules: readonly number[];
  /** The state after each class of bytes, as far as it is known. */
  next: (MatchState | undefined)[];
}

/** Decides whether a rule that matches may be taken. */
export type RuleFilter = (rule: number) => boolean;

/** See the module. Rules are numbered as given; a later rule goes before an earlier one. */
export class RuleIndex {
  /** The state before anything was read. */
  readonly start: MatchState;
  readonly #program = new Program();
  readonly #prefixes = new PrefixTree(this.#program);
  readonly #budget: StepBudget;
  readonly #classes: ByteClasses;
  /** Rules outside the automaton, the last first. */
  readonly #others: {
    readonly rule: number;
    readonly test: (text: string, budget: StepBudget) => boolean;
  }[] = [];
  readonly #states = new Map<string, MatchState>();
  #keptNodes = 0;
  readonly #mark: Int32Array;
  #turn = 0;

  /** Throws `LIMIT_EXCEEDED` when the rules make too many states. */
  constructor(rules: readonly CompiledRegex[], budget: StepBudget = new StepBudget()) {
    this.#budget = budget;
    rules.forEach(({ whole, test }, rule) => {
      if (whole !== undefined) this.#prefixes.add(whole, rule);
      else this.#others.push({ rule, test });
    });
    this.#others.reverse();
    this.#classes = byteClasses(this.#literals(), this.#program.sets);
    this.#mark = new Int32Array(this.#program.kind.length);
    this.start = this.#state(this.#prefixes.root, this.#closure(this.#prefixes.root.entries));
  }

  /** The state after `text`, bytes one a character, from a state before it. Throws `LIMIT_EXCEEDED`. */
  advance(from: MatchState, text: string): MatchState {
    const { classOf } = this.#classes;
    let state = from;
    for (let index = 0; index < text.length; index++) {
      const column = classOf[text.charCodeAt(index)] as number;
      state = state.next[column] ?? this.#extend(state, column);
    }
    return state;
  }

  /** The last rule that matches the text that led to `state` and passes the filter, -1 when none does. */
  best(state: MatchState, text: string, accepts: RuleFilter): number {
    const found = state.rules.find(accepts) ?? -1;
    for (const { rule, test } of this.#others) {
      if (rule < found) break;
      if (accepts(rule) && test(text, this.#budget)) return rule;
    }
    return found;
  }

  /** All rules that match and pass the filter, the last first. */
  all(state: MatchState, text: string, accepts: RuleFilter): number[] {
    const others = this.#others.filter(({ rule, test }) => accepts(rule) && test(text, this.#budget));
    return [...state.rules.filter(accepts), ...others.map(({ rule }) => rule)].sort((a, b) => b - a);
  }

  /** Which bytes single nodes and the prefix tree name. */
  #literals(): Uint8Array {
    const { kind, a } = this.#program;
    const named = Uint8Array.from(this.#prefixes.bytes);
    for (let node = 0; node < kind.length; node++) if (kind[node] === NODE_BYTE) named[a[node] as number] = 1;
    return named;
  }

  #extend(state: MatchState, column: number): MatchState {
    const byte = this.#classes.representative[column] as number;
    const { kind, a, b, sets } = this.#program;
    const prefix = state.prefix === undefined ? undefined : this.#prefixes.next(state.prefix, byte);
    const targets = prefix === undefined ? [] : [...prefix.entries];
    for (const node of state.nodes) {
      const operand = a[node] as number;
      const takes =
        kind[node] === NODE_BYTE ? operand === byte : kind[node] === NODE_SET && sets[operand]?.[byte] === 1;
      if (takes) targets.push(b[node] as number);
    }
    this.#budget.spend(state.nodes.length + 1);
    const after = this.#state(prefix, this.#closure(targets));
    state.next[column] = after;
    return after;
  }

  /** What can be reached without a byte: nodes that take one, and ends. */
  #closure(targets: readonly number[]): Int32Array {
    const { kind, a, b } = this.#program;
    const turn = ++this.#turn;
    const reached: number[] = [];
    const pending = [...targets];
    for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
      if (this.#mark[node] === turn) continue;
      this.#mark[node] = turn;
      this.#budget.spend(1);
      if (kind[node] === NODE_SPLIT) pending.push(b[node] as number, a[node] as number);
      else reached.push(node);
    }
    return Int32Array.from(reached).sort();
  }

  #state(prefix: PrefixNode | undefined, nodes: Int32Array): MatchState {
    const key = `${prefix?.id ?? ''}:${Buffer.from(nodes.buffer, nodes.byteOffset, nodes.byteLength).toString('latin1')}`;
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    if (this.#states.size >= MAX_KEPT_STATES || this.#keptNodes >= MAX_KEPT_NODES) this.#forget();
    const state: MatchState = { prefix, nodes, rules: this.#rulesOf(nodes), next: [] };
    this.#states.set(key, state);
    this.#keptNodes += nodes.length;
    return state;
  }

  #rulesOf(nodes: Int32Array): number[] {
    const { kind, a } = this.#program;
    const rules: number[] = [];
    for (const node of nodes) if (kind[node] === NODE_MATCH) rules.push(a[node] as number);
    return rules.sort((x, y) => y - x);
  }

  /** Lets all states go. Those that callers hold stay right: they only no longer know what comes after them. */
  #forget(): void {
    for (const state of this.#states.values()) state.next = [];
    this.#states.clear();
    this.#keptNodes = 0;
  }
}
