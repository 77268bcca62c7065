/**
 * Private and public keys out of files, and whether they may be used for what they are to do. Messages never hold any
 * of the key or its passphrase, and the errors of OpenSSL are not passed on.
 */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { TAG } from '../der/tags.ts';
import { PlanishError } from '../errors.ts';
import { keyKind } from './algorithms.ts';
import { type Certificate, parseCertificates } from './certificate.ts';
import { ECDSA_CURVES } from './ecdsa.ts';
import { COSIGN_LABELS, openCosignKey } from './encrypted-key.ts';
import { parsePem } from './pem.ts';

/** Least size of an RSA key, in bits. */
const RSA_BITS_MIN = 2048;

/** Labels of PEM blocks that hold private keys. */
const PRIVATE_LABELS = [
  'PRIVATE KEY',
  'ENCRYPTED PRIVATE KEY',
  'RSA PRIVATE KEY',
  'EC PRIVATE KEY',
  ...COSIGN_LABELS,
];

/**
 * A private key: PEM or DER; PKCS #8, encrypted or not, PKCS #1, SEC 1, or as cosign makes them. Throws `KEY_BAD` for
 * anything else, for a passphrase that is missing or wrong, and for keys that are too weak or of a kind that does not
 * sign here.
 */
export function parsePrivateKey(
  bytes: Uint8Array,
  file: string,
  passphrase?: string | Uint8Array,
): KeyObject {
  const key = bytes[0] === TAG.sequence ? readDerKey(bytes, passphrase) : readPemKey(bytes, file, passphrase);
  if (key === undefined) throw badKey('a file holds no private key that can be read', file);
  checkKeyStrength(key, file);
  return key;
}

type Passphrase = string | Uint8Array | undefined;

function readPemKey(bytes: Uint8Array, file: string, passphrase: Passphrase): KeyObject | undefined {
  const block = parsePem(bytes).find(({ label }) => PRIVATE_LABELS.includes(label));
  if (block === undefined) return undefined;
  const isEncrypted = block.label.startsWith('ENCRYPTED') || /^Proc-Type: 4,ENCRYPTED\r?$/m.test(block.text);
  if (isEncrypted && passphrase === undefined) {
    throw badKey('a private key is encrypted, and no passphrase was given', file);
  }
  if (COSIGN_LABELS.includes(block.label)) return openCosignKey(block.der, file, passphrase ?? '');
  try {
    return createPrivateKey({ key: block.text, format: 'pem', ...secret(passphrase) });
  } catch {
    if (isEncrypted) throw badKey('a private key cannot be decrypted: the passphrase is wrong', file);
    return undefined;
  }
}

function readDerKey(bytes: Uint8Array, passphrase: Passphrase): KeyObject | undefined {
  for (const type of ['pkcs8', 'pkcs1', 'sec1'] as const) {
    try {
      return createPrivateKey({ key: Buffer.from(bytes), format: 'der', type, ...secret(passphrase) });
    } catch {
      // Of another type, or none.
    }
  }
  return undefined;
}

function secret(passphrase: Passphrase): { passphrase: string | Buffer } | Record<string, never> {
  if (passphrase === undefined) return {};
  return { passphrase: typeof passphrase === 'string' ? passphrase : Buffer.from(passphrase) };
}

/** A public key: PEM or DER, alone or in a certificate. Throws `KEY_BAD`, `CERTIFICATE_BAD`. */
export function parsePublicKey(bytes: Uint8Array, file: string): KeyObject {
  const block = parsePem(bytes).find(({ label }) => /(?:^| )(?:PUBLIC KEY|CERTIFICATE)$/.test(label));
  const key =
    block?.label.endsWith('CERTIFICATE') === true
      ? parseCertificates(bytes, file)[0]?.publicKey
      : readPublicKey(block?.der ?? bytes, block?.label === 'RSA PUBLIC KEY' ? 'pkcs1' : 'spki');
  if (key === undefined) throw badKey('a file holds no public key that can be read', file);
  checkKeyStrength(key, file);
  return key;
}

function readPublicKey(der: Uint8Array, type: 'pkcs1' | 'spki'): KeyObject | undefined {
  try {
    return createPublicKey({ key: Buffer.from(der), format: 'der', type });
  } catch {
    return undefined;
  }
}

/** Throws `KEY_BAD` for keys that are too small or of a kind that is not used; names the file where there is one. */
export function checkKeyStrength(key: KeyObject, file?: string): void {
  const kind = keyKind(key);
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  if (kind === undefined) {
    throw badKey(`keys of the kind ${key.asymmetricKeyType} are not used: RSA or ECDSA`, file);
  }
  if (kind === 'rsa' && modulusLength < RSA_BITS_MIN) {
    const detail = { expected: `${RSA_BITS_MIN} bits`, actual: `${modulusLength} bits` };
    throw new PlanishError('KEY_BAD', 'an RSA key is too small', {
      ...(file === undefined ? {} : { file }),
      ...detail,
    });
  }
  if (kind === 'ecdsa' && !ECDSA_CURVES.includes(namedCurve)) {
    throw badKey(`the curve ${namedCurve} is not used: P-256, P-384 or P-521`, file);
  }
}

/** Throws `KEY_MISMATCH` unless the private key is that of the certificate. */
export function checkKeyPair(key: KeyObject, certificate: Certificate): void {
  if (certificate.x509.checkPrivateKey(key)) return;
  throw new PlanishError(
    'KEY_MISMATCH',
    `the private key is not that of the certificate of ${certificate.subject}`,
  );
}

function badKey(message: string, file?: string): PlanishError {
  return new PlanishError('KEY_BAD', message, file === undefined ? {} : { file });
}
