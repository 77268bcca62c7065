/** `plan`: the split of a source without writing it. */
import { display } from '../bytes/byte-string.ts';
import type { LayerPlan } from '../chunk/plan.ts';
import { canonicalize } from '../tree/canonical.ts';
import { readComponentMap } from './component-map-file.ts';
import { type SourceOptions, withTree } from './load-tree.ts';
import { makePlan } from './make-plan.ts';
import { Session } from './session.ts';

/** Options of {@link plan}. */
export interface PlanOptions extends SourceOptions {
  /** Layer budget, 1 to 500; default 64. */
  readonly maxLayers?: number | undefined;
  /** File that assigns paths to components (docs/component-sources.md). */
  readonly componentMap?: string | undefined;
}

/** One component in a plan; sizes in bytes, rates in changes a week. */
export interface PlanMember {
  readonly key: string;
  readonly size: number;
  readonly changesPerWeek: number;
  readonly files: number;
}

/** One layer of a plan, most stable first. */
export interface PlanLayer {
  readonly members: readonly PlanMember[];
  readonly size: number;
  /** Chance of staying the same for a week, 0 to 1. */
  readonly stability: number;
  /** Expected bytes that a client downloads for it in a week. */
  readonly cost: number;
}

/** Result of {@link plan}. */
export interface PlanResult {
  readonly source: string;
  readonly layers: readonly PlanLayer[];
  readonly totals: LayerPlan['totals'];
  readonly model: LayerPlan['model'];
}

/** Plans the layers that {@link build} would write. */
export async function plan(source: string, options: PlanOptions = {}): Promise<PlanResult> {
  const componentMap = readComponentMap(options.componentMap);
  return await Session.use(options, (session) =>
    withTree(session, source, options, { contents: true, digests: false }, async ({ root, contents }) => {
      const shipped = canonicalize(root, { onWarning: session.onWarning });
      const planned = makePlan(session, shipped, contents, {
        maxLayers: options.maxLayers,
        componentMap,
        measured: false,
      });
      const files = new Map(planned.components.map(({ key, paths }) => [key, paths.length]));
      const { totals, model } = planned.plan;
      const layers = planned.plan.layers.map(({ members, size, stability, cost }) => ({
        members: members.map((member) => ({
          key: display(member.key),
          size: member.size,
          changesPerWeek: member.rate / model.rateUnitWeeks,
          files: files.get(member.key) ?? 0,
        })),
        size,
        stability,
        cost,
      }));
      return { source, layers, totals, model };
    }),
  );
}
