/**
 * cosign's own private keys: PKCS #8 in a box of NaCl, whose key is made of the passphrase by scrypt, all as JSON in a
 * PEM block.
 */
import { createPrivateKey, type KeyObject, scryptSync } from 'node:crypto';
import { isPlanishError, PlanishError } from '../errors.ts';
import { asObject, asString, parseJsonObject } from '../oci/json.ts';
import { decodeBase64 } from './base64.ts';
import { openSecretBox } from './secretbox.ts';

/** Labels of PEM blocks with such keys, of today and of older releases. */
export const COSIGN_LABELS: readonly string[] = [
  'ENCRYPTED SIGSTORE PRIVATE KEY',
  'ENCRYPTED COSIGN PRIVATE KEY',
];

/** The costs that cosign has used; others could be made to take any time. */
const COSTS: readonly unknown[] = [32_768, 65_536, 131_072];
const BLOCK_SIZE = 8;
const KEY_BYTES = 32;

/** The key in the content of a block. An empty passphrase is one. Throws `KEY_BAD`. */
export function openCosignKey(json: Uint8Array, file: string, passphrase: string | Uint8Array): KeyObject {
  const { ciphertext, nonce, salt, cost } = parseBox(json, file);
  // scrypt takes 128 times cost times block size in memory; the limit must be above that.
  const maxmem = 256 * cost * BLOCK_SIZE;
  const key = scryptSync(passphrase, salt, KEY_BYTES, { N: cost, r: BLOCK_SIZE, p: 1, maxmem });
  const pkcs8 = openSecretBox(ciphertext, nonce, key);
  if (pkcs8 === undefined) throw bad('cannot be decrypted: the passphrase is wrong', file);
  try {
    return createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' });
  } catch {
    throw bad('holds no private key that can be read', file);
  }
}

interface Box {
  readonly ciphertext: Uint8Array;
  readonly nonce: Uint8Array;
  readonly salt: Uint8Array;
  readonly cost: number;
}

function parseBox(json: Uint8Array, file: string): Box {
  try {
    const box = parseJsonObject(json, 'key');
    const kdf = asObject(box['kdf'], 'key: kdf');
    const cipher = asObject(box['cipher'], 'key: cipher');
    const { N: cost, r, p } = asObject(kdf['params'], 'key: kdf.params');
    if (asString(kdf['name'], 'key: kdf.name') !== 'scrypt')
      throw bad('is encrypted in an unknown way', file);
    if (asString(cipher['name'], 'key: cipher.name') !== 'nacl/secretbox')
      throw bad('is encrypted in an unknown way', file);
    if (!COSTS.includes(cost) || r !== BLOCK_SIZE || p !== 1)
      throw bad('is encrypted at an unknown cost', file);
    return {
      ciphertext: decodeBase64(box['ciphertext'], 'key: ciphertext'),
      nonce: decodeBase64(cipher['nonce'], 'key: nonce'),
      salt: decodeBase64(kdf['salt'], 'key: salt'),
      cost: Number(cost),
    };
  } catch (error) {
    if (!isPlanishError(error) || error.code === 'KEY_BAD') throw error;
    throw bad('is malformed', file);
  }
}

function badMessage(complaint: string): string {
  return `a cosign key ${complaint}`;
}

function bad(complaint: string, file: string): PlanishError {
  return new PlanishError('KEY_BAD', badMessage(complaint), { file });
}
