/** Putting a signature that came from elsewhere onto the PE file that it was made for. */
import { attachSignature, prepareAuthenticode } from '../../boot/authenticode.ts';
import { checkAuthenticode } from '../../boot/authenticode-verify.ts';
import type { ByteSource } from '../../bytes/byte-source.ts';
import { isPlanishError, PlanishError, withDetail } from '../../errors.ts';
import { decodeSignatureText } from '../../io/exec-signer.ts';
import type { Certificate } from '../../sign/certificate.ts';
import { decodeCms } from '../../sign/cms-reader.ts';
import { verifySignature } from '../../sign/signer.ts';

/**
 * The file with a signature: raw RSA (PKCS #1 v1.5) or that in base64, of what `prepareAuthenticode` says, or a whole
 * DER PKCS #7. Throws `SIGNATURE_INVALID`, `SIGNATURE_UNTRUSTED` unless it is of this file and by the certificate.
 */
export function attachToPe(
  source: ByteSource,
  signature: Buffer,
  [certificate, ...others]: readonly [Certificate, ...Certificate[]],
  file: string,
): ByteSource {
  try {
    const pkcs7 = isCms(signature)
      ? signature
      : wrap(source, decodeSignatureText(signature), certificate, others);
    const signed = attachSignature(source, pkcs7);
    const fault = checkAuthenticode(signed, [certificate]).signatures.at(-1)?.fault;
    if (fault === undefined) return signed;
    throw new PlanishError(fault.code, fault.message);
  } catch (error) {
    throw withDetail(error, { file });
  }
}

function wrap(
  source: ByteSource,
  signature: Uint8Array,
  certificate: Certificate,
  others: readonly Certificate[],
): Uint8Array {
  const unsigned = prepareAuthenticode(source);
  if (verifySignature(certificate.publicKey, unsigned.toBeSigned, 'sha256', signature))
    return unsigned.finish(signature, certificate, others);
  throw new PlanishError(
    'SIGNATURE_INVALID',
    `what came is no signature of this file by the key of ${certificate.subject}`,
  );
}

function isCms(bytes: Uint8Array): boolean {
  try {
    return decodeCms(bytes).signers.length > 0;
  } catch (error) {
    if (isPlanishError(error)) return false;
    throw error;
  }
}
