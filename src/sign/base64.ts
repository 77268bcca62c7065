/** Base64 (RFC 4648, section 4) out of JSON, strictly: `Buffer` passes over what it does not know. */
import { PlanishError } from '../errors.ts';
import { asString } from '../oci/json.ts';

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** The bytes of a base64 text. Throws `SIGNATURE_BAD_FORMAT`, naming `where`, for anything else. */
export function decodeBase64(value: unknown, where: string): Uint8Array {
  const text = asString(value, where);
  if (BASE64.test(text)) return Buffer.from(text, 'base64');
  throw new PlanishError('SIGNATURE_BAD_FORMAT', `${where} is no base64`, { actual: text.slice(0, 80) });
}
