/** Finds the files that a contentmeta file speaks of, and makes a component of each of its layers. */
import { type ByteString, compareBytes, display, fromUtf8 } from '../../bytes/byte-string.ts';
import type { HashAlgorithm } from '../../bytes/digest.ts';
import type { Contentmeta, ContentmetaLayer } from '../../chunk/choices/contentmeta.ts';
import type { Component } from '../../chunk/component.ts';
import type { TracedClaim } from '../../chunk/components.ts';
import { estimateCompressedBytes } from '../../chunk/compressed-size.ts';
import { unionRate } from '../../chunk/rates.ts';
import { estimateTarBytes } from '../../chunk/tar-size.ts';
import { TreeIndex, type TreeItem } from '../../chunk/tree-index.ts';
import { PlanishError } from '../../errors.ts';
import { computeVerityDigest } from '../../fsverity/digest.ts';
import { ostreeChecksum } from '../../layer/ostree-checksum.ts';
import { type ContentFile, ContentReader } from '../../parallel/content-file.ts';
import type { Leaf, Node } from '../../tree/tree.ts';
import { contentPieces } from '../load/tree-file-reader.ts';
import { digestComponents, type FoundComponents } from './make-plan.ts';
import type { SplitInput } from './split-rules.ts';

/** A layer of the file as a component. */
export interface ContentmetaComponent extends ContentmetaLayer {
  readonly key: ByteString;
}

/** The components and what else the file decides. */
export interface AppliedContentmeta {
  readonly found: FoundComponents;
  readonly layers: readonly ContentmetaComponent[];
  readonly order: readonly ByteString[] | undefined;
}

/** Layer for what the file leaves out; a file that was written down again names it. */
const UNMAPPED = '@unmapped';
const LEFT_OUT: ContentmetaLayer = { id: UNMAPPED, name: 'what contentmeta leaves out' };
const OSTREE_DIGITS = 64;

/** Applies a file. Throws `CONTENTMETA_BAD` where two entries want one file in different layers. */
export function applyContentmeta(meta: Contentmeta, input: SplitInput): AppliedContentmeta {
  const index = new TreeIndex(input.root);
  const search = new ContentSearch(meta, input);
  const layerOf = new Map<TreeItem, string>();
  const byLeaf = new Map<Node, string>();
  for (const item of index.items) {
    const layer = search.layerOf(item);
    if (layer === undefined) continue;
    const other = byLeaf.get(item.node);
    if (other !== undefined && other !== layer) throw conflict(item, other, layer);
    byLeaf.set(item.node, layer);
    layerOf.set(item, layer);
  }
  // Other names of a file that is in a layer lie there too.
  for (const item of index.items) layerOf.set(item, layerOf.get(item) ?? byLeaf.get(item.node) ?? UNMAPPED);
  report(search, layerOf, input);
  const all = meta.layers.some(({ id }) => id === UNMAPPED) ? meta.layers : [...meta.layers, LEFT_OUT];
  const parts = all.map(({ id, name }) => ({
    key: fromUtf8(`layer/${id}`),
    id,
    name,
    items: itemsOf(layerOf, id),
  }));
  const filled = parts.filter(({ items }) => items.length > 0);
  const components = filled.map(({ key, items }) => componentOf(key, items, input.found));
  const digests =
    input.found.digests.size === 0 ? input.found.digests : digestComponents(input.root, components);
  const order = meta.ordered ? search.order(index.items) : undefined;
  const claims = claimsOf(components, input.found);
  return { found: { ...input.found, components, digests, claims }, layers: filled, order };
}

/** Claims of the path to be explained: the file has the first word. */
function claimsOf(
  components: readonly Component[],
  { claims = [], explained }: FoundComponents,
): TracedClaim[] {
  const owner =
    explained === undefined ? undefined : components.find(({ paths }) => paths.includes(explained));
  return owner === undefined ? [...claims] : [{ source: 'contentmeta', key: owner.key }, ...claims];
}

function itemsOf(layerOf: ReadonlyMap<TreeItem, string>, id: string): TreeItem[] {
  return [...layerOf].filter(([, layer]) => layer === id).map(([item]) => item);
}

function conflict({ path }: TreeItem, a: string, b: string): PlanishError {
  const detail = { path: display(path), expected: a, actual: b };
  return new PlanishError('CONTENTMETA_BAD', 'contentmeta: two entries want one file in two layers', detail);
}

function report(
  search: ContentSearch,
  layerOf: ReadonlyMap<TreeItem, string>,
  { onWarning }: SplitInput,
): void {
  const left = [...layerOf].filter(([{ node }, layer]) => layer === UNMAPPED && node.type !== 'directory');
  const [first] = left;
  if (first !== undefined) {
    const message = `${left.length} files are in no layer of the contentmeta file, and get one behind all others`;
    onWarning({ code: 'CONTENTMETA_INCOMPLETE', message, path: display(first[0].path) });
  }
  const unused = search.unused;
  if (unused > 0) {
    const message = `${unused} entries of the contentmeta file fit no file`;
    onWarning({ code: 'CONTENTMETA_INCOMPLETE', message });
  }
}

function componentOf(key: ByteString, items: readonly TreeItem[], found: FoundComponents): Component {
  const paths = items.map(({ path }) => path).sort(compareBytes);
  const inside = new Set(paths);
  const owners = found.components.filter((component) => component.paths.some((path) => inside.has(path)));
  const changeDays = [...new Set(owners.flatMap((owner) => owner.changeDays))];
  return {
    key,
    kind: 'package',
    paths,
    size: estimateCompressedBytes(items),
    tarSize: items.reduce((sum, item) => sum + estimateTarBytes(item), 0),
    rate: unionRate(owners.map(({ rate }) => rate)),
    lastChange: changeDays.length === 0 ? undefined : changeDays.reduce((a, b) => Math.max(a, b)),
    changeDays,
    guessed: false,
  };
}

/** Looks items up by path, by fs-verity digest, and by ostree checksum. */
class ContentSearch {
  readonly #byPath = new Map<ByteString, number>();
  readonly #byDigest = new Map<string, number>();
  readonly #meta: Contentmeta;
  readonly #algorithm: HashAlgorithm;
  readonly #contents: readonly ContentFile[];
  readonly #hasChecksums: boolean;
  readonly #used = new Set<number>();
  readonly #entryOf = new Map<ByteString, number>();
  readonly #checksums = new Map<Leaf, string | undefined>();

  constructor(meta: Contentmeta, { algorithm, contents }: SplitInput) {
    this.#meta = meta;
    this.#algorithm = algorithm;
    this.#contents = contents;
    for (const [ordinal, { key }] of meta.mapping.entries()) {
      if (key.kind === 'path') this.#byPath.set(key.path, ordinal);
      else this.#byDigest.set(key.digest, ordinal);
    }
    this.#hasChecksums = [...this.#byDigest.keys()].some(({ length }) => length === OSTREE_DIGITS);
  }

  /** Entries that fitted nothing. */
  get unused(): number {
    return this.#meta.mapping.length - this.#used.size;
  }

  /** Layer of an item. A path says more than a digest; two digests must not contradict each other. */
  layerOf(item: TreeItem): string | undefined {
    const byPath = this.#byPath.get(item.path);
    const found = byPath === undefined ? this.#digestEntries(item) : [byPath];
    const layers = new Set(found.map((ordinal) => this.#meta.mapping[ordinal]?.layer ?? UNMAPPED));
    const [layer, other] = layers;
    if (layer !== undefined && other !== undefined) throw conflict(item, layer, other);
    for (const ordinal of found) this.#used.add(ordinal);
    if (found[0] !== undefined) this.#entryOf.set(item.path, found[0]);
    return layer;
  }

  /** Paths in the order of the mapping; what it leaves out is not among them. */
  order(items: readonly TreeItem[]): ByteString[] {
    return items
      .flatMap(({ path }) => {
        const entry = this.#entryOf.get(path);
        return entry === undefined ? [] : [{ path, entry }];
      })
      .sort((a, b) => a.entry - b.entry || compareBytes(a.path, b.path))
      .map(({ path }) => path);
  }

  #digestEntries({ node }: TreeItem): number[] {
    if (this.#byDigest.size === 0 || node.type === 'directory') return [];
    const digests = [this.#verity(node), this.#hasChecksums ? this.#checksum(node) : undefined];
    const entries = digests.map((digest) => (digest === undefined ? undefined : this.#byDigest.get(digest)));
    return entries.filter((entry) => entry !== undefined);
  }

  #verity(node: Leaf): string | undefined {
    if (node.type !== 'regular') return undefined;
    const { content } = node;
    return content.kind === 'inline' ? computeVerityDigest(content.bytes, this.#algorithm) : content.verity;
  }

  #checksum(node: Leaf): string | undefined {
    if (!this.#checksums.has(node)) this.#checksums.set(node, readChecksum(node, this.#contents));
    return this.#checksums.get(node);
  }
}

/** The ostree checksum of a leaf; contents are read. */
export function readChecksum(node: Leaf, contents: readonly ContentFile[]): string | undefined {
  if (node.type !== 'regular') return ostreeChecksum(node, []);
  const reader = new ContentReader(contents);
  try {
    return ostreeChecksum(node, contentPieces(reader, node.content));
  } finally {
    reader.close();
  }
}
