/** Who makes signatures: a key here, or something else that is asked for them (a command, a person with a token). */
import { type KeyObject, sign, verify } from 'node:crypto';
import { PlanishError } from '../errors.ts';
import { keyKind, type SignatureHash } from './algorithms.ts';
import { signEcdsa } from './ecdsa.ts';

/** Makes signatures with one private key, wherever that is. */
export interface Signer {
  /** The public half. */
  readonly publicKey: KeyObject;
  /**
   * The signature of a message, whose hash is what is signed: RSA by PKCS #1 v1.5, of as many bytes as the key has;
   * ECDSA as DER. Throws `SIGNER_FAILED`.
   */
  sign(message: Uint8Array, hash: SignatureHash): Promise<Uint8Array>;
}

/** Signs with a key in memory. The same message gives the same signature. */
export function keySigner(key: KeyObject, publicKey: KeyObject): Signer {
  return {
    publicKey,
    sign: async (message, hash) =>
      keyKind(key) === 'ecdsa' ? signEcdsa(key, message, hash) : sign(hash, message, key),
  };
}

/**
 * A signature by the signer, held against its public key: what a broken key, a wrong token or a fault makes is never
 * written. Throws `SIGNER_FAILED`.
 */
export async function signChecked(
  signer: Signer,
  message: Uint8Array,
  hash: SignatureHash,
): Promise<Uint8Array> {
  const signature = await signer.sign(message, hash);
  if (verifySignature(signer.publicKey, message, hash, signature)) return signature;
  throw new PlanishError(
    'SIGNER_FAILED',
    'what the signer returned is no signature by the key that was named',
  );
}

/** Whether a signature of a message is by the private half of a key. RSA: PKCS #1 v1.5; ECDSA: DER. */
export function verifySignature(
  key: KeyObject,
  message: Uint8Array,
  hash: SignatureHash,
  signature: Uint8Array,
): boolean {
  if (keyKind(key) === undefined) return false;
  try {
    return verify(hash, message, key, signature);
  } catch {
    return false;
  }
}
