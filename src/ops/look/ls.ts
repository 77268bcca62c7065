/** `ls`: what a source holds, as a container would see it. */
import { type ByteString, byteString, display, fromUtf8 } from '../../bytes/byte-string.ts';
import type { VerityDigest } from '../../bytes/digest.ts';
import { contentSize, type FileType, type Node } from '../../tree/tree.ts';
import { countLinks, lookup, walk } from '../../tree/walk.ts';
import { type LoadedTree, loadTree, type SourceOptions, withSource } from '../load/load-tree.ts';
import { Session } from '../session.ts';
import { noSuchPath } from './no-such-path.ts';

/** Options of {@link ls}. */
export interface LsOptions extends SourceOptions {
  /** Absolute path to list; default `/`. */
  readonly path?: string | undefined;
  /** Everything below it rather than its children alone. */
  readonly recursive?: boolean | undefined;
  /** Whether fs-verity digests are wanted. */
  readonly digests?: boolean | undefined;
}

/** One path. */
export interface LsEntry {
  /** Absolute, escaped for display. */
  readonly path: string;
  readonly type: FileType;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly links: number;
  /** Bytes of a regular file's content or a symlink's target. */
  readonly size: number;
  readonly mtime: { readonly sec: number; readonly nsec: number };
  readonly target?: string;
  readonly device?: string;
  /** The earlier path of the same inode. */
  readonly hardLinkTo?: string;
  /** Where digests are wanted, of contents of more than 64 bytes. */
  readonly verity?: VerityDigest;
  /** Values in base64. */
  readonly xattrs?: Readonly<Record<string, string>>;
}

/** Lists a source in byte order of paths. Throws `PATH_NOT_FOUND`. */
export async function ls(source: string, options: LsOptions = {}): Promise<{ entries: LsEntry[] }> {
  const needs = { contents: false, digests: options.digests ?? false };
  return await Session.use(options, (session) =>
    withSource(session, source, options, async (opened) => {
      const inPlace = opened.kind === 'erofs' ? await listInPlace(opened.file, options) : undefined;
      return { entries: inPlace ?? [...listed(await loadTree(session, opened, options, needs), options)] };
    }),
  );
}

/** One directory of an EROFS image, of which nothing else is read; `undefined` where more must be known of the tree. */
async function listInPlace(file: string, options: LsOptions): Promise<LsEntry[] | undefined> {
  if (options.recursive === true || options.algorithm !== undefined) return undefined;
  const top = normalize(options.path ?? '/');
  const { lookIntoImage } = await import('./look-into-image.ts');
  const found = lookIntoImage(file, top);
  if (found === undefined) return undefined;
  return found.map(({ path, node, links }) => describe(path, node, { links, digests: options.digests }));
}

function* listed({ root }: LoadedTree, options: LsOptions): Generator<LsEntry> {
  const top = normalize(options.path ?? '/');
  if (lookup(root, top) === undefined) throw noSuchPath(top);
  const links = countLinks(root);
  for (const { path, node, firstPath } of walk(root)) {
    if (!isShown(path, node, top, options.recursive ?? false)) continue;
    const count = node.type === 'directory' ? directoryLinks(node) : (links.get(node) ?? 1);
    yield describe(path, node, { firstPath, links: count, digests: options.digests });
  }
}

function normalize(path: string): ByteString {
  return byteString(`/${fromUtf8(path).split('/').filter(Boolean).join('/')}`);
}

/** The path itself when it is no directory, its children when it is, or all below it. */
function isShown(path: ByteString, node: Node, top: ByteString, recursive: boolean): boolean {
  if (path === top) return recursive || node.type !== 'directory';
  const prefix = top === '/' ? '/' : `${top}/`;
  if (!path.startsWith(prefix)) return false;
  return recursive || !path.slice(prefix.length).includes('/');
}

/** What is shown of a path beyond its node. */
interface Shown {
  readonly firstPath?: ByteString | undefined;
  readonly links: number;
  readonly digests: boolean | undefined;
}

function describe(path: ByteString, node: Node, { firstPath, links, digests }: Shown): LsEntry {
  const { mode, uid, gid, mtime, xattrs } = node.metadata;
  return {
    path: display(path),
    type: node.type,
    mode,
    uid,
    gid,
    links,
    ...sized(node, digests === true),
    mtime,
    ...(firstPath === undefined ? {} : { hardLinkTo: display(firstPath) }),
    ...(xattrs.size === 0 ? {} : { xattrs: encodeXattrs(xattrs) }),
  };
}

function directoryLinks(node: Extract<Node, { type: 'directory' }>): number {
  let links = 2;
  for (const child of node.children.values()) if (child.type === 'directory') links += 1;
  return links;
}

function sized(node: Node, digests: boolean): Pick<LsEntry, 'size' | 'target' | 'device' | 'verity'> {
  switch (node.type) {
    case 'regular': {
      const { content } = node;
      const verity = digests && content.kind === 'external' ? content.verity : undefined;
      return { size: contentSize(content), ...(verity === undefined ? {} : { verity }) };
    }
    case 'symlink':
      return { size: node.target.length, target: display(node.target) };
    case 'character':
    case 'block':
      return { size: 0, device: `${node.major}:${node.minor}` };
    default:
      return { size: 0 };
  }
}

function encodeXattrs(xattrs: ReadonlyMap<ByteString, Uint8Array>): Record<string, string> {
  return Object.fromEntries(
    [...xattrs].map(([name, value]) => [display(name), Buffer.from(value).toString('base64')]),
  );
}
