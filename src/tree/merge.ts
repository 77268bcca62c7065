/** Lays one tree over another: later files win, and what they hide is told. */
import { type ByteString, byteString } from '../bytes/byte-string.ts';
import { sameBytes, sameMetadata } from './metadata.ts';
import { type Content, type Directory, type Leaf, type Metadata, type Node, newDirectory } from './tree.ts';
import { walk } from './walk.ts';

/** A path at which two trees do not agree. */
export interface MergeConflict {
  readonly path: ByteString;
  /** `file`: the later file, with other metadata or content, hides the earlier. `type`: a directory and something else. `directory`: the earlier owner, mode and attributes stay. */
  readonly kind: 'file' | 'type' | 'directory';
}

/** What came of it. */
export interface MergeResult {
  /** Paths that the later tree brought: leaves, and directories without any. */
  readonly added: readonly ByteString[];
  readonly conflicts: readonly MergeConflict[];
}

/**
 * Puts `upper` over `root`, which is changed; nothing of `upper` is shared with it that is ever written to. A
 * directory that both have keeps the state that it had, for images of artifacts rarely mean theirs. `sourceOffset` is
 * added to the numbers by which contents of `upper` name their sources. Deterministic.
 */
export function mergeTree(root: Directory, upper: Directory, sourceOffset: number): MergeResult {
  const added: ByteString[] = [];
  const conflicts: MergeConflict[] = [];
  const targets = new Map<Directory, Directory>([[upper, root]]);
  const leaves = new Map<Leaf, Leaf>();
  noteDirectory(root, upper, byteString('/'), conflicts);
  for (const { path, name, node, parent } of walk(upper)) {
    if (parent === undefined) continue;
    const target = targets.get(parent) as Directory;
    const former = target.children.get(name);
    if (node.type === 'directory') {
      targets.set(node, placeDirectory(target, name, node, former));
      if (former?.type === 'directory') noteDirectory(former, node, path, conflicts);
      else if (former !== undefined) conflicts.push({ path, kind: 'type' });
      if (node.children.size === 0) added.push(path);
    } else {
      target.children.set(name, copyLeaf(node, leaves, sourceOffset));
      if (former?.type === 'directory') conflicts.push({ path, kind: 'type' });
      else if (former !== undefined && !sameLeaf(former, node)) conflicts.push({ path, kind: 'file' });
      added.push(path);
    }
  }
  return { added, conflicts };
}

function placeDirectory(
  target: Directory,
  name: ByteString,
  node: Directory,
  former: Node | undefined,
): Directory {
  if (former?.type === 'directory') return former;
  const directory = newDirectory(node.metadata);
  target.children.set(name, directory);
  return directory;
}

/** Times are no conflict: every build step gives directories others. */
function noteDirectory(
  former: Directory,
  node: Directory,
  path: ByteString,
  conflicts: MergeConflict[],
): void {
  const timeless = (metadata: Metadata): Metadata => ({ ...metadata, mtime: { sec: 0, nsec: 0 } });
  if (sameMetadata(timeless(former.metadata), timeless(node.metadata))) return;
  conflicts.push({ path, kind: 'directory' });
}

function copyLeaf(leaf: Leaf, copies: Map<Leaf, Leaf>, sourceOffset: number): Leaf {
  const known = copies.get(leaf);
  if (known !== undefined) return known;
  const copy =
    leaf.type === 'regular' ? { ...leaf, content: moveContent(leaf.content, sourceOffset) } : { ...leaf };
  copies.set(leaf, copy);
  return copy;
}

function moveContent(content: Content, sourceOffset: number): Content {
  if (content.kind === 'inline' || content.location === undefined) return content;
  const { source, extents } = content.location;
  return { ...content, location: { source: source + sourceOffset, extents } };
}

function sameLeaf(a: Leaf, b: Leaf): boolean {
  if (a.type !== b.type || !sameMetadata(a.metadata, b.metadata)) return false;
  if (a.type === 'symlink' && b.type === 'symlink') return a.target === b.target;
  if ('major' in a && 'major' in b) return a.major === b.major && a.minor === b.minor;
  return a.type !== 'regular' || b.type !== 'regular' || sameContent(a.content, b.content);
}

function sameContent(a: Content, b: Content): boolean {
  if (a.kind === 'inline') return b.kind === 'inline' && sameBytes(a.bytes, b.bytes);
  return b.kind === 'external' && a.size === b.size && a.verity !== undefined && a.verity === b.verity;
}
