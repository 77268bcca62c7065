/**
 * What is signed of a PE file: SpcIndirectDataContent (Microsoft "Windows Authenticode Portable Executable Signature
 * Format").
 *
 *     SpcIndirectDataContent ::= SEQUENCE { SEQUENCE { SPC_PE_IMAGE_DATAOBJ, SpcPeImageData }, DigestInfo }
 *     SpcPeImageData         ::= SEQUENCE { BIT STRING flags, [0] SpcLink }
 *     SpcLink                ::= [2] SpcString        SpcString ::= [0] BMPString
 *     DigestInfo             ::= SEQUENCE { SEQUENCE { hash algorithm, NULL }, OCTET STRING }
 *
 * The link is obsolete, which signers say in its place. The message digest of the signature covers the inside of the
 * outermost SEQUENCE, without its tag and length.
 */
import { type DerValue, decodeDer } from '../der/reader.ts';
import { TAG } from '../der/tags.ts';
import {
  DER_NULL,
  encodeBitString,
  encodeContext,
  encodeContextPrimitive,
  encodeOctets,
  encodeOid,
  encodeSequence,
} from '../der/writer.ts';
import { isPlanishError, PlanishError } from '../errors.ts';
import { HASH_OIDS, hashOfOid, type SignatureHash } from '../sign/algorithms.ts';

/** Content type of an Authenticode signature. */
export const OID_SPC_INDIRECT_DATA = '1.3.6.1.4.1.311.2.1.4';

const OID_SPC_PE_IMAGE_DATA = '1.3.6.1.4.1.311.2.1.15';
const OBSOLETE = Buffer.from('<<<Obsolete>>>', 'utf16le').swap16();

/** What an Authenticode signature says of its file. */
export interface IndirectData {
  readonly hash: SignatureHash;
  readonly digest: Uint8Array;
  /** What the signature covers. */
  readonly message: Uint8Array;
}

/** The content for a digest, DER. */
export function encodeIndirectData(hash: SignatureHash, digest: Uint8Array): Uint8Array {
  const link = encodeContext(0, encodeContext(2, encodeContextPrimitive(0, OBSOLETE)));
  const image = encodeSequence(encodeBitString(new Uint8Array()), link);
  return encodeSequence(
    encodeSequence(encodeOid(OID_SPC_PE_IMAGE_DATA), image),
    encodeSequence(encodeSequence(encodeOid(HASH_OIDS[hash].digest), DER_NULL), encodeOctets(digest)),
  );
}

/** What the content of a signature says. Throws `CMS_BAD_DATA`. */
export function decodeIndirectData(content: Uint8Array): IndirectData {
  try {
    return decodeContent(decodeDer(content));
  } catch (error) {
    if (!isPlanishError(error, 'DER_BAD_DATA')) throw error;
    throw new PlanishError(
      'CMS_BAD_DATA',
      `a signature of a PE file is malformed: ${error.message}`,
      error.detail,
    );
  }
}

function decodeContent(value: DerValue): IndirectData {
  const fields = value.fields(TAG.sequence, 'its content');
  const type = fields.take('its type').fields(TAG.sequence, 'its type').take('its type');
  if (type.oid('its type') !== OID_SPC_PE_IMAGE_DATA) throw type.fault('it is not of a PE file');
  const info = fields.take('its digest').fields(TAG.sequence, 'its digest');
  fields.end();
  const algorithm = info.take('its hash').fields(TAG.sequence, 'its hash').take('its hash');
  const hash = hashOfOid(algorithm.oid('its hash'));
  if (hash === undefined) throw algorithm.fault('its hash is not SHA-256, SHA-384 or SHA-512');
  const digest = info.take('its digest').octets('its digest');
  info.end();
  return { hash, digest, message: value.content };
}
