/** Reads SignedData (`cms-format.ts`), strictly: DER only, versions and algorithms that are known, nothing left over. */
import { type DerFields, type DerValue, decodeDer } from '../der/reader.ts';
import { contextTag, TAG } from '../der/tags.ts';
import { encodeElement } from '../der/writer.ts';
import { isPlanishError, PlanishError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { hashOfOid, type KeyKind, type SignatureHash, signatureOfOid } from './algorithms.ts';
import { type Certificate, decodeCertificate } from './certificate.ts';
import { OID_CONTENT_TYPE, OID_MESSAGE_DIGEST, OID_SIGNED_DATA } from './cms-format.ts';

/** Attributes that are signed in place of the message. */
export interface SignedAttributes {
  /** What is signed: the attributes as a SET. */
  readonly bytes: Uint8Array;
  readonly contentType: string;
  readonly messageDigest: Uint8Array;
}

/** A SignerInfo. */
export interface CmsSigner {
  /** The signer's certificate by issuer (DER) and serial number (DER), or by key identifier. */
  readonly issuer: Uint8Array | undefined;
  readonly serial: Uint8Array | undefined;
  readonly subjectKeyId: Uint8Array | undefined;
  readonly hash: SignatureHash;
  readonly kind: KeyKind;
  readonly signature: Uint8Array;
  readonly attributes: SignedAttributes | undefined;
}

/** A SignedData. */
export interface CmsSignedData {
  readonly contentType: string;
  /** The one element inside the content's tag; `undefined` when the content is detached. */
  readonly content: DerValue | undefined;
  readonly certificates: readonly Certificate[];
  readonly signers: readonly CmsSigner[];
}

/** A ContentInfo with SignedData: DER PKCS #7. Throws `CMS_BAD_DATA`, `CERTIFICATE_BAD`, `LIMIT_EXCEEDED`. */
export function decodeCms(bytes: Uint8Array): CmsSignedData {
  return guarded(() => {
    const outer = decodeDer(bytes).fields(TAG.sequence, 'a CMS message');
    const type = outer.take('its type');
    if (type.oid('its type') !== OID_SIGNED_DATA) throw type.fault('a CMS message is not SignedData');
    const inner = outer.take('its content').fields(contextTag(0, true), 'its content');
    outer.end();
    const signedData = inner.take('its SignedData');
    inner.end();
    return decodeBody(signedData);
  });
}

/** A SignedData with no ContentInfo around it, as EFI variables have it. Throws as {@link decodeCms} does. */
export function decodeSignedData(bytes: Uint8Array): CmsSignedData {
  return guarded(() => decodeBody(decodeDer(bytes)));
}

/** Whoever reads signatures is told that one is bad, whatever layer of it was. */
function guarded(decode: () => CmsSignedData): CmsSignedData {
  try {
    return decode();
  } catch (error) {
    if (!isPlanishError(error, 'DER_BAD_DATA')) throw error;
    throw new PlanishError('CMS_BAD_DATA', `a CMS signature is malformed: ${error.message}`, error.detail);
  }
}

function decodeBody(value: DerValue): CmsSignedData {
  const fields = value.fields(TAG.sequence, 'SignedData');
  checkVersion(fields.take('its version'), [1, 3]);
  const hashes = fields.take('its digest algorithms', TAG.set).children().map(decodeHash);
  const { contentType, content } = decodeContent(fields.take('its content'));
  const certificates = fields.takeIf(contextTag(0, true))?.children() ?? [];
  fields.takeIf(contextTag(1, true));
  const signers = fields.take('its signers', TAG.set).children();
  fields.end();
  checkCount(certificates, 'certificates');
  checkCount(signers, 'cmsSigners');
  const decoded = signers.map(decodeSigner);
  if (!decoded.every(({ hash }) => hashes.includes(hash)))
    throw value.fault('a signer uses a digest algorithm that is not listed');
  return {
    contentType,
    content,
    certificates: certificates.map((certificate) => decodeCertificate(certificate.bytes)),
    signers: decoded,
  };
}

function checkCount(values: readonly DerValue[], limit: 'certificates' | 'cmsSigners'): void {
  if (values.length <= LIMITS[limit]) return;
  const detail = { limit, expected: LIMITS[limit], actual: values.length };
  throw new PlanishError('LIMIT_EXCEEDED', 'a CMS signature has too many parts', detail);
}

function checkVersion(value: DerValue, known: readonly number[]): void {
  if (!known.includes(value.smallInteger('its version'))) throw value.fault('its version is not known');
}

function decodeContent(value: DerValue): Pick<CmsSignedData, 'contentType' | 'content'> {
  const fields = value.fields(TAG.sequence, 'its content');
  const contentType = fields.take('its content type').oid('its content type');
  const inner = fields.takeIf(contextTag(0, true))?.fields(contextTag(0, true), 'its content');
  const content = inner?.take('its content');
  inner?.end();
  fields.end();
  return { contentType, content };
}

function decodeSigner(value: DerValue): CmsSigner {
  const fields = value.fields(TAG.sequence, 'a signer');
  checkVersion(fields.take('its version'), [1, 3]);
  const name = decodeName(fields.take('its name'));
  const hash = decodeHash(fields.take('its digest algorithm'));
  const attributes = decodeAttributes(fields.takeIf(contextTag(0, true)));
  const kind = decodeKind(fields.take('its signature algorithm'), hash);
  const signature = fields.take('its signature').octets('its signature');
  fields.takeIf(contextTag(1, true));
  fields.end();
  return { ...name, hash, kind, signature, attributes };
}

function decodeName(value: DerValue): Pick<CmsSigner, 'issuer' | 'serial' | 'subjectKeyId'> {
  if (value.tag === contextTag(0, false)) {
    return { issuer: undefined, serial: undefined, subjectKeyId: value.content };
  }
  const fields = value.fields(TAG.sequence, 'its name');
  const issuer = fields.take('its issuer', TAG.sequence).bytes;
  const serial = fields.take('its serial number', TAG.integer).bytes;
  fields.end();
  return { issuer, serial, subjectKeyId: undefined };
}

function algorithm(value: DerValue, what: string): string {
  const fields = value.fields(TAG.sequence, what);
  const oid = fields.take(what).oid(what);
  fields.takeIf(TAG.null);
  fields.end();
  return oid;
}

function decodeHash(value: DerValue): SignatureHash {
  const hash = hashOfOid(algorithm(value, 'its digest algorithm'));
  if (hash === undefined) throw value.fault('its digest algorithm is not SHA-256, SHA-384 or SHA-512');
  return hash;
}

function decodeKind(value: DerValue, hash: SignatureHash): KeyKind {
  const signature = signatureOfOid(algorithm(value, 'its signature algorithm'));
  if (signature === undefined)
    throw value.fault('its signature algorithm is not RSA (PKCS #1 v1.5) or ECDSA');
  if (signature.hash === undefined || signature.hash === hash) return signature.kind;
  throw value.fault('its signature algorithm names another hash than its digest algorithm');
}

function decodeAttributes(value: DerValue | undefined): SignedAttributes | undefined {
  if (value === undefined) return undefined;
  const found = new Map<string, DerValue>();
  for (const attribute of value.children()) {
    const fields = attribute.fields(TAG.sequence, 'a signed attribute');
    const type = fields.take('its type').oid('its type');
    if (found.has(type)) throw attribute.fault('a signed attribute occurs twice');
    found.set(type, fields.take('its values', TAG.set));
    fields.end();
  }
  const bytes = encodeElement(TAG.set, value.content);
  const contentType = onlyValue(value, found, OID_CONTENT_TYPE).oid('the signed content type');
  const messageDigest = onlyValue(value, found, OID_MESSAGE_DIGEST).octets('the signed message digest');
  return { bytes, contentType, messageDigest };
}

function onlyValue(parent: DerValue, found: ReadonlyMap<string, DerValue>, type: string): DerValue {
  const fields: DerFields | undefined = found.get(type)?.fields(TAG.set, 'the values of an attribute');
  if (fields === undefined)
    throw parent.fault('content type or message digest is not among the signed attributes');
  const value = fields.take('a value');
  fields.end();
  return value;
}
