/** Reads all layers of an image and computes what the image may claim of them: keys of layers, digests of the whole. */
import type { HashAlgorithm } from '../../bytes/digest.ts';
import type { FormatVersion } from '../../erofs/writer.ts';
import { PlanishError } from '../../errors.ts';
import type { HostOutcome } from '../../host/host-digest.ts';
import { DEFAULT_PROFILE, type HostProfile, hostProfile } from '../../host/profiles.ts';
import { HOST_READ_PATHS } from '../../host/read-file.ts';
import type { OpenedImage } from '../../io/opened-image.ts';
import { computeLayerKey } from '../../layer/key.ts';
import type { LayerIndex } from '../../layer/layer-index.ts';
import { flatten } from '../../tree/flatten.ts';
import { hostDigests, hostLayer } from '../hosts/host-digests.ts';
import { layerInputs } from '../load/layer-inputs.ts';
import { type LayerInput, loadLayers } from '../load/load-layers.ts';
import type { Session } from '../session.ts';

/** A layer, or why it cannot be read. */
export type ReadLayer = LayerIndex | PlanishError;

/** Every layer as it is; one that cannot be decoded as the error that says why. */
export async function readLayers(
  session: Session,
  image: OpenedImage,
  algorithm: HashAlgorithm,
): Promise<ReadLayer[]> {
  const read = async (input: LayerInput): Promise<ReadLayer> => {
    try {
      const { layers } = await loadLayers(session, [input], {
        algorithm,
        contents: false,
        keep: HOST_READ_PATHS,
        enforce: false,
      });
      return layers[0] as LayerIndex;
    } catch (error) {
      if (error instanceof PlanishError && (error.kind === 'input' || error.kind === 'integrity'))
        return error;
      throw error;
    }
  };
  return await Promise.all(layerInputs(image).map(read));
}

/** A digest, or why there is none. */
export type MergedDigest = string | PlanishError;

/** What stands in the place of the digest of a tree that has none. */
export const NO_DIGEST = 'none: hosts refuse the tree';

/** The key of a layer by itself. Throws what a tree without parents throws. */
export function keyOfLayer(layer: LayerIndex, ordinal: number): string {
  const { root } = flatten([{ ordinal, entries: layer.entries }], { missingParents: 'refuse' });
  return computeLayerKey(root, layer.algorithm);
}

/** What an image comes to, each digest computed when it is first asked for, the layers read once for each algorithm. */
export class ImageMeasure {
  readonly #session: Session;
  readonly #image: OpenedImage;
  readonly #layers = new Map<HashAlgorithm, Promise<ReadLayer[]>>();
  readonly #merged = new Map<string, ReturnType<typeof mergedDigests>>();

  constructor(session: Session, image: OpenedImage) {
    this.#session = session;
    this.#image = image;
  }

  /** Every layer, or why it cannot be read. */
  layers(algorithm: HashAlgorithm): Promise<ReadLayer[]> {
    const known = this.#layers.get(algorithm) ?? readLayers(this.#session, this.#image, algorithm);
    this.#layers.set(algorithm, known);
    return known;
  }

  /** Key of a layer. */
  async layerKey(ordinal: number, algorithm: HashAlgorithm): Promise<string | PlanishError> {
    const layer = (await this.layers(algorithm))[ordinal];
    if (layer === undefined || layer instanceof PlanishError)
      return layer ?? new PlanishError('INVARIANT', 'there is no such layer');
    try {
      return keyOfLayer(layer, ordinal);
    } catch (error) {
      if (error instanceof PlanishError) return error;
      throw error;
    }
  }

  /** Digest of the whole, as hosts of the default profile compute it. */
  async merged(
    kind: 'container' | 'bootable',
    algorithm: HashAlgorithm,
    format: FormatVersion,
  ): Promise<MergedDigest> {
    return (await this.#digests(algorithm, format, hostProfile(DEFAULT_PROFILE)))[kind];
  }

  /** Digest of the tree that hosts of a profile boot, in their own format. */
  async bootable(profile: HostProfile, algorithm: HashAlgorithm): Promise<MergedDigest> {
    if (profile.boot === undefined || profile.format === 'automatic') return NO_DIGEST;
    return (await this.#digests(algorithm, profile.format, profile)).bootable;
  }

  #digests(
    algorithm: HashAlgorithm,
    format: FormatVersion,
    profile: HostProfile,
  ): ReturnType<typeof mergedDigests> {
    const name = `${profile.name} ${format} ${algorithm}`;
    const compute = async () =>
      mergedDigests(this.#session, this.#image, await this.layers(algorithm), { algorithm, format, profile });
    const known = this.#merged.get(name) ?? compute();
    this.#merged.set(name, known);
    return known;
  }
}

/** Digests as a host computes them, or why there are none; of the default profile unless another is given. */
export async function mergedDigests(
  session: Session,
  image: OpenedImage,
  layers: readonly ReadLayer[],
  {
    algorithm,
    format,
    profile = hostProfile(DEFAULT_PROFILE),
  }: { algorithm: HashAlgorithm; format: FormatVersion; profile?: HostProfile },
): Promise<{ container: MergedDigest; bootable: MergedDigest }> {
  const unreadable = layers.find((layer) => layer instanceof PlanishError);
  if (unreadable !== undefined) return { container: unreadable, bootable: unreadable };
  const read = layers.filter((layer): layer is LayerIndex => !(layer instanceof PlanishError));
  const inputs = layerInputs(image);
  const hostLayers = read.map((layer, ordinal) => hostLayer(layer, inputs[ordinal]));
  const source = { kind: 'layers', layers: hostLayers } as const;
  const input = { source, algorithm, layers: read, inputs, contents: [] };
  const { plain, bootable } = await hostDigests(session, input, profile, { format });
  return { container: claimable(plain), bootable: bootable === undefined ? NO_DIGEST : claimable(bootable) };
}

/** What a host computes; a tree without the directories that it needs has no digest, anything else cannot be read. */
function claimable({ digest, refused }: HostOutcome): MergedDigest {
  if (digest !== undefined) return digest;
  if (refused === undefined || refused.code === 'HOST_TREE_INVALID') return NO_DIGEST;
  return new PlanishError(refused.code, refused.message);
}
