/**
 * Verifies SignedData. Two questions, never mixed: whether a signature is by the certificate that it names, and
 * whether that certificate is trusted, being one of those given or issued by one of them.
 */
import { createHash } from 'node:crypto';
import { PlanishError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { type Certificate, sameCertificate } from './certificate.ts';
import type { CmsSignedData, CmsSigner } from './cms-reader.ts';
import { verifySignature } from './signer.ts';

/** A signature that holds. */
export interface CmsVerdict {
  /** Whose signature it is. */
  readonly signer: Certificate;
  /** Which of the trusted certificates that leads to. */
  readonly anchor: Certificate;
}

/**
 * Demands that every signer's signature of `message` holds and is trusted; gives the first. What is trusted may also
 * be what is not in the SignedData. Times and purposes of certificates are not looked at, as firmware and the kernel
 * don't. Throws `SIGNATURE_INVALID`, or `SIGNATURE_UNTRUSTED`.
 */
export function verifyCms(
  data: CmsSignedData,
  message: Uint8Array,
  trusted: readonly Certificate[],
): CmsVerdict {
  const [first] = data.signers.map((signer) => verifyOne(data, signer, message, trusted));
  if (first === undefined) throw invalid('a CMS message has no signer');
  return first;
}

function verifyOne(
  data: CmsSignedData,
  signer: CmsSigner,
  message: Uint8Array,
  trusted: readonly Certificate[],
): CmsVerdict {
  const certificate = [...data.certificates, ...trusted].find((candidate) => names(signer, candidate));
  if (certificate === undefined) {
    throw new PlanishError('SIGNATURE_UNTRUSTED', 'a signature is by a certificate that is not at hand');
  }
  verifyCmsSigner(data, signer, message, certificate);
  const anchor = findAnchor(certificate, data.certificates, trusted);
  if (anchor !== undefined) return { signer: certificate, anchor };
  throw new PlanishError('SIGNATURE_UNTRUSTED', `the certificate of ${certificate.subject} is not trusted`);
}

/** Whether a signer names a certificate. */
function names(signer: CmsSigner, { issuer, serial, subjectKeyId }: Certificate): boolean {
  if (signer.issuer === undefined || signer.serial === undefined)
    return same(signer.subjectKeyId, subjectKeyId);
  return same(signer.issuer, issuer) && same(signer.serial, serial);
}

function same(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && Buffer.compare(a, b) === 0;
}

/** Throws `SIGNATURE_INVALID` unless the signature of `message` is by the certificate. */
function verifyCmsSigner(
  data: CmsSignedData,
  signer: CmsSigner,
  message: Uint8Array,
  certificate: Certificate,
): void {
  const { attributes, hash, kind, signature } = signer;
  if (kind !== certificate.kind)
    throw invalid('a signature is of another kind than the key of its certificate');
  if (attributes !== undefined) {
    const digest = createHash(hash).update(message).digest();
    if (!same(attributes.messageDigest, digest)) throw invalid('a signature is of another content');
    if (attributes.contentType !== data.contentType)
      throw invalid('a signature is of another type of content');
  }
  const signed = attributes?.bytes ?? message;
  if (verifySignature(certificate.publicKey, signed, hash, signature)) return;
  throw invalid(
    attributes === undefined
      ? 'a signature is of another content, or by another key than its certificate has'
      : 'a signature is damaged, or by another key than its certificate has',
  );
}

/** The trusted certificate that a chain of issuers leads to. */
function findAnchor(
  certificate: Certificate,
  others: readonly Certificate[],
  trusted: readonly Certificate[],
): Certificate | undefined {
  let current = certificate;
  for (let length = 0; length < LIMITS.certificateChain; length += 1) {
    const self = current;
    const anchor =
      trusted.find((candidate) => sameCertificate(candidate, self)) ??
      trusted.find((candidate) => isIssuer(candidate, self));
    if (anchor !== undefined) return anchor;
    const next = others.find((candidate) => candidate !== self && isIssuer(candidate, self));
    if (next === undefined) return undefined;
    current = next;
  }
  return undefined;
}

function isIssuer(issuer: Certificate, subject: Certificate): boolean {
  return issuer.x509.ca && subject.x509.checkIssued(issuer.x509) && subject.x509.verify(issuer.publicKey);
}

function invalid(message: string): PlanishError {
  return new PlanishError('SIGNATURE_INVALID', message);
}
