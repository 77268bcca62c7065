/**
 * Digests. A *SHA-256 digest* names a blob (`sha256:…`, OCI image specification, descriptor.md); an *fs-verity
 * digest* names the content of a file as the kernel measures it. They look alike and must never be swapped, so they
 * are different types.
 */
import { PlanishError } from '../errors.ts';

declare const blobDigestBrand: unique symbol;
declare const verityDigestBrand: unique symbol;

/** `sha256:` or `sha512:` and lower-case hexadecimal digits: an OCI digest of a blob, or a diffID. */
export type BlobDigest = string & { readonly [blobDigestBrand]: true };

/** Lower-case hexadecimal fs-verity digest without prefix: 64 digits for SHA-256, 128 for SHA-512. */
export type VerityDigest = string & { readonly [verityDigestBrand]: true };

/** Hash algorithms of fs-verity and OCI digests. */
export type HashAlgorithm = 'sha256' | 'sha512';

/** Bytes of a digest of each algorithm. */
export const DIGEST_BYTES: Readonly<Record<HashAlgorithm, number>> = { sha256: 32, sha512: 64 };

const BLOB_DIGEST = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;
const VERITY_DIGEST = /^(?:[0-9a-f]{64}|[0-9a-f]{128})$/;

/** Whether a text is a digest of a supported algorithm. */
export function isBlobDigest(text: string): text is BlobDigest {
  return BLOB_DIGEST.test(text);
}

/** Checks the form of a blob digest. Throws `JSON_BAD_DOCUMENT`, naming `where`. */
export function parseBlobDigest(text: unknown, where: string): BlobDigest {
  if (typeof text === 'string' && isBlobDigest(text)) return text;
  throw new PlanishError('JSON_BAD_DOCUMENT', `${where} is not a sha256 or sha512 digest`, {
    actual: String(text).slice(0, 160),
  });
}

/** A blob digest from its algorithm and hexadecimal digits. */
export function blobDigest(algorithm: HashAlgorithm, hex: string): BlobDigest {
  return `${algorithm}:${hex}` as BlobDigest;
}

/** Algorithm and hexadecimal digits of a blob digest. */
export function splitBlobDigest(digest: BlobDigest): { algorithm: HashAlgorithm; hex: string } {
  const colon = digest.indexOf(':');
  return { algorithm: digest.slice(0, colon) as HashAlgorithm, hex: digest.slice(colon + 1) };
}

/** Whether a text is an fs-verity digest of either algorithm. */
export function isVerityDigest(text: string): text is VerityDigest {
  return VERITY_DIGEST.test(text);
}

/** Marks hexadecimal digits that a computation of ours produced. */
export function verityDigest(hex: string): VerityDigest {
  return hex as VerityDigest;
}

/** Algorithm of an fs-verity digest, by its length. */
export function verityAlgorithm(digest: VerityDigest): HashAlgorithm {
  return digest.length === 64 ? 'sha256' : 'sha512';
}
