/** Signs PE files: UKIs, addons, boot loaders. The result is the same every time: it holds no time. */

import {
  type ByteSource,
  byteSource,
  concatSources,
  patchSource,
  sliceSource,
  zeroSource,
} from '../bytes/byte-source.ts';
import { decodeDer } from '../der/reader.ts';
import { PlanishError } from '../errors.ts';
import type { Certificate } from '../sign/certificate.ts';
import { encodeContentInfo, prepareCms } from '../sign/cms.ts';
import { encodeIndirectData, OID_SPC_INDIRECT_DATA } from './authenticode-content.ts';
import { encodeCertificateEntry } from './certificate-table.ts';
import { authenticodeDigest, computeChecksum, signaturePadding } from './pe-digest.ts';
import { decodePeHeaders, OPTIONAL } from './pe-headers.ts';

const HASH = 'sha256';

/** A signature that lacks what a key makes. */
export interface UnsignedAuthenticode {
  /** SHA-256 Authenticode digest of the file. */
  readonly digest: Uint8Array;
  /** What the key signs (RSA PKCS #1 v1.5 with SHA-256). */
  readonly toBeSigned: Uint8Array;
  /** DER PKCS #7, with the signer's certificate and others that lead to a trusted one. */
  finish(signature: Uint8Array, certificate: Certificate, others?: readonly Certificate[]): Uint8Array;
}

/** Everything of a signature but what the key makes. Throws `PE_BAD_IMAGE`. */
export function prepareAuthenticode(source: ByteSource): UnsignedAuthenticode {
  const digest = authenticodeDigest(source, decodePeHeaders(source), HASH);
  const content = encodeIndirectData(HASH, digest);
  const spec = (certificates: readonly Certificate[]): Parameters<typeof prepareCms>[0] => ({
    hash: HASH,
    contentType: OID_SPC_INDIRECT_DATA,
    content,
    message: contentOf(content),
    signedAttributes: true,
    certificates,
  });
  return {
    digest,
    toBeSigned: prepareCms(spec([])).toBeSigned,
    finish: (signature, certificate, others = []) =>
      encodeContentInfo(prepareCms(spec([certificate, ...others])).finish(certificate, signature)),
  };
}

/** A SEQUENCE without its tag and length. */
function contentOf(sequence: Uint8Array): Uint8Array {
  return decodeDer(sequence).content;
}

/**
 * The file with one more signature, after those that it has, and with a correct checksum. Does not verify it. Throws
 * `PE_BAD_IMAGE`, `LIMIT_EXCEEDED` for files beyond 4 GiB.
 */
export function attachSignature(source: ByteSource, pkcs7: Uint8Array): ByteSource {
  const headers = decodePeHeaders(source);
  const entry = encodeCertificateEntry(pkcs7);
  const offset = headers.certificateTable?.offset ?? source.size + signaturePadding(source.size);
  const padding = zeroSource(Math.max(0, offset - source.size));
  const whole = concatSources([source, padding, byteSource(entry)]);
  if (whole.size > 0xffff_ffff) {
    throw new PlanishError('LIMIT_EXCEEDED', 'a signed PE file cannot be larger than 4 GiB', {
      actual: whole.size,
    });
  }
  const directory = Buffer.alloc(8);
  directory.writeUInt32LE(offset, 0);
  directory.writeUInt32LE(whole.size - offset, 4);
  return withChecksum(patchSource(whole, headers.securityEntry, directory));
}

/** The file without signatures, as it was before the first, but for zeros up to a multiple of eight bytes. */
export function detachSignatures(source: ByteSource): ByteSource {
  const headers = decodePeHeaders(source);
  if (headers.certificateTable === undefined) return source;
  const rest = sliceSource(source, 0, headers.certificateTable.offset);
  return withChecksum(patchSource(rest, headers.securityEntry, new Uint8Array(8)));
}

function withChecksum(source: ByteSource): ByteSource {
  const headers = decodePeHeaders(source);
  const field = Buffer.alloc(4);
  field.writeUInt32LE(computeChecksum(source, headers) % 2 ** 32, 0);
  return patchSource(source, headers.optionalHeader + OPTIONAL.checkSum, field);
}
