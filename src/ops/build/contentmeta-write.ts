/** Writes a split down as contentmeta, for other tools, and for builds that shall split in the same way. */
import { type ByteString, compareBytes, display } from '../../bytes/byte-string.ts';
import {
  type ContentKey,
  type ContentmetaEntry,
  type ContentmetaLayer,
  formatContentmeta,
} from '../../chunk/choices/contentmeta.ts';
import type { PlannedLayer } from '../../chunk/plan.ts';
import { PlanishError } from '../../errors.ts';
import { computeVerityDigest } from '../../fsverity/digest.ts';
import { writeFileAside } from '../../io/write-file.ts';
import type { Directory } from '../../tree/tree.ts';
import { lookup } from '../../tree/walk.ts';
import type { LoadedTree } from '../load/load-tree.ts';
import { readChecksum } from './contentmeta-layers.ts';
import { type PlannedTree, pathsOfLayer } from './make-plan.ts';
import type { SplitRules, SplitTree } from './split-rules.ts';

/** What names files: their paths, ostree's checksums, or fs-verity digests. */
export type ContentmetaKeys = 'path' | 'ostree' | 'verity';

/** What is written down. */
export interface WrittenSplit {
  readonly planned: PlannedTree;
  readonly root: Directory;
  readonly tree: LoadedTree;
  readonly keys: ContentmetaKeys;
  readonly rules: SplitRules;
  readonly split: SplitTree;
}

/**
 * Writes the file. Files that have no digest of the kind asked for (devices, empty directories) go by their paths. What a
 * file says that the split was made by is written down again: names, labels, time and order.
 */
export function writeContentmeta(file: string, written: WrittenSplit): void {
  const { planned, root, tree, keys, rules, split } = written;
  const components = new Map(planned.components.map((component) => [component.key, component]));
  const layers = planned.plan.layers.map(({ members }, ordinal) => nameLayer(split, members, ordinal));
  const seen = new Map<string, string>();
  const mapping = planned.plan.layers.flatMap((layer, ordinal) => {
    const paths = sortPaths(pathsOfLayer(layer, components), split.order);
    const { id } = layers[ordinal] as ContentmetaLayer;
    return paths.flatMap((path) => entryOf(path, keyOf(path, root, tree, keys), id, seen));
  });
  const time = tree.image?.config.document['created'];
  const created = rules.contentmeta?.created ?? (typeof time === 'string' ? time : undefined);
  const { labels = [], ordered = false } = rules.contentmeta ?? {};
  writeFileAside(file, Buffer.from(formatContentmeta({ created, labels, layers, mapping, ordered })));
}

/** A layer as a file named it, or by its place and its components. */
function nameLayer(split: SplitTree, members: PlannedLayer['members'], ordinal: number): ContentmetaLayer {
  const [first] = members;
  const named = first === undefined ? undefined : split.named.get(first.key);
  if (named !== undefined) return named;
  const id = `layer-${String(ordinal).padStart(3, '0')}`;
  return { id, name: members.map(({ key }) => display(key)).join(',') };
}

/** By path, or those of an order in it: what an ordered file leaves out stands as tars have it, so it is left out again. */
function sortPaths(paths: readonly ByteString[], order: readonly ByteString[] | undefined): ByteString[] {
  if (order === undefined) return [...paths].sort(compareBytes);
  const own = new Set(paths);
  return order.filter((path) => own.has(path));
}

/** Content that an earlier layer has as well goes by its path, and so does not follow the other there. */
function entryOf(
  path: ByteString,
  key: ContentKey,
  layer: string,
  seen: Map<string, string>,
): ContentmetaEntry[] {
  if (key.kind === 'path') return [{ key, layer }];
  const first = seen.get(key.digest);
  if (first === undefined) seen.set(key.digest, layer);
  if (first === layer) return [];
  return [{ key: first === undefined ? key : { kind: 'path', path }, layer }];
}

function keyOf(path: ByteString, root: Directory, tree: LoadedTree, keys: ContentmetaKeys): ContentKey {
  const node = lookup(root, path);
  if (node === undefined) throw new PlanishError('INVARIANT', 'a planned path is not in the tree');
  if (keys === 'path' || node.type === 'directory') return { kind: 'path', path };
  const digest = keys === 'ostree' ? readChecksum(node, tree.contents) : verityOf(node, tree);
  return digest === undefined ? { kind: 'path', path } : { kind: 'digest', digest };
}

function verityOf(node: ReturnType<typeof lookup>, { algorithm }: LoadedTree): string | undefined {
  if (node?.type !== 'regular') return undefined;
  const { content } = node;
  return content.kind === 'inline' ? computeVerityDigest(content.bytes, algorithm) : content.verity;
}
