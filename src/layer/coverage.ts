/**
 * What lower layers have of a tree already: for layers that stay as they are, whoever wrote them. A file is covered
 * when all its names, and no other names of its inode, are there with the very same metadata and content.
 */
import type { ByteString } from '../bytes/byte-string.ts';
import type { Directory, Leaf, Node } from '../tree/tree.ts';
import { countLinks, lookup, walk } from '../tree/walk.ts';
import { describeInode } from './content-digest.ts';

/** See the module. All paths are absolute. */
export interface Coverage {
  /** Paths of the tree that need not be written again: files, and directories that are as the tree has them. */
  readonly paths: ReadonlySet<ByteString>;
  /** Directories that both have, with another state. */
  readonly wrong: ReadonlySet<ByteString>;
  /** Topmost paths that the tree does not have and that nothing of the tree stands in the place of. */
  readonly surplus: readonly ByteString[];
  /** Whether the lower layers hold nothing but what is covered and directories of the tree. */
  readonly exact: boolean;
}

/** What `lower` has of `root`. Both are left alone. */
export function coverTree(root: Directory, lower: Directory): Coverage {
  const covering = new Covering(root, lower);
  for (const { path, node } of walk(lower)) covering.visit(path, node);
  return covering.finish();
}

/** Names of one inode, as both trees have it. */
interface Pairing {
  readonly lower: Leaf;
  readonly paths: ByteString[];
}

class Covering {
  readonly #root: Directory;
  readonly #links: { readonly root: Map<Leaf, number>; readonly lower: Map<Leaf, number> };
  readonly #paths = new Set<ByteString>();
  readonly #wrong = new Set<ByteString>();
  readonly #surplus: ByteString[] = [];
  readonly #pairs = new Map<Leaf, Pairing>();
  /** Path below which nothing more is asked, with a slash. */
  #skipped: string | undefined;
  #leaves = 0;
  #replaced = false;

  constructor(root: Directory, lower: Directory) {
    this.#root = root;
    this.#links = { root: countLinks(root), lower: countLinks(lower) };
  }

  visit(path: ByteString, node: Node): void {
    if (this.#skipped !== undefined && path.startsWith(this.#skipped)) return;
    const own = lookup(this.#root, path);
    if (own === undefined) {
      this.#surplus.push(path);
      this.#skipped = `${path}/`;
    } else if (own.type === 'directory' && node.type === 'directory') {
      if (describeInode(own) === describeInode(node)) this.#paths.add(path);
      else this.#wrong.add(path);
    } else if (own.type !== 'directory' && node.type !== 'directory') {
      this.#visitLeaf(path, own, node);
    } else {
      this.#replaced = true;
      this.#skipped = `${path}/`;
    }
  }

  #visitLeaf(path: ByteString, own: Leaf, lower: Leaf): void {
    this.#leaves++;
    const pair = this.#pairs.get(own) ?? { lower, paths: [] };
    this.#pairs.set(own, pair);
    if (pair.lower === lower) pair.paths.push(path);
  }

  finish(): Coverage {
    let covered = 0;
    for (const [own, { lower, paths }] of this.#pairs) {
      const names = this.#links.root.get(own);
      const whole = names === paths.length && names === this.#links.lower.get(lower);
      if (!whole || describeInode(own) !== describeInode(lower)) continue;
      for (const path of paths) this.#paths.add(path);
      covered += paths.length;
    }
    const exact = covered === this.#leaves && this.#surplus.length === 0 && !this.#replaced;
    return { paths: this.#paths, wrong: this.#wrong, surplus: this.#surplus, exact };
  }
}
