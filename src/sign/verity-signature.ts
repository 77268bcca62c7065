/**
 * Signatures of fs-verity digests as the kernel checks them (Linux, Documentation/filesystems/fsverity.rst, "Built-in
 * signature verification"): PKCS #7 in DER over the formatted digest, with neither content nor attributes nor
 * certificates. The bytes are those of `fsverity sign`.
 */
import type { VerityDigest } from '../bytes/digest.ts';
import { verityAlgorithm } from '../bytes/digest.ts';
import { PlanishError } from '../errors.ts';
import { formatDigestForSigning } from '../fsverity/descriptor.ts';
import type { Certificate } from './certificate.ts';
import { encodeContentInfo, signCms } from './cms.ts';
import { OID_DATA } from './cms-format.ts';
import { decodeCms } from './cms-reader.ts';
import { type CmsVerdict, verifyCms } from './cms-verify.ts';
import type { Signer } from './signer.ts';

/** Signs a digest; hashed by the digest's own algorithm. Throws `SIGNER_FAILED`. */
export async function signVerityDigest(
  digest: VerityDigest,
  certificate: Certificate,
  signer: Signer,
): Promise<Uint8Array> {
  const spec = {
    hash: verityAlgorithm(digest),
    contentType: OID_DATA,
    message: formattedDigest(digest),
    signedAttributes: false,
    certificates: [],
  };
  return encodeContentInfo(await signCms(spec, certificate, signer));
}

/**
 * Demands a signature of a digest by one of the certificates. Throws `SIGNATURE_INVALID`, `SIGNATURE_UNTRUSTED`, and
 * what {@link decodeCms} throws.
 */
export function verifyVeritySignature(
  signature: Uint8Array,
  digest: VerityDigest,
  trusted: readonly Certificate[],
): CmsVerdict {
  const data = decodeCms(signature);
  if (data.content !== undefined || data.contentType !== OID_DATA) {
    throw new PlanishError('CMS_BAD_DATA', 'an fs-verity signature holds content of its own');
  }
  return verifyCms(data, formattedDigest(digest), trusted);
}

/** What is signed (`struct fsverity_formatted_digest`). */
function formattedDigest(digest: VerityDigest): Uint8Array {
  return formatDigestForSigning(verityAlgorithm(digest), Buffer.from(digest, 'hex'));
}
