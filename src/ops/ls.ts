/** `ls`: what a source holds, as a container would see it. */
import { type ByteString, byteString, display, fromUtf8 } from '../bytes/byte-string.ts';
import type { VerityDigest } from '../bytes/digest.ts';
import { PlanishError } from '../errors.ts';
import { contentSize, type FileType, type Leaf, type Node } from '../tree/tree.ts';
import { countLinks, lookup, walk } from '../tree/walk.ts';
import { type LoadedTree, type SourceOptions, withTree } from './load-tree.ts';
import { Session } from './session.ts';

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
  readonly verity?: VerityDigest;
  /** Values in base64. */
  readonly xattrs?: Readonly<Record<string, string>>;
}

/** Lists a source in byte order of paths. Throws `PATH_NOT_FOUND`. */
export async function ls(source: string, options: LsOptions = {}): Promise<{ entries: LsEntry[] }> {
  const digests = options.digests ?? false;
  return await Session.use(options, (session) =>
    withTree(session, source, options, { contents: false, digests }, async (tree) => ({
      entries: [...listed(tree, options)],
    })),
  );
}

function* listed({ root }: LoadedTree, options: LsOptions): Generator<LsEntry> {
  const top = normalize(options.path ?? '/');
  if (lookup(root, top) === undefined) {
    throw new PlanishError('PATH_NOT_FOUND', 'the image holds no such path', { path: display(top) });
  }
  const links = countLinks(root);
  for (const { path, node, firstPath } of walk(root)) {
    if (isShown(path, node, top, options.recursive ?? false)) yield describe(path, node, firstPath, links);
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

function describe(
  path: ByteString,
  node: Node,
  firstPath: ByteString | undefined,
  links: ReadonlyMap<Leaf, number>,
): LsEntry {
  const { mode, uid, gid, mtime, xattrs } = node.metadata;
  return {
    path: display(path),
    type: node.type,
    mode,
    uid,
    gid,
    links: node.type === 'directory' ? directoryLinks(node) : (links.get(node) ?? 1),
    ...sized(node),
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

function sized(node: Node): Pick<LsEntry, 'size' | 'target' | 'device' | 'verity'> {
  switch (node.type) {
    case 'regular': {
      const { content } = node;
      const verity = content.kind === 'external' ? content.verity : undefined;
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
