/**
 * What the older form of cosign's signatures signs (containers-signature(5), "simple signing"): a JSON document that
 * names a manifest by its digest and, as *identity*, the repository that it is of. Written as cosign writes it; read
 * from anyone.
 */
import { type BlobDigest, isBlobDigest } from '../bytes/digest.ts';
import { type ErrorDetail, isPlanishError, PlanishError } from '../errors.ts';
import { asObject, asString, formatJson, isAbsent, type JsonObject, parseJsonObject } from '../oci/json.ts';
import { decodeBase64 } from './base64.ts';

/** Media type of a payload, as a layer. */
export const PAYLOAD_MEDIA_TYPE = 'application/vnd.dev.cosign.simplesigning.v1+json';

const PAYLOAD_TYPE = 'cosign container image signature';
/** The type of podman's own signatures, which clients of either kind accept. */
const ATOMIC_TYPE = 'atomic container signature';

/** What a payload says. */
export interface ImagePayload {
  readonly digest: BlobDigest;
  /** The repository, as the signer wrote it. */
  readonly identity: string;
}

/** The bytes that are signed. The same for the same digest and identity. */
export function formatPayload({ digest, identity }: ImagePayload): Uint8Array {
  return formatJson({
    critical: {
      identity: { 'docker-reference': identity },
      image: { 'docker-manifest-digest': digest },
      type: PAYLOAD_TYPE,
    },
    optional: null,
  });
}

/** Reads a payload. Throws `SIGNATURE_BAD_FORMAT`. */
export function parsePayload(bytes: Uint8Array): ImagePayload {
  return asSignature('the payload of a signature', () => {
    const critical = asObject(parseJsonObject(bytes, 'payload')['critical'], 'payload: critical');
    refuseUnknown(critical);
    const type = asString(critical['type'], 'payload: critical.type');
    if (type !== PAYLOAD_TYPE && type !== ATOMIC_TYPE) throw bad('is of an unknown type', { actual: type });
    const image = asObject(critical['image'], 'payload: critical.image');
    const identity = asObject(critical['identity'], 'payload: critical.identity');
    const digest = asString(image['docker-manifest-digest'], 'payload: docker-manifest-digest');
    if (!isBlobDigest(digest)) throw bad('names no manifest digest', { actual: digest });
    return { digest, identity: asString(identity['docker-reference'], 'payload: docker-reference') };
  });
}

/** What is critical and not understood makes a signature invalid, as for every reader of such payloads. */
function refuseUnknown(critical: JsonObject): void {
  for (const [key, value] of Object.entries(critical)) {
    if (!['identity', 'image', 'type'].includes(key) && !isAbsent(value)) {
      throw bad(`holds ${JSON.stringify(key)} as critical, which is not understood`);
    }
  }
}

function bad(complaint: string, detail: ErrorDetail = {}): PlanishError {
  const { actual } = detail;
  return new PlanishError('SIGNATURE_BAD_FORMAT', `the payload of a signature ${complaint}`, {
    actual: typeof actual === 'string' ? actual.slice(0, 160) : actual,
  });
}

/** The signature in an annotation; `undefined` when that is absent or no base64. */
export function decodeSignatureText(text: string | undefined): Uint8Array | undefined {
  try {
    return text === undefined ? undefined : decodeBase64(text, 'signature');
  } catch (error) {
    if (isPlanishError(error, 'SIGNATURE_BAD_FORMAT')) return undefined;
    throw error;
  }
}

/** Runs a parser whose errors mean that a signature is malformed. Throws `SIGNATURE_BAD_FORMAT`. */
export function asSignature<T>(what: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!isPlanishError(error) || error.kind !== 'input' || error.code === 'SIGNATURE_BAD_FORMAT')
      throw error;
    throw new PlanishError(
      'SIGNATURE_BAD_FORMAT',
      `${what} is malformed: ${error.message}`,
      error.detail,
      error,
    );
  }
}
