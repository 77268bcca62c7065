/**
 * What goes into one output layer: chosen paths of a tree, with every ancestor directory before them. The same
 * selection makes the layer's tar and the tree whose composefs digest is the layer's key, so they cannot disagree.
 */
import { type ByteString, byteString, compareBytes, display } from '../bytes/byte-string.ts';
import { EPOCH, NO_XATTRS } from '../bytes/stat.ts';
import { PlanishError } from '../errors.ts';
import { MARKER_PREFIX } from '../tree/path.ts';
import {
  type Directory,
  EMPTY_CONTENT,
  type Leaf,
  type Metadata,
  type Node,
  newDirectory,
} from '../tree/tree.ts';

/** One path of a layer. `linkTo` is the earlier path of the same layer that this leaf is a further name of. */
export interface LayerMember {
  readonly path: ByteString;
  readonly node: Node;
  readonly linkTo: ByteString | undefined;
}

/**
 * Paths of a layer in byte order, the root first, every ancestor included, hard links after the first name of their
 * inode. `paths` are absolute and name nodes of `root`. Changing the order changes diffIDs.
 */
export function selectMembers(root: Directory, paths: Iterable<ByteString>): LayerMember[] {
  const nodes = new Map<ByteString, Node>([[byteString('/'), root]]);
  for (const path of paths) if (path !== '/') addWithAncestors(root, path, nodes);
  const seen = new Map<Leaf, ByteString>();
  return [...nodes]
    .sort(([a], [b]) => compareBytes(a, b))
    .map(([path, node]) => ({ path, node, linkTo: firstName(path, node, seen) }));
}

function addWithAncestors(root: Directory, path: ByteString, nodes: Map<ByteString, Node>): void {
  // Most paths follow a sibling, whose ancestors need not be looked up again.
  const last = path.lastIndexOf('/');
  const parent = last === 0 ? root : nodes.get(byteString(path.slice(0, last)));
  if (parent !== undefined) {
    addChild(parent, path, last, path.length, nodes);
    return;
  }
  let node: Node = root;
  for (let slash = 0; slash < path.length; ) {
    const next = path.indexOf('/', slash + 1);
    const end = next < 0 ? path.length : next;
    addChild(node, path, slash, end, nodes);
    node = nodes.get(byteString(path.slice(0, end))) as Node;
    slash = end;
  }
}

/** Adds what `path` names up to `end`, whose last word begins after `slash`. */
function addChild(
  parent: Node,
  path: ByteString,
  slash: number,
  end: number,
  nodes: Map<ByteString, Node>,
): void {
  const name = byteString(path.slice(slash + 1, end));
  const child = parent.type === 'directory' ? parent.children.get(name) : undefined;
  if (child === undefined) {
    throw new PlanishError('INVARIANT', 'a planned path is not in the tree', { path: display(path) });
  }
  nodes.set(byteString(path.slice(0, end)), child);
}

function firstName(path: ByteString, node: Node, seen: Map<Leaf, ByteString>): ByteString | undefined {
  if (node.type === 'directory') return undefined;
  const first = seen.get(node);
  if (first === undefined) seen.set(node, path);
  return first;
}

/**
 * The members in another order: the paths of `order` first, as they stand there, each behind those of its ancestors that
 * are not there yet; then the others as they were. Hard links point to whichever name comes first.
 */
export function orderMembers(
  members: readonly LayerMember[],
  order: readonly ByteString[],
): readonly LayerMember[] {
  if (order.length === 0) return members;
  const left = new Map(members.map((member) => [member.path, member.node]));
  const placed: [ByteString, Node][] = [];
  const place = (path: ByteString): void => {
    const node = left.get(path);
    if (node === undefined) return;
    left.delete(path);
    placed.push([path, node]);
  };
  place(byteString('/'));
  for (const path of order) {
    if (!left.has(path)) continue;
    for (let slash = path.indexOf('/', 1); slash > 0; slash = path.indexOf('/', slash + 1)) {
      place(byteString(path.slice(0, slash)));
    }
    place(path);
  }
  for (const path of [...left.keys()]) place(path);
  const seen = new Map<Leaf, ByteString>();
  return placed.map(([path, node]) => ({ path, node, linkTo: firstName(path, node, seen) }));
}

/** The members as a tree of their own; leaves are shared with the original, so hard links stay hard links. */
export function memberTree(members: readonly LayerMember[]): Directory {
  const [top, ...rest] = members;
  if (top?.node.type !== 'directory') throw new PlanishError('INVARIANT', 'a layer has no root');
  const root = newDirectory(top.node.metadata);
  const directories = new Map<string, Directory>([['', root]]);
  for (const { path, node } of rest) {
    const slash = path.lastIndexOf('/');
    const copy = node.type === 'directory' ? newDirectory(node.metadata) : node;
    directories.get(path.slice(0, slash))?.children.set(byteString(path.slice(slash + 1)), copy);
    if (copy.type === 'directory') directories.set(path, copy);
  }
  return root;
}

/** Metadata of a whiteout, which nobody looks at. */
const WHITEOUT_METADATA: Metadata = { mode: 0, uid: 0, gid: 0, mtime: EPOCH, xattrs: NO_XATTRS };

/** The members with a whiteout for each path, in byte order: an empty file `.wh.NAME` beside what it hides. */
export function addWhiteouts(
  members: readonly LayerMember[],
  paths: readonly ByteString[],
): readonly LayerMember[] {
  if (paths.length === 0) return members;
  const whiteouts = paths.map((path): LayerMember => {
    const slash = path.lastIndexOf('/') + 1;
    const marker = byteString(`${path.slice(0, slash)}${MARKER_PREFIX}${path.slice(slash)}`);
    const node = { type: 'regular', metadata: WHITEOUT_METADATA, content: EMPTY_CONTENT } as const;
    return { path: marker, node, linkTo: undefined };
  });
  return [...members, ...whiteouts].sort((a, b) => compareBytes(a.path, b.path));
}
