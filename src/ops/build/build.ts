/** `build`: flatten, digest, plan, write. The main job. */
import { existsSync } from 'node:fs';
import { arch } from 'node:os';
import { dirname, resolve } from 'node:path';
import { display } from '../../bytes/byte-string.ts';
import type { BlobDigest, VerityDigest } from '../../bytes/digest.ts';
import type { ComponentMapEntry } from '../../chunk/choices/component-map.ts';
import type { LayerPlan } from '../../chunk/plan.ts';
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
import type { ContentFile } from '../../parallel/content-file.ts';
import type { Directory } from '../../tree/tree.ts';
import { hostInput } from '../hosts/host-digests.ts';
import { computeTreeDigests, type TreeDigests } from '../hosts/tree-digests.ts';
import { type LoadedTree, type SourceOptions, withTree } from '../load/load-tree.ts';
import { Session } from '../session.ts';
import { arrangeLayers } from './arrange-layers.ts';
import { type BaseLayers, readBase } from './base-layers.ts';
import { writeDocuments } from './built-image.ts';
import { readComponentMap } from './component-map-file.ts';
import { type BuildExtras, type ExtendedTree, lastLayer, unextended } from './extended-tree.ts';
import { bareConfig, type KeyEdit } from './image-config.ts';
import { type MadeLayer, makeArrangedLayers } from './make-layers.ts';
import { checkLayerCount, findComponents, type PlannedTree } from './make-plan.ts';
import { planningContents } from './needed-contents.ts';
import { readyContents } from './previous-contents.ts';
import { type PreviousImage, rememberImage, withImage, withPrevious } from './previous-image.ts';
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

/** One layer of the image that was built. */
export interface BuiltLayer {
  readonly digest: BlobDigest;
  readonly diffId: BlobDigest;
  /** fs-verity digest of the layer's own composefs image. */
  readonly key: VerityDigest | undefined;
  /** Whether it is a layer of the previous image, as it was. */
  readonly carried: boolean;
  /** Bytes of the blob, and of the tar in it. */
  readonly size: number;
  readonly tarSize: number;
  readonly entries: number;
  /** Keys of the components in it, for display. */
  readonly components: readonly string[];
  /** Chance of staying the same for a week. */
  readonly stability: number;
}

/** What was built, seen from the previous image. */
export interface BuildUpdate {
  readonly previous: string;
  /** Layers, and bytes of blobs, that the previous image does not have. */
  readonly layers: number;
  readonly size: number;
  /** Whether the layers were planned afresh. */
  readonly replanned: boolean;
}

/** Name of an image whose destination gives none: what other tools look for. */
const DEFAULT_TAG = 'latest';

/** Result of {@link build}. */
export interface BuildResult {
  readonly source: string;
  readonly destination: string;
  readonly manifest: { readonly digest: BlobDigest; readonly size: number };
  readonly digests: TreeDigests;
  readonly layers: readonly BuiltLayer[];
  /** Model of weekly download: expected bytes, the lower bound, and their ratio. */
  readonly plan: LayerPlan['totals'];
  /** What a client of the previous image downloads for this one, when one was given. */
  readonly update: BuildUpdate | undefined;
  /** Layers and bytes as they came and as they are now. */
  readonly before: { readonly layers: number; readonly size: number; readonly tarSize: number };
  readonly after: { readonly layers: number; readonly size: number; readonly tarSize: number };
}

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
          const known = { source, writer, destination, compression, componentMap, rules, extras };
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
    const plain = shipTree(session, tree.root, tree.contents, options.selinux ?? 'keep');
    const extended = await extend?.(session, tree, plain);
    const { base: whole, full, contents } = extended ?? unextended(tree, plain);
    const { algorithm } = tree;
    const previous = request.previous === undefined ? undefined : rememberImage(request.previous, algorithm);
    const { componentMap, rules } = request;
    const all = await findComponents(session, whole, contents, {
      componentMap,
      sources: request.extras.sources?.(),
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
    const compared = { shipped: base, algorithm, found, previous, base: below, maxLayers, replan };
    const standing = await findStanding(session, compared);
    const planned = planAbove(base, found, standing, { ...options, partitions });
    const state = { ...request, tree, contents, shipped, extended, split, planned, standing, below };
    return await write(session, state, options);
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
}

async function write(session: Session, state: BuildState, options: BuildOptions): Promise<BuildResult> {
  const { tree } = state;
  session.onProgress({ stage: 'digest', done: 0, total: undefined, unit: 'steps' });
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
  { tree, contents, shipped, extended, split, planned, standing, writer, compression }: BuildState,
  options: BuildOptions,
): Promise<MadeLayer[]> {
  const { algorithm } = tree;
  const maxLayers = checkLayerCount(options.maxLayers);
  const root = shipped;
  const arranged = arrangeLayers({ root, planned, algorithm, compression, maxLayers, standing });
  const { previous } = standing;
  const rows = await readyContents(session, { tree, contents, shipped, planned, arranged, previous });
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

function summarize(
  { source, tree, planned, standing }: BuildState,
  layers: readonly MadeLayer[],
  digests: TreeDigests,
  manifest: Descriptor,
  destination: string,
): BuildResult {
  return {
    source,
    destination,
    manifest: { digest: manifest.digest, size: manifest.size },
    digests,
    layers: layers.map(builtLayer),
    plan: planned.plan.totals,
    update: updateFrom(standing.previous, layers, planned.plan.replanned),
    before: totals(tree.layers),
    after: totals(layers),
  };
}

function updateFrom(
  previous: PreviousImage | undefined,
  layers: readonly MadeLayer[],
  replanned: boolean,
): BuildUpdate | undefined {
  if (previous === undefined) return undefined;
  const { reference, layers: former } = previous;
  const known = new Set(former.map(({ descriptor }) => descriptor.digest));
  const fresh = layers.filter(({ digest }) => !known.has(digest));
  const size = fresh.reduce((sum, layer) => sum + layer.size, 0);
  return { previous: reference, layers: fresh.length, size, replanned };
}

function builtLayer(layer: MadeLayer): BuiltLayer {
  const { digest, diffId, key, size, tarSize, entries, stability, carried } = layer;
  const components = (layer.text?.members ?? []).map((member) => display(member.key));
  return { digest, diffId, key, carried, size, tarSize, entries, components, stability };
}

function totals(layers: readonly { size: number; tarSize: number }[]): BuildResult['after'] {
  const sum = (pick: (layer: { size: number; tarSize: number }) => number): number =>
    layers.reduce((total, layer) => total + pick(layer), 0);
  return { layers: layers.length, size: sum(({ size }) => size), tarSize: sum(({ tarSize }) => tarSize) };
}
