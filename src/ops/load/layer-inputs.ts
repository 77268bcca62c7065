/** The layers of an opened image as what is to be read. */
import type { OpenedImage } from '../../io/opened-image.ts';
import { layerMediaType } from '../../oci/media-types.ts';
import type { LayerInput } from './load-layers.ts';

/** What must be checked of each layer of an image. */
export function layerInputs(image: OpenedImage): LayerInput[] {
  return image.layers.map(({ blob, descriptor, diffId }) => ({
    blob,
    digest: descriptor.digest,
    size: descriptor.size,
    diffId,
    claimed: layerMediaType(descriptor.mediaType)?.compression,
    globalHeaders: 'ignore',
  }));
}
