/** `--order previous`: files stand in rewritten layers as they stood in those of the previous image. */
import type { ByteString } from '../../bytes/byte-string.ts';
import type { HashAlgorithm } from '../../bytes/digest.ts';
import { PlanishError } from '../../errors.ts';
import { attempt } from '../../host/host-digest.ts';
import type { LayerIndex } from '../../layer/layer-index.ts';
import { normalizePath } from '../../tree/path.ts';
import { loadLayers } from '../load/load-layers.ts';
import type { Session } from '../session.ts';
import type { ArrangedLayer } from './arrange-layers.ts';
import { inputOf, type PreviousImage } from './previous-image.ts';

/** How files are ordered in the layers that are written: by their paths, or as in the previous image. */
export type FileOrder = 'path' | 'previous';

/** Throws `BAD_OPTION` for the order of a previous image where none is given. */
export function checkOrder(options: {
  readonly order?: FileOrder | undefined;
  readonly previous?: string | undefined;
}): void {
  if (options.order === 'previous' && options.previous === undefined)
    throw new PlanishError('BAD_OPTION', 'there is no previous image to take the order of files from', {
      expected: 'previous',
    });
}

/**
 * Paths in the order in which the previous image has them, layer after layer. Only layers that are not carried over are
 * read, and none where nothing is written. A path in several of them counts where it stands first.
 */
export async function previousOrder(
  session: Session,
  { layers }: PreviousImage,
  arranged: readonly ArrangedLayer[],
  algorithm: HashAlgorithm,
): Promise<readonly ByteString[]> {
  const carried = new Set(arranged.map((layer) => layer.carried?.descriptor.digest));
  if (!carried.has(undefined)) return [];
  const dirty = layers.filter(({ descriptor, isBase }) => isBase !== true && !carried.has(descriptor.digest));
  const read = await loadLayers(session, dirty.map(inputOf), { algorithm, contents: false });
  session.checkInterrupted();
  return [...new Set(read.layers.flatMap(pathsInOrder))];
}

/** Names that no tree can have are nobody's place. */
function pathsInOrder({ entries }: LayerIndex): ByteString[] {
  return entries.flatMap(({ path }) => attempt(() => normalizePath(path)).value ?? []);
}
