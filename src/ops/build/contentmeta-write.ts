/** Writes a split down as contentmeta, for other tools, and for builds that shall split in the same way. */
import { type ByteString, compareBytes, display } from '../../bytes/byte-string.ts';
import {
  type ContentKey,
  type ContentmetaEntry,
  formatContentmeta,
} from '../../chunk/choices/contentmeta.ts';
import { PlanishError } from '../../errors.ts';
import { computeVerityDigest } from '../../fsverity/digest.ts';
import { writeFileAside } from '../../io/write-file.ts';
import type { Directory } from '../../tree/tree.ts';
import { lookup } from '../../tree/walk.ts';
import type { LoadedTree } from '../load/load-tree.ts';
import { readChecksum } from './contentmeta-layers.ts';
import { type PlannedTree, pathsOfLayer } from './make-plan.ts';

/** What names files: their paths, ostree's checksums, or fs-verity digests. */
export type ContentmetaKeys = 'path' | 'ostree' | 'verity';

/** Writes the file. Files that have no digest of the kind asked for (devices, empty directories) go by their paths. */
export function writeContentmeta(
  file: string,
  planned: PlannedTree,
  root: Directory,
  tree: LoadedTree,
  keys: ContentmetaKeys,
): void {
  const components = new Map(planned.components.map((component) => [component.key, component]));
  const layers = planned.plan.layers.map(({ members }, ordinal) => ({
    id: `layer-${String(ordinal).padStart(3, '0')}`,
    name: members.map(({ key }) => display(key)).join(','),
  }));
  const seen = new Map<string, string>();
  const mapping = planned.plan.layers.flatMap((layer, ordinal) => {
    const paths = pathsOfLayer(layer, components).sort(compareBytes);
    const { id } = layers[ordinal] as { id: string };
    return paths.flatMap((path) => entryOf(path, keyOf(path, root, tree, keys), id, seen));
  });
  const created = tree.image?.config.document['created'];
  const meta = { created: typeof created === 'string' ? created : undefined, labels: [], layers, mapping };
  writeFileAside(file, Buffer.from(formatContentmeta({ ...meta, ordered: false })));
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
