/**
 * X.509 certificates (RFC 5280): `node:crypto` reads and verifies them; what it does not give as it stands in the
 * certificate (names, serial number, key usage) is read here.
 */
import { type KeyObject, X509Certificate } from 'node:crypto';
import { type DerFields, type DerValue, decodeDer } from '../der/reader.ts';
import { contextTag, TAG } from '../der/tags.ts';
import { PlanishError, withDetail } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { type KeyKind, keyKind } from './algorithms.ts';
import { parsePem } from './pem.ts';

/** A certificate. */
export interface Certificate {
  readonly der: Uint8Array;
  readonly x509: X509Certificate;
  /** The issuer's Name as it stands, DER. */
  readonly issuer: Uint8Array;
  /** The serial number as it stands, a DER INTEGER. */
  readonly serial: Uint8Array;
  /** The subject key identifier, if it has one. */
  readonly subjectKeyId: Uint8Array | undefined;
  /** The subject for a person: one line, nothing that drives a terminal. */
  readonly subject: string;
  /** Seconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Bits of keyUsage, most significant first (bit 0, digitalSignature, is 0x80); `undefined` without the extension. */
  readonly keyUsage: number | undefined;
  /** Purposes of extKeyUsage; `undefined` without the extension. */
  readonly extendedKeyUsage: readonly string[] | undefined;
  readonly publicKey: KeyObject;
  /** `undefined` for keys of kinds that are not used here. */
  readonly kind: KeyKind | undefined;
}

const OID_SUBJECT_KEY_ID = '2.5.29.14';
const OID_KEY_USAGE = '2.5.29.15';
const OID_EXTENDED_KEY_USAGE = '2.5.29.37';

/** One certificate in DER. Throws `CERTIFICATE_BAD`. */
export function decodeCertificate(der: Uint8Array): Certificate {
  try {
    const x509 = new X509Certificate(der);
    const parts = decodeTbs(decodeDer(der));
    const { publicKey } = x509;
    const subject = oneLine(x509.subject);
    return { der, x509, ...parts, subject, publicKey, kind: keyKind(publicKey) };
  } catch (error) {
    const why = error instanceof PlanishError ? error.message : 'it is not X.509';
    const detail = error instanceof PlanishError ? error.detail : {};
    throw new PlanishError('CERTIFICATE_BAD', `a certificate is malformed: ${why}`, detail);
  }
}

/** All certificates of a file: PEM, one or several, or one in DER. Throws `CERTIFICATE_BAD`, naming the file. */
export function parseCertificates(bytes: Uint8Array, file: string): Certificate[] {
  try {
    if (bytes[0] === TAG.sequence) return [decodeCertificate(bytes)];
    const blocks = parsePem(bytes).filter(
      ({ label }) => label === 'CERTIFICATE' || label === 'X509 CERTIFICATE',
    );
    if (blocks.length === 0) throw new PlanishError('CERTIFICATE_BAD', 'a file holds no certificate');
    if (blocks.length > LIMITS.certificates) {
      const detail = { limit: 'certificates', expected: LIMITS.certificates, actual: blocks.length };
      throw new PlanishError('LIMIT_EXCEEDED', 'a file holds too many certificates', detail);
    }
    return blocks.map(({ der }) => decodeCertificate(der));
  } catch (error) {
    throw withDetail(error, { file });
  }
}

type TbsParts = Pick<
  Certificate,
  'issuer' | 'serial' | 'subjectKeyId' | 'notBefore' | 'notAfter' | 'keyUsage' | 'extendedKeyUsage'
>;

function decodeTbs(certificate: DerValue): TbsParts {
  const tbs = certificate
    .fields(TAG.sequence, 'a certificate')
    .take('its body')
    .fields(TAG.sequence, 'its body');
  tbs.takeIf(contextTag(0, true));
  const serial = tbs.take('its serial number', TAG.integer).bytes;
  tbs.take('its signature algorithm', TAG.sequence);
  const issuer = tbs.take('its issuer', TAG.sequence).bytes;
  const validity = tbs.take('its validity').fields(TAG.sequence, 'its validity');
  const notBefore = decodeTime(validity.take('its first moment'));
  const notAfter = decodeTime(validity.take('its last moment'));
  return { serial, issuer, notBefore, notAfter, ...decodeExtensions(tbs) };
}

const UTC_TIME = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;
const GENERALIZED_TIME = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;

/** RFC 5280, 4.1.2.5. */
function decodeTime(value: DerValue): number {
  const text = Buffer.from(value.content).toString('latin1');
  const match = (value.tag === TAG.utcTime ? UTC_TIME : GENERALIZED_TIME).exec(text);
  if (match === null || (value.tag !== TAG.utcTime && value.tag !== TAG.generalizedTime)) {
    throw value.fault('its validity is not a time');
  }
  const [year = 0, month = 1, ...rest] = match.slice(1).map(Number);
  const century = value.tag === TAG.utcTime ? (year < 50 ? 2000 : 1900) : 0;
  const [day = 1, hour = 0, minute = 0, second = 0] = rest;
  return Date.UTC(century + year, month - 1, day, hour, minute, second) / 1000;
}

function decodeExtensions(tbs: DerFields): Pick<TbsParts, 'subjectKeyId' | 'keyUsage' | 'extendedKeyUsage'> {
  const found = new Map<string, DerValue>();
  const wrapper = tbs.rest().find(({ tag }) => tag === contextTag(3, true));
  const list = wrapper?.fields(contextTag(3, true), 'its extensions').take('its extensions', TAG.sequence);
  for (const extension of list?.children() ?? []) {
    const fields = extension.fields(TAG.sequence, 'an extension');
    const oid = fields.take('its name').oid('the name of an extension');
    fields.takeIf(TAG.boolean);
    found.set(oid, decodeDer(fields.take('its value').octets('the value of an extension')));
  }
  const usage = found.get(OID_KEY_USAGE)?.expect(TAG.bitString, 'its key usage').content;
  const purposes = found.get(OID_EXTENDED_KEY_USAGE)?.children();
  return {
    subjectKeyId: found.get(OID_SUBJECT_KEY_ID)?.octets('its key identifier'),
    keyUsage: usage === undefined ? undefined : (usage[1] ?? 0),
    extendedKeyUsage: purposes?.map((purpose) => purpose.oid('a purpose')),
  };
}

function oneLine(subject: string): string {
  return subject
    .split('\n')
    .join(', ')
    .replace(/[^\x20-\x7e\u00a1-\uffff]/g, '?');
}

/** Whether two certificates are the same, byte for byte. */
export function sameCertificate(a: Certificate, b: Certificate): boolean {
  return Buffer.compare(a.der, b.der) === 0;
}
