/**
 * Verifies the signatures of PE files against certificates that are trusted, as firmware does against its database: one
 * good signature is enough. What is malformed is an error, whatever else there is.
 */

import type { ByteSource } from '../bytes/byte-source.ts';
import { isPlanishError, PlanishError } from '../errors.ts';
import type { Certificate } from '../sign/certificate.ts';
import { type CmsSignedData, decodeCms } from '../sign/cms-reader.ts';
import { type CmsVerdict, verifyCms } from '../sign/cms-verify.ts';
import { decodeIndirectData, type IndirectData, OID_SPC_INDIRECT_DATA } from './authenticode-content.ts';
import { readCertificateTable, type StoredSignature } from './certificate-table.ts';
import { badPe } from './pe.ts';
import { authenticodeDigest, computeChecksum } from './pe-digest.ts';
import { decodePeHeaders, type PeHeaders } from './pe-headers.ts';

/** One signature of a PE file, and whether it holds. */
export interface SignatureVerdict {
  /** Subject of the signer's certificate, where it is at hand. */
  readonly signer: string | undefined;
  /** Subject of the trusted certificate that it leads to. */
  readonly anchor: string | undefined;
  /** Why it does not hold, or `undefined`. */
  readonly fault:
    | { readonly code: 'SIGNATURE_INVALID' | 'SIGNATURE_UNTRUSTED'; readonly message: string }
    | undefined;
}

/** What {@link checkAuthenticode} found. */
export interface AuthenticodeVerdict {
  /** SHA-256 Authenticode digest of the file, in hexadecimal. */
  readonly digest: string;
  /** All signatures, in their order. */
  readonly signatures: readonly SignatureVerdict[];
  /** Whether at least one holds. */
  readonly verified: boolean;
}

/**
 * Looks at every signature; `onTrusted` is told of each that holds. Throws `PE_BAD_IMAGE`, `CMS_BAD_DATA`,
 * `CERTIFICATE_BAD`, `LIMIT_EXCEEDED` for what is malformed, and `SIGNATURE_INVALID` for a checksum in the header that is not the file's.
 */
export function checkAuthenticode(
  source: ByteSource,
  trusted: readonly Certificate[],
  onTrusted: (verdict: CmsVerdict) => void = () => undefined,
): AuthenticodeVerdict {
  const headers = decodePeHeaders(source);
  const digest = authenticodeDigest(source, headers);
  checkChecksum(source, headers);
  const stored = readCertificateTable(source, headers.certificateTable);
  const signatures = stored.map((one) =>
    checkSignature({ source, headers, sha256: digest, trusted, onTrusted }, one),
  );
  return {
    digest: Buffer.from(digest).toString('hex'),
    signatures,
    verified: signatures.some(({ fault }) => fault === undefined),
  };
}

/** The same, but throws unless a signature holds: the first one's fault, or `SIGNATURE_INVALID` where there is none. */
export function verifyAuthenticode(source: ByteSource, trusted: readonly Certificate[]): AuthenticodeVerdict {
  const verdict = checkAuthenticode(source, trusted);
  if (verdict.verified) return verdict;
  const fault = verdict.signatures[0]?.fault;
  if (fault === undefined) throw new PlanishError('SIGNATURE_INVALID', 'a PE file has no signature');
  throw new PlanishError(fault.code, fault.message);
}

/**
 * Whether the signatures of a file are of its bytes, whoever made them: each is held against the certificates that come with
 * it, and what firmware trusts is not asked. Throws as {@link checkAuthenticode}.
 */
export function checkOwnSignatures(source: ByteSource): AuthenticodeVerdict {
  const stored = readCertificateTable(source, decodePeHeaders(source).certificateTable);
  return checkAuthenticode(
    source,
    stored.flatMap(({ pkcs7 }) => decodeCms(pkcs7).certificates),
  );
}

/** Signers that do not compute it leave zero, which nothing minds. */
function checkChecksum(source: ByteSource, headers: PeHeaders): void {
  if (headers.checkSum === 0) return;
  const expected = computeChecksum(source, headers) % 2 ** 32;
  if (expected === headers.checkSum) return;
  const detail = { expected, actual: headers.checkSum };
  throw new PlanishError('SIGNATURE_INVALID', 'the checksum of a PE file is not that of its bytes', detail);
}

/** What signatures are held against. */
interface SignedFile {
  readonly source: ByteSource;
  readonly headers: PeHeaders;
  readonly sha256: Uint8Array;
  readonly trusted: readonly Certificate[];
  onTrusted(verdict: CmsVerdict): void;
}

function checkSignature(file: SignedFile, { offset, pkcs7 }: StoredSignature): SignatureVerdict {
  const data = decodeCms(pkcs7);
  const content = contentOf(data, offset);
  const signer = data.certificates.find((certificate) => isSigner(data, certificate))?.subject;
  if (signer === undefined)
    throw badPe('a signature of a PE file does not hold the certificate of its signer', offset);
  try {
    checkDigest(file, content);
    const verdict = verifyCms(data, content.message, file.trusted);
    file.onTrusted(verdict);
    return { signer: verdict.signer.subject, anchor: verdict.anchor.subject, fault: undefined };
  } catch (error) {
    if (!isPlanishError(error, 'SIGNATURE_INVALID') && !isPlanishError(error, 'SIGNATURE_UNTRUSTED'))
      throw error;
    const code = error.code === 'SIGNATURE_INVALID' ? error.code : 'SIGNATURE_UNTRUSTED';
    return { signer, anchor: undefined, fault: { code, message: error.message } };
  }
}

/** Throws `SIGNATURE_INVALID` unless what is signed is the digest of the file. */
function checkDigest({ source, headers, sha256 }: SignedFile, content: IndirectData): void {
  const digest = content.hash === 'sha256' ? sha256 : authenticodeDigest(source, headers, content.hash);
  if (Buffer.compare(content.digest, digest) === 0) return;
  throw new PlanishError('SIGNATURE_INVALID', 'a signature is of other bytes than those of the file');
}

function contentOf(data: CmsSignedData, offset: number): IndirectData {
  if (data.contentType !== OID_SPC_INDIRECT_DATA || data.content === undefined)
    throw badPe('a signature of a PE file does not say what it is of', offset);
  if (data.signers.length !== 1 || data.signers[0]?.attributes === undefined)
    throw badPe('a signature of a PE file has not one signer with signed attributes', offset);
  return decodeIndirectData(data.content.bytes);
}

function isSigner(data: CmsSignedData, { serial, issuer }: Certificate): boolean {
  const named = data.signers[0];
  return (
    Buffer.compare(named?.serial ?? Buffer.of(), serial) === 0 &&
    Buffer.compare(named?.issuer ?? Buffer.of(), issuer) === 0
  );
}
