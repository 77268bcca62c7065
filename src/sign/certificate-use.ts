/** What a certificate may be used for (RFC 5280, 4.2.1.3 and 4.2.1.12), and when. */
import { PlanishError } from '../errors.ts';
import type { Certificate } from './certificate.ts';

/** What a certificate is to do: sign anything, sign what boots, or issue the certificate of who signs. */
export type CertificateUse = 'sign' | 'signCode' | 'issue';

const DIGITAL_SIGNATURE = 0x80;
const KEY_CERT_SIGN = 0x04;
const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';
const ANY_PURPOSE = '2.5.29.37.0';

/**
 * Throws `CERTIFICATE_BAD` unless the certificate may be used so at `time` (seconds since 1970; `undefined` does not look
 * at times). A certificate without the extensions that restrict its use may do anything.
 */
export function checkCertificateUse(
  certificate: Certificate,
  use: CertificateUse,
  time: number | undefined,
): void {
  const { keyUsage, extendedKeyUsage, kind } = certificate;
  if (kind === undefined) throw unfit(certificate, 'has a key of a kind that is not used here');
  const [bit, name] =
    use === 'issue' ? [KEY_CERT_SIGN, 'keyCertSign'] : [DIGITAL_SIGNATURE, 'digitalSignature'];
  if (keyUsage !== undefined && (keyUsage & bit) === 0)
    throw unfit(certificate, `is not for signatures: its key usage lacks ${name}`);
  const mayCode = [CODE_SIGNING, ANY_PURPOSE].some((purpose) => extendedKeyUsage?.includes(purpose));
  if (use === 'signCode' && extendedKeyUsage !== undefined && !mayCode)
    throw unfit(certificate, 'is not for code: its extended key usage lacks codeSigning');
  const fault = timeFault(certificate, time);
  if (fault !== undefined) throw unfit(certificate, fault);
}

/** Why a certificate is not valid at a time (seconds since 1970), as a predicate; `undefined` when it is. */
export function timeFault(
  { notBefore, notAfter }: Certificate,
  time: number | undefined,
): string | undefined {
  if (time === undefined) return undefined;
  if (time < notBefore) return `is not valid before ${date(notBefore)}`;
  return time > notAfter ? `expired on ${date(notAfter)}` : undefined;
}

function unfit(certificate: Certificate, why: string): PlanishError {
  return new PlanishError('CERTIFICATE_BAD', `the certificate of ${certificate.subject} ${why}`);
}

function date(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 10);
}
