/** `build`: flatten, digest, plan, write. The main job. */
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { ByteString } from '../../bytes/byte-string.ts';
import type { ComponentMapEntry } from '../../chunk/choices/component-map.ts';
import type { ComponentSource } from '../../chunk/component.ts';
import { planFileSource } from '../../chunk/sources/plan-file.ts';
import type { CompressionKind } from '../../compress/kind.ts';
import { checkLevel, DEFAULT_LEVEL } from '../../compress/level.ts';
import { PlanishError } from '../../errors.ts';
import type { ImageWriter } from '../../io/image-writer.ts';
import { openDestination } from '../../io/open-destination.ts';
import type { OpenedImage } from '../../io/opened-image.ts';
import { type Destination, parseDestination } from '../../oci/reference.ts';
import type { ContentFile } from '../../parallel/content-file.ts';
import { type LoadedTree, withTree } from '../load/load-tree.ts';
import { Session } from '../session.ts';
import { type ArrangedLayer, arrangeLayers } from './arrange-layers.ts';
import { readBase } from './base-layers.ts';
import type { BuildOptions } from './build-options.ts';
import type { BuildResult } from './build-result.ts';
import { readComponentMap } from './component-map-file.ts';
import { type BuildExtras, unextended } from './extended-tree.ts';
import { checkLayerCount, findComponents } from './make-plan.ts';
import { planningContents } from './needed-contents.ts';
import { fillPlanFile, parsePlanPath, placePlanFile } from './plan-file.ts';
import { rememberImage, withImage, withPrevious } from './previous-image.ts';
import { checkOrder } from './previous-order.ts';
import { shipTree } from './ship-labels.ts';
import { applySplitRules, readSplitRules, type SplitRules } from './split-rules.ts';
import { findStanding, planAbove } from './standing-layers.ts';
import { type BuildState, writeImage } from './write-image.ts';

/**
 * Builds an image: one tree out of the source's layers, split again into layers keyed by content. The destination is
 * written aside and put in place at the end; a run that fails or is interrupted leaves it as it was.
 */
export async function build(source: string, options: BuildOptions): Promise<BuildResult> {
  return await buildWith(source, options, {});
}

/** {@link build} for verbs that do more. */
export async function buildWith(
  source: string,
  options: BuildOptions,
  extras: BuildExtras,
): Promise<BuildResult> {
  const destination = parseDestination(options.destination);
  checkOrder(options);
  const planPath = parsePlanPath(options.planFile);
  if (planPath !== undefined && extras.extend !== undefined) {
    throw new PlanishError('BAD_OPTION', 'what is sealed cannot hold its own plan');
  }
  const componentMap = readComponentMap(options.componentMap);
  const rules = await readSplitRules(options, options.onWarning);
  const compression = options.compression ?? 'zstd';
  checkLevel(compression, options.level ?? DEFAULT_LEVEL[compression]);
  // Beside the destination there must be room anyway; the system's temporary directory may be memory.
  const temporaryDirectory = options.temporaryDirectory ?? directoryOf(destination);
  const settings = { ...options, temporaryDirectory, maxLayers: rules.maxLayers };
  return await Session.use(settings, async (session) => {
    if (compression === 'zstd') await session.announceZstd();
    // First of all, so that a destination that cannot be is not found out after minutes of reading.
    const writer = openDestination(destination);
    try {
      return await withPrevious(options, (previous) =>
        withImage(options.base, options, async (below) => {
          const known = { source, writer, destination, compression, componentMap, rules, extras, planPath };
          const request = { ...known, previous, below };
          return await buildTree(session, request, settings);
        }),
      );
    } catch (error) {
      writer.abort();
      throw error;
    }
  });
}

/** What is known before the source is read. */
interface BuildRequest {
  readonly source: string;
  readonly writer: ImageWriter;
  readonly destination: Destination;
  readonly compression: CompressionKind;
  readonly previous: OpenedImage | undefined;
  /** The base image. */
  readonly below: OpenedImage | undefined;
  readonly componentMap: readonly ComponentMapEntry[];
  readonly rules: SplitRules;
  readonly extras: BuildExtras;
  /** Where the tree is to hold its plan. */
  readonly planPath: ByteString | undefined;
}

/** A tree that was read, as it is shipped, and what is planned of it. */
type ShippedTree = Pick<BuildState, 'tree' | 'contents' | 'shipped' | 'extended' | 'split'>;

async function buildTree(
  session: Session,
  request: BuildRequest,
  options: BuildOptions,
): Promise<BuildResult> {
  // Whoever loads or extends the tree may read any of it.
  const { extend, load = withTree } = request.extras;
  const everything =
    extend !== undefined || request.extras.load !== undefined || request.rules.contentmeta !== undefined;
  const needs = { contents: everything ? true : ('lazily' as const), digests: true };
  return await load(session, request.source, options, needs, async (tree) => {
    // Threads that have read layers hold on to what they needed for it; writing starts with new ones.
    await session.pool.rest();
    await tree.makeReadyAndKeep(planningContents(tree.root, request.componentMap));
    const shipped = await prepareTree(session, request, tree, options);
    return await writeImage(session, await planTree(session, request, shipped, options), options);
  });
}

/** Adds what is to be added, finds the components, and applies the rules for the split. */
async function prepareTree(
  session: Session,
  { componentMap, rules, extras, planPath }: BuildRequest,
  tree: LoadedTree,
  options: BuildOptions,
): Promise<ShippedTree> {
  if (planPath !== undefined) placePlanFile(tree.root, planPath);
  const plain = shipTree(session, tree.root, tree.contents, options.selinux ?? 'keep');
  const extended = await extras.extend?.(session, tree, plain);
  const { base, full, contents } = extended ?? unextended(tree, plain);
  const found = await findComponents(session, base, contents, {
    componentMap,
    sources: [...(extras.sources?.() ?? []), ...planSources(planPath)],
    measured: true,
    makeReady: tree.makeReady,
  });
  const { onWarning } = session;
  const split = applySplitRules(rules, { root: base, contents, algorithm: tree.algorithm, found, onWarning });
  if (split.root !== base && extended !== undefined) {
    throw new PlanishError('BAD_OPTION', 'what is sealed cannot leave out groups; leave them out before');
  }
  return { tree, contents, shipped: split.root === base ? full : split.root, extended, split };
}

/** Finds what stands, plans and arranges the layers, and fills the plan file. */
async function planTree(
  session: Session,
  request: BuildRequest,
  prepared: ShippedTree,
  options: BuildOptions,
): Promise<BuildState> {
  const { tree, split } = prepared;
  const { root, found, partitions } = split;
  const { algorithm } = tree;
  const previous = request.previous === undefined ? undefined : rememberImage(request.previous, algorithm);
  const below = request.below === undefined ? undefined : await readBase(session, request.below, tree, root);
  const { maxLayers, replan } = options;
  const { planPath: planFile } = request;
  const compared = { shipped: root, algorithm, found, previous, base: below, maxLayers, replan, planFile };
  const standing = await findStanding(session, compared);
  const planned = planAbove(root, found, standing, { ...options, partitions });
  const arranged = arrangeLayers({
    root: prepared.shipped,
    planned,
    algorithm,
    compression: request.compression,
    maxLayers: checkLayerCount(maxLayers),
    standing,
  });
  const added = addPlanFile(request, prepared, arranged, options);
  return { ...request, ...prepared, planned, standing, below, arranged, added };
}

function planSources(path: ByteString | undefined): ComponentSource[] {
  return path === undefined ? [] : [planFileSource(path)];
}

/** Fills the plan file, if there is to be one. Gives the rows of its content. */
function addPlanFile(
  { planPath, rules }: BuildRequest,
  { shipped, tree, contents }: ShippedTree,
  arranged: readonly ArrangedLayer[],
  options: BuildOptions,
): readonly ContentFile[] {
  if (planPath === undefined) return [];
  const created = options.created ?? rules.contentmeta?.created;
  return fillPlanFile({ shipped, path: planPath, arranged, tree, contents, created });
}

/** Where staging happens as well: of a layout that exists, neither the parent nor its file system need have room. */
function directoryOf({ kind, path }: Destination): string {
  return kind === 'oci' && existsSync(path) ? path : dirname(resolve(path));
}
