/**
 * Sigstore bundles of version 0.3 that a key signed: a DSSE envelope around an in-toto statement whose subject is the
 * manifest. What cosign 3 writes and reads. Bundles of keyless signatures are read as far as to say what they are.
 */
import type { BlobDigest } from '../bytes/digest.ts';
import { splitBlobDigest } from '../bytes/digest.ts';
import { PlanishError } from '../errors.ts';
import {
  asArray,
  asObject,
  asString,
  asStrings,
  formatJson,
  isAbsent,
  type JsonObject,
  parseJsonObject,
} from '../oci/json.ts';
import { decodeBase64 } from './base64.ts';
import { asSignature } from './image-payload.ts';

/** Media type of a bundle: of its layer, and the type of the artifact that holds it. */
export const BUNDLE_MEDIA_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json';

/** Type of what is said of an image: that it was signed, and no more. */
export const SIGN_PREDICATE = 'https://sigstore.dev/cosign/sign/v1';

const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
const PAYLOAD_TYPE = 'application/vnd.in-toto+json';
const BUNDLE_TYPE = /^application\/vnd\.dev\.sigstore\.bundle(?:\.v0\.3\+json|\+json;version=0\.[123])$/;

/** A bundle, read. */
export interface Bundle {
  readonly envelope: Envelope;
  /** What a key is said to be known by; `undefined` for bundles that name a certificate. */
  readonly hint: string | undefined;
  /** The kind of verification material: `publicKey`, `certificate` … */
  readonly material: string;
}

/** A DSSE envelope. */
export interface Envelope {
  readonly payload: Uint8Array;
  readonly payloadType: string;
  readonly signatures: readonly Uint8Array[];
}

/** What an in-toto statement says. */
export interface Statement {
  readonly subjects: readonly Readonly<Record<string, string>>[];
  readonly predicateType: string;
}

/** The statement that an image was signed. */
export function formatStatement(digest: BlobDigest): Uint8Array {
  const { algorithm, hex } = splitBlobDigest(digest);
  return formatJson({
    _type: STATEMENT_TYPE,
    subject: [{ digest: { [algorithm]: hex } }],
    predicateType: SIGN_PREDICATE,
    predicate: {},
  });
}

/** What is signed of an envelope (DSSE, "pre-authentication encoding"). */
export function preAuthenticationEncoding(
  payload: Uint8Array,
  payloadType: string = PAYLOAD_TYPE,
): Uint8Array {
  const type = Buffer.from(payloadType, 'utf8');
  const head = `DSSEv1 ${type.length} ${payloadType} ${payload.length} `;
  return Buffer.concat([Buffer.from(head, 'utf8'), payload]);
}

/** The bundle of a statement and its signature; `hint` names the key. */
export function formatBundle(statement: Uint8Array, signature: Uint8Array, hint: string): Uint8Array {
  return formatJson({
    mediaType: BUNDLE_MEDIA_TYPE,
    verificationMaterial: { publicKey: { hint } },
    dsseEnvelope: {
      payload: Buffer.from(statement).toString('base64'),
      payloadType: PAYLOAD_TYPE,
      signatures: [{ sig: Buffer.from(signature).toString('base64') }],
    },
  });
}

/** Reads a bundle. Throws `SIGNATURE_BAD_FORMAT`. */
export function parseBundle(bytes: Uint8Array): Bundle {
  return asSignature('a bundle', () => {
    const bundle = parseJsonObject(bytes, 'bundle');
    const type = asString(bundle['mediaType'], 'bundle: mediaType');
    if (!BUNDLE_TYPE.test(type)) throw bad('is of an unknown version', type);
    const material = asObject(bundle['verificationMaterial'], 'bundle: verificationMaterial');
    if (isAbsent(bundle['dsseEnvelope'])) throw bad('holds no DSSE envelope');
    const envelope = parseEnvelope(asObject(bundle['dsseEnvelope'], 'bundle: dsseEnvelope'));
    return { envelope, ...parseMaterial(material) };
  });
}

function parseMaterial(material: JsonObject): Pick<Bundle, 'hint' | 'material'> {
  const kinds = ['publicKey', 'certificate', 'x509CertificateChain'].filter(
    (kind) => !isAbsent(material[kind]),
  );
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1) throw bad('names no key, or several');
  if (kind !== 'publicKey') return { hint: undefined, material: kind };
  const { hint } = asObject(material['publicKey'], 'bundle: publicKey');
  return { hint: isAbsent(hint) ? undefined : asString(hint, 'bundle: publicKey.hint'), material: kind };
}

function parseEnvelope(envelope: JsonObject): Envelope {
  const signatures = asArray(envelope['signatures'], 'bundle: signatures', 'signatures').map((entry) =>
    decodeBase64(asObject(entry, 'bundle: signature')['sig'], 'bundle: sig'),
  );
  if (signatures.length === 0) throw bad('holds no signature');
  const payloadType = asString(envelope['payloadType'], 'bundle: payloadType');
  return { payload: decodeBase64(envelope['payload'], 'bundle: payload'), payloadType, signatures };
}

/** Reads the statement inside an envelope. Throws `SIGNATURE_BAD_FORMAT`. */
export function parseStatement({ payload, payloadType }: Envelope): Statement {
  return asSignature('the statement of a bundle', () => {
    if (payloadType !== PAYLOAD_TYPE) throw bad('holds no in-toto statement', payloadType);
    const statement = parseJsonObject(payload, 'statement');
    if (statement['_type'] !== STATEMENT_TYPE && statement['_type'] !== 'https://in-toto.io/Statement/v0.1') {
      throw bad('holds a statement of an unknown type', String(statement['_type']));
    }
    const subjects = asArray(statement['subject'], 'statement: subject', 'signatures').map((subject) =>
      asStrings(asObject(subject, 'statement: subject')['digest'], 'statement: subject.digest'),
    );
    return { subjects, predicateType: asString(statement['predicateType'], 'statement: predicateType') };
  });
}

/** Whether a statement is about a manifest. */
export function isAbout(statement: Statement, digest: BlobDigest): boolean {
  const { algorithm, hex } = splitBlobDigest(digest);
  return statement.subjects.some(
    (subject) => Object.hasOwn(subject, algorithm) && subject[algorithm] === hex,
  );
}

function bad(complaint: string, actual?: string): PlanishError {
  return new PlanishError('SIGNATURE_BAD_FORMAT', `a bundle ${complaint}`, { actual: actual?.slice(0, 160) });
}
