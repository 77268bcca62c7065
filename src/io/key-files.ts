/** Keys, certificates and passphrases in files of this machine. What held a key is wiped when it has been read. */

import type { KeyObject } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { fromSystemError, PlanishError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { type Certificate, parseCertificates } from '../sign/certificate.ts';
import { parsePrivateKey, parsePublicKey } from '../sign/keys.ts';

/** Where the passphrase of an encrypted key is taken from when no file is named. */
const PASSPHRASE_VARIABLE = 'PLANISH_KEY_PASSPHRASE';

/**
 * A private key. An encrypted one needs a passphrase: the first line of `passphraseFile`, or the variable
 * `PLANISH_KEY_PASSPHRASE` of `environment`. Throws `KEY_BAD`, `LIMIT_EXCEEDED` (`keyFileBytes`), `SYSCALL_FAILED`.
 */
export function loadPrivateKey(
  file: string,
  environment: Readonly<Record<string, string | undefined>>,
  passphraseFile?: string,
): KeyObject {
  const bytes = readKeyFile(file);
  const passphrase =
    passphraseFile === undefined ? environment[PASSPHRASE_VARIABLE] : firstLine(readKeyFile(passphraseFile));
  try {
    return parsePrivateKey(bytes, file, passphrase);
  } finally {
    bytes.fill(0);
    if (typeof passphrase === 'object') passphrase.fill(0);
  }
}

/** A public key, alone or in a certificate. Throws `KEY_BAD`, `CERTIFICATE_BAD`, `SYSCALL_FAILED`. */
export function loadPublicKey(file: string): KeyObject {
  return parsePublicKey(readKeyFile(file), file);
}

/** All certificates of a file, at least one. Throws `CERTIFICATE_BAD`, `SYSCALL_FAILED`. */
export function loadCertificates(file: string): Certificate[] {
  return parseCertificates(readKeyFile(file), file);
}

/** The one certificate of a file. Throws `CERTIFICATE_BAD` also for several. */
export function loadCertificate(file: string): Certificate {
  const [certificate, ...others] = loadCertificates(file);
  if (certificate !== undefined && others.length === 0) return certificate;
  throw new PlanishError('CERTIFICATE_BAD', 'a file holds several certificates where one is wanted', {
    file,
  });
}

/** A signature that came in a file. Throws `LIMIT_EXCEEDED` (`keyFileBytes`), `SYSCALL_FAILED`. */
export function readSignatureFile(file: string): Buffer {
  return readKeyFile(file);
}

function firstLine(bytes: Uint8Array): Uint8Array {
  const end = bytes.findIndex((byte) => byte === 0x0a || byte === 0x0d);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

function readKeyFile(file: string): Buffer {
  try {
    return readWhole(file);
  } catch (error) {
    throw fromSystemError(error, 'cannot read a key, certificate or passphrase', { file });
  }
}

/** Reads without leaving copies behind; pipes and other files without a size are read as well. */
function readWhole(file: string): Buffer {
  const fd = openSync(file, 'r');
  const buffer = Buffer.alloc(LIMITS.keyFileBytes + 1);
  try {
    if (fstatSync(fd).isDirectory()) throw new PlanishError('KEY_BAD', 'a directory is no key', { file });
    let length = 0;
    for (let count = -1; count !== 0 && length < buffer.length; length += count) {
      count = readSync(fd, buffer, length, buffer.length - length, null);
    }
    if (length === buffer.length) {
      const detail = { limit: 'keyFileBytes', expected: LIMITS.keyFileBytes, file };
      throw new PlanishError('LIMIT_EXCEEDED', 'a file is too large for a key or a certificate', detail);
    }
    return Buffer.from(buffer.subarray(0, length));
  } finally {
    buffer.fill(0);
    closeSync(fd);
  }
}
