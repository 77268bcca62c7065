/** `build`: flatten, digest, plan, write. The main job. */
import { existsSync } from 'node:fs';
import { arch } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { ByteString } from '../../bytes/byte-string.ts';
import type { HashAlgorithm } from '../../bytes/digest.ts';
import type { ComponentMapEntry } from '../../chunk/choices/component-map.ts';
import type { ComponentSource } from '../../chunk/component.ts';
import { planFileSource } from '../../chunk/sources/plan-file.ts';
import type { CompressionKind } from '../../compress/kind.ts';
import { checkLevel, DEFAULT_LEVEL } from '../../compress/level.ts';
import type { FormatVersion } from '../../erofs/writer.ts';
import { PlanishError } from '../../errors.ts';
import type { HostSource } from '../../host/host-tree.ts';
import { DEFAULT_PROFILE, hostProfile } from '../../host/profiles.ts';
import type { ImageWriter } from '../../io/image-writer.ts';
import { openDestination } from '../../io/open-destination.ts';
import type { OpenedImage } from '../../io/opened-image.ts';
import { configPlatform } from '../../oci/config.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { linuxPlatform, parsePlatform } from '../../oci/platform.ts';
import { type Destination, parseDestination } from '../../oci/reference.ts';
import { collectLargeHeap } from '../../parallel/collect-garbage.ts';
import type { ContentFile } from '../../parallel/content-file.ts';
import type { Directory } from '../../tree/tree.ts';
import { hostInput } from '../hosts/host-digests.ts';
import { computeTreeDigests, type TreeDigests } from '../hosts/tree-digests.ts';
import { type LoadedTree, type SourceOptions, withTree } from '../load/load-tree.ts';
import { Session } from '../session.ts';
import { type ArrangedLayer, arrangeLayers } from './arrange-layers.ts';
import { type BaseLayers, readBase } from './base-layers.ts';
import { type BuildResult, summarize } from './build-result.ts';
import { writeDocuments } from './built-image.ts';
import { readComponentMap } from './component-map-file.ts';
import { type BuildExtras, type ExtendedTree, lastLayer, unextended } from './extended-tree.ts';
import { bareConfig, type KeyEdit } from './image-config.ts';
import { type MadeLayer, makeArrangedLayers } from './make-layers.ts';
import { checkLayerCount, findComponents, type PlannedTree } from './make-plan.ts';
import { planningContents } from './needed-contents.ts';
import { fillPlanFile, parsePlanPath, placePlanFile } from './plan-file.ts';
import { readyContents } from './previous-contents.ts';
import { rememberImage, withImage, withPrevious } from './previous-image.ts';
import { checkOrder, type FileOrder, previousOrder } from './previous-order.ts';
import { type ShippedLabels, shipTree } from './ship-labels.ts';
import {
  applySplitRules,
  contentmetaLabels,
  groupsAnnotation,
  layerAnnotations,
  readSplitRules,
  type SplitOptions,
  type SplitRules,
  type SplitTree,
} from './split-rules.ts';
import { findStanding, planAbove, type Standing } from './standing-layers.ts';

/** Options of {@link build}. Every one but the first changes what is written. */
export interface BuildOptions extends SourceOptions, SplitOptions {
  /** `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`, or a bare directory. */
  readonly destination: string;
  /** File that assigns paths to components (docs/component-sources.md). */
  readonly componentMap?: string | undefined;
  /** The image before this one: what has not changed since is carried over from it. */
  readonly previous?: string | undefined;
  /** An image whose layers stay exactly as they are, at the bottom. */
  readonly base?: string | undefined;
  /** Plan afresh, whatever clients of the previous image have. */
  readonly replan?: boolean | undefined;
  /** Order of files in the layers that are written; default `path`. New files come last in that of the previous image. */
  readonly order?: FileOrder | undefined;
  /** Path in the tree of a file to write the plan to; the next build reads it back where tools lost all else. */
  readonly planFile?: string | undefined;
  /** Default `zstd`. */
  readonly compression?: CompressionKind | undefined;
  /** Default 3 for zstd, 6 for gzip. */
  readonly level?: number | undefined;
  /** EROFS format of the image's digest; default 1. Layer keys always use 1. */
  readonly format?: FormatVersion | undefined;
  /** SELinux labels in the tars; default `keep`. */
  readonly selinux?: ShippedLabels | undefined;
  readonly labels?: readonly KeyEdit[] | undefined;
  readonly annotations?: readonly KeyEdit[] | undefined;
  /** RFC 3339 time for config and history; default: the source's own. No clock is ever read. */
  readonly created?: string | undefined;
}

/** Name of an image whose destination gives none: what other tools look for. */
const DEFAULT_TAG = 'latest';

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
    const { planPath } = request;
    if (planPath !== undefined) placePlanFile(tree.root, planPath);
    const plain = shipTree(session, tree.root, tree.contents, options.selinux ?? 'keep');
    const extended = await extend?.(session, tree, plain);
    const { base: whole, full, contents } = extended ?? unextended(tree, plain);
    const { algorithm } = tree;
    const previous = request.previous === undefined ? undefined : rememberImage(request.previous, algorithm);
    const { componentMap, rules } = request;
    const all = await findComponents(session, whole, contents, {
      componentMap,
      sources: [...(request.extras.sources?.() ?? []), ...planSources(planPath)],
      measured: true,
      makeReady: tree.makeReady,
    });
    const { onWarning } = session;
    const split = applySplitRules(rules, { root: whole, contents, algorithm, found: all, onWarning });
    const { root: base, found, partitions } = split;
    if (base !== whole && extended !== undefined) {
      throw new PlanishError('BAD_OPTION', 'what is sealed cannot leave out groups; leave them out before');
    }
    const shipped = base === whole ? full : base;
    const below =
      request.below === undefined ? undefined : await readBase(session, request.below, tree, base);
    const { maxLayers, replan } = options;
    const compared = {
      shipped: base,
      algorithm,
      found,
      previous,
      base: below,
      maxLayers,
      replan,
      planFile: planPath,
    };
    const standing = await findStanding(session, compared);
    const planned = planAbove(base, found, standing, { ...options, partitions });
    const known = { ...request, tree, shipped, extended, split, planned, standing, below };
    const arranged = arrange(known, algorithm, options.maxLayers);
    const added = addPlanFile({ ...known, contents }, arranged, options);
    return await write(session, { ...known, arranged, contents, added }, options);
  });
}

/** Where staging happens as well: of a layout that exists, neither the parent nor its file system need have room. */
function directoryOf({ kind, path }: Destination): string {
  return kind === 'oci' && existsSync(path) ? path : dirname(resolve(path));
}

interface BuildState {
  readonly source: string;
  readonly tree: LoadedTree;
  readonly contents: readonly ContentFile[];
  readonly shipped: Directory;
  readonly extended: ExtendedTree | undefined;
  readonly rules: SplitRules;
  readonly split: SplitTree;
  readonly extras: BuildExtras;
  readonly planned: PlannedTree;
  readonly writer: ImageWriter;
  readonly destination: Destination;
  readonly compression: CompressionKind;
  readonly standing: Standing;
  readonly below: BaseLayers | undefined;
  readonly planPath: ByteString | undefined;
  readonly arranged: readonly ArrangedLayer[];
  /** Rows of contents behind those of the source. */
  readonly added: readonly ContentFile[];
}

function planSources(path: ByteString | undefined): ComponentSource[] {
  return path === undefined ? [] : [planFileSource(path)];
}

function arrange(
  { shipped: root, planned, standing, compression }: Omit<BuildState, 'arranged' | 'contents' | 'added'>,
  algorithm: HashAlgorithm,
  layers: number | undefined,
): ArrangedLayer[] {
  const maxLayers = checkLayerCount(layers);
  return arrangeLayers({ root, planned, algorithm, compression, maxLayers, standing });
}

/** Fills the plan file, if there is to be one. Gives the rows of its content. */
function addPlanFile(
  { planPath, shipped, tree, contents, rules }: Omit<BuildState, 'arranged' | 'added'>,
  arranged: readonly ArrangedLayer[],
  options: BuildOptions,
): readonly ContentFile[] {
  if (planPath === undefined) return [];
  const created = options.created ?? rules.contentmeta?.created;
  return fillPlanFile({ shipped, path: planPath, arranged, tree, contents, created });
}

async function write(session: Session, state: BuildState, options: BuildOptions): Promise<BuildResult> {
  const { tree } = state;
  session.onProgress({ stage: 'digest', done: 0, total: undefined, unit: 'steps' });
  // Planning has left half of the heap dead, and hosts' trees are the other half again.
  collectLargeHeap();
  const digests = await shippedDigests(session, state, options.format);
  state.extras.check?.(digests);
  const layers = await makeLayers(session, state, options);
  session.checkInterrupted();
  tree.verifyUnchanged();
  session.onProgress({ stage: 'finish', done: 0, total: undefined, unit: 'steps' });
  const manifest = await finish(session, state, layers, digests, options);
  return summarize(state, layers, digests, manifest, options.destination);
}

/** What hosts will compute of the layers that are going to be written. */
async function shippedDigests(
  session: Session,
  { tree, contents, shipped, extras, below }: BuildState,
  format: FormatVersion | undefined,
): Promise<TreeDigests> {
  // Where hosts refuse layers that stay as they are, they refuse the image.
  const source: HostSource =
    below?.refused === undefined
      ? { kind: 'tree', root: shipped }
      : { kind: 'layers', layers: below.refused };
  const input = { ...hostInput(tree), contents, source, facts: undefined };
  const profile = hostProfile(extras.profile ?? DEFAULT_PROFILE);
  return await computeTreeDigests(session, { root: shipped, input }, profile, format);
}

async function makeLayers(
  session: Session,
  {
    tree,
    contents,
    shipped,
    extended,
    split,
    planned,
    standing,
    writer,
    compression,
    arranged,
    added,
  }: BuildState,
  options: BuildOptions,
): Promise<MadeLayer[]> {
  const { algorithm } = tree;
  const { previous } = standing;
  const rows = await readyContents(session, { tree, contents, added, shipped, planned, arranged, previous });
  const last = extended === undefined ? [] : [lastLayer(extended, arranged.at(-1))];
  const all = [...arranged, ...last];
  const former =
    options.order === 'previous' && previous !== undefined
      ? await previousOrder(session, previous, all, algorithm)
      : [];
  const made = await makeArrangedLayers(session, all, {
    root: shipped,
    contents: rows,
    algorithm,
    compression: { kind: compression, level: options.level ?? DEFAULT_LEVEL[compression] },
    blobFile: (ordinal) => writer.createBlobFile(`layer-${ordinal}`),
    order: [...former, ...(split.order ?? [])],
  });
  return made.map((layer) => {
    const keys = layer.text?.members.map(({ key }) => key) ?? [];
    return { ...layer, annotations: { ...layer.annotations, ...layerAnnotations(split, keys) } };
  });
}

async function finish(
  session: Session,
  { tree, writer, compression, destination, rules, below, extras }: BuildState,
  layers: readonly MadeLayer[],
  digests: TreeDigests,
  options: BuildOptions,
): Promise<Descriptor> {
  for (const { blob, digest, size } of layers) {
    if (typeof blob === 'string') await writer.addBlobFile(blob, digest, size);
    else await writer.carryBlob(blob, digest);
    session.checkInterrupted();
  }
  const base = tree.image?.config.document ?? platformConfig(options.platform);
  const descriptor = await writeDocuments(writer, {
    base,
    annotations: tree.image?.manifestAnnotations ?? {},
    layers,
    below: below?.image,
    compression,
    digests,
    labelEdits: [...(extras.labels?.() ?? []), ...contentmetaLabels(rules), ...(options.labels ?? [])],
    annotationEdits: [
      ...contentmetaLabels(rules),
      ...groupsAnnotation(layers),
      ...(options.annotations ?? []),
    ],
    created: options.created ?? rules.contentmeta?.created,
  });
  session.checkInterrupted();
  await writer.commit({
    descriptor,
    refName: destination.name ?? DEFAULT_TAG,
    platform: configPlatform(base),
  });
  return descriptor;
}

function platformConfig(text: string | undefined): ReturnType<typeof bareConfig> {
  const platform = text === undefined ? linuxPlatform(arch()) : parsePlatform(text);
  return bareConfig(platform.os, platform.architecture, platform.variant);
}
