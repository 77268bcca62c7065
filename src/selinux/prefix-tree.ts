/** The literal beginnings of all rules as one tree, so that a path is followed through all of them at once. */
import { NODE_MATCH, type Program } from './program.ts';
import { type RegexTree, sequence } from './regex-tree.ts';

/** A point in the tree: what comes after it by byte, and the rules whose literal part ends here. */
export interface PrefixNode {
  readonly id: number;
  readonly next: Map<number, PrefixNode>;
  /** Entries into the program, one for each rule. */
  readonly entries: number[];
}

/** See the module. */
export class PrefixTree {
  readonly root: PrefixNode = { id: -1, next: new Map(), entries: [] };
  readonly #program: Program;

  constructor(program: Program) {
    this.#program = program;
  }

  /** Adds an expression that must match a whole text; a match says `rule`. Throws `LIMIT_EXCEEDED`. */
  add(tree: RegexTree, rule: number): void {
    const items = tree.kind === 'sequence' ? tree.items : [tree];
    let at = 0;
    let node = this.root;
    for (let item = items[0]; item?.kind === 'byte'; item = items[++at]) node = this.#child(node, item.byte);
    const match = this.#program.add(NODE_MATCH, rule, 0);
    node.entries.push(this.#program.emit(sequence(items.slice(at)), match));
  }

  #child(node: PrefixNode, byte: number): PrefixNode {
    const known = node.next.get(byte);
    if (known !== undefined) return known;
    const child: PrefixNode = { id: this.#program.reserve(), next: new Map(), entries: [] };
    node.next.set(byte, child);
    return child;
  }
}
