/** The composefs digests of a tree: as it is, and as a host makes it of a container's layers. */
import type { HashAlgorithm, VerityDigest } from '../bytes/digest.ts';
import { imageDigest } from '../erofs/image-digest.ts';
import { encodeImage, type FormatVersion } from '../erofs/writer.ts';
import { isPlanishError } from '../errors.ts';
import { transformForContainer } from '../tree/transform.ts';
import type { Directory } from '../tree/tree.ts';
import type { OnWarning } from '../warnings.ts';

/** Digests of one tree in one format. */
export interface TreeDigests {
  readonly format: FormatVersion;
  readonly algorithm: HashAlgorithm;
  /** The tree as it is, all attributes kept: what `mkfs` writes. */
  readonly tree: VerityDigest;
  /**
   * What a composefs host computes for a container image: root like /usr, /run emptied, attributes filtered. Absent
   * when the tree has no /usr, which hosts refuse.
   */
  readonly container: VerityDigest | undefined;
}

/** Computes both. Says `NO_HOST_DIGEST` where a host would refuse the tree. */
export function computeTreeDigests(
  root: Directory,
  options: { format: FormatVersion; algorithm: HashAlgorithm; onWarning: OnWarning },
): TreeDigests {
  const { format, algorithm } = options;
  const digest = (tree: Directory): VerityDigest =>
    imageDigest(encodeImage(tree, { version: format, algorithm }), algorithm);
  const host = hostTree(root, options.onWarning);
  return { format, algorithm, tree: digest(root), container: host === undefined ? undefined : digest(host) };
}

function hostTree(root: Directory, onWarning: OnWarning): Directory | undefined {
  try {
    return transformForContainer(root, { xattrs: 'allowlist-only' }).root;
  } catch (error) {
    if (!isPlanishError(error, 'HOST_TREE_INVALID')) throw error;
    onWarning({ code: 'NO_HOST_DIGEST', message: `no composefs host accepts this tree: ${error.message}` });
    return undefined;
  }
}

/** Annotation key of a merged image's digest (sealing specification of composefs-rs). */
export function mergedAnnotation(format: FormatVersion, algorithm: HashAlgorithm): string {
  return `composefs.merged.erofs.v${format}.fsverity-${algorithm}-12`;
}

/** Annotation key of a layer's key. */
export function layerAnnotation(algorithm: HashAlgorithm): string {
  return `composefs.layer.erofs.v1.fsverity-${algorithm}-12`;
}
