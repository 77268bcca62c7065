/** The literal beginnings of all rules as one tree, so that a path is followed through all of them at once. */
import { NODE_MATCH, type Program } from './program.ts';
import { type RegexTree, sequence } from './regex-tree.ts';

/** A point in the tree. */
export interface PrefixNode {
  readonly id: number;
  /** Entries into the program, one for each rule whose literal part ends here. */
  readonly entries: readonly number[];
}

interface OpenNode {
  readonly id: number;
  entries: number[];
}

/** Shared by the many points where no rule's literal part ends; never written to. */
const NO_ENTRIES: number[] = [];

/** See the module. */
export class PrefixTree {
  /** 1 for each byte that leads from some point to another. */
  readonly bytes = new Uint8Array(256);
  readonly #program: Program;
  readonly #root: OpenNode = { id: 0, entries: [] };
  /** Points by the one before and the byte: one table is smaller than one for each point. */
  readonly #next = new Map<number, OpenNode>();

  constructor(program: Program) {
    this.#program = program;
  }

  get root(): PrefixNode {
    return this.#root;
  }

  /** The point behind another, `undefined` where no rule goes on so. */
  next(node: PrefixNode, byte: number): PrefixNode | undefined {
    return this.#next.get(node.id * 256 + byte);
  }

  /** Adds an expression that must match a whole text; a match says `rule`. Throws `LIMIT_EXCEEDED`. */
  add(tree: RegexTree, rule: number): void {
    const items = tree.kind === 'sequence' ? tree.items : [tree];
    let at = 0;
    let node = this.#root;
    for (let item = items[0]; item?.kind === 'byte'; item = items[++at]) node = this.#child(node, item.byte);
    const match = this.#program.add(NODE_MATCH, rule, 0);
    const entry = this.#program.emit(sequence(items.slice(at)), match);
    if (node.entries === NO_ENTRIES) node.entries = [entry];
    else node.entries.push(entry);
  }

  #child(node: OpenNode, byte: number): OpenNode {
    const key = node.id * 256 + byte;
    const known = this.#next.get(key);
    if (known !== undefined) return known;
    this.bytes[byte] = 1;
    const child: OpenNode = { id: this.#program.reserve(), entries: NO_ENTRIES };
    this.#next.set(key, child);
    return child;
  }
}
