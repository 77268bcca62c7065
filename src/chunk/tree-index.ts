/** A tree laid out for claiming: every path that some component must own, and how paths are found through links. */
import { type ByteString, byteString } from '../bytes/byte-string.ts';
import type { Directory, Leaf, Node } from '../tree/tree.ts';
import { joinPath, walk } from '../tree/walk.ts';

/** A path that must be owned: a leaf, or a directory with no leaf below it. */
export interface TreeItem {
  readonly path: ByteString;
  readonly node: Node;
  /** The first path of the same leaf, when this one is a further hard link. */
  readonly firstPath: ByteString | undefined;
}

/** Symbolic links followed for one path, as in Linux. */
const LINK_HOPS = 40;

/** The items of a tree in byte order of a depth-first walk, and lookups by path. */
export class TreeIndex {
  readonly root: Directory;
  readonly items: readonly TreeItem[];
  readonly #byPath = new Map<ByteString, TreeItem>();
  readonly #parents = new Map<string, ByteString | undefined>();

  constructor(root: Directory) {
    this.root = root;
    this.items = collectItems(root);
    for (const item of this.items) this.#byPath.set(item.path, item);
  }

  /** The item at exactly this path. */
  find(path: ByteString): TreeItem | undefined {
    return this.#byPath.get(path);
  }

  /**
   * The path under which the tree holds what `path` names: links in its parents are followed (`/lib/x` lies at
   * `/usr/lib/x` after the merge of /usr), its last name is not. `undefined` when a parent does not exist.
   */
  canonicalPath(path: ByteString): ByteString | undefined {
    const slash = path.lastIndexOf('/');
    const name = byteString(path.slice(slash + 1));
    if (name === '' || name === '.' || name === '..') return undefined;
    const parent = this.#canonicalParent(path.slice(0, Math.max(slash, 0)));
    return parent === undefined ? undefined : joinPath(parent, name);
  }

  #canonicalParent(parent: string): ByteString | undefined {
    if (this.#parents.has(parent)) return this.#parents.get(parent);
    const found = resolveDirectory(this.root, byteString(parent))?.path;
    this.#parents.set(parent, found);
    return found;
  }
}

/** A directory and the path at which it really lies. */
export interface ResolvedDirectory {
  readonly path: ByteString;
  readonly directory: Directory;
}

/** Follows a path to a directory, through symbolic links anywhere in it and never above the root. */
export function resolveDirectory(root: Directory, path: ByteString): ResolvedDirectory | undefined {
  const pending = path.split('/').reverse();
  let trail: { name: string; directory: Directory }[] = [];
  let hops = 0;
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (name === '' || name === '.') continue;
    if (name === '..') {
      trail.pop();
      continue;
    }
    const here = trail.at(-1)?.directory ?? root;
    const child = here.children.get(byteString(name));
    if (child?.type === 'directory') trail.push({ name, directory: child });
    else if (child?.type === 'symlink' && ++hops <= LINK_HOPS) {
      if (child.target.startsWith('/')) trail = [];
      for (const part of child.target.split('/').reverse()) pending.push(part);
    } else return undefined;
  }
  const real = byteString(`/${trail.map((step) => step.name).join('/')}`);
  return { path: real, directory: trail.at(-1)?.directory ?? root };
}

function collectItems(root: Directory): TreeItem[] {
  const steps = [...walk(root)];
  const leafless = leaflessDirectories(steps);
  return steps
    .filter(({ node, parent }) => parent !== undefined && (node.type !== 'directory' || leafless.has(node)))
    .map(({ path, node, firstPath }) => ({ path, node, firstPath }));
}

/** Walked backwards, children come before their parent. */
function leaflessDirectories(
  steps: readonly { node: Node; parent: Directory | undefined }[],
): Set<Directory> {
  const leafy = new Set<Directory>();
  const leafless = new Set<Directory>();
  for (let index = steps.length - 1; index >= 0; index--) {
    const { node, parent } = steps[index] as { node: Node; parent: Directory | undefined };
    const bare = node.type === 'directory' && !leafy.has(node);
    if (bare) leafless.add(node);
    else if (parent !== undefined) leafy.add(parent);
  }
  return leafless;
}

/** All paths of every leaf that has more than one. */
export function linkGroups(items: readonly TreeItem[]): ByteString[][] {
  const groups = new Map<Leaf, ByteString[]>();
  for (const { node, path, firstPath } of items) {
    if (node.type === 'directory' || firstPath === undefined) continue;
    const group = groups.get(node);
    if (group === undefined) groups.set(node, [firstPath, path]);
    else group.push(path);
  }
  return [...groups.values()];
}
