/** Guessing from outside how many bytes a compressed layer will have: what a layer says of itself may be a lie. */
import type { CompressionKind } from '../../compress/kind.ts';
import { type BlobFile, readPart } from '../../io/blob-file.ts';

/** Layers shrink to a third or half; a guess that is too small costs more than one that is too large. */
const USUAL_RATIO = 4;

/** Bytes of the length at the end of a gzip member. */
const LENGTH_BYTES = 4;

/** Bytes that the tars in blobs usually have together, whatever those say. */
export function usualTarSize(blobs: readonly BlobFile[]): number {
  return blobs.reduce((sum, { size }) => sum + USUAL_RATIO * size, 0);
}

/** Bytes to set aside for the tar in a blob. A gzip stream of one member says it at its end. */
export function guessTarSize(blob: BlobFile, compression: CompressionKind): number {
  const usual = usualTarSize([blob]);
  if (compression !== 'gzip' || blob.size < LENGTH_BYTES) return usual;
  const end = readPart(blob, blob.size - LENGTH_BYTES, LENGTH_BYTES);
  const said = new DataView(end.buffer, end.byteOffset, LENGTH_BYTES).getUint32(0, true);
  // Less than the blob itself: the length of the last of several members, or modulo 4 GiB.
  return said < blob.size ? usual : said;
}
