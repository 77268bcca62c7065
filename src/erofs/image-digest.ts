/** The digest that names an image: fs-verity over the whole file, as the kernel measures it. */
import type { HashAlgorithm, VerityDigest } from '../bytes/digest.ts';
import { computeVerityDigest } from '../fsverity/digest.ts';

/** fs-verity digest (4096-byte blocks, no salt) of an image's bytes. */
export function imageDigest(image: Uint8Array, algorithm: HashAlgorithm): VerityDigest {
  return computeVerityDigest(image, algorithm);
}
