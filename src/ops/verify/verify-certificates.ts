/** `verify`: the certificates that are trusted, and whether those that signed were meant for it, strong, and valid. */
import { PlanishError } from '../../errors.ts';
import type { Certificate } from '../../sign/certificate.ts';
import { type CertificateUse, checkCertificateUse, timeFault } from '../../sign/certificate-use.ts';
import type { CmsVerdict } from '../../sign/cms-verify.ts';
import { checkKeyStrength } from '../../sign/keys.ts';
import type { VerifyCheck } from './verify-check.ts';

/** Certificates that were given, and what has been found to be signed by them or by what they issued. */
export class TrustedCertificates {
  readonly list: readonly Certificate[];
  /** By fingerprint and use. */
  readonly #signers = new Map<string, () => VerifyCheck>();
  readonly #time: number | undefined;

  /** `time`: when certificates must be valid, in seconds since 1970; `undefined` does not look at times. */
  constructor(list: readonly Certificate[], time: number | undefined) {
    this.list = list;
    this.#time = time;
  }

  /** Whether nothing can be verified. */
  get isEmpty(): boolean {
    return this.list.length === 0;
  }

  /** Takes note of a signature that holds. */
  note({ signer, anchor }: CmsVerdict, use: CertificateUse): void {
    this.#add(signer, use);
    // A root or intermediate certificate signs certificates, whatever those are used for.
    if (anchor.x509.fingerprint256 !== signer.x509.fingerprint256) this.#add(anchor, 'issue');
  }

  #add(certificate: Certificate, use: CertificateUse): void {
    const key = `${certificate.x509.fingerprint256} ${use}`;
    this.#signers.set(key, () => checkCertificate(certificate, use, this.#time));
  }

  /** A check of each certificate that signed something, in the order in which they were met. */
  checks(): VerifyCheck[] {
    return [...this.#signers.values()].map((check) => check());
  }
}

/**
 * An unfit certificate is a mismatch. One that is not valid at the time leaves a question: signatures do not say when
 * they were made, so nothing here can tell whether it was valid then.
 */
function checkCertificate(
  certificate: Certificate,
  use: CertificateUse,
  time: number | undefined,
): VerifyCheck {
  const subject = { check: 'certificate', subject: certificate.subject, layer: undefined } as const;
  try {
    checkCertificateUse(certificate, use, undefined);
    checkKeyStrength(certificate.publicKey);
  } catch (error) {
    if (!(error instanceof PlanishError)) throw error;
    const { expected, actual } = error.detail;
    const found = expected === undefined ? '' : ` (${expected} are needed, it has ${actual})`;
    return { ...subject, outcome: 'mismatch', reason: `${error.message}${found}` };
  }
  const fault = timeFault(certificate, time);
  if (fault === undefined) return { ...subject, outcome: 'match' };
  return {
    ...subject,
    outcome: 'unchecked',
    reason: `it ${fault}, and signatures do not say when they were made`,
  };
}
