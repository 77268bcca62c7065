/** Giving every file of a tree the label that a policy has for it. */
import { type ByteString, byteString, toBytes } from '../bytes/byte-string.ts';
import type { Xattrs } from '../bytes/stat.ts';
import { copyTree } from '../tree/copy.ts';
import type { Directory, Leaf, Metadata, Node } from '../tree/tree.ts';
import { joinPath, sortedChildren, walk } from '../tree/walk.ts';
import type { Rule } from './file-contexts.ts';
import { labelOf, type Policy, TYPE_LETTERS } from './policy.ts';
import type { MatchState } from './rule-index.ts';

/** The extended attribute that holds a label. */
export const LABEL_XATTR: ByteString = byteString('security.selinux');

/** What a policy says of one name in a tree. */
export interface Decision {
  readonly path: ByteString;
  readonly name: ByteString;
  readonly node: Node;
  readonly parent: Directory | undefined;
  /** The name that the rules were asked about. */
  readonly key: ByteString;
  readonly rule: Rule | undefined;
}

/** Options of {@link labelTree}. */
export interface LabelOptions {
  /**
   * What ends a label: nothing, as composefs hosts write it into images, or a NUL byte, as `setfiles` writes it to
   * file systems. Changing this changes digests. Default `none`.
   */
  readonly terminator?: 'none' | 'nul' | undefined;
}

/** A labelled tree and what was done to it. */
export interface LabelResult {
  /** A copy; the tree that went in is left alone. */
  readonly root: Directory;
  /** Names that have a label now. */
  readonly labelled: number;
  /** Names that have none: no rule matches, or the rule says `<<none>>`. */
  readonly unlabelled: number;
  /** Inodes of the input that had a label, of whatever origin; none of those is kept. */
  readonly stripped: number;
  /** Names that were hard links and became inodes of their own, in byte order of the walk. */
  readonly split: readonly ByteString[];
}

interface Frame {
  readonly path: ByteString;
  readonly key: ByteString;
  readonly directory: Directory;
  /** What is known after the key and a slash. */
  readonly state: MatchState;
}

interface Pending {
  readonly frame: Frame;
  readonly name: ByteString;
  readonly node: Node;
  readonly first: boolean;
}

/** What a policy says of every name of a tree, in the order of {@link walk}. Throws `LIMIT_EXCEEDED`. */
export function* decisions(root: Directory, policy: Policy): Generator<Decision, void, undefined> {
  const top = byteString('/');
  const key = policy.keys.rootKey();
  const rule = policy.decide(policy.advance(policy.start, key), key, 'd');
  yield { path: top, name: byteString(''), node: root, parent: undefined, key, rule };
  const stack: Pending[] = [];
  pushChildren(stack, { path: top, key, directory: root, state: stateBelow(policy, key) });
  for (let step = stack.pop(); step !== undefined; step = stack.pop()) {
    const { frame, name, node, first } = step;
    const path = joinPath(frame.path, name);
    const other = policy.keys.childKey(frame, name, path, first);
    const childKey = other ?? joinPath(frame.key, name);
    const state =
      other === undefined ? policy.advance(frame.state, name) : policy.advance(policy.start, other);
    const found = policy.decide(state, childKey, TYPE_LETTERS[node.type]);
    yield { path, name, node, parent: frame.directory, key: childKey, rule: found };
    if (node.type === 'directory') {
      const below = childKey === '/' ? state : policy.advance(state, '/');
      pushChildren(stack, { path, key: childKey, directory: node, state: below });
    }
  }
}

function stateBelow(policy: Policy, key: ByteString): MatchState {
  return policy.advance(policy.start, key === '/' ? key : `${key}/`);
}

function pushChildren(stack: Pending[], frame: Frame): void {
  const children = sortedChildren(frame.directory);
  for (let index = children.length - 1; index >= 0; index--) {
    const [name, node] = children[index] as [ByteString, Node];
    stack.push({ frame, name, node, first: index === 0 });
  }
}

/**
 * A copy of a tree in which every inode has the label of the policy and no other; with no policy, none has any, as on
 * hosts without SELinux. Hard links for which the policy has different labels are split: the first name in byte order
 * of the walk keeps the inode, every name with another label gets an inode of its own. Changing this changes digests.
 * Throws `LIMIT_EXCEEDED`.
 */
export function labelTree(
  root: Directory,
  policy: Policy | undefined,
  options: LabelOptions = {},
): LabelResult {
  const copy = copyTree(root);
  return { root: copy, ...labelInPlace(copy, policy, options) };
}

/** As {@link labelTree}, but it changes the tree that it is given: for one that nobody else has. */
export function labelInPlace(
  root: Directory,
  policy: Policy | undefined,
  options: LabelOptions = {},
): Omit<LabelResult, 'root'> {
  const stripped = stripLabels(root);
  if (policy === undefined) return { labelled: 0, unlabelled: countNames(root), stripped, split: [] };
  const writer = new LabelWriter(options.terminator === 'nul' ? '\0' : '');
  for (const decision of decisions(root, policy)) writer.apply(decision);
  return { stripped, ...writer.result() };
}

function countNames(root: Directory): number {
  let names = 0;
  for (const _step of walk(root)) names++;
  return names;
}

/** Takes every label away, in place. Returns how many inodes had one. */
function stripLabels(root: Directory): number {
  let stripped = 0;
  for (const { node } of walk(root)) {
    if (!node.metadata.xattrs.has(LABEL_XATTR)) continue;
    const xattrs = new Map(node.metadata.xattrs);
    xattrs.delete(LABEL_XATTR);
    node.metadata = { ...node.metadata, xattrs };
    stripped++;
  }
  return stripped;
}

class LabelWriter {
  readonly #terminator: string;
  /** The label that the first name of a leaf gave it. */
  readonly #committed = new Map<Leaf, ByteString | undefined>();
  /** Attributes of inodes that have nothing but a label, shared: nearly all. */
  readonly #alone = new Map<ByteString, Xattrs>();
  readonly #split: ByteString[] = [];
  #labelled = 0;
  #unlabelled = 0;

  constructor(terminator: string) {
    this.#terminator = terminator;
  }

  apply({ path, name, node, parent, rule }: Decision): void {
    const label = labelOf(rule);
    if (label === undefined) this.#unlabelled++;
    else this.#labelled++;
    if (node.type === 'directory' || parent === undefined) this.#write(node, label);
    else if (!this.#committed.has(node)) this.#commit(node, label);
    else if (this.#committed.get(node) !== label) this.#splitOff(parent, name, node, path, label);
  }

  result(): Pick<LabelResult, 'labelled' | 'unlabelled' | 'split'> {
    return { labelled: this.#labelled, unlabelled: this.#unlabelled, split: this.#split };
  }

  #commit(leaf: Leaf, label: ByteString | undefined): void {
    this.#committed.set(leaf, label);
    this.#write(leaf, label);
  }

  #splitOff(
    parent: Directory,
    name: ByteString,
    leaf: Leaf,
    path: ByteString,
    label: ByteString | undefined,
  ): void {
    const own: Leaf = { ...leaf };
    parent.children.set(name, own);
    this.#write(own, label);
    this.#split.push(path);
  }

  #write(node: Node, label: ByteString | undefined): void {
    const { metadata } = node;
    const xattrs = label === undefined ? this.#without(metadata) : this.#with(metadata, label);
    if (xattrs !== metadata.xattrs) node.metadata = { ...metadata, xattrs };
  }

  /** A leaf that was split off has the label of the first name. */
  #without({ xattrs }: Metadata): Xattrs {
    if (!xattrs.has(LABEL_XATTR)) return xattrs;
    return new Map([...xattrs].filter(([name]) => name !== LABEL_XATTR));
  }

  #with({ xattrs }: Metadata, label: ByteString): Xattrs {
    const plain = xattrs.size === 0 || (xattrs.size === 1 && xattrs.has(LABEL_XATTR));
    const shared = plain ? this.#alone.get(label) : undefined;
    if (shared !== undefined) return shared;
    const value = toBytes(byteString(`${label}${this.#terminator}`));
    const labelled: Xattrs = new Map([...xattrs, [LABEL_XATTR, value]]);
    if (plain) this.#alone.set(label, labelled);
    return labelled;
  }
}
