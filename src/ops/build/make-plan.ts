/** From a tree to a plan: components, then layers. */
import type { ByteString } from '../../bytes/byte-string.ts';
import type { ComponentMapEntry } from '../../chunk/choices/component-map.ts';
import type { Component, ComponentSource } from '../../chunk/component.ts';
import { beginAssignment, type TracedClaim } from '../../chunk/components.ts';
import { observeChanges } from '../../chunk/observed-changes.ts';
import { type Partition, planPartitions } from '../../chunk/partition.ts';
import type { PlannedLayer } from '../../chunk/plan.ts';
import { PLAN_KEY } from '../../chunk/sources/plan-file.ts';
import { planWarm, type RememberedPlan, type WarmPlan } from '../../chunk/warm-plan.ts';
import { PlanishError } from '../../errors.ts';
import { digestMembers } from '../../layer/content-digest.ts';
import { selectMembers } from '../../layer/members.ts';
import type { ContentFile } from '../../parallel/content-file.ts';
import type { Content, Directory } from '../../tree/tree.ts';
import { lookup } from '../../tree/walk.ts';
import { TreeFileReader } from '../load/tree-file-reader.ts';
import type { Session } from '../session.ts';

/** Layers that every client can take: Docker's limit is about 125, and each costs a round trip. */
export const DEFAULT_MAX_LAYERS = 64;

/** Most layers that can be asked for; containers/storage refuses above 500. */
const MAX_LAYERS = 500;

/** The components of a tree. */
export interface FoundComponents {
  readonly components: readonly Component[];
  /** Digest of each component, by key; empty where contents have none. */
  readonly digests: ReadonlyMap<ByteString, string>;
  /** Newest day known in the image. */
  readonly today: number;
  /** The path to be explained, and its claims. */
  readonly explained?: ByteString | undefined;
  readonly claims?: readonly TracedClaim[] | undefined;
}

/** The plan and the components it is made of. */
export interface PlannedTree extends FoundComponents {
  readonly plan: WarmPlan;
}

/** How to find components. */
export interface FindComponentsOptions {
  readonly componentMap?: readonly ComponentMapEntry[] | undefined;
  /** Sources besides those that every plan has. */
  readonly sources?: readonly ComponentSource[] | undefined;
  /** Whether contents have fs-verity digests, so that components have digests too. */
  readonly measured: boolean;
  /** A path whose claims are wanted. */
  readonly explain?: ByteString | undefined;
  /** Makes contents readable that only some trees need; absent where all are. */
  readonly makeReady?: ((contents: Iterable<Content>) => Promise<void>) | undefined;
}

/** Finds the components of a tree that is to be shipped. */
export async function findComponents(
  session: Session,
  root: Directory,
  contents: readonly ContentFile[],
  { componentMap = [], sources = [], measured, explain, makeReady }: FindComponentsOptions,
): Promise<FoundComponents> {
  session.onProgress({ stage: 'plan', done: 0, total: undefined, unit: 'steps' });
  const reader = new TreeFileReader(root, contents);
  try {
    const { onWarning } = session;
    const pending = beginAssignment(root, reader, { componentMap, sources, onWarning, explain });
    await makeReady?.(contentsOf(root, pending.wanted));
    const { components, today, claims } = pending.finish();
    const digests = measured ? digestComponents(root, components) : new Map<ByteString, string>();
    return { components, digests, today, explained: explain, claims };
  } finally {
    reader.close();
  }
}

function* contentsOf(root: Directory, paths: readonly ByteString[]): Generator<Content, void, undefined> {
  for (const path of paths) {
    const node = lookup(root, path);
    if (node?.type === 'regular') yield node.content;
  }
}

/** What to plan by. */
export interface MakePlanOptions {
  readonly maxLayers?: number | undefined;
  /** Layers of these that are spoken for. */
  readonly taken?: number | undefined;
  /** What the previous image remembers of its plan; needs digests of components. */
  readonly previous?: RememberedPlan | undefined;
  /** Plan afresh, whatever the previous image has. */
  readonly replan?: boolean | undefined;
  /** Components with layers of their own. */
  readonly partitions?: readonly Partition[] | undefined;
}

const NO_PLAN: RememberedPlan = { layers: [], regret: 0 };

/** Plans components. Throws `BAD_OPTION` for a layer count that cannot be. */
export function makePlan(found: FoundComponents, options: MakePlanOptions): PlannedTree {
  const { taken = 0, previous = NO_PLAN, replan, partitions = [] } = options;
  const maxLayers = Math.max(checkLayerCount(options.maxLayers) - taken, 1);
  const { digests, today } = found;
  const components = observeChanges(found.components, previous, { digests, today });
  const inputs = components.map((each) => ({ ...each, digest: digests.get(each.key) ?? '' }));
  const warm = { maxLayers, replan, today };
  if (partitions.length === 0) return { ...found, components, plan: planWarm(inputs, previous, warm) };
  return { ...found, components, plan: planPartitions(inputs, partitions, previous, warm) };
}

/** The layer budget asked for, or the default. Throws `BAD_OPTION`. */
export function checkLayerCount(maxLayers: number = DEFAULT_MAX_LAYERS): number {
  if (Number.isInteger(maxLayers) && maxLayers >= 1 && maxLayers <= MAX_LAYERS) return maxLayers;
  throw new PlanishError('BAD_OPTION', `max-layers must be a whole number from 1 to ${MAX_LAYERS}`, {
    actual: maxLayers,
  });
}

/** Digests of components by key; none of the plan file, whose bytes come last. */
export function digestComponents(root: Directory, components: readonly Component[]): Map<ByteString, string> {
  const settled = components.filter(({ key }) => key !== PLAN_KEY);
  return new Map(settled.map((component) => digestOf(root, component)));
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
