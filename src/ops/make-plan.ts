/** From a tree to a plan: components, then layers. */
import type { ByteString } from '../bytes/byte-string.ts';
import type { Component } from '../chunk/component.ts';
import type { ComponentMapEntry } from '../chunk/component-map.ts';
import { assignComponents } from '../chunk/components.ts';
import type { PlannedLayer } from '../chunk/plan.ts';
import { planWarm, type RememberedPlan, type WarmPlan } from '../chunk/warm-plan.ts';
import { PlanishError } from '../errors.ts';
import { digestMembers } from '../layer/content-digest.ts';
import { selectMembers } from '../layer/members.ts';
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
  /** Digest of each component, by key; empty where contents have none. */
  readonly digests: ReadonlyMap<ByteString, string>;
  /** Newest day known in the image. */
  readonly today: number;
  readonly plan: WarmPlan;
}

/** What to plan by. */
export interface MakePlanOptions {
  readonly maxLayers?: number | undefined;
  readonly componentMap?: readonly ComponentMapEntry[] | undefined;
  /** What the previous image remembers of its plan; needs fs-verity digests of contents. */
  readonly previous?: RememberedPlan | undefined;
  /** Plan afresh, whatever the previous image has. */
  readonly replan?: boolean | undefined;
  /** Whether contents have fs-verity digests, so that components have digests too. */
  readonly measured: boolean;
}

const NO_PLAN: RememberedPlan = { layers: [], regret: 0 };

/** Plans a tree that is to be shipped. Throws `BAD_OPTION` for a layer count that cannot be. */
export function makePlan(
  session: Session,
  root: Directory,
  contents: readonly ContentFile[],
  options: MakePlanOptions,
): PlannedTree {
  const { maxLayers = DEFAULT_MAX_LAYERS, componentMap = [], previous = NO_PLAN, replan } = options;
  if (!Number.isInteger(maxLayers) || maxLayers < 1 || maxLayers > MAX_LAYERS) {
    throw new PlanishError('BAD_OPTION', `max-layers must be a whole number from 1 to ${MAX_LAYERS}`, {
      actual: maxLayers,
    });
  }
  session.onProgress({ stage: 'plan', done: 0, total: undefined, unit: 'steps' });
  const reader = new TreeFileReader(root, contents);
  try {
    const { onWarning } = session;
    const { components, today } = assignComponents(root, reader, { componentMap, onWarning });
    const digests = new Map(options.measured ? components.map((each) => digestOf(root, each)) : []);
    const inputs = components.map((each) => ({ ...each, digest: digests.get(each.key) ?? '' }));
    return { components, digests, today, plan: planWarm(inputs, previous, { maxLayers, replan, today }) };
  } finally {
    reader.close();
  }
}

/** Digest of all that a component's files are, ancestors aside. */
function digestOf(root: Directory, { key, paths }: Component): [ByteString, string] {
  const own = new Set(paths);
  return [key, digestMembers(selectMembers(root, paths).filter(({ path }) => own.has(path)))];
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
