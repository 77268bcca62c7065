/**
 * Signatures of images, made and judged. A signature says that whoever has the key signed a manifest, named by its
 * digest; the older form also says which repository it was signed for.
 */
import { createHash, type KeyObject } from 'node:crypto';
import type { BlobDigest } from '../bytes/digest.ts';
import { isPlanishError, PlanishError } from '../errors.ts';
import {
  formatBundle,
  formatStatement,
  isAbout,
  parseBundle,
  parseStatement,
  preAuthenticationEncoding,
  SIGN_PREDICATE,
} from './bundle.ts';
import { formatPayload, parsePayload } from './image-payload.ts';
import { type Signer, signChecked, verifySignature } from './signer.ts';

/** What cosign and the clients of its signatures hash with, for keys of these kinds. */
const HASH = 'sha256';
const RSA_SIZES: readonly number[] = [2048, 3072, 4096];

/** Refuses keys whose signatures cosign, podman and skopeo do not all take. Throws `KEY_BAD`. */
export function checkImageKey(key: KeyObject): void {
  const { modulusLength = 0, namedCurve } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'ec' && namedCurve === 'prime256v1') return;
  if (key.asymmetricKeyType === 'rsa' && RSA_SIZES.includes(modulusLength)) return;
  const actual = key.asymmetricKeyType === 'rsa' ? `RSA of ${modulusLength} bits` : namedCurve;
  throw new PlanishError(
    'KEY_BAD',
    'images are signed with ECDSA over P-256, or RSA of 2048, 3072 or 4096 bits',
    {
      actual,
    },
  );
}

/** How a key is known: SHA-256 of its SubjectPublicKeyInfo, in base64, as cosign's bundles name it. */
export function keyHint(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('base64');
}

/** A payload and its signature. */
export interface SignedPayload {
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}

/** Signs in the older form. Throws `SIGNER_FAILED`. */
export async function signPayload(
  signer: Signer,
  digest: BlobDigest,
  identity: string,
): Promise<SignedPayload> {
  const payload = formatPayload({ digest, identity });
  return { payload, signature: await signChecked(signer, payload, HASH) };
}

/** Signs as a bundle. Throws `SIGNER_FAILED`. */
export async function signBundle(signer: Signer, digest: BlobDigest): Promise<Uint8Array> {
  const statement = formatStatement(digest);
  const signature = await signChecked(signer, preAuthenticationEncoding(statement), HASH);
  return formatBundle(statement, signature, keyHint(signer.publicKey));
}

/** What a signature is held against. */
export interface Expectation {
  readonly digest: BlobDigest;
  /** Keys of which any will do. */
  readonly keys: readonly KeyObject[];
}

/**
 * How a signature came out. `valid`: by one of the keys, of this manifest. `other-key`: by none of the keys, or its
 * bytes were changed; only where a signature names its key can these two be told apart, and then it is `invalid`.
 * `other-image`: by one of the keys, of another manifest. `attestation`: by one of the keys, of this manifest, but it
 * says something else of it than that it was signed. `malformed`: cannot be read.
 */
export interface SignatureVerdict {
  readonly outcome: 'valid' | 'other-key' | 'invalid' | 'other-image' | 'attestation' | 'malformed';
  /** {@link keyHint} of the key that it is by. */
  readonly key?: string | undefined;
  /** The repository that it was signed for; bundles name none. */
  readonly identity?: string | undefined;
  /** Why it is not valid. */
  readonly reason?: string | undefined;
}

/** Judges a signature in the older form. Never throws for what is malformed. */
export function judgePayload({ payload, signature }: SignedPayload, expected: Expectation): SignatureVerdict {
  const key = expected.keys.find((candidate) => verifySignature(candidate, payload, HASH, signature));
  if (key === undefined) return { outcome: 'other-key', reason: 'by none of the keys, or changed since' };
  return judged(() => {
    const { digest, identity } = parsePayload(payload);
    const by = { key: keyHint(key), identity };
    if (digest === expected.digest) return { outcome: 'valid', ...by };
    return { outcome: 'other-image', ...by, reason: `of ${digest}` };
  });
}

/** Judges a bundle. Never throws for what is malformed. */
export function judgeBundle(bytes: Uint8Array, expected: Expectation): SignatureVerdict {
  return judged(() => {
    const { envelope, hint, material } = parseBundle(bytes);
    if (material !== 'publicKey') {
      return {
        outcome: 'other-key',
        reason: 'by a certificate, which only the service that issued it can check',
      };
    }
    const message = preAuthenticationEncoding(envelope.payload, envelope.payloadType);
    const key = expected.keys.find((candidate) =>
      envelope.signatures.some((signature) => verifySignature(candidate, message, HASH, signature)),
    );
    if (key === undefined) return unverified(hint, expected.keys);
    const statement = parseStatement(envelope);
    if (!isAbout(statement, expected.digest)) {
      return { outcome: 'other-image', key: keyHint(key), reason: 'of another manifest' };
    }
    const { predicateType } = statement;
    if (predicateType === SIGN_PREDICATE) return { outcome: 'valid', key: keyHint(key) };
    return { outcome: 'attestation', key: keyHint(key), reason: `says ${predicateType.slice(0, 160)} of it` };
  });
}

function unverified(hint: string | undefined, keys: readonly KeyObject[]): SignatureVerdict {
  const named = keys.some((key) => keyHint(key) === hint);
  if (!named) return { outcome: 'other-key', reason: 'by none of the keys' };
  return {
    outcome: 'invalid',
    key: hint,
    reason: 'names the key but does not verify with it: it was changed',
  };
}

function judged(judge: () => SignatureVerdict): SignatureVerdict {
  try {
    return judge();
  } catch (error) {
    if (!isPlanishError(error) || error.kind !== 'input') throw error;
    return { outcome: 'malformed', reason: error.message };
  }
}
