/**
 * Signature lists and authenticated variables of UEFI (specification 2.10, sections 8.2.2 and 32.4.1), by which a machine
 * is told whose boot programs it may start.
 *
 *     EFI_SIGNATURE_LIST: GUID of the type, u32 size of the list, u32 size of a header (0), u32 size of an entry,
 *                         then the entry: GUID of the owner, certificate in DER
 *     .auth file:         EFI_TIME, WIN_CERTIFICATE_UEFI_GUID (u32 length, u16 0x0200, u16 0x0ef1, GUID of PKCS #7,
 *                         SignedData), then the new value of the variable
 *
 * Signed are the variable's name in UTF-16, the GUID of its vendor, its attributes, the time, and the value. Numbers
 * are little-endian, and so are the first three fields of a GUID.
 */
import { PlanishError } from '../errors.ts';
import type { Certificate } from '../sign/certificate.ts';
import { signCms } from '../sign/cms.ts';
import { OID_DATA } from '../sign/cms-format.ts';
import type { Signer } from '../sign/signer.ts';

/** Variables that hold certificates: platform key, key exchange keys, and what may and may not be started. */
export type SecureVariable = 'PK' | 'KEK' | 'db' | 'dbx';

const X509_GUID = 'a5c059a1-94e4-4aa7-87b5-ab155c2bf072';
const PKCS7_GUID = '4aafd29d-68df-49ee-8aa9-347d375665a7';
const GLOBAL_GUID = '8be4df61-93ca-11d2-aa0d-00e098032b8c';
const IMAGE_SECURITY_GUID = 'd719b2cb-3d3a-4596-a3bc-dad00e67656f';

const GUID_BYTES = 16;
const LIST_HEADER_BYTES = 28;
const CERTIFICATE_HEADER_BYTES = 24;
const REVISION_2 = 0x0200;
const TYPE_EFI_GUID = 0x0ef1;
/** Non-volatile, boot service access, runtime access, time based authenticated write access. */
const ATTRIBUTES = 0x27;
const GUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** A GUID as firmware has it. Throws `BAD_OPTION` for a text that is none. */
function encodeGuid(text: string): Uint8Array {
  if (!GUID.test(text)) throw new PlanishError('BAD_OPTION', 'not a GUID', { actual: text.slice(0, 80) });
  const bytes = Buffer.from(text.replaceAll('-', ''), 'hex');
  bytes.subarray(0, 4).reverse();
  bytes.subarray(4, 6).reverse();
  bytes.subarray(6, 8).reverse();
  return bytes;
}

/** Signature lists of certificates, one each. `owner` is whoever put them there, for people; a GUID. */
export function encodeSignatureLists(certificates: readonly Certificate[], owner: string): Uint8Array {
  return Buffer.concat(certificates.map(({ der }) => encodeSignatureList(der, owner)));
}

function encodeSignatureList(der: Uint8Array, owner: string): Uint8Array {
  const sizes = Buffer.alloc(12);
  sizes.writeUInt32LE(LIST_HEADER_BYTES + GUID_BYTES + der.length, 0);
  sizes.writeUInt32LE(GUID_BYTES + der.length, 8);
  return Buffer.concat([encodeGuid(X509_GUID), sizes, encodeGuid(owner), der]);
}

/** A change of a variable. */
export interface VariableUpdate {
  readonly name: SecureVariable;
  readonly value: Uint8Array;
  /** Seconds since 1970. Firmware takes no change that is not newer than the last one. */
  readonly time: number;
}

/**
 * The `.auth` file of a change, signed by the key of a certificate: PK by itself, KEK by PK, db by KEK or PK. Throws
 * `SIGNER_FAILED`, and `BAD_OPTION` for a time that firmware cannot say.
 */
export async function encodeAuthenticatedVariable(
  { name, value, time }: VariableUpdate,
  certificate: Certificate,
  signer: Signer,
): Promise<Uint8Array> {
  const stamp = encodeTime(time);
  const vendor = name === 'PK' || name === 'KEK' ? GLOBAL_GUID : IMAGE_SECURITY_GUID;
  const attributes = Buffer.alloc(4);
  attributes.writeUInt32LE(ATTRIBUTES, 0);
  const message = Buffer.concat([Buffer.from(name, 'utf16le'), encodeGuid(vendor), attributes, stamp, value]);
  const signedData = await signCms(
    { hash: 'sha256', contentType: OID_DATA, message, signedAttributes: false, certificates: [certificate] },
    certificate,
    signer,
  );
  const header = Buffer.alloc(8);
  header.writeUInt32LE(CERTIFICATE_HEADER_BYTES + signedData.length, 0);
  header.writeUInt16LE(REVISION_2, 4);
  header.writeUInt16LE(TYPE_EFI_GUID, 6);
  return Buffer.concat([stamp, header, encodeGuid(PKCS7_GUID), signedData, value]);
}

/** EFI_TIME in UTC; fields that must be zero are. */
function encodeTime(seconds: number): Uint8Array {
  const date = new Date(seconds * 1000);
  const year = date.getUTCFullYear();
  if (!(year >= 1900 && year <= 9999))
    throw new PlanishError('BAD_OPTION', 'a time must be of the years 1900 to 9999', { actual: seconds });
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(year, 0);
  bytes.set(
    [
      date.getUTCMonth() + 1,
      date.getUTCDate(),
      date.getUTCHours(),
      date.getUTCMinutes(),
      date.getUTCSeconds(),
    ],
    2,
  );
  return bytes;
}
