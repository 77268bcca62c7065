/** What differs between two trees, as plain data in a fixed order. */
import { type ByteString, byteString, compareBytes, display } from '../bytes/byte-string.ts';
import type { Timestamp, Xattrs } from '../bytes/stat.ts';
import { sameBytes } from './metadata.ts';
import { type Content, contentSize, type Directory, type Leaf, type Metadata, type Node } from './tree.ts';
import { joinPath, sortedChildren } from './walk.ts';

/** What two inodes can differ in. `links`: the first path of the inode, where the groups of hard links differ. */
export type DiffField =
  | 'type'
  | 'mode'
  | 'uid'
  | 'gid'
  | 'mtime'
  | 'xattr'
  | 'target'
  | 'device'
  | 'size'
  | 'content'
  | 'links';

/** One field with both values, written for people; `undefined` where one side has no such thing. */
interface FieldDifference {
  readonly field: DiffField;
  /** Name of the extended attribute, where the field is `xattr`. */
  readonly name?: string;
  readonly a: string | undefined;
  readonly b: string | undefined;
}

/** One path at which two trees differ. `added`: only in b. `removed`: only in a; both without fields. */
export interface TreeDifference {
  readonly path: ByteString;
  readonly kind: 'added' | 'removed' | 'changed';
  readonly fields: readonly FieldDifference[];
}

/** What to compare; everything, unless told otherwise. */
export interface DiffOptions {
  /** Fractions of seconds. */
  readonly nanoseconds?: boolean;
  /** Extended attributes: all, none, or those of which the function says yes. */
  readonly xattrs?: boolean | ((name: ByteString) => boolean);
  /** Which paths are hard links of each other. */
  readonly hardLinks?: boolean;
  /** Bytes of inline content, fs-verity digest of external content. Sizes are always compared. */
  readonly content?: boolean;
}

/** One name that at least one tree has. */
interface Pair {
  readonly path: ByteString;
  readonly a: Node | undefined;
  readonly b: Node | undefined;
}

/** First paths of the leaves met so far, on both sides. */
interface FirstPaths {
  readonly a: Map<Leaf, ByteString>;
  readonly b: Map<Leaf, ByteString>;
}

/**
 * All differences between two trees, in the order in which {@link walk} meets the paths: byte order of names, a
 * directory right before its content. A directory that one tree lacks is reported with everything below it. Where
 * content is kept (`location`) does not count; the backing path counts only where there is no digest.
 */
export function* diffTrees(
  a: Directory,
  b: Directory,
  options: DiffOptions = {},
): Generator<TreeDifference, void, undefined> {
  const firstPaths: FirstPaths = { a: new Map(), b: new Map() };
  const stack: Pair[] = [{ path: byteString('/'), a, b }];
  for (let pair = stack.pop(); pair !== undefined; pair = stack.pop()) {
    const links = compareLinks(pair, firstPaths);
    const difference = comparePair(pair, options.hardLinks === false ? [] : links, options);
    if (difference !== undefined) yield difference;
    pushChildren(stack, pair);
  }
}

function comparePair(
  { path, a, b }: Pair,
  links: FieldDifference[],
  options: DiffOptions,
): TreeDifference | undefined {
  if (b === undefined) return { path, kind: 'removed', fields: [] };
  if (a === undefined) return { path, kind: 'added', fields: [] };
  const fields = [...compareNodes(a, b, options), ...links];
  return fields.length === 0 ? undefined : { path, kind: 'changed', fields };
}

function pushChildren(stack: Pair[], { path, a, b }: Pair): void {
  const pairs = mergeNames(childrenOf(a), childrenOf(b));
  for (let index = pairs.length - 1; index >= 0; index--) {
    const [name, left, right] = pairs[index] as (typeof pairs)[number];
    stack.push({ path: joinPath(path, name), a: left, b: right });
  }
}

function childrenOf(node: Node | undefined): [ByteString, Node][] {
  return node?.type === 'directory' ? sortedChildren(node) : [];
}

type Merged = [name: ByteString, a: Node | undefined, b: Node | undefined];

function mergeNames(a: readonly [ByteString, Node][], b: readonly [ByteString, Node][]): Merged[] {
  const merged: Merged[] = [];
  for (let left = 0, right = 0; left < a.length || right < b.length; ) {
    const fromA = a[left];
    const fromB = b[right];
    const order = fromA === undefined ? 1 : fromB === undefined ? -1 : compareBytes(fromA[0], fromB[0]);
    const [name] = (order <= 0 ? fromA : fromB) as [ByteString, Node];
    merged.push([name, order <= 0 ? fromA?.[1] : undefined, order >= 0 ? fromB?.[1] : undefined]);
    if (order <= 0) left++;
    if (order >= 0) right++;
  }
  return merged;
}

function compareLinks({ path, a, b }: Pair, firstPaths: FirstPaths): FieldDifference[] {
  const firstA = firstPath(firstPaths.a, a, path);
  const firstB = firstPath(firstPaths.b, b, path);
  if (firstA === undefined || firstB === undefined) return [];
  return field('links', display(firstA), display(firstB));
}

function firstPath(
  paths: Map<Leaf, ByteString>,
  node: Node | undefined,
  path: ByteString,
): ByteString | undefined {
  if (node === undefined || node.type === 'directory') return undefined;
  const known = paths.get(node);
  if (known === undefined) paths.set(node, path);
  return known ?? path;
}

function compareNodes(a: Node, b: Node, options: DiffOptions): FieldDifference[] {
  if (a === b) return [];
  return [
    ...field('type', a.type, b.type),
    ...compareMetadata(a.metadata, b.metadata, options),
    ...comparePayload(a, b, options),
  ];
}

function compareMetadata(a: Metadata, b: Metadata, options: DiffOptions): FieldDifference[] {
  if (a === b) return [];
  const nanoseconds = options.nanoseconds !== false;
  return [
    ...field('mode', formatMode(a.mode), formatMode(b.mode)),
    ...field('uid', String(a.uid), String(b.uid)),
    ...field('gid', String(a.gid), String(b.gid)),
    ...field('mtime', formatTime(a.mtime, nanoseconds), formatTime(b.mtime, nanoseconds)),
    ...compareXattrs(a.xattrs, b.xattrs, options.xattrs ?? true),
  ];
}

function compareXattrs(
  a: Xattrs,
  b: Xattrs,
  which: boolean | ((name: ByteString) => boolean),
): FieldDifference[] {
  if (a === b || which === false) return [];
  const names = [...new Set([...a.keys(), ...b.keys()])].sort(compareBytes);
  return names
    .filter((name) => which === true || which(name))
    .flatMap((name) => {
      const [difference] = field('xattr', formatBytes(a.get(name)), formatBytes(b.get(name)));
      return difference === undefined ? [] : [{ ...difference, name: display(name) }];
    });
}

function comparePayload(a: Node, b: Node, options: DiffOptions): FieldDifference[] {
  if (a.type === 'symlink' && b.type === 'symlink')
    return field('target', display(a.target), display(b.target));
  if (a.type === 'regular' && b.type === 'regular') return compareContent(a.content, b.content, options);
  if ((a.type === 'character' || a.type === 'block') && (b.type === 'character' || b.type === 'block')) {
    return field('device', `${a.major}:${a.minor}`, `${b.major}:${b.minor}`);
  }
  return [];
}

function compareContent(a: Content, b: Content, options: DiffOptions): FieldDifference[] {
  if (a === b) return [];
  const sizes = field('size', String(contentSize(a)), String(contentSize(b)));
  if (options.content === false || sameContent(a, b)) return sizes;
  return [...sizes, { field: 'content', a: formatContent(a), b: formatContent(b) }];
}

function sameContent(a: Content, b: Content): boolean {
  if (a.kind === 'inline') return b.kind === 'inline' && sameBytes(a.bytes, b.bytes);
  if (b.kind === 'inline' || a.verity !== b.verity) return false;
  return a.verity !== undefined || a.payload === b.payload;
}

function formatContent(content: Content): string {
  if (content.kind === 'inline') return `inline ${Buffer.from(content.bytes).toString('hex')}`;
  if (content.verity !== undefined) return `verity ${content.verity}`;
  return content.payload === undefined ? 'unknown' : `payload ${display(content.payload)}`;
}

function field(name: DiffField, a: string | undefined, b: string | undefined): FieldDifference[] {
  return a === b ? [] : [{ field: name, a, b }];
}

function formatMode(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

function formatTime({ sec, nsec }: Timestamp, nanoseconds: boolean): string {
  return nanoseconds && nsec !== 0 ? `${sec} s + ${nsec} ns` : `${sec} s`;
}

function formatBytes(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString('hex');
}
