/**
 * Applying whiteouts and opaque markers to the growing tree, in both readings.
 *
 * The OCI reading takes two passes over a layer. The first applies every marker to what lower layers left, so where
 * a marker stands does not matter; the second meets the markers again in tar order, and finds something at a marker's
 * name exactly when this layer put it there before: then a host, which removes what it finds, gets another tree.
 *
 * What the first pass removes stays within reach of hard links that stand before the marker, since at their place
 * in the tar the target is still there.
 */
import type { ByteString } from '../bytes/byte-string.ts';
import type { FlattenState } from './flatten-state.ts';
import type { Marker } from './marker.ts';
import { parentPath, splitPath } from './path.ts';
import { DEFAULT_DIRECTORY_METADATA, type Directory, type Node, newDirectory } from './tree.ts';
import { joinPath, lookup } from './walk.ts';

/** A marker of the layer, by position. */
export interface PlacedMarker {
  readonly marker: Marker;
  /** Path of the marker's own entry. */
  readonly path: ByteString;
  /** Position of the entry in its layer. */
  readonly index: number;
}

/** What markers of the current layer removed from lower layers, and by which entry. */
export class Removed {
  /** Positions of markers that, in lower layers, lie below something that is no directory. */
  readonly obstructed = new Set<number>();
  readonly #byDirectory = new Map<
    Directory,
    Map<ByteString, { readonly node: Node; readonly index: number }>
  >();

  add(directory: Directory, name: ByteString, node: Node, index: number): void {
    const names = this.#byDirectory.get(directory);
    if (names === undefined) this.#byDirectory.set(directory, new Map([[name, { node, index }]]));
    else names.set(name, { node, index });
  }

  /** The node that lower layers had at a path, when no marker before entry `index` has removed it. */
  lookup(root: Directory, path: ByteString, index: number): Node | undefined {
    if (this.#byDirectory.size === 0) return undefined;
    let node: Node = root;
    for (const name of splitPath(path)) {
      if (node.type !== 'directory') return undefined;
      const child = this.#child(node, name, index);
      if (child === undefined) return undefined;
      node = child;
    }
    return node;
  }

  #child(directory: Directory, name: ByteString, index: number): Node | undefined {
    const removed = this.#byDirectory.get(directory)?.get(name);
    if (removed === undefined) return directory.children.get(name);
    return removed.index > index ? removed.node : undefined;
  }
}

/** OCI, first pass: removes what lower layers hold. Warns of a whiteout that names nothing. */
export function hideLower(state: FlattenState, placed: PlacedMarker, removed: Removed): void {
  const { marker, path, index } = placed;
  const found = lookup(state.root, parentPath(path));
  const directory = found?.type === 'directory' ? found : newDirectory(DEFAULT_DIRECTORY_METADATA);
  if (isObstructed(state.root, parentPath(path))) removed.obstructed.add(index);
  if (marker.kind === 'whiteout' && !directory.children.has(marker.name)) warnWithoutTarget(state, path);
  for (const [name, node] of hiddenChildren(marker, directory)) {
    removed.add(directory, name, node, index);
    directory.children.delete(name);
  }
  state.forgetRecent();
}

/** Whether something that is no directory stands in the way to a path, or at it. */
function isObstructed(root: Directory, path: ByteString): boolean {
  let node: Node = root;
  for (const name of splitPath(path)) {
    if (node.type !== 'directory') return true;
    const child = node.children.get(name);
    if (child === undefined) return false;
    node = child;
  }
  return node.type !== 'directory';
}

function hiddenChildren(marker: Marker, { children }: Directory): [ByteString, Node][] {
  if (marker.kind === 'opaque') return [...children];
  const node = marker.kind === 'whiteout' ? children.get(marker.name) : undefined;
  return marker.kind === 'whiteout' && node !== undefined ? [[marker.name, node]] : [];
}

/**
 * OCI, second pass: says where a host, going by tar order, would remove what this layer has just added.
 *
 * A marker may lie below a link or file in the lower layers alone (a directory replaced that, and says so with an
 * opaque marker) or in its own layer alone (umoci whites out the children of a directory that became a link).
 * Throws `PARENT_NOT_DIRECTORY` where it does so in both, for then a runtime that follows links would hide a file
 * elsewhere.
 */
export function checkOrder(state: FlattenState, placed: PlacedMarker, removed: Removed): void {
  const { marker, path, index } = placed;
  const found = lookup(state.root, parentPath(path));
  const directory = removed.obstructed.has(index) ? state.existingParentOf(path) : found;
  if (directory?.type !== 'directory') return;
  const differs =
    marker.kind === 'whiteout' ? directory.children.has(marker.name) : directory.children.size > 0;
  if (!differs) return;
  const victim = marker.kind === 'whiteout' ? joinPath(parentPath(path), marker.name) : parentPath(path);
  state.warnOnce(`layer ${state.layer}`, 'WHITEOUT_ORDER', victim, orderMessage(marker));
}

function orderMessage(marker: Marker): string {
  return marker.kind === 'whiteout'
    ? 'is added before its whiteout in the same layer: hosts remove it, OCI keeps it'
    : 'is marked opaque after entries of the same layer: hosts remove those, OCI keeps them';
}

/**
 * Host reading: removes whatever is there now. A marker without its parent directory is refused as any other entry
 * is; where parents may be created none is made for a marker.
 */
export function removeNow(state: FlattenState, placed: PlacedMarker): void {
  const { marker, path } = placed;
  const directory = state.createParents ? state.existingParentOf(path) : state.parentOf(path);
  if (marker.kind === 'whiteout') {
    if (directory?.children.delete(marker.name) !== true) warnWithoutTarget(state, path);
  } else {
    directory?.children.clear();
  }
  state.forgetRecent();
}

function warnWithoutTarget(state: FlattenState, path: ByteString): void {
  state.warn('WHITEOUT_WITHOUT_TARGET', path, 'hides nothing: no lower layer holds that name');
}
