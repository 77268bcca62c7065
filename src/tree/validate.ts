/**
 * Checks what the types cannot say: that every value of a tree can exist on a Linux file system and in every format
 * written here. Readers of dumpfiles and images, and callers of the library, may bring any tree; writers rely on this.
 */
import type { ByteString } from '../bytes/byte-string.ts';
import { isVerityDigest } from '../bytes/digest.ts';
import { PlanishError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { quotePath } from './path.ts';
import type { Content, Device, Directory, Metadata, Node } from './tree.ts';

const MAX_ID = 2 ** 32 - 1;
const MAX_MODE = 0o7777;
const MAX_NSEC = 999_999_999;
/** Device numbers as Linux counts them: 12 bits and 20 bits. */
const MAX_MAJOR = 0xfff;
const MAX_MINOR = 0xfffff;

/** A directory on the way, linked to its parent so that a path is made only for an error. */
interface Place {
  readonly directory: Directory;
  readonly name: ByteString;
  readonly parent: Place | undefined;
  /** Components of the path; the root has none. */
  readonly depth: number;
}

/** A complaint: everything but the path. */
type Fault = readonly ['PATH_INVALID' | 'UNREPRESENTABLE', string];

/**
 * Checks a whole tree: names, depth, that it is a tree, symlink targets, modes, owners, times, device numbers, sizes,
 * digests, extended attributes. Throws `PATH_INVALID` for a name or target that no file can have and
 * `UNREPRESENTABLE` for any other value out of range, with the path of the first one found (the order is that of the
 * maps). Does not recurse; a tree with a cycle is refused.
 */
export function validateTree(root: Directory): void {
  const seen = new Set<Directory>([root]);
  const pending: Place[] = [{ directory: root, name: '' as ByteString, parent: undefined, depth: 0 }];
  check(nodeFault(root), pending[0], undefined);
  for (let place = pending.pop(); place !== undefined; place = pending.pop()) {
    for (const [name, node] of place.directory.children) {
      check(nameFault(name) ?? nodeFault(node), place, name);
      if (node.type === 'directory') pending.push(enter(place, name, node, seen));
    }
  }
}

function enter(parent: Place, name: ByteString, directory: Directory, seen: Set<Directory>): Place {
  const depth = parent.depth + 1;
  if (seen.has(directory))
    check(['UNREPRESENTABLE', 'is a directory that has another name too'], parent, name);
  if (depth > LIMITS.pathDepth)
    check(['UNREPRESENTABLE', 'lies deeper than the limit pathDepth'], parent, name);
  seen.add(directory);
  return { directory, name, parent, depth };
}

function check(fault: Fault | undefined, place: Place | undefined, name: ByteString | undefined): void {
  if (fault === undefined) return;
  const [code, what] = fault;
  const path = quotePath(pathOf(place, name));
  throw new PlanishError(code, `${path} ${what}`, { path });
}

function pathOf(place: Place | undefined, name: ByteString | undefined): string {
  const names: string[] = name === undefined ? [] : [name];
  for (let at = place; at?.parent !== undefined; at = at.parent) names.push(at.name);
  return `/${names.reverse().join('/')}`;
}

function nameFault(name: ByteString): Fault | undefined {
  if (name === '') return ['PATH_INVALID', 'is an empty name'];
  if (name === '.' || name === '..') return ['PATH_INVALID', 'has a name that every directory reserves'];
  if (!isBytes(name)) return ['PATH_INVALID', 'has a name with characters that are no bytes'];
  if (name.includes('/') || name.includes('\0'))
    return ['PATH_INVALID', 'has a name with a slash or NUL byte'];
  if (name.length > LIMITS.nameBytes) return ['PATH_INVALID', 'has a name longer than the limit nameBytes'];
  return undefined;
}

function isBytes(text: string): boolean {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 0xff) return false;
  return true;
}

function nodeFault(node: Node): Fault | undefined {
  return metadataFault(node.metadata) ?? payloadFault(node);
}

function payloadFault(node: Node): Fault | undefined {
  if (node.type === 'symlink') return targetFault(node.target);
  if (node.type === 'regular') return contentFault(node.content);
  if (node.type === 'character' || node.type === 'block') return deviceFault(node);
  return undefined;
}

function targetFault(target: ByteString): Fault | undefined {
  if (target === '') return ['PATH_INVALID', 'is a symbolic link without a target'];
  if (!isBytes(target) || target.includes('\0'))
    return ['PATH_INVALID', 'is a symbolic link to an impossible name'];
  if (target.length > LIMITS.pathBytes)
    return ['PATH_INVALID', 'has a target longer than the limit pathBytes'];
  return undefined;
}

function contentFault(content: Content): Fault | undefined {
  const size = content.kind === 'inline' ? content.bytes.length : content.size;
  if (!isWithin(size, LIMITS.fileBytes))
    return ['UNREPRESENTABLE', `has an impossible size of ${size} bytes`];
  if (content.kind === 'inline') return undefined;
  if (content.verity !== undefined && !isVerityDigest(content.verity)) {
    return ['UNREPRESENTABLE', 'has a malformed fs-verity digest'];
  }
  return content.payload === undefined ? undefined : payloadPathFault(content.payload);
}

function payloadPathFault(payload: ByteString): Fault | undefined {
  const possible = payload.length > 0 && payload.length <= LIMITS.pathBytes && isBytes(payload);
  return possible && !payload.includes('\0')
    ? undefined
    : ['UNREPRESENTABLE', 'has an impossible backing path'];
}

function deviceFault({ major, minor }: Device): Fault | undefined {
  if (isWithin(major, MAX_MAJOR) && isWithin(minor, MAX_MINOR)) return undefined;
  return ['UNREPRESENTABLE', `has the impossible device number ${major}:${minor}`];
}

function metadataFault({ mode, uid, gid, mtime, xattrs }: Metadata): Fault | undefined {
  if (!isWithin(mode, MAX_MODE)) return ['UNREPRESENTABLE', `has the impossible mode ${mode.toString(8)}`];
  if (!isWithin(uid, MAX_ID) || !isWithin(gid, MAX_ID)) {
    return ['UNREPRESENTABLE', `has the impossible owner ${uid}:${gid}`];
  }
  if (!Number.isSafeInteger(mtime.sec) || !isWithin(mtime.nsec, MAX_NSEC)) {
    return ['UNREPRESENTABLE', `has the impossible time ${mtime.sec} seconds and ${mtime.nsec} nanoseconds`];
  }
  for (const [name, value] of xattrs) {
    const fault = xattrFault(name, value);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function xattrFault(name: ByteString, value: Uint8Array): Fault | undefined {
  if (name === '' || name.includes('\0') || !isBytes(name)) {
    return ['UNREPRESENTABLE', `has an extended attribute with the impossible name "${quotePath(name)}"`];
  }
  if (name.length > LIMITS.xattrNameBytes) {
    return [
      'UNREPRESENTABLE',
      'has an extended attribute whose name is longer than the limit xattrNameBytes',
    ];
  }
  if (value.length > LIMITS.xattrValueBytes) {
    return ['UNREPRESENTABLE', `has more than the limit xattrValueBytes in ${quotePath(name)}`];
  }
  return undefined;
}

function isWithin(value: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= max;
}
