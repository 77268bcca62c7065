/** Copying a tree, so that a transform leaves its input alone. */
import { type Directory, type Leaf, type Node, newDirectory } from './tree.ts';

/**
 * A tree of new nodes: hard links of the input are hard links of the copy, and everything that is never written to
 * (metadata, attributes, content) is shared. Children keep the order of their map.
 */
export function copyTree(root: Directory): Directory {
  const leaves = new Map<Leaf, Leaf>();
  const copy = newDirectory(root.metadata);
  const pending: [Directory, Directory][] = [[root, copy]];
  for (let pair = pending.pop(); pair !== undefined; pair = pending.pop()) {
    const [source, target] = pair;
    for (const [name, node] of source.children) {
      const copied: Node = node.type === 'directory' ? newDirectory(node.metadata) : copyLeaf(node, leaves);
      target.children.set(name, copied);
      if (node.type === 'directory') pending.push([node, copied as Directory]);
    }
  }
  return copy;
}

/** A copy of a leaf, the same one each time it is asked for with the same map. */
function copyLeaf(leaf: Leaf, copies: Map<Leaf, Leaf>): Leaf {
  const known = copies.get(leaf);
  if (known !== undefined) return known;
  const copy = { ...leaf };
  copies.set(leaf, copy);
  return copy;
}
