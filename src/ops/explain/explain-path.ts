/** Why a path lies in the layer it lies in: who claimed it, and what its component would cost elsewhere. */
import { type ByteString, display } from '../../bytes/byte-string.ts';
import type { ChangeKind } from '../../chunk/change-history.ts';
import type { Component } from '../../chunk/component.ts';
import { expectedBytes } from '../../chunk/packing/pack-model.ts';
import type { PlannedLayer } from '../../chunk/plan.ts';
import { PlanishError } from '../../errors.ts';
import type { PlannedTree } from '../build/make-plan.ts';
import type { ArrangedTree } from '../build/plan-tree.ts';

/** Why a component is in its layer. */
type PlacementReason = 'kept' | 'alone' | 'cheapest' | 'database';

/** The days on which a component is known to have changed: how many, and, where a changelog tells, what for. */
export type KnownChanges = { readonly days: number } & { readonly [kind in ChangeKind]?: number };

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
  /** Expected changes of the component in a million weeks, and what they are estimated from. */
  readonly rate: number;
  readonly changes: KnownChanges;
  readonly layer: number;
  /** Other components of the layer. */
  readonly others: number;
  readonly reason: PlacementReason;
  /** What the component adds to its layer's expected weekly download. */
  readonly cost: number;
  /** The layer where it would add least but for its own, and how much. */
  readonly elsewhere: { readonly layer: number; readonly cost: number } | undefined;
}

/** The layers in which the path is. */
export type ExplainedTree = Pick<ArrangedTree, 'planned' | 'arranged' | 'standing'>;

/**
 * Explains a path. Throws `PATH_NOT_FOUND` for one that no component owns: directories, what is not there, and what a layer
 * holds that stays as it is.
 */
export function explainPath(path: ByteString, tree: ExplainedTree): PathExplanation {
  const { planned, arranged, standing } = tree;
  const { components, plan, claims = [] } = planned;
  const component = components.find(({ paths }) => paths.includes(path));
  const place = plan.layers.findIndex(({ members }) => members.some(({ key }) => key === component?.key));
  const placed = plan.layers[place];
  if (component === undefined || placed === undefined) throw notOwned(path, standing.covered.has(path));
  const { key } = component;
  const others = placed.members.length - 1;
  return {
    path: display(path),
    component: display(key),
    source: claims.find((claim) => claim.key === key)?.source,
    claims: claims.map((claim) => ({ source: claim.source, component: display(claim.key) })),
    size: component.size,
    tarSize: component.tarSize,
    rate: component.rate,
    changes: changesOf(component),
    layer: ordinalOf(arranged, placed),
    others,
    reason: reasonOf(planned, place, others, component.kind === 'database'),
    cost: placed.cost - expectedBytes(placed.size - component.size, placed.rate - component.rate),
    elsewhere: cheapestElsewhere(tree, placed, component),
  };
}

function changesOf({ changeDays, history }: Component): KnownChanges {
  const days = new Set(changeDays).size;
  if (history === undefined) return { days };
  const kinds = [...history.values()];
  const count = (kind: ChangeKind): number => kinds.filter((other) => other === kind).length;
  return { days, release: count('release'), security: count('security'), development: count('development') };
}

function notOwned(path: ByteString, stands: boolean): PlanishError {
  const hint = stands
    ? 'it is in a layer of the base or previous image that stays as it is'
    : 'name a file by its absolute path; directories are in every layer that needs them';
  return new PlanishError('PATH_NOT_FOUND', 'no component owns this path', { path: display(path), hint });
}

/** Where a layer of the plan lies in the image. */
function ordinalOf(arranged: ExplainedTree['arranged'], layer: PlannedLayer): number {
  return arranged.findIndex(({ planned }) => planned === layer);
}

function reasonOf({ plan }: PlannedTree, place: number, others: number, database: boolean): PlacementReason {
  if (plan.origins[place] !== undefined) return 'kept';
  if (database) return 'database';
  return others === 0 ? 'alone' : 'cheapest';
}

function cheapestElsewhere(
  { planned, arranged }: ExplainedTree,
  own: PlannedLayer,
  component: { readonly size: number; readonly rate: number },
): PathExplanation['elsewhere'] {
  let best: PathExplanation['elsewhere'];
  for (const layer of planned.plan.layers) {
    const { size, rate, cost } = layer;
    const more = expectedBytes(size + component.size, rate + component.rate) - cost;
    if (layer === own || (best !== undefined && more >= best.cost)) continue;
    best = { layer: ordinalOf(arranged, layer), cost: more };
  }
  return best;
}
