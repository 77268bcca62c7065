/** Makes the arranged layers: writes those that are new, and takes the others as the previous image has them. */
import type { ByteString } from '../../bytes/byte-string.ts';
import type { BlobFile } from '../../io/blob-file.ts';
import type { Annotations } from '../../oci/descriptor.ts';
import type { Session } from '../session.ts';
import type { ArrangedLayer } from './arrange-layers.ts';
import type { ImageLayer } from './built-image.ts';
import type { PreviousLayer } from './previous-image.ts';
import { type FinishedLayer, type WriteLayersOptions, writeLayers } from './write-layers.ts';

/** A layer that is ready to become part of an image. */
export interface MadeLayer extends ImageLayer {
  /** A file that was written for it, or where the previous image has it. */
  readonly blob: string | BlobFile;
  readonly carried: boolean;
  readonly tarSize: number;
  readonly entries: number;
  readonly stability: number;
}

/** Layers in the order given. Nothing is read of those that are carried over. */
export async function makeArrangedLayers(
  session: Session,
  arranged: readonly ArrangedLayer[],
  options: WriteLayersOptions & { readonly order?: readonly ByteString[] | undefined },
): Promise<MadeLayer[]> {
  const orders = arranged.filter(({ carried }) => carried === undefined);
  const written = await writeLayers(
    session,
    orders.map(({ paths, tarSize, whiteouts }) => ({
      paths,
      size: tarSize,
      whiteouts,
      order: options.order,
    })),
    options,
  );
  const finished = new Map(orders.map((layer, ordinal) => [layer, written[ordinal] as FinishedLayer]));
  return arranged.map((layer) => {
    const { carried } = layer;
    if (carried !== undefined) return carriedLayer(layer, carried);
    return writtenLayer(layer, finished.get(layer) as FinishedLayer);
  });
}

function writtenLayer({ planned, text }: ArrangedLayer, written: FinishedLayer): MadeLayer {
  const { file, tarSize } = written;
  const { stability } = planned;
  const known = text === undefined ? undefined : { ...text, tarSize };
  return {
    ...written,
    blob: file,
    carried: false,
    stability,
    annotations: {},
    text: known,
    compression: undefined,
  };
}

function carriedLayer(
  { planned, entries, text, tarSize: estimate }: ArrangedLayer,
  { descriptor, diffId, blob, key, compression }: PreviousLayer,
): MadeLayer {
  const { digest, size } = descriptor;
  const { stability } = planned;
  const tarSize = text?.tarSize ?? estimate;
  const annotations = foreignAnnotations(descriptor.annotations ?? {});
  const made = { digest, size, diffId, key, text, annotations, blob, compression };
  return { ...made, carried: true, tarSize, entries, stability };
}

/**
 * Annotations of others. Keys by other algorithms would stand beside that of this image, and nobody could tell which
 * to go by; what is ours is written anew.
 */
function foreignAnnotations(annotations: Annotations): Annotations {
  const kept = Object.entries(annotations).filter(([name]) => !OWN_ANNOTATION.test(name));
  return Object.fromEntries(kept);
}

const OWN_ANNOTATION = /^(?:composefs\.layer\.|org\.planish\.)/;
