/** `plan`: the split of a source without writing it. */
import { display } from '../bytes/byte-string.ts';
import type { LayerPlan } from '../chunk/plan.ts';
import { canonicalize } from '../tree/canonical.ts';
import { readComponentMap } from './component-map-file.ts';
import { type SourceOptions, withTree } from './load-tree.ts';
import { findComponents, type PlannedTree } from './make-plan.ts';
import { planningContents } from './needed-contents.ts';
import { rememberImage, withPrevious } from './previous-image.ts';
import { Session } from './session.ts';
import { findStanding, planAbove } from './standing-layers.ts';

/** Options of {@link plan}. */
export interface PlanOptions extends SourceOptions {
  /** Layer budget, 1 to 500; default 64. */
  readonly maxLayers?: number | undefined;
  /** File that assigns paths to components (docs/component-sources.md). */
  readonly componentMap?: string | undefined;
  /** The image before this one: see {@link build}. */
  readonly previous?: string | undefined;
  readonly replan?: boolean | undefined;
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
  /** Whether it is a layer of the previous image, as it is. */
  readonly kept: boolean;
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
    withPrevious(options, async (image) => {
      // Contents are measured only to be compared with the previous image's.
      const needs = { contents: 'lazily', digests: image !== undefined } as const;
      return await withTree(
        session,
        source,
        options,
        needs,
        async ({ root, contents, algorithm, makeReadyAndKeep }) => {
          await makeReadyAndKeep(planningContents(root, componentMap));
          const shipped = canonicalize(root, { onWarning: session.onWarning });
          const previous = image === undefined ? undefined : rememberImage(image, algorithm);
          const measured = needs.digests;
          const found = findComponents(session, shipped, contents, { componentMap, measured });
          const standing = await findStanding(session, { ...options, shipped, algorithm, found, previous });
          const planned = planAbove(shipped, found, standing, options);
          return describePlan(source, planned);
        },
      );
    }),
  );
}

function describePlan(source: string, { components, plan }: PlannedTree): PlanResult {
  const files = new Map(components.map(({ key, paths }) => [key, paths.length]));
  const { totals, model, origins } = plan;
  const layers = plan.layers.map(({ members, size, stability, cost }, ordinal) => ({
    members: members.map((member) => ({
      key: display(member.key),
      size: member.size,
      changesPerWeek: member.rate / model.rateUnitWeeks,
      files: files.get(member.key) ?? 0,
    })),
    size,
    kept: origins[ordinal] !== undefined,
    stability,
    cost,
  }));
  return { source, layers, totals, model };
}
