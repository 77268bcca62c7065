/** The first half of a build, and all of a plan: of a tree that was read, its layers as they will be. */
import type { ByteString } from '../../bytes/byte-string.ts';
import type { ComponentMapEntry } from '../../chunk/choices/component-map.ts';
import type { ComponentSource } from '../../chunk/component.ts';
import { planFileSource } from '../../chunk/sources/plan-file.ts';
import type { CompressionKind } from '../../compress/kind.ts';
import { PlanishError } from '../../errors.ts';
import type { OpenedImage } from '../../io/opened-image.ts';
import type { ContentFile } from '../../parallel/content-file.ts';
import type { Directory } from '../../tree/tree.ts';
import type { LoadedTree, SourceOptions } from '../load/load-tree.ts';
import type { Session } from '../session.ts';
import { type ArrangedLayer, arrangeLayers } from './arrange-layers.ts';
import { type BaseLayers, readBase } from './base-layers.ts';
import { readComponentMap } from './component-map-file.ts';
import { type BuildExtras, type ExtendedTree, unextended } from './extended-tree.ts';
import { checkLayerCount, findComponents, type PlannedTree } from './make-plan.ts';
import { parsePlanPath, placePlanFile } from './plan-file.ts';
import { rememberImage, withImage, withPrevious } from './previous-image.ts';
import { type ShippedLabels, shipTree } from './ship-labels.ts';
import {
  applySplitRules,
  readSplitRules,
  type SplitOptions,
  type SplitRules,
  type SplitTree,
} from './split-rules.ts';
import { findStanding, planAbove, type Standing } from './standing-layers.ts';

/** Options that decide what is in which layer: the same of all that plan. */
export interface LayerOptions extends SplitOptions {
  /** An image whose layers stay exactly as they are, at the bottom. */
  readonly base?: string | undefined;
  /** Default `zstd`. Layers of the previous image are kept where they have it. */
  readonly compression?: CompressionKind | undefined;
  /** SELinux labels in the tars; default `keep`. */
  readonly selinux?: ShippedLabels | undefined;
  /** Path in the tree of a file to write the plan to; the next build reads it back where tools lost all else. */
  readonly planFile?: string | undefined;
}

/** The options, with the files that they name. */
export interface LayerRules {
  readonly compression: CompressionKind;
  readonly componentMap: readonly ComponentMapEntry[];
  readonly rules: SplitRules;
  /** Where the tree is to hold its plan. */
  readonly planPath: ByteString | undefined;
}

/** Reads the files. Throws `BAD_OPTION`, and what reading and parsing them throws. */
export async function readLayerRules(options: LayerOptions & SourceOptions): Promise<LayerRules> {
  const planPath = parsePlanPath(options.planFile);
  const componentMap = readComponentMap(options.componentMap);
  const rules = await readSplitRules(options, options.onWarning);
  return { compression: options.compression ?? 'zstd', componentMap, rules, planPath };
}

/** What layers are planned by. */
export interface PlanRequest extends LayerRules {
  readonly previous: OpenedImage | undefined;
  /** The base image. */
  readonly below: OpenedImage | undefined;
  readonly extras: BuildExtras;
  /** Whether contents have fs-verity digests, so that layers can be compared. */
  readonly measured: boolean;
  /** A path whose claims are wanted. */
  readonly explain?: ByteString | undefined;
}

/** Opens the images that the options name, and closes them after `use`. */
export async function withImages<T>(
  options: LayerOptions & SourceOptions,
  use: (images: Pick<PlanRequest, 'previous' | 'below'>) => Promise<T>,
): Promise<T> {
  return await withPrevious(options, (previous) =>
    withImage(options.base, options, (below) => use({ previous, below })),
  );
}

/** A tree that was read, as it is shipped, and what is in it. */
export interface PreparedTree {
  readonly tree: LoadedTree;
  readonly contents: readonly ContentFile[];
  readonly shipped: Directory;
  readonly extended: ExtendedTree | undefined;
  readonly split: SplitTree;
}

/** A tree with its layers. */
export interface ArrangedTree extends PreparedTree {
  readonly planned: PlannedTree;
  readonly standing: Standing;
  readonly below: BaseLayers | undefined;
  readonly arranged: readonly ArrangedLayer[];
}

/** Adds what is to be added, finds the components, applies the rules for the split, and arranges the layers. */
export async function arrangeTree(
  session: Session,
  request: PlanRequest,
  tree: LoadedTree,
  options: LayerOptions,
): Promise<ArrangedTree> {
  return await arrange(session, request, await prepare(session, request, tree, options), options);
}

async function prepare(
  session: Session,
  { componentMap, rules, extras, planPath, measured, explain }: PlanRequest,
  tree: LoadedTree,
  options: LayerOptions,
): Promise<PreparedTree> {
  if (planPath !== undefined) placePlanFile(tree.root, planPath);
  const plain = shipTree(session, tree.root, tree.contents, options.selinux ?? 'keep');
  const extended = await extras.extend?.(session, tree, plain);
  const { base, full, contents } = extended ?? unextended(tree, plain);
  const found = await findComponents(session, base, contents, {
    componentMap,
    sources: [...(extras.sources?.() ?? []), ...planSources(planPath)],
    measured,
    explain,
    makeReady: tree.makeReady,
  });
  const { onWarning } = session;
  const split = applySplitRules(rules, { root: base, contents, algorithm: tree.algorithm, found, onWarning });
  if (split.root !== base && extended !== undefined) {
    throw new PlanishError('BAD_OPTION', 'what is sealed cannot leave out groups; leave them out before');
  }
  return { tree, contents, shipped: split.root === base ? full : split.root, extended, split };
}

function planSources(path: ByteString | undefined): ComponentSource[] {
  return path === undefined ? [] : [planFileSource(path)];
}

/** Finds what stands, plans the rest and arranges the layers. */
async function arrange(
  session: Session,
  request: PlanRequest,
  prepared: PreparedTree,
  { replan }: LayerOptions,
): Promise<ArrangedTree> {
  const { tree, split } = prepared;
  const { root, found, partitions } = split;
  const { algorithm } = tree;
  const previous = request.previous === undefined ? undefined : rememberImage(request.previous, algorithm);
  const below = request.below === undefined ? undefined : await readBase(session, request.below, tree, root);
  const { maxLayers } = request.rules;
  const { planPath: planFile, compression } = request;
  const compared = { shipped: root, algorithm, found, previous, base: below, maxLayers, replan, planFile };
  const standing = await findStanding(session, compared);
  const planned = planAbove(root, found, standing, { maxLayers, replan, partitions });
  const arranged = arrangeLayers({
    root: prepared.shipped,
    planned,
    algorithm,
    compression,
    maxLayers: checkLayerCount(maxLayers),
    standing,
  });
  return { ...prepared, planned, standing, below, arranged };
}
