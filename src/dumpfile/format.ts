/**
 * Writing composefs dumpfiles (composefs-dump(5)), byte for byte as one of the two projects prints them: depth first,
 * names sorted by bytes. A file of several names is written out under the first; the others are hard links.
 */
import { type ByteString, byteString, fromBytes } from '../bytes/byte-string.ts';
import { DIGEST_BYTES, type VerityDigest } from '../bytes/digest.ts';
import type { DumpFacts } from '../tree/dump-facts.ts';
import { type Directory, type ExternalContent, type Leaf, type Node, TYPE_BITS } from '../tree/tree.ts';
import { countLinks, type WalkStep, walk } from '../tree/walk.ts';
import { directoryDataSize } from './directory-size.ts';
import { escapeField, escapeOptional, escapeXattr } from './escape.ts';
import { objectPath } from './strict.ts';

/**
 * Whose form to print. `composefs-rs`: attributes sorted, directories of size 0, bare lines for hard links.
 * `composefs-info`: attributes in the order of the map, directories with the size of their EROFS data, hard links with
 * everything their target has, SHA-512 digests left out since that program knows none.
 */
export type DumpStyle = 'composefs-rs' | 'composefs-info';

/** How to write a dumpfile. */
export interface FormatDumpOptions {
  /** Default `composefs-rs`. */
  readonly style?: DumpStyle | undefined;
  /** Link counts as they were given, in the style `composefs-info` only. */
  readonly facts?: DumpFacts | undefined;
  /** Version of the image whose directory sizes the style `composefs-info` prints. Default 1. */
  readonly version?: 0 | 1 | 2 | undefined;
}

/** Bytes of a piece of output, except for the last one and where one line is longer. */
const PIECE_SIZE = 64 * 1024;

/**
 * The dumpfile of a tree, in pieces of about 64 KiB that are the receiver's. A file outside the image is printed with
 * the object path of its digest in the style `composefs-rs`, with its payload as given in the other.
 */
export function* formatDumpfile(
  root: Directory,
  options: FormatDumpOptions = {},
): Generator<Uint8Array, void, undefined> {
  const lines = options.style === 'composefs-info' ? new InfoLines(root, options) : new RsLines(root);
  let piece = Buffer.allocUnsafe(PIECE_SIZE);
  let used = 0;
  for (const step of walk(root)) {
    const line = lines.format(step);
    if (used + line.length > piece.length) {
      yield piece.subarray(0, used);
      piece = Buffer.allocUnsafe(Math.max(PIECE_SIZE, line.length));
      used = 0;
    }
    used += piece.write(line, used, 'latin1');
  }
  if (used > 0) yield piece.subarray(0, used);
}

/** The form of composefs-rs 0.9 (`cfsctl create-dumpfile`, `cfsctl oci dump`). */
class RsLines {
  readonly #links: Map<Leaf, number>;

  constructor(root: Directory) {
    this.#links = countLinks(root);
  }

  format({ path, node, firstPath }: WalkStep): string {
    const escaped = escapeField(path);
    if (firstPath !== undefined) return `${escaped} 0 @120000 - - - - 0.0 ${escapeOptional(firstPath)} - -\n`;
    const stat = formatStat(escaped, node, this.#size(node), nlinkOf(node, this.#links), '');
    return `${stat} ${this.#payload(node)} ${formatContent(node)} ${this.#digest(node)}${this.#formatXattrs(node)}\n`;
  }

  #size(node: Node): number {
    return node.type === 'directory' ? 0 : leafSize(node);
  }

  #payload(node: Node): string {
    if (node.type === 'symlink') return escapeOptional(node.target);
    const external = externalOf(node);
    if (external?.verity !== undefined) return objectPath(external.verity);
    return escapePresent(external?.payload);
  }

  #digest(node: Node): string {
    return externalOf(node)?.verity ?? '-';
  }

  #formatXattrs({ metadata: { xattrs } }: Node): string {
    if (xattrs.size === 0) return '';
    const sorted = [...xattrs].sort(([a], [b]) => (a < b ? -1 : 1));
    return sorted.map(formatXattr).join('');
  }
}

/** The form of `composefs-info dump`, composefs (C) 1.0.8. */
class InfoLines {
  readonly #links: Map<Leaf, number>;
  readonly #facts: DumpFacts | undefined;
  readonly #version: 0 | 1 | 2;
  readonly #root: Directory;

  constructor(root: Directory, options: FormatDumpOptions) {
    this.#root = root;
    this.#links = countLinks(root);
    this.#facts = options.facts;
    this.#version = options.version ?? 1;
  }

  format({ path, node, firstPath }: WalkStep): string {
    const link = firstPath === undefined ? '' : '@';
    const stat = formatStat(escapeField(path), node, this.#size(node), this.#nlink(node), link);
    const payload = firstPath === undefined ? this.#payload(node) : escapeOptional(firstPath);
    const xattrs = [...node.metadata.xattrs].map(formatXattr).join('');
    return `${stat} ${payload} ${formatContent(node)} ${this.#digest(node)}${xattrs}\n`;
  }

  #nlink(node: Node): number {
    const given = node.type === 'directory' ? undefined : this.#facts?.nlink.get(node);
    return given ?? nlinkOf(node, this.#links);
  }

  #size(node: Node): number {
    if (node.type !== 'directory') return leafSize(node);
    return directoryDataSize(node.children.keys(), node === this.#root && this.#version !== 2);
  }

  #payload(node: Node): string {
    if (node.type === 'symlink') return escapeOptional(node.target);
    const external = externalOf(node);
    if (external?.verity === undefined || external.payload !== undefined)
      return escapePresent(external?.payload);
    return objectPath(external.verity);
  }

  #digest(node: Node): string {
    const verity = externalOf(node)?.verity;
    return verity !== undefined && isSha256(verity) ? verity : '-';
  }
}

function isSha256(verity: VerityDigest): boolean {
  return verity.length === 2 * DIGEST_BYTES.sha256;
}

/** `PATH SIZE MODE NLINK UID GID RDEV MTIME`. */
function formatStat(path: string, node: Node, size: number, nlink: number, link: '' | '@'): string {
  const { mode, uid, gid, mtime } = node.metadata;
  const fullMode = (TYPE_BITS[node.type] | mode).toString(8);
  return `${path} ${size} ${link}${fullMode} ${nlink} ${uid} ${gid} ${deviceNumber(node)} ${mtime.sec}.${mtime.nsec}`;
}

function nlinkOf(node: Node, links: ReadonlyMap<Leaf, number>): number {
  if (node.type !== 'directory') return links.get(node) ?? 1;
  let count = 2;
  for (const child of node.children.values()) if (child.type === 'directory') count += 1;
  return count;
}

function leafSize(leaf: Leaf): number {
  if (leaf.type === 'symlink') return leaf.target.length;
  if (leaf.type !== 'regular') return 0;
  return leaf.content.kind === 'inline' ? leaf.content.bytes.length : leaf.content.size;
}

function externalOf(node: Node): ExternalContent | undefined {
  return node.type === 'regular' && node.content.kind === 'external' ? node.content : undefined;
}

function formatContent(node: Node): string {
  if (node.type !== 'regular' || node.content.kind !== 'inline') return '-';
  return escapePresent(fromBytes(node.content.bytes));
}

/** An optional field: `-` where it is absent or empty. */
function escapePresent(text: ByteString | undefined): string {
  return text === undefined || text === '' ? '-' : escapeOptional(text);
}

function formatXattr([name, value]: [ByteString, Uint8Array]): string {
  return ` ${escapeXattr(byteString(name))}=${escapeXattr(fromBytes(value))}`;
}

/** `st_rdev` of Linux for a device's major and minor, 0 for all else. */
function deviceNumber(node: Node): number {
  if (node.type !== 'character' && node.type !== 'block') return 0;
  const { major, minor } = node;
  return ((minor & 0xff) | (major << 8) | ((minor & 0xfff00) << 12)) >>> 0;
}
