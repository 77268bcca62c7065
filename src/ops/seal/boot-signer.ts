/** Who signs what firmware checks: a key here, a command, or nobody yet. */
import { PlanishError } from '../../errors.ts';
import { loadCertificates, loadPrivateKey } from '../../io/key-files.ts';
import type { Certificate } from '../../sign/certificate.ts';
import { type CertificateUse, checkCertificateUse } from '../../sign/certificate-use.ts';
import { checkKeyPair } from '../../sign/keys.ts';
import { keySigner, type Signer } from '../../sign/signer.ts';
import { openCommand } from '../sign/signing-key.ts';

/** Options of everything that signs for Secure Boot. */
export interface BootSigningOptions {
  /** File of the private key. */
  readonly key?: string | undefined;
  /** File of the certificate; further ones in it lead from it to one that firmware trusts. */
  readonly certificate?: string | undefined;
  /** File whose first line is the passphrase of the key. */
  readonly passphraseFile?: string | undefined;
  /** Instead of a key: `exec:COMMAND`, which is given a digest and returns a signature (docs/formats/authenticode.md). */
  readonly signWith?: string | undefined;
  /** Where `PLANISH_KEY_PASSPHRASE` is looked up. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
  /** Seconds since 1970 at which the certificate must be valid; absent: it is not looked at. */
  readonly time?: number | undefined;
  /** What the certificate is to do; default `signCode`. */
  readonly use?: CertificateUse | undefined;
}

/** A certificate, and who signs with its key. */
export interface BootSigner {
  readonly certificate: Certificate;
  /** Further certificates to include. */
  readonly others: readonly Certificate[];
  readonly signer: Signer;
}

/** Throws `BAD_OPTION`, `KEY_BAD`, `KEY_MISMATCH`, `CERTIFICATE_BAD`. */
export function openBootSigner(options: BootSigningOptions): BootSigner {
  const { key, certificate: file, signWith } = options;
  if (file === undefined) throw new PlanishError('BAD_OPTION', 'a certificate is needed: --cert FILE');
  if ((key === undefined) === (signWith === undefined))
    throw new PlanishError('BAD_OPTION', 'either a key or a signing command is needed: --key or --sign-with');
  const [certificate, ...others] = bootCertificates(file, options.time, options.use);
  if (signWith !== undefined)
    return { certificate, others, signer: openCommand(signWith, certificate.publicKey) };
  const secret = loadPrivateKey(key ?? '', options.environment ?? {}, options.passphraseFile);
  checkKeyPair(secret, certificate);
  return { certificate, others, signer: keySigner(secret, certificate.publicKey) };
}

/** Certificates of a file, the first fit to sign for Secure Boot. Throws `CERTIFICATE_BAD`, `KEY_BAD`. */
export function bootCertificates(
  file: string,
  time: number | undefined,
  use: CertificateUse = 'signCode',
): [Certificate, ...Certificate[]] {
  const [first, ...others] = loadCertificates(file);
  if (first === undefined) throw new PlanishError('CERTIFICATE_BAD', 'a file holds no certificate', { file });
  if (first.kind !== 'rsa') {
    throw new PlanishError('KEY_BAD', 'firmware takes RSA keys only, and the certificate has another', {
      file,
    });
  }
  const bits = first.publicKey.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < 2048) {
    const detail = { file, expected: '2048 bits', actual: `${bits} bits` };
    throw new PlanishError('KEY_BAD', 'the RSA key of a certificate is too small', detail);
  }
  checkCertificateUse(first, use, time);
  return [first, ...others];
}
