/**
 * The canonical form of a tree: what is shipped. It differs from what the layers held only in what a tar, read by any
 * host, could not give back: fractions of seconds, times before 1970, sockets, the order of extended attributes.
 * Owners, modes and all else stay as they are. Changing anything here changes layers and digests.
 */
import { type ByteString, compareBytes } from '../bytes/byte-string.ts';
import type { Timestamp, Xattrs } from '../bytes/stat.ts';
import { PlanishError } from '../errors.ts';
import type { OnWarning } from '../warnings.ts';
import { MARKER_PREFIX, quotePath } from './path.ts';
import { type Directory, type Leaf, type Metadata, type Node, newDirectory } from './tree.ts';
import { type WalkStep, walk } from './walk.ts';

/** Choices that change what is shipped; all default to leaving things alone. */
export interface CanonicalOptions {
  /**
   * Times later than this become it: one for all, or by path (of a hard link: the first in byte order), where
   * `undefined` clamps nothing. A fraction of a second is dropped from the clamp as from any time.
   */
  readonly clampMtime?: Timestamp | ((path: ByteString, node: Node) => Timestamp | undefined) | undefined;
  /** Whether to leave out the extended attribute of that name. */
  readonly dropXattr?: ((name: ByteString) => boolean) | undefined;
  readonly onWarning?: OnWarning | undefined;
}

/**
 * A new tree in canonical form; contents and attribute values are shared with `root`, hard links stay hard links.
 * Children are inserted in byte order. Warns with `SOCKET_SKIPPED` for each socket, and once with `TIME_ADJUSTED` and
 * the number of inodes whose time was rounded down to a whole second or up to 1970. Throws `UNREPRESENTABLE` for a
 * name that a tar reader would take for a whiteout, and for the name of an attribute that PAX records cannot carry.
 */
export function canonicalize(root: Directory, options: CanonicalOptions = {}): Directory {
  const copies = new Map<Node, Node>();
  const result = new TimeCount();
  let copiedRoot: Directory | undefined;
  for (const step of walk(root)) {
    if (step.node.type === 'socket') warnSocket(step, options.onWarning);
    if (step.node.type === 'socket') continue;
    checkName(step);
    const copy = copies.get(step.node) ?? canonicalNode(step, options, result);
    copies.set(step.node, copy);
    if (step.parent === undefined) copiedRoot = copy as Directory;
    else (copies.get(step.parent) as Directory).children.set(step.name, copy);
  }
  result.report(options.onWarning);
  return copiedRoot as Directory;
}

class TimeCount {
  #adjusted = 0;

  /** The time in whole seconds from 1970 on, counted when that is another. */
  adjust(time: Timestamp): Timestamp {
    if (time.nsec === 0 && time.sec >= 0) return time;
    this.#adjusted++;
    return { sec: Math.max(time.sec, 0), nsec: 0 };
  }

  report(onWarning: OnWarning | undefined): void {
    const count = this.#adjusted;
    if (count === 0) return;
    const what = count === 1 ? '1 time was' : `${count} times were`;
    onWarning?.({ code: 'TIME_ADJUSTED', message: `${what} rounded to a whole second from 1970 on` });
  }
}

function warnSocket({ path }: WalkStep, onWarning: OnWarning | undefined): void {
  const quoted = quotePath(path);
  onWarning?.({ code: 'SOCKET_SKIPPED', message: `${quoted} is a socket and was left out`, path: quoted });
}

function checkName({ name, path }: WalkStep): void {
  if (!name.startsWith(MARKER_PREFIX)) return;
  throw unrepresentable(path, 'has a name that layers reserve for whiteouts');
}

function canonicalNode({ node, path }: WalkStep, options: CanonicalOptions, times: TimeCount): Node {
  const metadata = canonicalMetadata(node, path, options, times);
  if (node.type === 'directory') return newDirectory(metadata);
  const leaf: Leaf = { ...node, metadata };
  return leaf;
}

function canonicalMetadata(
  node: Node,
  path: ByteString,
  options: CanonicalOptions,
  times: TimeCount,
): Metadata {
  const { metadata } = node;
  const clamp =
    typeof options.clampMtime === 'function' ? options.clampMtime(path, node) : options.clampMtime;
  const mtime = clampTime(times.adjust(metadata.mtime), clamp);
  const xattrs = canonicalXattrs(metadata.xattrs, path, options.dropXattr);
  if (mtime === metadata.mtime && xattrs === metadata.xattrs) return metadata;
  const { mode, uid, gid } = metadata;
  return { mode, uid, gid, mtime, xattrs };
}

function clampTime(time: Timestamp, clamp: Timestamp | undefined): Timestamp {
  if (clamp === undefined || time.sec <= clamp.sec) return time;
  return { sec: Math.max(clamp.sec, 0), nsec: 0 };
}

/** The same set, which many inodes may share, where all of it is kept and in order. */
function canonicalXattrs(xattrs: Xattrs, path: ByteString, drop: CanonicalOptions['dropXattr']): Xattrs {
  if (xattrs.size === 0) return xattrs;
  const kept = [...xattrs].filter(([name]) => drop?.(name) !== true);
  for (const [name] of kept) {
    if (name === '' || name.includes('=') || name.includes('\0')) {
      throw unrepresentable(
        path,
        `has an extended attribute named "${quotePath(name)}", which no tar can carry`,
      );
    }
  }
  if (
    kept.length === xattrs.size &&
    kept.every(([name], at) => at === 0 || (kept[at - 1]?.[0] ?? '') < name)
  ) {
    return xattrs;
  }
  return new Map(kept.sort(([a], [b]) => compareBytes(a, b)));
}

function unrepresentable(path: ByteString, what: string): PlanishError {
  return new PlanishError('UNREPRESENTABLE', `${quotePath(path)} ${what}`, { path: quotePath(path) });
}
