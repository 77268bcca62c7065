/**
 * Puts one tar entry into the growing tree, by the rules on which tars, OCI and composefs hosts agree:
 *
 * - a directory over a directory keeps the children and takes the new metadata;
 * - anything else over anything replaces it, whole subtrees included;
 * - a hard link is one more name of the inode that its target has *now*: later changes of the target's name do not
 *   reach it, and the metadata in its own header is ignored;
 * - nothing passes through a symbolic link, so no entry can land elsewhere than its name says.
 */
import type { ByteString } from '../bytes/byte-string.ts';
import { type ErrorCode, PlanishError } from '../errors.ts';
import type { LayerEntry } from './entry.ts';
import type { FlattenState } from './flatten-state.ts';
import { sameMetadata, sameTime } from './metadata.ts';
import { baseName, checkSymlinkTarget, normalizePath, quotePath, ROOT_PATH } from './path.ts';
import { type Directory, type Leaf, type Metadata, newDirectory } from './tree.ts';
import { lookup } from './walk.ts';
import type { Removed } from './whiteout.ts';

/** Permission bits of a mode; tars may carry type bits above them. */
const PERMISSION_BITS = 0o7777;

/** What the place of an entry in its layer decides. */
export interface EntryContext {
  /** Position of the entry in its layer. */
  readonly index: number;
  readonly removed: Removed;
}

/**
 * Applies an ordinary entry (no marker) whose normalised path is `path`. Throws `PATH_INVALID`, `PARENT_MISSING`,
 * `PARENT_NOT_DIRECTORY`, `LINK_TARGET_MISSING`, `LINK_TARGET_INVALID`, `LIMIT_EXCEEDED`.
 */
export function applyEntry(
  state: FlattenState,
  entry: LayerEntry,
  path: ByteString,
  context: EntryContext,
): void {
  if (path === ROOT_PATH) applyRoot(state, entry);
  else if (entry.type === 'directory') applyDirectory(state, entry, path);
  else if (entry.type === 'hardlink') placeLeaf(state, path, linkTarget(state, entry, path, context));
  else placeLeaf(state, path, newLeaf(state, entry, path));
}

function applyRoot(state: FlattenState, entry: LayerEntry): void {
  if (entry.type !== 'directory') {
    throw failure('PATH_INVALID', ROOT_PATH, `the root of a layer is of type ${entry.type}`);
  }
  redefine(state, state.root, metadataOf(state, entry), ROOT_PATH);
}

function applyDirectory(state: FlattenState, entry: LayerEntry, path: ByteString): void {
  const parent = state.parentOf(path);
  const name = baseName(path);
  const existing = parent.children.get(name);
  if (existing?.type === 'directory') {
    redefine(state, existing, metadataOf(state, entry), path);
  } else {
    if (existing !== undefined) warnDuplicate(state, path);
    parent.children.set(name, newDirectory(metadataOf(state, entry)));
    state.notePlaced(path);
  }
}

function redefine(state: FlattenState, directory: Directory, metadata: Metadata, path: ByteString): void {
  if (state.isPlaced(path) && !sameMetadata(directory.metadata, metadata)) warnDuplicate(state, path);
  directory.metadata = metadata;
  state.notePlaced(path);
}

function placeLeaf(state: FlattenState, path: ByteString, leaf: Leaf): void {
  const parent = state.parentOf(path);
  const name = baseName(path);
  const existing = parent.children.get(name);
  if (existing !== undefined) {
    warnDuplicate(state, path);
    if (existing.type === 'directory') state.forgetRecent();
  }
  parent.children.set(name, leaf);
  state.notePlaced(path);
}

function warnDuplicate(state: FlattenState, path: ByteString): void {
  if (state.isPlaced(path))
    state.warn('DUPLICATE_ENTRY', path, 'occurs twice in one layer; the later entry wins');
}

function linkTarget(state: FlattenState, entry: LayerEntry, path: ByteString, context: EntryContext): Leaf {
  const target = normalizePath(entry.linkTarget);
  if (target === path)
    throw failure('LINK_TARGET_INVALID', path, `${quotePath(path)} is a hard link to itself`);
  const node = lookup(state.root, target) ?? context.removed.lookup(state.root, target, context.index);
  if (node === undefined) {
    const what = `${quotePath(path)} is a hard link to ${quotePath(target)}, which does not exist at that point`;
    throw failure('LINK_TARGET_MISSING', path, what);
  }
  if (node.type !== 'directory') return node;
  throw failure('LINK_TARGET_INVALID', path, `${quotePath(path)} is a hard link to a directory`);
}

function newLeaf(state: FlattenState, entry: LayerEntry, path: ByteString): Leaf {
  const metadata = metadataOf(state, entry);
  switch (entry.type) {
    case 'regular':
      if (entry.content === undefined)
        throw failure('INVARIANT', path, 'a regular file came without content');
      return { type: 'regular', metadata, content: entry.content };
    case 'symlink':
      checkSymlinkTarget(entry.linkTarget, path);
      return { type: 'symlink', metadata, target: entry.linkTarget };
    case 'character':
    case 'block':
      return { type: entry.type, metadata, major: entry.major, minor: entry.minor };
    case 'fifo':
      return { type: 'fifo', metadata };
    default:
      throw failure('INVARIANT', path, `an entry of type ${entry.type} was taken for a leaf`);
  }
}

/** Neighbours in a tar mostly have all of it in common: one object serves them. */
function metadataOf(state: FlattenState, entry: LayerEntry): Metadata {
  const { uid, gid, mtime, xattrs } = entry;
  const mode = entry.mode & PERMISSION_BITS;
  const { recent } = state;
  const isSame = recent.mode === mode && recent.uid === uid && recent.gid === gid && recent.xattrs === xattrs;
  if (isSame && sameTime(recent.mtime, mtime)) return recent;
  state.recent = { mode, uid, gid, mtime, xattrs };
  return state.recent;
}

function failure(code: ErrorCode, path: ByteString, message: string): PlanishError {
  return new PlanishError(code, message, { path: quotePath(path) });
}
