/** One tree of the layers of an image, or of a tar. */
import { HOST_READ_PATHS } from '../../host/read-file.ts';
import type { BlobFile } from '../../io/blob-file.ts';
import type { OpenedImage } from '../../io/opened-image.ts';
import type { LayerListing } from '../../layer/layer-index.ts';
import { flatten } from '../../tree/flatten.ts';
import type { Directory } from '../../tree/tree.ts';
import type { Session } from '../session.ts';
import { layerInputs } from './layer-inputs.ts';
import { type LayerInput, listLayers, loadLayers } from './load-layers.ts';
import type { LoadedTree, Needs, SourceOptions } from './load-tree.ts';
import { BARE, measuringAlgorithm } from './loaded-tree.ts';

/** The tree of an image. */
export async function loadImageTree(
  session: Session,
  image: OpenedImage,
  options: SourceOptions,
  needs: Needs,
): Promise<LoadedTree> {
  const inputs = layerInputs(image);
  return { ...(await loadFlattened(session, inputs, options, needs)), kind: 'image', image };
}

/** The tree of one flat tar. */
export async function loadTarTree(
  session: Session,
  blob: BlobFile,
  options: SourceOptions,
  needs: Needs,
): Promise<LoadedTree> {
  const unknown = { digest: undefined, size: undefined, diffId: undefined, claimed: undefined };
  const input: LayerInput = { blob, ...unknown, globalHeaders: 'apply' };
  return { ...(await loadFlattened(session, [input], options, needs)), kind: 'tar' };
}

async function loadFlattened(
  session: Session,
  inputs: readonly LayerInput[],
  options: SourceOptions,
  needs: Needs,
): Promise<Omit<LoadedTree, 'kind'>> {
  const algorithm = measuringAlgorithm(options, needs);
  const wanted = { algorithm, contents: needs.contents, keep: HOST_READ_PATHS };
  if (!needs.digests) {
    const { layers, ...contents } = await listLayers(session, inputs, wanted);
    return { ...BARE, root: flattened(session, layers, options), algorithm, ...contents };
  }
  const { layers, ...contents } = await loadLayers(session, inputs, wanted);
  return { ...BARE, root: flattened(session, layers, options), algorithm, layers, inputs, ...contents };
}

function flattened(session: Session, layers: readonly LayerListing[], options: SourceOptions): Directory {
  session.checkInterrupted();
  session.onProgress({ stage: 'flatten', done: 0, total: undefined, unit: 'files' });
  const numbered = layers.map(({ entries }, ordinal) => ({ ordinal, entries }));
  const { root } = flatten(numbered, {
    missingParents: options.missingParents ?? 'create',
    whiteouts: 'oci',
    onWarning: session.onWarning,
  });
  return root;
}
