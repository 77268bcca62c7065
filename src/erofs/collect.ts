/**
 * From a tree to the inodes of its image in their order: sorts names once, adds the stubs, marks directories that hold
 * whiteouts, counts links, and decides under which name a hard-linked file is placed.
 */
import { type ByteString, byteString, display } from '../bytes/byte-string.ts';
import { PlanishError, withDetail } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { type DumpFacts, newDumpFacts } from '../tree/dump-facts.ts';
import { type Directory, isWhiteoutDevice, type Leaf, type Metadata, type Node } from '../tree/tree.ts';
import { STUB_COUNT, STUB_PERMISSIONS, XATTR_NAMES } from './format.ts';
import { type DirectoryEntries, type ImageNode, LeafMaker, newNode } from './nodes.ts';
import { type RewriteOptions, XattrRewriter } from './rewrite.ts';
import { NO_PAIRS, type XattrList, type XattrPool } from './xattrs.ts';

const SELF = byteString('.');
const PARENT = byteString('..');

/** All inodes, root first, in the order in which they are placed and numbered; and all their xattrs, uses counted. */
export interface CollectedNodes {
  readonly nodes: ImageNode[];
  readonly pool: XattrPool;
}

/** A directory in the middle of the walk. */
interface Frame {
  readonly directory: Directory;
  readonly node: ImageNode;
  readonly entries: DirectoryEntries;
  readonly parent: ImageNode;
  next: number;
  hasWhiteout: boolean;
}

/** Inodes of a tree. `facts` count in the C dialect only. Throws `UNREPRESENTABLE`. */
export function collectNodes(root: Directory, options: RewriteOptions, facts?: DumpFacts): CollectedNodes {
  const known = options.dialect === 'c' && facts !== undefined ? facts : newDumpFacts();
  return new Collector(options, known).collect(root);
}

class Collector {
  readonly #options: RewriteOptions;
  readonly #facts: DumpFacts;
  readonly #rewriter: XattrRewriter;
  readonly #maker: LeafMaker;
  readonly #marks: XattrList;
  readonly #leaves = new Map<Leaf, ImageNode>();
  /** Depth first, as found. */
  readonly #found: ImageNode[] = [];
  readonly #stack: Frame[] = [];

  constructor(options: RewriteOptions, facts: DumpFacts) {
    this.#options = options;
    this.#facts = facts;
    this.#rewriter = new XattrRewriter(options);
    this.#maker = new LeafMaker(this.#rewriter);
    this.#marks = directoryMarks(this.#rewriter);
  }

  collect(root: Directory): CollectedNodes {
    const rootNode = this.#enterRoot(root);
    for (let frame = this.#stack.at(-1); frame !== undefined; frame = this.#stack.at(-1)) {
      if (frame.next < frame.entries.names.length) this.#step(frame, frame.next++);
      else this.#leave(frame);
    }
    const nodes = this.#options.version === 2 ? this.#found : breadthFirst(rootNode);
    if (nodes.length !== this.#found.length) {
      throw new PlanishError('INVARIANT', 'a hard-linked file has a primary name that the tree lacks');
    }
    return { nodes, pool: this.#rewriter.pool };
  }

  #enterRoot(root: Directory): ImageNode {
    const names = [...root.children.keys()];
    if (this.#options.version !== 2) {
      for (const name of stubNames()) if (!root.children.has(name)) names.push(name);
    }
    const node = this.#enter(root, names, undefined);
    return node;
  }

  /** Starts a directory. `names`: its children's, unsorted; the array is kept. */
  #enter(directory: Directory, names: ByteString[], parent: ImageNode | undefined): ImageNode {
    for (const name of names) checkName(name);
    names.push(SELF, PARENT);
    names.sort();
    const entries: DirectoryEntries = { names, nodes: new Array(names.length), links: undefined };
    const node = newNode('directory', directory.metadata, NO_PAIRS);
    node.entries = entries;
    node.nlink = 2;
    this.#stack.push({ directory, node, entries, parent: parent ?? node, next: 0, hasWhiteout: false });
    this.#found.push(node);
    return node;
  }

  #step(frame: Frame, index: number): void {
    const name = frame.entries.names[index] as ByteString;
    const child = frame.directory.children.get(name);
    if (child === undefined) frame.entries.nodes[index] = this.#ownEntry(frame, name);
    else if (child.type === 'directory') this.#stepDirectory(frame, index, child);
    else this.#stepLeaf(frame, index, name, child);
  }

  /** What no child stands for: `.`, `..`, a stub. */
  #ownEntry(frame: Frame, name: ByteString): ImageNode {
    if (name === SELF) return frame.node;
    if (name === PARENT) return frame.parent;
    const stub = newStub(frame.directory.metadata, this.#stubXattrs(frame.directory.metadata));
    this.#add(stub);
    return stub;
  }

  #stepDirectory(frame: Frame, index: number, child: Directory): void {
    frame.node.nlink++;
    frame.entries.nodes[index] = this.#enter(child, [...child.children.keys()], frame.node);
  }

  #stepLeaf(frame: Frame, index: number, name: ByteString, leaf: Leaf): void {
    const known = this.#leaves.get(leaf);
    const node = known ?? this.#newLeaf(frame, name, leaf);
    if (!this.#facts.nlink.has(leaf)) node.nlink++;
    if (known !== undefined) this.#checkLinkable(name, leaf);
    frame.entries.nodes[index] = node;
    if (this.#isPrimary(frame.directory, name, leaf, known === undefined)) {
      if (node.type !== leaf.type) frame.hasWhiteout = true;
    } else {
      frame.entries.links ??= new Set();
      frame.entries.links.add(index);
    }
  }

  /** composefs-rs refuses a whiteout of several names, so no such image has a digest there. */
  #checkLinkable(name: ByteString, leaf: Leaf): void {
    if (this.#options.dialect === 'c' || !isWhiteoutDevice(leaf)) return;
    throw new PlanishError('UNREPRESENTABLE', 'a whiteout has several names', { path: display(name) });
  }

  #isPrimary(parent: Directory, name: ByteString, leaf: Leaf, first: boolean): boolean {
    const given = this.#facts.primaryName.get(leaf);
    return given === undefined ? first : given.parent === parent && given.name === name;
  }

  #newLeaf(frame: Frame, name: ByteString, leaf: Leaf): ImageNode {
    const literal = this.#options.version === 2 || this.#looksLikeStub(frame, name, leaf);
    const node = this.#makeLeaf(name, leaf, literal);
    node.nlink = this.#facts.nlink.get(leaf) ?? 0;
    this.#leaves.set(leaf, node);
    this.#add(node);
    return node;
  }

  #makeLeaf(name: ByteString, leaf: Leaf, literal: boolean): ImageNode {
    try {
      return this.#maker.make(leaf, this.#facts.size.get(leaf) ?? 0, literal);
    } catch (error) {
      throw withDetail(error, { path: display(name) });
    }
  }

  /** composefs-rs takes a whiteout of root that equals a stub for one, and leaves it a device. */
  #looksLikeStub(frame: Frame, name: ByteString, leaf: Leaf): boolean {
    if (this.#options.dialect === 'c' || frame.node !== frame.parent) return false;
    if (!isWhiteoutDevice(leaf) || !/^[0-9a-f]{2}$/.test(name)) return false;
    const root = frame.directory.metadata;
    const { mode, uid, gid, mtime, xattrs } = leaf.metadata;
    const same = mode === STUB_PERMISSIONS && uid === root.uid && gid === root.gid;
    if (!same || mtime.sec !== root.mtime.sec || mtime.nsec !== root.mtime.nsec) return false;
    const own = this.#rewriter.own(xattrs);
    const stub = this.#stubXattrs(root);
    return own.length === stub.length && own.every((pair, index) => pair === stub[index]);
  }

  #stubXattrs(root: Metadata): XattrList {
    const { names } = this.#rewriter.pool.pairs;
    return this.#rewriter.own(root.xattrs).filter((pair) => names[pair]?.name === XATTR_NAMES.selinux);
  }

  #leave(frame: Frame): void {
    const { node } = frame;
    const own = this.#rewriter.own(frame.directory.metadata.xattrs);
    node.xattrs = frame.hasWhiteout ? this.#rewriter.marked(own, this.#marks) : own;
    if (frame.parent === node && this.#options.version !== 2) {
      const opaque = this.#rewriter.mark(XATTR_NAMES.opaque, 'y');
      node.xattrs = this.#rewriter.marked(node.xattrs, [opaque]);
    }
    this.#rewriter.pool.pairs.countUses(node.xattrs);
    this.#stack.pop();
  }

  #add(node: ImageNode): void {
    this.#found.push(node);
    this.#rewriter.pool.pairs.countUses(node.xattrs);
  }
}

/** What a directory gets for holding whiteouts. */
function directoryMarks(rewriter: XattrRewriter): XattrList {
  const marks = [rewriter.mark(XATTR_NAMES.escapedWhiteouts), rewriter.mark(XATTR_NAMES.userWhiteouts)];
  if (rewriter.options.version !== 1) return marks;
  const opaque = [rewriter.mark(XATTR_NAMES.escapedOpaque, 'x'), rewriter.mark(XATTR_NAMES.userOpaque, 'x')];
  return [...marks, ...opaque];
}

function newStub(root: Metadata, xattrs: XattrList): ImageNode {
  const metadata = { ...root, mode: STUB_PERMISSIONS };
  const stub = newNode('character', metadata, xattrs);
  stub.nlink = 1;
  return stub;
}

/** `00` to `ff`: whiteouts that hide the directories of an object store that is stacked as an ordinary layer. */
function stubNames(): ByteString[] {
  return Array.from({ length: STUB_COUNT }, (_, index) => byteString(index.toString(16).padStart(2, '0')));
}

/** Order of v0 and v1: directories queue, and children without an inode of their own elsewhere join in. */
function breadthFirst(root: ImageNode): ImageNode[] {
  const order = [root];
  for (let next = 0; next < order.length; next++) {
    const { entries } = order[next] as ImageNode;
    if (entries !== undefined) appendChildren(order, entries);
  }
  return order;
}

function appendChildren(order: ImageNode[], { names, nodes, links }: DirectoryEntries): void {
  for (let index = 0; index < names.length; index++) {
    const name = names[index];
    if (name === SELF || name === PARENT || links?.has(index) === true) continue;
    order.push(nodes[index] as ImageNode);
  }
}

function checkName(name: ByteString): void {
  const ok = name.length > 0 && name.length <= LIMITS.nameBytes && name !== SELF && name !== PARENT;
  if (ok && name.indexOf('/') < 0 && name.indexOf('\0') < 0) return;
  throw new PlanishError('UNREPRESENTABLE', 'an EROFS image can hold no file of such a name', {
    path: display(name),
  });
}

/** Whether a tree holds a whiteout, a character device 0:0. */
function hasWhiteout(root: Directory): boolean {
  const pending: Directory[] = [root];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    for (const node of directory.children.values() as Iterable<Node>) {
      if (node.type === 'directory') pending.push(node);
      else if (isWhiteoutDevice(node)) return true;
    }
  }
  return false;
}

/** The version that the C tool writes when none is asked for: 1 for a tree with a whiteout, else 0. */
export function automaticVersion(root: Directory): 0 | 1 {
  return hasWhiteout(root) ? 1 : 0;
}
