/** Keys and certificates of `fixtures/keys`. */
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Certificate, parseCertificates } from '../../src/sign/certificate.ts';
import { keySigner, type Signer } from '../../src/sign/signer.ts';

/** Path of a file of the folder. */
export function keyFile(name: string): string {
  return fileURLToPath(new URL(`../../fixtures/keys/${name}`, import.meta.url));
}

/** A file of the folder. */
export function keyBytes(name: string): Buffer {
  return readFileSync(keyFile(name));
}

/** The certificate `NAME.crt`. */
export function testCertificate(name: string): Certificate {
  const [certificate] = parseCertificates(keyBytes(`${name}.crt`), name);
  if (certificate === undefined) throw new Error(`no certificate ${name}`);
  return certificate;
}

/** Signs with `NAME.key`. */
export function testSigner(name: string): Signer {
  return keySigner(createPrivateKey(keyBytes(`${name}.key`)), testCertificate(name).publicKey);
}
