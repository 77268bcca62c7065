/** Why a path lies in the layer it lies in: who claimed it, and what its component would cost elsewhere. */
import { type ByteString, display } from '../../bytes/byte-string.ts';
import { expectedBytes } from '../../chunk/packing/pack-model.ts';
import type { PlannedLayer } from '../../chunk/plan.ts';
import { PlanishError } from '../../errors.ts';
import type { PlannedTree } from '../build/make-plan.ts';

/** Why a component is in its layer. */
type PlacementReason = 'kept' | 'alone' | 'cheapest' | 'database';

/** What is known of a path. Bytes, and bytes a week, as estimated of compressed layers. */
export interface PathExplanation {
  readonly path: string;
  readonly component: string;
  /** The source that claimed it; absent where it followed another name of the same file. */
  readonly source: string | undefined;
  /** All sources that wanted it, in the order in which they spoke. */
  readonly claims: readonly { readonly source: string; readonly component: string }[];
  /** Bytes of the component, estimated, and of its tar entries. */
  readonly size: number;
  readonly tarSize: number;
  readonly layer: number;
  /** Other components of the layer. */
  readonly others: number;
  readonly reason: PlacementReason;
  /** What the component adds to its layer's expected weekly download. */
  readonly cost: number;
  /** The layer where it would add least but for its own, and how much. */
  readonly elsewhere: { readonly layer: number; readonly cost: number } | undefined;
}

/** Explains a path. Throws `PATH_NOT_FOUND` for one that no component owns: directories, and what is not there. */
export function explainPath(path: ByteString, planned: PlannedTree): PathExplanation {
  const { components, plan, claims = [] } = planned;
  const component = components.find(({ paths }) => paths.includes(path));
  const layer = plan.layers.findIndex(({ members }) => members.some(({ key }) => key === component?.key));
  const placed = plan.layers[layer];
  if (component === undefined || placed === undefined) {
    const hint = 'name a file by its absolute path; directories are in every layer that needs them';
    throw new PlanishError('PATH_NOT_FOUND', 'no component owns this path', { path: display(path), hint });
  }
  const { key } = component;
  const others = placed.members.length - 1;
  return {
    path: display(path),
    component: display(key),
    source: claims.find((claim) => claim.key === key)?.source,
    claims: claims.map((claim) => ({ source: claim.source, component: display(claim.key) })),
    size: component.size,
    tarSize: component.tarSize,
    layer,
    others,
    reason: reasonOf(planned, layer, others, component.kind === 'database'),
    cost: placed.cost - expectedBytes(placed.size - component.size, placed.rate - component.rate),
    elsewhere: cheapestElsewhere(plan.layers, layer, component),
  };
}

function reasonOf({ plan }: PlannedTree, layer: number, others: number, database: boolean): PlacementReason {
  if (plan.origins[layer] !== undefined) return 'kept';
  if (database) return 'database';
  return others === 0 ? 'alone' : 'cheapest';
}

function cheapestElsewhere(
  layers: readonly PlannedLayer[],
  own: number,
  component: { readonly size: number; readonly rate: number },
): PathExplanation['elsewhere'] {
  let best: PathExplanation['elsewhere'];
  for (const [layer, { size, rate, cost }] of layers.entries()) {
    const more = expectedBytes(size + component.size, rate + component.rate) - cost;
    if (layer !== own && (best === undefined || more < best.cost)) best = { layer, cost: more };
  }
  return best;
}
