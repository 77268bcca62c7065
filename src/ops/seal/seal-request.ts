/**
 * What is to be signed elsewhere: plain data for people and programs that hold a key (a token, a service, a machine
 * without network). One entry for each file that lacks a signature.
 */
import { createHash } from 'node:crypto';
import type { BlobDigest } from '../../bytes/digest.ts';

/** One signature that is wanted. */
export interface SignatureRequest {
  /** Path of the file in the image. */
  readonly path: string;
  /** SHA-256 Authenticode digest of the file. */
  readonly authenticode: string;
  /** What the key signs: base64. RSA, PKCS #1 v1.5, SHA-256. */
  readonly toBeSigned: string;
  /** SHA-256 of that, in hexadecimal, for signers that take digests. */
  readonly digest: string;
}

/** See the module. */
export interface SigningRequest {
  readonly kind: 'planish-signing-request';
  readonly version: 1;
  readonly algorithm: 'RSASSA-PKCS1-v1_5 with SHA-256';
  /** Manifest digest of the image that waits for it. */
  readonly image: BlobDigest;
  readonly signatures: readonly SignatureRequest[];
}

/** A request for the files of an image. */
export function formatRequest(
  image: BlobDigest,
  pending: readonly {
    readonly path: string;
    readonly authenticode: string;
    readonly toBeSigned: Uint8Array;
  }[],
): SigningRequest {
  return {
    kind: 'planish-signing-request',
    version: 1,
    algorithm: 'RSASSA-PKCS1-v1_5 with SHA-256',
    image,
    signatures: pending.map(({ path, authenticode, toBeSigned }) => ({
      path,
      authenticode,
      toBeSigned: Buffer.from(toBeSigned).toString('base64'),
      digest: createHash('sha256').update(toBeSigned).digest('hex'),
    })),
  };
}

/** A signature that came, and which file of the image it is of. */
export interface AttachedSignature {
  /** Path in the image; absent: that of the only UKI. */
  readonly path?: string | undefined;
  /** File that holds it: raw RSA, base64, or DER PKCS #7. */
  readonly file: string;
}

/** `FILE`, or `/PATH/IN/THE/IMAGE=FILE`. */
export function parseAttached(text: string): AttachedSignature {
  const equals = text.startsWith('/') ? text.indexOf('=') : -1;
  return equals < 0 ? { file: text } : { path: text.slice(0, equals), file: text.slice(equals + 1) };
}
