/** `verify`: reads an image again and recomputes everything it claims of its content; checks signatures by given keys. */
import type { KeyObject } from 'node:crypto';
import type { BlobDigest, HashAlgorithm, VerityDigest } from '../../bytes/digest.ts';
import { verityAlgorithm } from '../../bytes/digest.ts';
import { PlanishError } from '../../errors.ts';
import { hostProfile } from '../../host/profiles.ts';
import { loadCertificates, loadPublicKey } from '../../io/key-files.ts';
import type { OpenedImage } from '../../io/opened-image.ts';
import { configLabels } from '../../oci/config.ts';
import type { ContentFile } from '../../parallel/content-file.ts';
import { FSVERITY_LABEL } from '../hosts/tree-digests.ts';
import { layerInputs } from '../load/layer-inputs.ts';
import { spoolLayer } from '../load/load-layers.ts';
import { openImage } from '../load/open-any.ts';
import { PROFILES } from '../profile-names.ts';
import { type CommonOptions, Session } from '../session.ts';
import { ImageMeasure, type ReadLayer } from './measure-image.ts';
import { type BootDemand, bootChecks } from './verify-boot.ts';
import { TrustedCertificates } from './verify-certificates.ts';
import {
  type CheckKind,
  compare,
  isFailure,
  linksOf,
  unreadable,
  type VerifyCheck,
  type VerifyLink,
} from './verify-check.ts';
import { annotationChecks, artifactChecks } from './verify-sealing.ts';
import { attachmentsOf, signatureChecks } from './verify-signatures.ts';

/** Options of {@link verify}. */
export interface VerifyOptions extends CommonOptions {
  readonly platform?: string | undefined;
  /** Files with public keys, or certificates of them: one of them must have signed the manifest. */
  readonly keys?: readonly string[] | undefined;
  /** The repository that the image must have been signed for. Bundles name none, so they do not count then. */
  readonly identity?: string | undefined;
  /** Files with certificates of fs-verity and Secure Boot keys: something must be signed by them. */
  readonly certificates?: readonly string[] | undefined;
  /**
   * When certificates must be valid, in seconds since 1970. Default: their times are not looked at, as firmware and the
   * kernel do not.
   */
  readonly time?: number | undefined;
  /** What must be there. Keys require `signature` anyway. */
  readonly require?: readonly CheckKind[] | undefined;
  /** Kinds of checks of which some may stay unchecked. Never excuses what was checked and does not hold. */
  readonly excuse?: readonly CheckKind[] | undefined;
}

/** Result of {@link verify}. */
export interface VerifyResult {
  readonly reference: string;
  readonly manifest: BlobDigest;
  readonly checks: readonly VerifyCheck[];
  /** The checks by kind, in the order of the chain. */
  readonly links: readonly VerifyLink[];
  /** Number of checks that failed; 0 means that every claim holds and all that was required is there. */
  readonly findings: number;
}

/**
 * Verifies an image. A claim that does not hold, or that nothing given can check, is a finding, not an error; only an
 * image that cannot be opened throws, and keys that cannot be read.
 */
export async function verify(source: string, options: VerifyOptions = {}): Promise<VerifyResult> {
  const trust = loadTrust(options);
  return await Session.use(options, async (session) => {
    const image = await openImage(source, {
      ...options,
      attachments: 'direct',
      onWarning: session.onWarning,
    });
    try {
      const made = [...documentChecks(image), ...(await contentChecks(session, image, trust))];
      const checks = withRequired(excused(made, options), image, options, trust);
      return {
        reference: image.reference,
        manifest: image.manifest.descriptor.digest,
        checks,
        links: linksOf(checks),
        findings: checks.filter(isFailure).length,
      };
    } finally {
      image.close();
    }
  });
}

/** Keys and certificates that were given. */
interface Trust {
  readonly keys: readonly KeyObject[];
  readonly certificates: TrustedCertificates;
  readonly identity: string | undefined;
}

function loadTrust({ keys = [], certificates = [], identity, time }: VerifyOptions): Trust {
  if (identity !== undefined && keys.length === 0) {
    throw new PlanishError('BAD_OPTION', 'an identity is checked in signatures, so a key must be given');
  }
  const trusted = new TrustedCertificates(certificates.flatMap(loadCertificates), time);
  return { keys: keys.map(loadPublicKey), certificates: trusted, identity };
}

/** Manifest and config were checked against their digests when they were opened, or opening had failed. */
function documentChecks(image: OpenedImage): VerifyCheck[] {
  const made = (check: 'manifest' | 'config', subject: string): VerifyCheck => ({
    check,
    subject,
    layer: undefined,
    outcome: 'match',
  });
  return [made('manifest', image.manifest.descriptor.digest), made('config', image.config.descriptor.digest)];
}

async function contentChecks(session: Session, image: OpenedImage, trust: Trust): Promise<VerifyCheck[]> {
  const measure = new ImageMeasure(session, image);
  const layers = await measure.layers(claimedAlgorithm(image));
  const attached = attachmentsOf(image);
  const { certificates, keys, identity } = trust;
  const checks = [
    ...signatureChecks(image, attached, { keys, identity, required: keys.length > 0 }),
    ...layers.flatMap((layer, ordinal) => layerChecks(image, layer, ordinal)),
    ...(await annotationChecks(image, measure, certificates)),
    ...(await labelChecks(image, measure)),
    ...(await artifactChecks(image, attached, measure, certificates)),
    ...(await bootChecks(layers, bootDemand(session, image, measure, certificates))),
  ];
  return [...checks, ...certificates.checks()];
}

/** The algorithm that the image's annotations speak of. */
function claimedAlgorithm(image: OpenedImage): HashAlgorithm {
  const texts = [
    ...Object.keys(image.manifestAnnotations),
    ...image.layers.flatMap(({ descriptor }) => Object.keys(descriptor.annotations ?? {})),
  ];
  return texts.some((key) => key.endsWith('.fsverity-sha256-12')) ? 'sha256' : 'sha512';
}

function layerChecks(image: OpenedImage, read: ReadLayer, ordinal: number): VerifyCheck[] {
  const layer = image.layers[ordinal];
  if (layer === undefined) return [];
  const { descriptor, diffId } = layer;
  const subject = { check: 'blob', subject: descriptor.digest, layer: ordinal } as const;
  if (read instanceof PlanishError) return [unreadable(subject, read)];
  return [
    compare(subject, descriptor.digest, read.digest),
    compare({ check: 'diffid', subject: diffId, layer: ordinal }, diffId, read.diffId),
  ];
}

/** The label that composefs-rs looks for: hosts of either format may have written it, of either tree. */
async function labelChecks(image: OpenedImage, measure: ImageMeasure): Promise<VerifyCheck[]> {
  const label = configLabels(image.config.document)[FSVERITY_LABEL];
  if (label === undefined) return [];
  const subject = { check: 'label', subject: FSVERITY_LABEL, layer: undefined } as const;
  const algorithm = label.length === 64 ? 'sha256' : 'sha512';
  const first = await measure.merged('container', algorithm, 1);
  for (const format of [1, 2] as const) {
    for (const kind of ['container', 'bootable'] as const) {
      if ((await measure.merged(kind, algorithm, format)) === label) return [compare(subject, label, label)];
    }
  }
  return [compare(subject, label, first)];
}

function bootDemand(
  session: Session,
  image: OpenedImage,
  measure: ImageMeasure,
  certificates: TrustedCertificates,
): BootDemand {
  const bootable = async (digest: VerityDigest): Promise<ReadonlyMap<string, string>> => {
    const known = new Map<string, string>();
    for (const { name } of PROFILES) {
      const own = await measure.bootable(hostProfile(name), verityAlgorithm(digest));
      if (typeof own === 'string' && !known.has(own)) known.set(own, name);
      if (own === digest) break;
    }
    return known;
  };
  const inputs = layerInputs(image);
  const opened = new Map<number, Promise<ContentFile>>();
  const open = (ordinal: number): Promise<ContentFile> => {
    const input = inputs[ordinal];
    if (input === undefined) throw new PlanishError('INVARIANT', 'a content is in no layer');
    const known = opened.get(ordinal) ?? spoolLayer(session, input);
    opened.set(ordinal, known);
    return known;
  };
  return { certificates, bootable, openLayer: open };
}

function excused(checks: readonly VerifyCheck[], { excuse = [] }: VerifyOptions): VerifyCheck[] {
  return checks.map((check) =>
    check.outcome === 'unchecked' && excuse.includes(check.check) ? { ...check, outcome: 'excused' } : check,
  );
}

/** What was required and is not there, or does not hold, is missing. */
function withRequired(
  checks: readonly VerifyCheck[],
  image: OpenedImage,
  options: VerifyOptions,
  { certificates, keys }: Trust,
): VerifyCheck[] {
  const holds = (kind: CheckKind): boolean =>
    checks.some(({ check, outcome }) => check === kind && outcome === 'match');
  const missing = (check: CheckKind, reason: string): VerifyCheck => {
    return { check, subject: image.manifest.descriptor.digest, layer: undefined, outcome: 'missing', reason };
  };
  const wanted = (options.require ?? []).filter((kind) => !(kind === 'signature' && keys.length > 0));
  const found = wanted
    .filter((kind) => !holds(kind))
    .map((kind) => missing(kind, 'it is required, and not there'));
  const isSigned = holds('verity-signature') || holds('uki-signature');
  const signed =
    certificates.isEmpty || isSigned
      ? []
      : [missing('verity-signature', 'nothing is signed by any of the certificates')];
  return [...checks, ...found, ...signed];
}
