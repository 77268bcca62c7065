/** `plan`: the split of a source without writing it. */
import { display, fromUtf8 } from '../../bytes/byte-string.ts';
import type { LayerPlan } from '../../chunk/plan.ts';
import { canonicalize } from '../../tree/canonical.ts';
import { explainPath, type PathExplanation } from '../explain/explain-path.ts';
import { type SourceOptions, withTree } from '../load/load-tree.ts';
import { Session } from '../session.ts';
import { readComponentMap } from './component-map-file.ts';
import { type ContentmetaKeys, writeContentmeta } from './contentmeta-write.ts';
import { findComponents, type PlannedTree } from './make-plan.ts';
import { planningContents } from './needed-contents.ts';
import { rememberImage, withPrevious } from './previous-image.ts';
import { applySplitRules, readSplitRules, type SplitOptions } from './split-rules.ts';
import { findStanding, planAbove } from './standing-layers.ts';

/** Options of {@link plan}. */
export interface PlanOptions extends SourceOptions, SplitOptions {
  /** A path of the image, absolute: why it lies where it lies. */
  readonly explain?: string | undefined;
  /** File to write the split to, as contentmeta (docs/formats/contentmeta.md). */
  readonly writeContentmeta?: string | undefined;
  /** What names files there; default their paths. */
  readonly contentmetaKeys?: ContentmetaKeys | undefined;
}

/** One component in a plan; sizes in bytes, rates in changes a week. */
export interface PlanMember {
  readonly key: string;
  /** Estimated compressed bytes: what the plan goes by. */
  readonly size: number;
  /** Bytes of its tar entries. */
  readonly tarSize: number;
  readonly changesPerWeek: number;
  readonly files: number;
}

/** One layer of a plan, most stable first. */
export interface PlanLayer {
  readonly members: readonly PlanMember[];
  /** Sums over the members. */
  readonly size: number;
  readonly tarSize: number;
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
  /** Of the path asked for. */
  readonly explanation: PathExplanation | undefined;
}

/** Plans the layers that {@link build} would write. */
export async function plan(source: string, options: PlanOptions = {}): Promise<PlanResult> {
  const componentMap = readComponentMap(options.componentMap);
  const { explain: wanted } = options;
  const rules = await readSplitRules(options, options.onWarning);
  const explain = wanted === undefined ? undefined : fromUtf8(wanted);
  return await Session.use(options, (session) =>
    withPrevious(options, async (image) => {
      // Contents are measured only to be compared, or to be named by their digests.
      const named = rules.contentmeta !== undefined;
      const measured = named || image !== undefined || options.contentmetaKeys === 'verity';
      const contents = named || options.contentmetaKeys === 'ostree' ? true : ('lazily' as const);
      const needs = { contents, digests: measured };
      return await withTree(session, source, options, needs, async (tree) => {
        await tree.makeReadyAndKeep(planningContents(tree.root, componentMap));
        const whole = canonicalize(tree.root, { onWarning: session.onWarning });
        const { algorithm } = tree;
        const previous = image === undefined ? undefined : rememberImage(image, algorithm);
        const { makeReady } = tree;
        const wants = { componentMap, measured, explain, makeReady };
        const all = await findComponents(session, whole, tree.contents, wants);
        const { onWarning } = session;
        const split = applySplitRules(rules, {
          root: whole,
          contents: tree.contents,
          algorithm,
          found: all,
          onWarning,
        });
        const { root: shipped, found, partitions } = split;
        const budget = { maxLayers: rules.maxLayers, replan: options.replan };
        const standing = await findStanding(session, { ...budget, shipped, algorithm, found, previous });
        const planned = planAbove(shipped, found, standing, { ...budget, partitions });
        const { writeContentmeta: file, contentmetaKeys: keys = 'path' } = options;
        if (file !== undefined) writeContentmeta(file, { planned, root: shipped, tree, keys, rules, split });
        const explanation = explain === undefined ? undefined : explainPath(explain, planned);
        return { ...describePlan(source, planned), explanation };
      });
    }),
  );
}

function describePlan(source: string, { components, plan }: PlannedTree): Omit<PlanResult, 'explanation'> {
  const known = new Map(components.map((component) => [component.key, component]));
  const { totals, model, origins } = plan;
  const layers = plan.layers.map(({ members: planned, size, stability, cost }, ordinal) => {
    const members = planned.map((member) => ({
      key: display(member.key),
      size: member.size,
      tarSize: known.get(member.key)?.tarSize ?? 0,
      changesPerWeek: member.rate / model.rateUnitWeeks,
      files: known.get(member.key)?.paths.length ?? 0,
    }));
    const tarSize = members.reduce((sum, member) => sum + member.tarSize, 0);
    return { members, size, tarSize, kept: origins[ordinal] !== undefined, stability, cost };
  });
  return { source, layers, totals, model };
}
