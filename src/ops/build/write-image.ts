/** The second half of a build: of a tree that is planned, an image. */
import { arch } from 'node:os';
import type { ByteString } from '../../bytes/byte-string.ts';
import type { CompressionKind } from '../../compress/kind.ts';
import { DEFAULT_LEVEL } from '../../compress/level.ts';
import type { FormatVersion } from '../../erofs/writer.ts';
import type { HostSource } from '../../host/host-tree.ts';
import { DEFAULT_PROFILE, hostProfile } from '../../host/profiles.ts';
import type { ImageWriter } from '../../io/image-writer.ts';
import { configPlatform } from '../../oci/config.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { linuxPlatform, parsePlatform } from '../../oci/platform.ts';
import type { Destination } from '../../oci/reference.ts';
import { collectLargeHeap } from '../../parallel/collect-garbage.ts';
import type { ContentFile } from '../../parallel/content-file.ts';
import type { Directory } from '../../tree/tree.ts';
import { hostInput } from '../hosts/host-digests.ts';
import { computeTreeDigests, type TreeDigests } from '../hosts/tree-digests.ts';
import type { LoadedTree } from '../load/load-tree.ts';
import type { Session } from '../session.ts';
import type { ArrangedLayer } from './arrange-layers.ts';
import type { BaseLayers } from './base-layers.ts';
import type { BuildOptions } from './build-options.ts';
import { type BuildResult, summarize } from './build-result.ts';
import { writeDocuments } from './built-image.ts';
import { type BuildExtras, type ExtendedTree, lastLayer } from './extended-tree.ts';
import { bareConfig } from './image-config.ts';
import { type MadeLayer, makeArrangedLayers } from './make-layers.ts';
import type { PlannedTree } from './make-plan.ts';
import { readyContents } from './previous-contents.ts';
import { previousOrder } from './previous-order.ts';
import {
  contentmetaLabels,
  groupsAnnotation,
  layerAnnotations,
  type SplitRules,
  type SplitTree,
} from './split-rules.ts';
import type { Standing } from './standing-layers.ts';

/** Name of an image whose destination gives none: what other tools look for. */
const DEFAULT_TAG = 'latest';

/** An image that is planned, and what it is made of. */
export interface BuildState {
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
  readonly arranged: readonly ArrangedLayer[];
  /** Rows of contents behind those of the source. */
  readonly added: readonly ContentFile[];
}

/** Digests what is shipped, writes its layers and documents, and puts the image in place. */
export async function writeImage(
  session: Session,
  state: BuildState,
  options: BuildOptions,
): Promise<BuildResult> {
  const { tree } = state;
  session.onProgress({ stage: 'digest', done: 0, total: undefined, unit: 'steps' });
  // Planning has left half of the heap dead, and hosts' trees are the other half again.
  collectLargeHeap();
  const { digests, layers } = await digestAndWrite(session, state, options);
  session.checkInterrupted();
  tree.verifyUnchanged();
  session.onProgress({ stage: 'finish', done: 0, total: undefined, unit: 'steps' });
  const manifest = await finish(session, state, layers, digests, options);
  return summarize(state, layers, digests, manifest, options.destination);
}

/**
 * Threads write the first layers while this one computes the digests, unless these decide whether there is anything to write. Whatever
 * fails, nothing is being written any more when that is thrown.
 */
async function digestAndWrite(
  session: Session,
  state: BuildState,
  options: BuildOptions,
): Promise<{ digests: TreeDigests; layers: MadeLayer[] }> {
  const { check } = state.extras;
  const checked = check === undefined ? undefined : await shippedDigests(session, state, options.format);
  if (checked !== undefined) check?.(checked);
  const contents = await readyContents(session, { ...state, previous: state.standing.previous });
  const order = await formerOrder(session, state, options);
  const making = makeLayers(session, state, { contents, order }, options);
  const made = Promise.allSettled([making]);
  const digests =
    checked ?? (await shippedDigests(session, state, options.format).finally(async () => await made));
  return { digests, layers: await making };
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
  const digests = await computeTreeDigests(session, { root: shipped, input }, profile, format);
  // Threads write for minutes after this, while nothing here would make V8 look for the trees of hosts.
  collectLargeHeap();
  return digests;
}

/** Sets threads to work before it first waits for anything. */
async function makeLayers(
  session: Session,
  state: BuildState,
  { contents, order }: { readonly contents: readonly ContentFile[]; readonly order: readonly ByteString[] },
  options: BuildOptions,
): Promise<MadeLayer[]> {
  const { tree, shipped, split, writer, compression } = state;
  const made = await makeArrangedLayers(session, withLastLayer(state), {
    root: shipped,
    contents,
    algorithm: tree.algorithm,
    compression: { kind: compression, level: options.level ?? DEFAULT_LEVEL[compression] },
    blobFile: (ordinal) => writer.createBlobFile(`layer-${ordinal}`),
    onWritten: ({ file, digest, size }) => writer.announceBlobFile?.(file, digest, size),
    order: [...order, ...(split.order ?? [])],
  });
  return made.map((layer) => {
    const keys = layer.text?.members.map(({ key }) => key) ?? [];
    return { ...layer, annotations: { ...layer.annotations, ...layerAnnotations(split, keys) } };
  });
}

/** The layers, and that of what was added to the tree behind them. */
function withLastLayer({ extended, arranged }: BuildState): readonly ArrangedLayer[] {
  return extended === undefined ? arranged : [...arranged, lastLayer(extended, arranged.at(-1))];
}

/** The order of files in the previous image, where it is to be kept. */
async function formerOrder(
  session: Session,
  state: BuildState,
  { order }: BuildOptions,
): ReturnType<typeof previousOrder> {
  const { previous } = state.standing;
  if (order !== 'previous' || previous === undefined) return [];
  return await previousOrder(session, previous, withLastLayer(state), state.tree.algorithm);
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
