/**
 * The key of a layer: the fs-verity digest of the layer's own composefs image (format v1), computed before a byte
 * of the layer is written. The same entries with the same contents have the same key in every image, whatever the
 * compression. Carried as the annotation `composefs.layer.erofs.v1.fsverity-<algorithm>-12` of the sealing
 * specification.
 */
import type { HashAlgorithm, VerityDigest } from '../bytes/digest.ts';
import { imageDigest } from '../erofs/image-digest.ts';
import type { ImageRoom } from '../erofs/image-room.ts';
import { encodeImage } from '../erofs/writer.ts';
import type { Directory } from '../tree/tree.ts';

/** Key of a layer with this tree; its image is made in `room`, where there is one. Changing anything here changes every key. */
export function computeLayerKey(tree: Directory, algorithm: HashAlgorithm, room?: ImageRoom): VerityDigest {
  return imageDigest(encodeImage(tree, { version: 1, algorithm, room }), algorithm);
}
