/** Our own planner, with and without its memory. */
import { type LayerPlan, type PlanInput, planLayers } from '../chunk/plan.ts';
import { planWarm, type RememberedPlan, rememberPlan } from '../chunk/warm-plan.ts';
import { frozen, type Planned, type Planner, stateless } from './planner.ts';
import type { Layout, SimulatedComponent, SimulatedImage } from './series.ts';

/** As `build --previous` plans. */
export const planishWarm: Planner = { name: 'planish', plan: planNext };
/** Planned anew each time: what builds without a previous image cost in the long run. */
export const planishCold: Planner = stateless('planish, each time anew', layOut);
/** The first plan, kept. */
export const planishFrozen: Planner = frozen('planish, first plan kept', layOut);

const NOTHING: RememberedPlan = { layers: [], regret: 0 };

function planNext(image: SimulatedImage, maxLayers: number, memory: unknown): Planned {
  const previous = (memory as RememberedPlan | undefined) ?? NOTHING;
  const inputs = image.components.map((component) => ({ ...inputOf(component), digest: component.digest }));
  const plan = planWarm(inputs, previous, { maxLayers, today: image.today });
  const digests = new Map(image.components.map(({ key, digest }) => [key, digest]));
  return { layout: layoutOf(plan), memory: rememberPlan(plan, digests, image.today) };
}

function inputOf({ key, kind, estimate, rate }: SimulatedComponent): PlanInput {
  return { key, kind, size: estimate, rate };
}

function layoutOf(plan: LayerPlan): Layout {
  return plan.layers.map(({ members }) => members.map(({ key }) => key));
}

function layOut({ components }: SimulatedImage, maxLayers: number): Layout {
  return layoutOf(planLayers(components.map(inputOf), { maxLayers }));
}
