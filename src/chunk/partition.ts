/**
 * Plans in which some components have layers of their own: each partition is planned by itself, so that what is in
 * one never decides what the layers of another hold.
 */
import type { ByteString } from '../bytes/byte-string.ts';
import { PlanishError } from '../errors.ts';
import { checkMaxLayers, describePlan, type PlanInput } from './plan.ts';
import {
  planWarm,
  type RememberedPlan,
  type WarmInput,
  type WarmOptions,
  type WarmPlan,
} from './warm-plan.ts';

/** Components that share layers with no others. */
export interface Partition {
  readonly keys: ReadonlySet<ByteString>;
  /** Layers that it may have. */
  readonly layers: number;
}

/** A plan of one partition, and where in the previous image the layers are that it was made after. */
interface PartPlan {
  readonly plan: WarmPlan;
  readonly places: readonly number[];
}

/**
 * Plans the partitions, in their order, and before them what is in none, with the layers that they leave; a database
 * goes last all the same. Throws `BAD_OPTION` when nothing is left, and what `planWarm` throws.
 */
export function planPartitions(
  components: readonly WarmInput[],
  partitions: readonly Partition[],
  previous: RememberedPlan,
  options: WarmOptions,
): WarmPlan {
  const maxLayers = checkMaxLayers(options.maxLayers);
  const taken = partitions.reduce((sum, { layers }) => sum + layers, 0);
  const claimed = new Set(partitions.flatMap(({ keys }) => [...keys]));
  const free = components.filter(({ key }) => !claimed.has(key));
  if (taken > maxLayers || (free.length > 0 && taken === maxLayers)) {
    const detail = { expected: taken + (free.length > 0 ? 1 : 0), actual: maxLayers };
    throw new PlanishError('BAD_OPTION', 'there are fewer layers than groups of files ask for', detail);
  }
  const parts = partitions.map(({ keys, layers }) => {
    const own = components.filter(({ key }) => keys.has(key));
    return planPart(own, previous, { ...options, maxLayers: layers });
  });
  const rest =
    free.length === 0 ? [] : [planPart(free, previous, { ...options, maxLayers: maxLayers - taken })];
  return joinPlans([...rest, ...parts], components, maxLayers);
}

/** Plans some components after those previous layers that hold none but them. */
function planPart(
  components: readonly WarmInput[],
  previous: RememberedPlan,
  options: WarmOptions,
): PartPlan {
  const own = new Set(components.map(({ key }) => key));
  const places = [...previous.layers.keys()].filter((place) =>
    previous.layers[place]?.members.some(({ key }) => own.has(key)),
  );
  const layers = places.map((place) => ({
    members: previous.layers[place]?.members ?? [],
  }));
  return { plan: planWarm(components, { ...previous, layers }, options), places };
}

function joinPlans(
  parts: readonly PartPlan[],
  components: readonly WarmInput[],
  maxLayers: number,
): WarmPlan {
  const byKey = new Map<ByteString, PlanInput>(components.map((component) => [component.key, component]));
  const layers = parts.flatMap(({ plan, places }) =>
    plan.layers.map(({ members }, ordinal) => {
      const place = plan.origins[ordinal];
      const group = members.map(({ key }) => byKey.get(key) as PlanInput);
      return { group, origin: place === undefined ? undefined : places[place] };
    }),
  );
  const isLast = ({ group }: { group: readonly PlanInput[] }): boolean =>
    group.some(({ kind }) => kind === 'database');
  const ordered = [...layers.filter((layer) => !isLast(layer)), ...layers.filter(isLast)];
  const reserved = parts.reduce((sum, { plan }) => sum + plan.model.reserved, 0);
  return {
    ...describePlan(
      ordered.map(({ group }) => group),
      maxLayers,
      reserved,
    ),
    origins: ordered.map(({ origin }) => origin),
    regret: parts.reduce((sum, { plan }) => Math.max(sum, plan.regret), 0),
    replanned: parts.some(({ plan }) => plan.replanned),
  };
}
