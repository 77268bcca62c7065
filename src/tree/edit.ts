/** Trees with files put in or taken out. The input is left alone; what is not on the way to a change is shared. */
import type { ByteString } from '../bytes/byte-string.ts';
import { PlanishError } from '../errors.ts';
import { quotePath, splitPath } from './path.ts';
import { type Directory, type Leaf, type Metadata, newDirectory } from './tree.ts';

/** The tree without what is at these paths. Directories around it stay, with their times. */
export function withoutPaths(root: Directory, paths: readonly ByteString[]): Directory {
  const copy = copyDirectory(root);
  for (const path of paths) {
    const names = splitPath(path);
    const last = names.pop();
    const parent = last === undefined ? undefined : descend(copy, names, undefined, path);
    if (last !== undefined) parent?.children.delete(last);
  }
  return copy;
}

/** The tree with leaves at paths, in place of any there. Missing directories get the metadata given. */
export function withLeaves(
  root: Directory,
  leaves: ReadonlyMap<ByteString, Leaf>,
  missing: Metadata,
): Directory {
  const copy = copyDirectory(root);
  for (const [path, leaf] of leaves) {
    const names = splitPath(path);
    const last = names.pop();
    const parent = descend(copy, names, missing, path);
    if (last !== undefined) parent?.children.set(last, leaf);
  }
  return copy;
}

/** Copies every directory on the way. Throws `PARENT_NOT_DIRECTORY`. */
function descend(
  root: Directory,
  names: readonly ByteString[],
  missing: Metadata | undefined,
  path: ByteString,
): Directory | undefined {
  let directory = root;
  for (const name of names) {
    const child = directory.children.get(name);
    if (child === undefined && missing === undefined) return undefined;
    if (child !== undefined && child.type !== 'directory') {
      const detail = { path: quotePath(path) };
      throw new PlanishError(
        'PARENT_NOT_DIRECTORY',
        'a file lies below something that is no directory',
        detail,
      );
    }
    const copy = child === undefined ? newDirectory(missing as Metadata) : copyDirectory(child);
    directory.children.set(name, copy);
    directory = copy;
  }
  return directory;
}

function copyDirectory({ metadata, children }: Directory): Directory {
  return { type: 'directory', metadata, children: new Map(children) };
}
