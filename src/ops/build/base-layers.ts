/** The layers of a base image, which stay exactly as they are: what of a tree they hold, and what must go above them. */
import type { ByteString } from '../../bytes/byte-string.ts';
import type { HashAlgorithm } from '../../bytes/digest.ts';
import { PlanishError } from '../../errors.ts';
import type { HostLayer } from '../../host/accept-layer.ts';
import { attempt } from '../../host/host-digest.ts';
import { makePlainTree } from '../../host/host-tree.ts';
import { DEFAULT_PROFILE, hostProfile } from '../../host/profiles.ts';
import type { OpenedImage } from '../../io/opened-image.ts';
import { coverTree } from '../../layer/coverage.ts';
import type { LayerIndex } from '../../layer/layer-index.ts';
import { diffTrees } from '../../tree/diff.ts';
import { flatten } from '../../tree/flatten.ts';
import type { Directory } from '../../tree/tree.ts';
import { walk } from '../../tree/walk.ts';
import { hostLayer } from '../hosts/host-digests.ts';
import { layerInputs } from '../load/layer-inputs.ts';
import { loadLayers } from '../load/load-layers.ts';
import type { LoadedTree } from '../load/load-tree.ts';
import type { Session } from '../session.ts';
import { type PreviousImage, rememberImage, type StandingLayer } from './previous-image.ts';

/** A base image, read. */
export interface BaseLayers {
  readonly image: OpenedImage;
  readonly layers: readonly StandingLayer[];
  readonly covered: ReadonlySet<ByteString>;
  readonly surplus: readonly ByteString[];
  /** The layers as hosts meet them, where hosts refuse them: then they refuse every image on top. */
  readonly refused: readonly HostLayer[] | undefined;
}

/**
 * Compares a base image with the tree that is to be shipped. Its layers are read unless the source begins with them.
 * Throws `IMAGE_UNSUPPORTED` where hosts and container engines make different trees of it.
 */
export async function readBase(
  session: Session,
  image: OpenedImage,
  tree: LoadedTree,
  shipped: Directory,
): Promise<BaseLayers> {
  const indexes = await readIndexes(session, image, tree);
  const inputs = layerInputs(image);
  const hostLayers = indexes.map((index, ordinal) => hostLayer(index, inputs[ordinal]));
  const numbered = indexes.map(({ entries }, ordinal) => ({ ordinal, entries }));
  const { root, implied } = flatten(numbered, { missingParents: 'create', whiteouts: 'oci' });
  const refused = refusedByHosts(hostLayers) ? hostLayers : undefined;
  if (refused === undefined) checkReadings(image, root, numbered);
  const { paths, wrong, surplus } = coverTree(shipped, root);
  // What no entry describes is whatever a client makes of it.
  const corrected = new Set([...wrong, ...implied]);
  const layers = standingLayers(rememberImage(image, tree.algorithm), indexes, root, corrected);
  return { image, layers, covered: paths, surplus, refused };
}

async function readIndexes(
  session: Session,
  image: OpenedImage,
  { layers, algorithm }: { readonly layers: readonly LayerIndex[]; readonly algorithm: HashAlgorithm },
): Promise<readonly LayerIndex[]> {
  const first = layers.slice(0, image.layers.length);
  if (image.layers.every(({ descriptor }, ordinal) => first[ordinal]?.digest === descriptor.digest))
    return first;
  return (await loadLayers(session, layerInputs(image), { algorithm, contents: false })).layers;
}

function refusedByHosts(layers: readonly HostLayer[]): boolean {
  const made = attempt(() => makePlainTree({ kind: 'layers', layers }, hostProfile(DEFAULT_PROFILE)));
  // A base may lack what an image needs; what counts is what its layers do to those above.
  return made.refused !== undefined && made.refused.code !== 'HOST_TREE_INVALID';
}

function checkReadings(
  image: OpenedImage,
  root: Directory,
  layers: readonly { readonly ordinal: number; readonly entries: LayerIndex['entries'] }[],
): void {
  const asHosts = flatten(layers, { missingParents: 'create', whiteouts: 'host' });
  for (const { path } of diffTrees(root, asHosts.root)) {
    throw new PlanishError(
      'IMAGE_UNSUPPORTED',
      'hosts and container engines read the base image differently',
      {
        file: image.reference,
        path,
        hint: 'planish lint tells more; build without --base makes new layers of it',
      },
    );
  }
}

/** All layers, the last of them standing for the directories of all. */
function standingLayers(
  { layers }: PreviousImage,
  indexes: readonly LayerIndex[],
  root: Directory,
  wrong: ReadonlySet<ByteString>,
): StandingLayer[] {
  const steps = [...walk(root)];
  const directories = new Set(steps.flatMap(({ path, node }) => (node.type === 'directory' ? [path] : [])));
  const none = new Set<ByteString>();
  return layers.map((layer, ordinal) => {
    const { entries, tarSize } = indexes[ordinal] as LayerIndex;
    const base = { layer, entries: entries.length, tarSize };
    const last = ordinal === layers.length - 1;
    return last ? { ...base, directories, wrong } : { ...base, directories: none, wrong: none };
  });
}
