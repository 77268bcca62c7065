/**
 * The plan as a file of the tree, only where it is asked for: the tree is the user's. The file stands in it from the
 * start, so that it is labelled and planned like any other, and gets its bytes once all layers are arranged.
 */
import { type ByteString, fromUtf8 } from '../../bytes/byte-string.ts';
import { EPOCH, NO_XATTRS } from '../../bytes/stat.ts';
import { type FiledPlan, formatPlanFile, parsePlanFile } from '../../chunk/plan-file.ts';
import { PlanishError } from '../../errors.ts';
import { computeVerityDigest } from '../../fsverity/digest.ts';
import type { LayerIndex } from '../../layer/layer-index.ts';
import type { ContentFile } from '../../parallel/content-file.ts';
import { baseName, MARKER_PREFIX, normalizePath, parentPath, quotePath } from '../../tree/path.ts';
import { type Directory, EMPTY_CONTENT, INLINE_CONTENT_MAX } from '../../tree/tree.ts';
import { lookup } from '../../tree/walk.ts';
import type { LoadedTree } from '../load/load-tree.ts';
import type { ArrangedLayer } from './arrange-layers.ts';

/** The path of the option, as trees have it. Throws `BAD_OPTION` for one that no file can have. */
export function parsePlanPath(text: string | undefined): ByteString | undefined {
  if (text === undefined) return undefined;
  try {
    const path = normalizePath(fromUtf8(text));
    if (baseName(path) !== '' && !text.endsWith('/') && !path.includes(MARKER_PREFIX)) return path;
  } catch (error) {
    if (!(error instanceof PlanishError)) throw error;
  }
  throw new PlanishError('BAD_OPTION', 'plan-file must be the path of a file in the tree', { actual: text });
}

const MODE = 0o644;

/**
 * Puts an empty file into the tree, in the place of a regular file if there is one. Throws `BAD_OPTION` where its
 * directory is not there, or something else is in its place.
 */
export function placePlanFile(root: Directory, path: ByteString): void {
  const directory = lookup(root, parentPath(path));
  const former = lookup(root, path);
  if (directory?.type !== 'directory' || (former !== undefined && former.type !== 'regular')) {
    const what = directory?.type === 'directory' ? 'something else is there' : 'its directory is not there';
    throw new PlanishError('BAD_OPTION', `the tree has no place for the plan file: ${what}`, {
      path: quotePath(path),
    });
  }
  // Older than all else, so that it is never taken for the newest change in the image.
  const metadata = { mode: MODE, uid: 0, gid: 0, mtime: EPOCH, xattrs: NO_XATTRS };
  directory.children.set(baseName(path), { type: 'regular', metadata, content: EMPTY_CONTENT });
}

/** What is known when the file gets its bytes. */
export interface PlanFileOptions {
  readonly shipped: Directory;
  readonly path: ByteString;
  readonly arranged: readonly ArrangedLayer[];
  readonly tree: LoadedTree;
  /** The table that locations in the tree name. */
  readonly contents: readonly ContentFile[];
  /** RFC 3339 time of the image, if it is to have one. */
  readonly created: string | undefined;
}

/** Fills the file in the tree that is shipped. Gives the rows of its content, which stand behind the others. */
export function fillPlanFile(options: PlanFileOptions): readonly ContentFile[] {
  const { shipped, path, arranged, tree, contents } = options;
  const node = lookup(shipped, path);
  if (node?.type !== 'regular') throw new PlanishError('INVARIANT', 'the plan file is not in the tree');
  const bytes = formatPlanFile(arranged.map(({ text }) => text));
  node.metadata = { ...node.metadata, mtime: { sec: secondsOf(options), nsec: 0 } };
  if (bytes.length <= INLINE_CONTENT_MAX) {
    node.content = { kind: 'inline', bytes };
    return [];
  }
  const extents = [{ at: 0, offset: 0, length: bytes.length }];
  node.content = {
    kind: 'external',
    size: bytes.length,
    verity: computeVerityDigest(bytes, tree.algorithm),
    payload: undefined,
    location: { source: contents.length, extents },
  };
  return [{ kind: 'kept', kept: new Map([[0, bytes]]) }];
}

/** The time of the image in seconds: the one asked for, else that of the source, else 0. */
function secondsOf({ created, tree }: PlanFileOptions): number {
  const text = created ?? tree.image?.config.document['created'];
  const time = typeof text === 'string' ? Math.floor(Date.parse(text) / 1000) : 0;
  return Number.isSafeInteger(time) && time > 0 ? time : 0;
}

/** Names that the file may have in tars, so that its bytes are kept while layers are read. */
export function planFileNames(path: ByteString): RegExp {
  return new RegExp(`^(?:\\./|/)?${path.slice(1).replace(/[^A-Za-z0-9/]/gs, '\\$&')}$`, 's');
}

/** The plan in the topmost layer that has the file; `undefined` for none, or one that cannot be read. */
export function readPlanFile(layers: readonly LayerIndex[], path: ByteString): FiledPlan | undefined {
  for (const { entries, kept } of [...layers].reverse()) {
    const content = entries.findLast((entry) => normalizePath(entry.path) === path)?.content;
    if (content === undefined) continue;
    if (content.kind === 'inline') return parsePlanFile(content.bytes);
    const bytes = kept.get(content.location?.extents[0]?.offset ?? -1);
    return bytes === undefined ? undefined : parsePlanFile(bytes);
  }
  return undefined;
}
