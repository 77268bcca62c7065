/** From a tree to a plan: components, then layers. */
import type { ByteString } from '../bytes/byte-string.ts';
import type { Component } from '../chunk/component.ts';
import type { ComponentMapEntry } from '../chunk/component-map.ts';
import { assignComponents } from '../chunk/components.ts';
import { type LayerPlan, type PlannedLayer, planLayers } from '../chunk/plan.ts';
import { PlanishError } from '../errors.ts';
import type { ContentFile } from '../parallel/content-file.ts';
import type { Directory } from '../tree/tree.ts';
import type { Session } from './session.ts';
import { TreeFileReader } from './tree-file-reader.ts';

/** Layers that every client can take: Docker's limit is about 125, and each costs a round trip. */
const DEFAULT_MAX_LAYERS = 64;

/** Most layers that can be asked for; containers/storage refuses above 500. */
const MAX_LAYERS = 500;

/** The plan and the components it is made of. */
export interface PlannedTree {
  readonly components: readonly Component[];
  readonly plan: LayerPlan;
}

/** Plans a tree that is to be shipped. Throws `BAD_OPTION` for a layer count that cannot be. */
export function makePlan(
  session: Session,
  root: Directory,
  contents: readonly ContentFile[],
  maxLayers: number = DEFAULT_MAX_LAYERS,
  componentMap: readonly ComponentMapEntry[] = [],
): PlannedTree {
  if (!Number.isInteger(maxLayers) || maxLayers < 1 || maxLayers > MAX_LAYERS) {
    throw new PlanishError('BAD_OPTION', `max-layers must be a whole number from 1 to ${MAX_LAYERS}`, {
      actual: maxLayers,
    });
  }
  session.onProgress({ stage: 'plan', done: 0, total: undefined, unit: 'steps' });
  const reader = new TreeFileReader(root, contents);
  try {
    const { components } = assignComponents(root, reader, { componentMap, onWarning: session.onWarning });
    return { components, plan: planLayers(components, { maxLayers }) };
  } finally {
    reader.close();
  }
}

/** Paths of a layer of the plan. */
export function pathsOfLayer(
  layer: PlannedLayer,
  components: ReadonlyMap<ByteString, Component>,
): ByteString[] {
  return layer.members.flatMap(({ key }) => {
    const component = components.get(key);
    if (component === undefined) throw new PlanishError('INVARIANT', 'a plan names an unknown component');
    return [...component.paths];
  });
}
