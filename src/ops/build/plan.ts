/** `plan`: the layers of a source, or of several laid over each other, without writing them. */
import { display, fromUtf8 } from '../../bytes/byte-string.ts';
import type { BlobDigest } from '../../bytes/digest.ts';
import type { LayerPlan } from '../../chunk/plan.ts';
import { PlanishError } from '../../errors.ts';
import { explainPath, type PathExplanation } from '../explain/explain-path.ts';
import { type Needs, type SourceOptions, withTree } from '../load/load-tree.ts';
import { Session } from '../session.ts';
import type { ArrangedLayer } from './arrange-layers.ts';
import { type ContentmetaKeys, writeContentmeta } from './contentmeta-write.ts';
import { type MergeConflictEntry, type MergedSource, mergedSource } from './merged-source.ts';
import { planningContents } from './needed-contents.ts';
import {
  type ArrangedTree,
  arrangeTree,
  type LayerOptions,
  type LayerRules,
  type PlanRequest,
  readLayerRules,
  withImages,
} from './plan-tree.ts';

/** Options of {@link plan}. */
export interface PlanOptions extends SourceOptions, LayerOptions {
  /** Whether files of sources that are laid over the first are split like all others, and not one component each. */
  readonly split?: boolean | undefined;
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

/** One layer of a plan: those of a base image, then the most stable first, then what corrects directories below. */
export interface PlanLayer {
  /** None of a layer that is kept without its components being known, nor of one that only corrects others. */
  readonly members: readonly PlanMember[];
  /** Estimated compressed bytes of the members; without any, those of the blob that is kept, or 0. */
  readonly size: number;
  readonly tarSize: number;
  /** Entries of its tar. */
  readonly entries: number;
  /** Whether it is a layer of the base or the previous image, as it is. */
  readonly kept: boolean;
  /** Whether it is a layer of the base image. */
  readonly base: boolean;
  /** The digest that names it there. */
  readonly digest: BlobDigest | undefined;
  /** Paths of the base that it hides, since the tree does not have them. */
  readonly whiteouts: readonly string[];
  /** Chance of staying the same for a week, 0 to 1. */
  readonly stability: number;
  /** Expected bytes that a client downloads for it in a week. */
  readonly cost: number;
}

/** Result of {@link plan}. */
export interface PlanResult {
  readonly source: string;
  /** The source, and what is laid over it. */
  readonly sources: readonly string[];
  readonly layers: readonly PlanLayer[];
  /** Of what is planned: all that no layer of a base image has. */
  readonly totals: LayerPlan['totals'];
  readonly model: LayerPlan['model'];
  /** Of the path asked for. */
  readonly explanation: PathExplanation | undefined;
  /** On what several sources do not agree. */
  readonly conflicts: readonly MergeConflictEntry[];
}

/**
 * Plans the layers that {@link build} would write of a source, or {@link merge} of several, with the same options. Throws
 * what they throw before they write.
 */
export async function plan(
  source: string | readonly string[],
  options: PlanOptions = {},
): Promise<PlanResult> {
  const sources = typeof source === 'string' ? [source] : source;
  const [first, ...others] = sources;
  if (first === undefined) throw new PlanishError('BAD_OPTION', 'plan takes a source at least');
  const rules = await readLayerRules(options);
  const merged = others.length === 0 ? undefined : mergedSource(others, options.split ?? false);
  const needs = needsOf(options, rules, merged);
  const explain = options.explain === undefined ? undefined : fromUtf8(options.explain);
  const request = { ...rules, extras: merged?.extras ?? {}, measured: needs.digests, explain };
  return await Session.use(options, (session) =>
    withImages(options, async (images) => {
      const described = await planSource(session, first, { ...request, ...images }, needs, options);
      return { source: first, sources, ...described, conflicts: merged?.conflicts ?? [] };
    }),
  );
}

/** Contents are measured only to be compared, or to be named by their digests. */
function needsOf(options: PlanOptions, { rules }: LayerRules, merged: MergedSource | undefined): Needs {
  const named = rules.contentmeta !== undefined;
  const compared = [options.previous, options.base, merged].some((other) => other !== undefined);
  const everything = named || options.contentmetaKeys === 'ostree' || merged !== undefined;
  const digests = named || compared || options.contentmetaKeys === 'verity';
  return { contents: everything ? true : 'lazily', digests };
}

async function planSource(
  session: Session,
  source: string,
  request: PlanRequest,
  needs: Needs,
  options: PlanOptions,
): Promise<Pick<PlanResult, 'layers' | 'totals' | 'model' | 'explanation'>> {
  const { load = withTree } = request.extras;
  return await load(session, source, options, needs, async (tree) => {
    await tree.makeReadyAndKeep(planningContents(tree.root, request.componentMap));
    const arranged = await arrangeTree(session, request, tree, options);
    const { planned, split } = arranged;
    const { writeContentmeta: file, contentmetaKeys: keys = 'path' } = options;
    if (file !== undefined) {
      writeContentmeta(file, { planned, root: split.root, tree, keys, rules: request.rules, split });
    }
    const { explain } = request;
    const explanation = explain === undefined ? undefined : explainPath(explain, arranged);
    const { totals, model } = planned.plan;
    return { layers: describeLayers(arranged), totals, model, explanation };
  });
}

function describeLayers({ arranged, planned, below }: ArrangedTree): PlanLayer[] {
  const known = new Map(planned.components.map((component) => [component.key, component]));
  const { rateUnitWeeks } = planned.plan.model;
  return arranged.map((layer, ordinal) => {
    const members = layer.planned.members.map((member) => ({
      key: display(member.key),
      size: member.size,
      tarSize: known.get(member.key)?.tarSize ?? 0,
      changesPerWeek: member.rate / rateUnitWeeks,
      files: known.get(member.key)?.paths.length ?? 0,
    }));
    return { members, ...describeLayer(layer), base: ordinal < (below?.layers.length ?? 0) };
  });
}

function describeLayer(layer: ArrangedLayer): Omit<PlanLayer, 'members' | 'base'> {
  const { planned, carried, entries, tarSize, whiteouts } = layer;
  const { size, stability, cost, members } = planned;
  return {
    size: members.length === 0 ? (carried?.descriptor.size ?? 0) : size,
    tarSize,
    entries,
    kept: carried !== undefined,
    digest: carried?.descriptor.digest,
    whiteouts: whiteouts.map(display),
    stability,
    cost,
  };
}
