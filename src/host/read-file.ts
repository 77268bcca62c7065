/** Contents that decide about a digest beyond their own: the policy and boot entries. And how hosts look things up. */
import { type ByteString, byteString } from '../bytes/byte-string.ts';
import { PlanishError } from '../errors.ts';
import { quotePath } from '../tree/path.ts';
import type { Directory, Node, RegularFile } from '../tree/tree.ts';
import { joinPath, sortedChildren, walk } from '../tree/walk.ts';

/** Gives the whole content of a file of the tree. Throws where the source does not hold it. */
export type ReadFile = (file: RegularFile, path: ByteString) => Uint8Array;

/**
 * Names of tar entries, as they stand there, that a host may read when it makes a bootable image: policies and boot
 * entries. Whoever reads layers can keep these contents at hand.
 */
export const HOST_READ_PATHS =
  /(?:^|\/)(?:etc\/selinux\/(?:config$|.*\/file_contexts)|boot\/loader\/entries\/)/s;

/** Files of a tree that a host may read when it makes a bootable image of it, each once, with their first paths. */
export function filesHostsRead(root: Directory): [ByteString, RegularFile][] {
  const found: [ByteString, RegularFile][] = [];
  for (const top of ['etc/selinux', 'boot/loader/entries']) {
    const directory = directoryAt(root, top);
    if (directory === undefined) continue;
    for (const { path, node, firstPath } of walk(directory)) {
      const full = byteString(`/${top}${path}`);
      if (node.type === 'regular' && firstPath === undefined && HOST_READ_PATHS.test(full)) {
        found.push([full, node]);
      }
    }
  }
  return found;
}

function directoryAt(root: Directory, path: string): Directory | undefined {
  let node: Node | undefined = root;
  for (const name of path.split('/')) {
    node = node?.type === 'directory' ? node.children.get(byteString(name)) : undefined;
  }
  return node?.type === 'directory' ? node : undefined;
}

/**
 * The directory at an absolute path, as hosts look it up: no links are followed, `undefined` where a component is
 * missing. Throws `HOST_TREE_INVALID` where one is anything but a directory.
 */
export function hostDirectory(root: Directory, path: string): Directory | undefined {
  let directory = root;
  for (const name of path.split('/')) {
    if (name === '' || name === '.') continue;
    const child: Node | undefined = directory.children.get(byteString(name));
    if (child === undefined) return undefined;
    if (child.type !== 'directory') throw refusal(path, `${name} on the way is of type ${child.type}`);
    directory = child;
  }
  return directory;
}

/** An error about something in the tree that hosts refuse. */
export function refusal(path: string, what: string): PlanishError {
  const quoted = quotePath(path);
  return new PlanishError('HOST_TREE_INVALID', `hosts refuse ${quoted}: ${what}`, { path: quoted });
}

/** What a directory holds, in byte order: names, paths, nodes. */
export function listDirectory(directory: Directory, path: ByteString): [ByteString, ByteString, Node][] {
  return sortedChildren(directory).map(([name, node]) => [name, joinPath(path, name), node]);
}
