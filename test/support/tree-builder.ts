/**
 * A small language for trees and layers in tests. Names, targets and paths are given one byte a character, so
 * `'\xff'` is the byte 0xff. The same leaf object under two names is a hard link.
 */
import { createHash } from 'node:crypto';
import { type ByteString, byteString, display } from '../../src/bytes/byte-string.ts';
import { verityDigest } from '../../src/bytes/digest.ts';
import { EPOCH, type Timestamp, type Xattrs } from '../../src/bytes/stat.ts';
import type { LayerEntry, LayerEntryType } from '../../src/tree/entry.ts';
import type {
  Content,
  Device,
  Directory,
  ExternalContent,
  Leaf,
  Metadata,
  Node,
  RegularFile,
  Special,
  Symlink,
} from '../../src/tree/tree.ts';
import { EMPTY_CONTENT, INLINE_CONTENT_MAX } from '../../src/tree/tree.ts';
import { walk } from '../../src/tree/walk.ts';

/** Metadata as a test writes it; what is absent is 0, except `mode`. Extended attributes are strings of bytes. */
export interface Meta {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly sec?: number;
  readonly nsec?: number;
  readonly xattrs?: Readonly<Record<string, string | Uint8Array>>;
}

/** Bytes of a string, one byte a character. */
function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'));
}

/** Extended attributes in the order written. */
function xattrs(record: Readonly<Record<string, string | Uint8Array>>): Xattrs {
  const entries = Object.entries(record).map(([name, value]): [ByteString, Uint8Array] => [
    byteString(name),
    typeof value === 'string' ? bytes(value) : value,
  ]);
  return new Map(entries);
}

/** Full metadata; `mode` when the test says none. */
function metadata(mode: number, meta: Meta = {}): Metadata {
  const mtime: Timestamp =
    meta.sec === undefined && meta.nsec === undefined ? EPOCH : { sec: meta.sec ?? 0, nsec: meta.nsec ?? 0 };
  const attributes = xattrs(meta.xattrs ?? {});
  return { mode: meta.mode ?? mode, uid: meta.uid ?? 0, gid: meta.gid ?? 0, mtime, xattrs: attributes };
}

/** A directory, 0755. */
export function dir(children: Readonly<Record<string, Node>> = {}, meta?: Meta): Directory {
  const entries = Object.entries(children).map(([name, node]): [ByteString, Node] => [
    byteString(name),
    node,
  ]);
  return { type: 'directory', metadata: metadata(0o755, meta), children: new Map(entries) };
}

/** Content of at most 64 bytes, kept in the tree. */
export function inline(text: string | Uint8Array): Content {
  const content = typeof text === 'string' ? bytes(text) : text;
  if (content.length > INLINE_CONTENT_MAX)
    throw new Error(`${content.length} bytes are too many to be inline`);
  return content.length === 0 ? EMPTY_CONTENT : { kind: 'inline', bytes: content };
}

/** Content that lives elsewhere; its digest is made up from `label`, well formed but of nothing. */
export function external(
  size: number,
  label: string,
  algorithm: 'sha256' | 'sha512' = 'sha512',
): ExternalContent {
  const verity = verityDigest(createHash(algorithm).update(`${label}:${size}`).digest('hex'));
  return { kind: 'external', size, verity, payload: undefined, location: undefined };
}

/** A regular file, 0644: content in bytes, or from {@link external}. */
export function file(content: string | Uint8Array | Content = '', meta?: Meta): RegularFile {
  const isContent = typeof content === 'object' && 'kind' in content;
  return {
    type: 'regular',
    metadata: metadata(0o644, meta),
    content: isContent ? content : inline(content),
  };
}

/** A symbolic link, 0777. */
export function symlink(target: string, meta?: Meta): Symlink {
  return { type: 'symlink', metadata: metadata(0o777, meta), target: byteString(target) };
}

/** A device node, 0600. */
export function device(type: Device['type'], major: number, minor: number, meta?: Meta): Device {
  return { type, metadata: metadata(0o600, meta), major, minor };
}

/** A named pipe, 0644. */
export function fifo(meta?: Meta): Special {
  return { type: 'fifo', metadata: metadata(0o644, meta) };
}

/** A socket, 0755. */
export function socket(meta?: Meta): Special {
  return { type: 'socket', metadata: metadata(0o755, meta) };
}

/** What {@link flatten} takes for one layer. */
export interface BuiltLayer {
  readonly ordinal: number;
  readonly entries: readonly LayerEntry[];
}

/** A layer: each entry's offset is 512 times its position unless it already has one. */
function layer(ordinal: number, ...entries: readonly LayerEntry[]): BuiltLayer {
  const placed = entries.map((entry, index) =>
    entry.offset >= 0 ? entry : { ...entry, offset: index * 512 },
  );
  return { ordinal, entries: placed };
}

/** Layers 0, 1, … of the given entries. */
export function layers(...list: readonly (readonly LayerEntry[])[]): BuiltLayer[] {
  return list.map((entries, ordinal) => layer(ordinal, ...entries));
}

/** Any entry; the offset is given by {@link layer}. */
export function entry(
  type: LayerEntryType,
  path: string,
  mode: number,
  meta: Meta = {},
  rest: Partial<LayerEntry> = {},
): LayerEntry {
  return {
    type,
    path: byteString(path),
    linkTarget: byteString(''),
    ...metadata(mode, meta),
    major: 0,
    minor: 0,
    content: undefined,
    sparse: false,
    offset: -1,
    ...rest,
  };
}

/** Entries of each kind. */
export const put = {
  dir: (path: string, meta?: Meta): LayerEntry => entry('directory', path, 0o755, meta),
  file: (path: string, content: string | Content = '', meta?: Meta): LayerEntry =>
    entry('regular', path, 0o644, meta, {
      content: typeof content === 'string' ? inline(content) : content,
    }),
  symlink: (path: string, target: string, meta?: Meta): LayerEntry =>
    entry('symlink', path, 0o777, meta, { linkTarget: byteString(target) }),
  link: (path: string, target: string, meta?: Meta): LayerEntry =>
    entry('hardlink', path, 0o644, meta, { linkTarget: byteString(target) }),
  device: (path: string, type: Device['type'], major: number, minor: number, meta?: Meta): LayerEntry =>
    entry(type, path, 0o600, meta, { major, minor }),
  fifo: (path: string, meta?: Meta): LayerEntry => entry('fifo', path, 0o644, meta),
  /** `whiteout('a/b')` is the entry `a/.wh.b`. */
  whiteout: (path: string): LayerEntry =>
    entry('regular', path.replace(/([^/]*)$/, '.wh.$1'), 0, {}, { content: EMPTY_CONTENT }),
  /** `opaque('a')` is the entry `a/.wh..wh..opq`; `opaque('')` that of the root. */
  opaque: (path: string): LayerEntry =>
    entry(
      'regular',
      path === '' ? '.wh..wh..opq' : `${path}/.wh..wh..opq`,
      0,
      {},
      { content: EMPTY_CONTENT },
    ),
} as const;

/** A tree as one layer's entries: root first, pre-order, byte order, hard links after their first name. */
export function entriesOf(root: Directory): LayerEntry[] {
  const entries: LayerEntry[] = [];
  for (const { path, node, firstPath } of walk(root)) {
    const name = path === '/' ? './' : path.slice(1) + (node.type === 'directory' ? '/' : '');
    entries.push({ ...entryOf(name, node, firstPath), offset: entries.length * 512 });
  }
  return entries;
}

function entryOf(path: string, node: Node, firstPath: ByteString | undefined): LayerEntry {
  if (firstPath !== undefined) {
    return {
      ...entry('hardlink', path, 0, {}, { linkTarget: byteString(firstPath.slice(1)) }),
      ...node.metadata,
    };
  }
  if (node.type === 'socket') throw new Error('a tar holds no sockets');
  return { ...entry(node.type, path, 0, {}, entryFields(node)), ...node.metadata };
}

function entryFields(node: Directory | Leaf): Partial<LayerEntry> {
  if (node.type === 'regular') return { content: node.content };
  if (node.type === 'symlink') return { linkTarget: node.target };
  if (node.type === 'character' || node.type === 'block') return { major: node.major, minor: node.minor };
  return {};
}

/**
 * A tree as lines of text, in byte order: `PATH TYPE MODE UID:GID SEC.NSEC {xattrs} CONTENT`, or `PATH = FIRST PATH`
 * for a further hard link. Says everything that a tree holds but where content is kept, so equal lines mean equal
 * trees.
 */
export function render(root: Directory): string[] {
  const lines: string[] = [];
  for (const { path, node, firstPath } of walk(root)) {
    const name = display(path);
    lines.push(firstPath === undefined ? `${name} ${describe(node)}` : `${name} = ${display(firstPath)}`);
  }
  return lines;
}

function describe(node: Node): string {
  const { mode, uid, gid, mtime, xattrs: attributes } = node.metadata;
  const stat = `${node.type} ${mode.toString(8).padStart(4, '0')} ${uid}:${gid} ${mtime.sec}.${mtime.nsec}`;
  const named = [...attributes].map(
    ([name, value]) => `${display(name)}=${Buffer.from(value).toString('hex')}`,
  );
  return [stat, ...(named.length > 0 ? [`{${named.sort().join(' ')}}`] : []), ...describePayload(node)].join(
    ' ',
  );
}

function describePayload(node: Node): string[] {
  if (node.type === 'symlink') return [`-> ${display(node.target)}`];
  if (node.type === 'character' || node.type === 'block') return [`${node.major}:${node.minor}`];
  if (node.type !== 'regular') return [];
  const { content } = node;
  if (content.kind === 'inline') return [JSON.stringify(Buffer.from(content.bytes).toString('latin1'))];
  return [`${content.size} bytes ${content.verity ?? 'without digest'}`];
}
