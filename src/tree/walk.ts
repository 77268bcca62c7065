/** Walks over a tree in byte order of names: the only orders anything may be written in. */
import { type ByteString, byteString } from '../bytes/byte-string.ts';
import type { Directory, Leaf, Node } from './tree.ts';

/** One name in a tree. `path` is absolute; the root is `/`. */
export interface WalkStep {
  readonly path: ByteString;
  readonly name: ByteString;
  readonly node: Node;
  readonly parent: Directory | undefined;
  /** Whether this leaf was already seen under an earlier path: a further hard link of `firstPath`. */
  readonly firstPath: ByteString | undefined;
}

/** A step whose `firstPath` is told when its turn comes. */
type PendingStep = Omit<WalkStep, 'firstPath'> & { firstPath: ByteString | undefined };

/** Children in byte order of their names. */
export function sortedChildren(directory: Directory): [ByteString, Node][] {
  const { children } = directory;
  // Without a comparison of ours strings are ordered by their characters, which are bytes.
  return [...children.keys()].sort().map((name) => [name, children.get(name) as Node]);
}

/** Path of a child. */
export function joinPath(parent: ByteString, name: ByteString): ByteString {
  return byteString(parent === '/' ? `/${name}` : `${parent}/${name}`);
}

/**
 * Depth first, pre-order, children in byte order: a directory right before its content. Iterative, so depth is
 * bounded by memory alone. The first path of a leaf in this order is its primary name.
 */
export function* walk(root: Directory): Generator<WalkStep, void, undefined> {
  const primary = new Map<Leaf, ByteString>();
  const stack: PendingStep[] = [
    { path: byteString('/'), name: byteString(''), node: root, parent: undefined, firstPath: undefined },
  ];
  for (let step = stack.pop(); step !== undefined; step = stack.pop()) {
    const { path, node } = step;
    step.firstPath = firstPathOf(node, path, primary);
    yield step;
    if (node.type === 'directory') pushChildren(stack, path, node);
  }
}

function firstPathOf(node: Node, path: ByteString, primary: Map<Leaf, ByteString>): ByteString | undefined {
  if (node.type === 'directory') return undefined;
  const first = primary.get(node);
  if (first === undefined) primary.set(node, path);
  return first;
}

function pushChildren(stack: PendingStep[], path: ByteString, directory: Directory): void {
  const children = sortedChildren(directory);
  for (let index = children.length - 1; index >= 0; index--) {
    const [name, node] = children[index] as [ByteString, Node];
    stack.push({ path: joinPath(path, name), name, node, parent: directory, firstPath: undefined });
  }
}

/** How many names each leaf has. */
export function countLinks(root: Directory): Map<Leaf, number> {
  const counts = new Map<Leaf, number>();
  const pending: Directory[] = [root];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    for (const node of directory.children.values()) {
      if (node.type === 'directory') pending.push(node);
      else counts.set(node, (counts.get(node) ?? 0) + 1);
    }
  }
  return counts;
}

/** The node at an absolute path (no links followed), or `undefined`. `/a//b/` finds `/a/b`. */
export function lookup(root: Directory, path: ByteString): Node | undefined {
  let node: Node = root;
  for (const name of path.split('/')) {
    if (name === '') continue;
    if (node.type !== 'directory') return undefined;
    const child = node.children.get(byteString(name));
    if (child === undefined) return undefined;
    node = child;
  }
  return node;
}
