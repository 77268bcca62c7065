/** What `build` tells of an image that it has built. */
import { display } from '../../bytes/byte-string.ts';
import type { BlobDigest, VerityDigest } from '../../bytes/digest.ts';
import type { LayerPlan } from '../../chunk/plan.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { TreeDigests } from '../hosts/tree-digests.ts';
import type { LoadedTree } from '../load/load-tree.ts';
import type { MadeLayer } from './make-layers.ts';
import type { PlannedTree } from './make-plan.ts';
import type { PreviousImage } from './previous-image.ts';
import type { Standing } from './standing-layers.ts';

/** One layer of the image that was built. */
export interface BuiltLayer {
  readonly digest: BlobDigest;
  readonly diffId: BlobDigest;
  /** fs-verity digest of the layer's own composefs image. */
  readonly key: VerityDigest | undefined;
  /** Whether it is a layer of the previous image, as it was. */
  readonly carried: boolean;
  /** Bytes of the blob, and of the tar in it. */
  readonly size: number;
  readonly tarSize: number;
  readonly entries: number;
  /** Keys of the components in it, for display. */
  readonly components: readonly string[];
  /** Chance of staying the same for a week. */
  readonly stability: number;
}

/** What was built, seen from the previous image. */
export interface BuildUpdate {
  readonly previous: string;
  /** Layers, and bytes of blobs, that the previous image does not have. */
  readonly layers: number;
  readonly size: number;
  /** Whether the layers were planned afresh. */
  readonly replanned: boolean;
}

/** Result of `build`. */
export interface BuildResult {
  readonly source: string;
  readonly destination: string;
  readonly manifest: { readonly digest: BlobDigest; readonly size: number };
  readonly digests: TreeDigests;
  readonly layers: readonly BuiltLayer[];
  /** Model of weekly download, in estimated compressed bytes: what is expected, the lower bound, and their ratio. */
  readonly plan: LayerPlan['totals'];
  /** What a client of the previous image downloads for this one, when one was given. */
  readonly update: BuildUpdate | undefined;
  /** Layers and bytes as they came and as they are now. */
  readonly before: { readonly layers: number; readonly size: number; readonly tarSize: number };
  readonly after: { readonly layers: number; readonly size: number; readonly tarSize: number };
}

/** What an image was built from. */
export interface BuiltFrom {
  readonly source: string;
  readonly tree: LoadedTree;
  readonly planned: PlannedTree;
  readonly standing: Standing;
}

/** The result of a build. */
export function summarize(
  { source, tree, planned, standing }: BuiltFrom,
  layers: readonly MadeLayer[],
  digests: TreeDigests,
  manifest: Descriptor,
  destination: string,
): BuildResult {
  return {
    source,
    destination,
    manifest: { digest: manifest.digest, size: manifest.size },
    digests,
    layers: layers.map(builtLayer),
    plan: planned.plan.totals,
    update: updateFrom(standing.previous, layers, planned.plan.replanned),
    before: totals(tree.layers),
    after: totals(layers),
  };
}

function updateFrom(
  previous: PreviousImage | undefined,
  layers: readonly MadeLayer[],
  replanned: boolean,
): BuildUpdate | undefined {
  if (previous === undefined) return undefined;
  const { reference, layers: former } = previous;
  const known = new Set(former.map(({ descriptor }) => descriptor.digest));
  const fresh = layers.filter(({ digest }) => !known.has(digest));
  const size = fresh.reduce((sum, layer) => sum + layer.size, 0);
  return { previous: reference, layers: fresh.length, size, replanned };
}

function builtLayer(layer: MadeLayer): BuiltLayer {
  const { digest, diffId, key, size, tarSize, entries, stability, carried } = layer;
  const components = (layer.text?.members ?? []).map((member) => display(member.key));
  return { digest, diffId, key, carried, size, tarSize, entries, components, stability };
}

function totals(layers: readonly { size: number; tarSize: number }[]): BuildResult['after'] {
  const sum = (pick: (layer: { size: number; tarSize: number }) => number): number =>
    layers.reduce((total, layer) => total + pick(layer), 0);
  return { layers: layers.length, size: sum(({ size }) => size), tarSize: sum(({ tarSize }) => tarSize) };
}
