/**
 * Makes SignedData (`cms-format.ts`) with one signer, named by issuer and serial number. It holds no time and nothing random, so an RSA key,
 * or an ECDSA key of ours (`ecdsa.ts`), gives the same bytes for the same message.
 */
import { createHash } from 'node:crypto';
import {
  DER_NULL,
  encodeContext,
  encodeOctets,
  encodeOid,
  encodeSequence,
  encodeSetOf,
  encodeSmallInteger,
} from '../der/writer.ts';
import { HASH_OIDS, type KeyKind, RSA_ENCRYPTION, type SignatureHash } from './algorithms.ts';
import type { Certificate } from './certificate.ts';
import { OID_CONTENT_TYPE, OID_MESSAGE_DIGEST, OID_SIGNED_DATA } from './cms-format.ts';
import { type Signer, signChecked } from './signer.ts';

/** What a SignedData says, beside its signature. */
export interface CmsSpec {
  readonly hash: SignatureHash;
  /** OID of the content, for example `OID_DATA`. */
  readonly contentType: string;
  /** The content, one DER element, when it is part of the SignedData. */
  readonly content?: Uint8Array | undefined;
  /** What is signed: all of a detached content, or the part of `content` that its type defines. */
  readonly message: Uint8Array;
  /** Whether attributes (content type, message digest) are signed rather than the message. */
  readonly signedAttributes: boolean;
  /** Certificates to include. */
  readonly certificates: readonly Certificate[];
}

/** A SignedData that lacks its signature. */
export interface UnsignedCms {
  /** What the key signs, with `hash`. Does not depend on the certificate. */
  readonly toBeSigned: Uint8Array;
  readonly hash: SignatureHash;
  /** The SignedData, DER, without a ContentInfo around it. */
  finish(certificate: Certificate, signature: Uint8Array): Uint8Array;
}

/** Everything but the signature. */
export function prepareCms(spec: CmsSpec): UnsignedCms {
  const attributes = spec.signedAttributes ? signedAttributes(spec) : undefined;
  return {
    toBeSigned: attributes === undefined ? spec.message : encodeSetOf(...attributes),
    hash: spec.hash,
    finish: (certificate, signature) =>
      signedData(spec, signerInfo(spec.hash, attributes, certificate, signature)),
  };
}

/**
 * Makes and signs. The certificate names the signer and must be that of the signer's key. Throws `SIGNER_FAILED`.
 * The result is a SignedData without a ContentInfo around it; {@link encodeContentInfo} adds that.
 */
export async function signCms(spec: CmsSpec, certificate: Certificate, signer: Signer): Promise<Uint8Array> {
  const unsigned = prepareCms(spec);
  return unsigned.finish(certificate, await signChecked(signer, unsigned.toBeSigned, unsigned.hash));
}

/** The usual form of a SignedData: DER PKCS #7. */
export function encodeContentInfo(signedData: Uint8Array): Uint8Array {
  return encodeSequence(encodeOid(OID_SIGNED_DATA), encodeContext(0, signedData));
}

function signedData(spec: CmsSpec, signer: Uint8Array): Uint8Array {
  const content = spec.content === undefined ? [] : [encodeContext(0, spec.content)];
  const certificates = spec.certificates.map(({ der }) => der);
  return encodeSequence(
    encodeSmallInteger(1),
    encodeSetOf(digestAlgorithm(spec.hash)),
    encodeSequence(encodeOid(spec.contentType), ...content),
    ...(certificates.length === 0 ? [] : [encodeContext(0, ...certificates)]),
    encodeSetOf(signer),
  );
}

function signerInfo(
  hash: SignatureHash,
  attributes: readonly Uint8Array[] | undefined,
  certificate: Certificate,
  signature: Uint8Array,
): Uint8Array {
  const sorted = attributes?.toSorted(Buffer.compare);
  return encodeSequence(
    encodeSmallInteger(1),
    encodeSequence(certificate.issuer, certificate.serial),
    digestAlgorithm(hash),
    ...(sorted === undefined ? [] : [encodeContext(0, ...sorted)]),
    signatureAlgorithm(certificate.kind ?? 'rsa', hash),
    encodeOctets(signature),
  );
}

function signedAttributes({ hash, contentType, message }: CmsSpec): Uint8Array[] {
  const digest = createHash(hash).update(message).digest();
  return [
    encodeSequence(encodeOid(OID_CONTENT_TYPE), encodeSetOf(encodeOid(contentType))),
    encodeSequence(encodeOid(OID_MESSAGE_DIGEST), encodeSetOf(encodeOctets(digest))),
  ];
}

function digestAlgorithm(hash: SignatureHash): Uint8Array {
  return encodeSequence(encodeOid(HASH_OIDS[hash].digest), DER_NULL);
}

/** As PKCS #7 has it: RSA without the hash, ECDSA with it and without parameters. */
function signatureAlgorithm(kind: KeyKind, hash: SignatureHash): Uint8Array {
  if (kind === 'rsa') return encodeSequence(encodeOid(RSA_ENCRYPTION), DER_NULL);
  return encodeSequence(encodeOid(HASH_OIDS[hash].ecdsa));
}
