/** What is odd about a layer beyond its entries, and no error. */
import type { ByteString } from '../bytes/byte-string.ts';
import type { CompressionKind } from '../compress/kind.ts';
import type { OnWarning } from '../warnings.ts';
import type { LayerListing } from './layer-index.ts';

/** What a layer is judged by: how it is compressed and ends, and the path of its first sparse file. */
export interface LayerForm extends Pick<LayerListing, 'members' | 'compression' | 'endOfArchive'> {
  readonly sparsePath: ByteString | undefined;
}

/** Warns of several members, of a tar without an end, of another compression than `claimed`, and of sparse files. */
export function warnAboutForm(
  layer: LayerForm,
  claimed: CompressionKind | undefined,
  onWarning: OnWarning,
): void {
  if (layer.members > 1) {
    const what = layer.compression === 'gzip' ? 'gzip members' : 'zstd frames';
    onWarning({
      code: 'SEVERAL_MEMBERS',
      message: `${layer.members} ${what}; some hosts read only the first`,
    });
  }
  if (!layer.endOfArchive) {
    onWarning({ code: 'END_OF_ARCHIVE_MISSING', message: 'the tar ends without two zero blocks' });
  }
  if (claimed !== undefined && claimed !== layer.compression) {
    const message = `media type says ${claimed}, the bytes are ${layer.compression}`;
    onWarning({ code: 'MEDIA_TYPE_WRONG', message });
  }
  const { sparsePath } = layer;
  if (sparsePath !== undefined) {
    onWarning({ code: 'SPARSE_ENTRY', message: 'sparse entries; hosts refuse them', path: sparsePath });
  }
}
