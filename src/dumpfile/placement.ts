/** Where the lines of a dumpfile go: names into directories, and hard links to what they name. */
import { type ByteString, byteString } from '../bytes/byte-string.ts';
import { PlanishError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import type { DumpFacts, LeafName } from '../tree/dump-facts.ts';
import { quotePath } from '../tree/path.ts';
import { type Directory, EMPTY_CONTENT, type Leaf, type Node } from '../tree/tree.ts';
import { type DumpLine, FIELD } from './line.ts';

/** A hard link whose target may come later, and where to complain about it. */
interface PendingLink extends LeafName {
  readonly target: ByteString;
  readonly line: number;
  readonly offset: number;
}

const SLASH = 0x2f;
const BACKSLASH = 0x5c;
/** Shorter names may be `.` or `..`; longer paths are none in composefs-rs. */
const PLAIN_MIN = 3;
const PLAIN_PATH_MAX = 4096;

/** A tree under construction. */
export class TreeUnderConstruction {
  #root: Directory | undefined;
  readonly #facts: DumpFacts;
  readonly #directories = new Map<string, Directory>();
  /** Stand-ins for hard links until all lines are read. */
  readonly #pending = new Map<Node, PendingLink>();
  #lastParentPath = '';
  #lastParent: Directory | undefined;
  /** The last parent's path with a slash behind it. */
  #prefix: Uint8Array = new Uint8Array(0);

  constructor(facts: DumpFacts) {
    this.#facts = facts;
  }

  /** The root, once its line was placed. */
  get root(): Directory | undefined {
    return this.#root;
  }

  /** Puts the node of a line at its path. Throws `DUMP_BAD_LINE`, or `LIMIT_EXCEEDED` below `pathDepth`. */
  place(line: DumpLine, path: ByteString, node: Node): void {
    if (path === '/') this.#placeRoot(line, node);
    else {
      const { parent, parentPath, name } = this.#locate(line, path);
      parent.children.set(name, node);
      if (node.type === 'directory') this.#remember(line, `${parentPath}/${name}`, node);
    }
  }

  /**
   * The name of a line whose path needs no other look: below the same directory as the line before, without escapes, and
   * within all limits. `undefined` for any other, be it right or wrong.
   */
  plainName(line: DumpLine): ByteString | undefined {
    const prefix = this.#prefix;
    const start = line.from(FIELD.path);
    const from = start + prefix.length;
    const end = line.to(FIELD.path);
    const length = end - from;
    if (this.#lastParent === undefined || length < PLAIN_MIN || length > LIMITS.nameBytes) return undefined;
    if (end - start > PLAIN_PATH_MAX) return undefined;
    const { bytes } = line;
    for (let at = 0; at < prefix.length; at++) if (bytes[start + at] !== prefix[at]) return undefined;
    for (let at = from; at < end; at++) if (bytes[at] === SLASH || bytes[at] === BACKSLASH) return undefined;
    return line.text(from, end);
  }

  /** Puts the node of a line at its {@link plainName}. Throws `DUMP_BAD_LINE`. */
  placeBeside(line: DumpLine, name: ByteString, node: Leaf): void {
    const { children } = this.#lastParent as Directory;
    const before = children.size;
    children.set(name, node);
    if (children.size === before) line.fail(FIELD.path, 'occurs a second time');
  }

  /** Puts a hard link at a path, to be resolved by {@link resolveLinks}. */
  placeLink(line: DumpLine, path: ByteString, target: ByteString): void {
    const { parent, name } = this.#locate(line, path);
    const standIn: Leaf = { type: 'regular', metadata: parent.metadata, content: EMPTY_CONTENT };
    parent.children.set(name, standIn);
    this.#pending.set(standIn, { parent, name, target, line: line.number, offset: line.offset });
  }

  /** Puts a hard link at a path whose target must stand there already. */
  placeResolvedLink(line: DumpLine, path: ByteString, target: ByteString): void {
    const node = this.#find(target)?.node;
    if (node === undefined) line.fail(FIELD.payload, 'names no file of an earlier line');
    if (node.type === 'directory') line.fail(FIELD.payload, 'names a directory');
    const { parent, name } = this.#locate(line, path);
    parent.children.set(name, node);
  }

  #placeRoot(line: DumpLine, node: Node): void {
    if (this.#root !== undefined) line.fail(FIELD.path, 'is the root a second time');
    if (node.type !== 'directory') line.fail(FIELD.mode, 'says that the root is no directory');
    this.#root = node;
    this.#directories.set('', node);
    this.#lastParent = node;
    this.#prefix = Buffer.from('/');
  }

  #remember(line: DumpLine, path: string, directory: Directory): void {
    let depth = 0;
    for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) depth += 1;
    if (depth > LIMITS.pathDepth) throw tooDeep(line, depth);
    this.#directories.set(path, directory);
  }

  /** Parent and name of a path, checked to be free. */
  #locate(line: DumpLine, path: ByteString): { parent: Directory; parentPath: string; name: ByteString } {
    if (this.#root === undefined) line.fail(FIELD.path, 'is not "/", which must come first');
    const canonical = isCanonical(path) ? path : `/${path}`.replace(/\/+/g, '/');
    const slash = canonical.lastIndexOf('/');
    const name = byteString(canonical.slice(slash + 1));
    const parentPath = canonical.slice(0, slash);
    const parent = this.#parent(parentPath);
    if (parent === undefined) line.fail(FIELD.path, 'has no parent directory on an earlier line');
    checkName(line, name);
    if (parent.children.has(name)) line.fail(FIELD.path, 'occurs a second time');
    return { parent, parentPath, name };
  }

  #parent(path: string): Directory | undefined {
    if (path === this.#lastParentPath) return this.#lastParent;
    const parent = this.#directories.get(path);
    if (parent === undefined) return undefined;
    this.#lastParentPath = path;
    this.#lastParent = parent;
    this.#prefix = Buffer.from(`${path}/`, 'latin1');
    return parent;
  }

  /** What stands at a path, slashes collapsed and at the end ignored, as C looks it up; the root has no parent and so is no {@link LeafName}. */
  #find(path: ByteString): (LeafName & { readonly node: Node }) | undefined {
    const canonical = `/${path}`.replace(/\/+/g, '/').replace(/(.)\/$/, '$1');
    const slash = canonical.lastIndexOf('/');
    const parent = this.#directories.get(canonical.slice(0, slash));
    const name = byteString(canonical.slice(slash + 1));
    const node = name === '' ? this.#root : parent?.children.get(name);
    return parent === undefined || node === undefined ? undefined : { parent, name, node };
  }

  /**
   * Replaces every stand-in by the leaf its line leads to, through other links where need be, and notes which name
   * is the first one and which counts of links are not what the tree says. Throws `DUMP_BAD_LINE`.
   */
  resolveLinks(): void {
    const leaves = new Map<Node, Leaf>();
    const extraNames = new Map<Leaf, number>();
    for (const standIn of this.#pending.keys()) {
      const leaf = this.#follow(standIn, leaves);
      extraNames.set(leaf, (extraNames.get(leaf) ?? 0) + 1);
    }
    for (const [standIn, link] of this.#pending) {
      const leaf = leaves.get(standIn);
      if (leaf !== undefined) link.parent.children.set(link.name, leaf);
    }
    for (const [leaf, extra] of extraNames) this.#noteLinkCount(leaf, 1 + extra);
    this.#pending.clear();
  }

  #noteLinkCount(leaf: Leaf, names: number): void {
    const given = this.#facts.nlink.get(leaf) ?? 1;
    if (given === names) this.#facts.nlink.delete(leaf);
    else this.#facts.nlink.set(leaf, given);
  }

  /** The leaf at the end of a chain of links; all links of the chain are entered in `leaves`. */
  #follow(first: Node, leaves: Map<Node, Leaf>): Leaf {
    const chain: Node[] = [];
    const onChain = new Set<Node>();
    let node = first;
    for (let link = this.#pending.get(node); link !== undefined; link = this.#pending.get(node)) {
      const known = leaves.get(node);
      if (known !== undefined) return enterAll(chain, known, leaves);
      if (onChain.has(node)) throw linkError(link, 'leads in a circle');
      onChain.add(node);
      chain.push(node);
      const found = this.#find(link.target);
      if (found === undefined) throw linkError(link, 'names no file');
      if (found.node.type === 'directory') throw linkError(link, 'names a directory');
      if (!this.#pending.has(found.node))
        this.#facts.primaryName.set(found.node, { parent: found.parent, name: found.name });
      node = found.node;
    }
    return enterAll(chain, node as Leaf, leaves);
  }
}

function enterAll(chain: readonly Node[], leaf: Leaf, leaves: Map<Node, Leaf>): Leaf {
  for (const link of chain) leaves.set(link, leaf);
  return leaf;
}

function isCanonical(path: string): boolean {
  return path.startsWith('/') && !path.includes('//');
}

function checkName(line: DumpLine, name: ByteString): void {
  if (name === '') line.fail(FIELD.path, 'ends in a slash');
  if (name === '.' || name === '..') line.fail(FIELD.path, 'ends in "." or ".."');
  if (name.length > LIMITS.nameBytes) line.fail(FIELD.path, `has a name beyond ${LIMITS.nameBytes} bytes`);
}

function tooDeep(line: DumpLine, depth: number): PlanishError {
  return new PlanishError('LIMIT_EXCEEDED', 'a directory of the dumpfile passes the limit pathDepth', {
    line: line.number,
    limit: 'pathDepth',
    expected: LIMITS.pathDepth,
    actual: depth,
  });
}

function linkError(link: PendingLink, what: string): PlanishError {
  const message = `the PAYLOAD field of a hard link ${what}`;
  return new PlanishError('DUMP_BAD_LINE', message, {
    line: link.line,
    offset: link.offset,
    path: quotePath(link.target),
  });
}
