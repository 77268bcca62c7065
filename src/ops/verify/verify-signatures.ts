/** `verify`: signatures of the image's manifest, in either form, against keys. */
import type { KeyObject } from 'node:crypto';
import { PlanishError } from '../../errors.ts';
import type { Layout } from '../../io/layout.ts';
import type { OpenedImage } from '../../io/opened-image.ts';
import { type Attachments, asLayout, type FoundManifest, findAttachments } from '../../io/referrers.ts';
import { LIMITS } from '../../limits.ts';
import { SIGNATURE_ANNOTATION } from '../../oci/attachments.ts';
import { annotation, type Descriptor } from '../../oci/descriptor.ts';
import { decodeSignatureText, PAYLOAD_MEDIA_TYPE } from '../../sign/image-payload.ts';
import {
  type Expectation,
  judgeBundle,
  judgePayload,
  type SignatureVerdict,
} from '../../sign/image-signature.ts';
import { bundleLayers, readAttachedBlob } from '../sign/attach-signatures.ts';
import { attemptCheck, type CheckSubject, unreadable, type VerifyCheck } from './verify-check.ts';

/** What signatures are held against. */
export interface SignatureDemand {
  /** Keys of which any will do; none: signatures cannot be checked. */
  readonly keys: readonly KeyObject[];
  /** The repository that a signature must have been made for. */
  readonly identity: string | undefined;
  readonly required: boolean;
}

/** Everything attached to the image; nothing for sources that have no place for it. */
export function attachmentsOf(image: OpenedImage): Attachments & { readonly layout: Layout | undefined } {
  const layout = asLayout(image.store);
  if (layout === undefined) return { layout, signatures: undefined, others: [], referrers: [] };
  return { layout, ...findAttachments(layout, image.manifest.descriptor.digest) };
}

/** Checks of all signatures; one that is good and asked for is enough. */
export function signatureChecks(
  image: OpenedImage,
  { layout, signatures, referrers }: ReturnType<typeof attachmentsOf>,
  demand: SignatureDemand,
): VerifyCheck[] {
  const { digest } = image.manifest.descriptor;
  const expected = { digest, keys: demand.keys };
  const found: VerifyCheck[] = [];
  if (layout !== undefined) {
    if (signatures !== undefined) found.push(...payloadChecks(layout, signatures, expected, demand));
    for (const referrer of referrers) found.push(...bundleChecks(layout, referrer, expected, demand));
  }
  return settle(found, demand, digest);
}

function payloadChecks(
  layout: Layout,
  { descriptor, found }: FoundManifest,
  expected: Expectation,
  demand: SignatureDemand,
): VerifyCheck[] {
  const subject = signatureSubject(descriptor.digest);
  if (found instanceof PlanishError) return [unreadable(subject, found)];
  const { layers } = found.document;
  if (layers.length > LIMITS.signatures) {
    const message = `there are more signatures than the limit signatures (${LIMITS.signatures})`;
    return [unreadable(subject, new PlanishError('LIMIT_EXCEEDED', message))];
  }
  return layers.map((layer) => {
    const own = signatureSubject(layer.digest);
    return attemptCheck(own, () => fromVerdict(own, judgeLayer(layout, layer, expected), demand));
  });
}

function judgeLayer(layout: Layout, layer: Descriptor, expected: Expectation): SignatureVerdict {
  const signature = decodeSignatureText(annotation(layer, SIGNATURE_ANNOTATION));
  if (layer.mediaType !== PAYLOAD_MEDIA_TYPE || signature === undefined)
    return { outcome: 'malformed', reason: 'a layer of the attachment holds no payload with a signature' };
  return judgePayload({ payload: readAttachedBlob(layout, layer), signature }, expected);
}

function bundleChecks(
  layout: Layout,
  { found }: FoundManifest,
  expected: Expectation,
  demand: SignatureDemand,
): VerifyCheck[] {
  return bundleLayers(found).map((layer) => {
    const subject = signatureSubject(layer.digest);
    return attemptCheck(subject, () =>
      fromVerdict(subject, judgeBundle(readAttachedBlob(layout, layer), expected), demand),
    );
  });
}

function signatureSubject(subject: string): CheckSubject {
  return { check: 'signature', subject, layer: undefined };
}

function fromVerdict(
  subject: CheckSubject,
  { outcome, key, identity, reason }: SignatureVerdict,
  demand: SignatureDemand,
): VerifyCheck {
  const said = { ...subject, signer: key, identity };
  switch (outcome) {
    case 'valid':
      if (demand.identity === undefined || identity === demand.identity) return { ...said, outcome: 'match' };
      return { ...said, outcome: 'ignored', reason: otherIdentity(identity) };
    case 'attestation':
      return { ...said, outcome: 'ignored', reason };
    case 'other-key':
      return { ...said, outcome: demand.keys.length === 0 ? 'unchecked' : 'ignored', reason };
    case 'malformed':
      return unreadable(subject, new PlanishError('SIGNATURE_BAD_FORMAT', reason ?? 'it is malformed'));
    default:
      return { ...said, outcome: 'mismatch', reason };
  }
}

function otherIdentity(identity: string | undefined): string {
  return identity === undefined ? 'names no repository' : `made for ${identity}`;
}

/** Without keys, what is there is unchecked; with them, one that is asked for must be there. */
function settle(found: readonly VerifyCheck[], demand: SignatureDemand, digest: string): VerifyCheck[] {
  const checks = found.map((check) =>
    check.outcome === 'unchecked' ? { ...check, reason: 'no key was given' } : check,
  );
  if (!demand.required || checks.some(({ outcome }) => outcome === 'match')) return checks;
  const whose =
    demand.keys.length === 0 ? 'there is no signature' : 'there is no signature by any of the keys';
  const reason = demand.identity === undefined ? whose : `${whose} for ${demand.identity}`;
  return [...checks, { ...signatureSubject(digest), outcome: 'missing', reason }];
}
