/** `verify`: reads an image again and recomputes everything it claims of its content. */
import type { BlobDigest, HashAlgorithm } from '../bytes/digest.ts';
import type { FormatVersion } from '../erofs/writer.ts';
import { type ErrorCode, PlanishError } from '../errors.ts';
import type { OpenedImage } from '../io/opened-image.ts';
import { computeLayerKey } from '../layer/key.ts';
import type { LayerIndex } from '../layer/layer-index.ts';
import { flatten } from '../tree/flatten.ts';
import type { Warning } from '../warnings.ts';
import { layerKeyOf, openImage } from './inspect.ts';
import { type LayerInput, loadLayers } from './load-layers.ts';
import { layerInputs } from './load-tree.ts';
import { type CommonOptions, Session } from './session.ts';
import { computeTreeDigests, mergedAnnotation } from './tree-digests.ts';

/** Options of {@link verify}. */
export interface VerifyOptions extends CommonOptions {
  readonly platform?: string | undefined;
}

/** What was checked of one thing, and how it came out. */
export interface VerifyCheck {
  /** What: a blob's digest, a layer's diffID or key, the image's composefs digest. */
  readonly check: 'manifest' | 'config' | 'blob' | 'diffid' | 'key' | 'merged';
  /** Of what: a digest, or an annotation's key. */
  readonly subject: string;
  /** Ordinal of the layer. */
  readonly layer: number | undefined;
  /** `unchecked`: nothing was claimed, or it could not be read far enough. */
  readonly outcome: 'match' | 'mismatch' | 'unreadable' | 'unchecked';
  readonly expected?: string | undefined;
  readonly actual?: string | undefined;
  /** Why it could not be read. */
  readonly error?: { readonly code: ErrorCode; readonly message: string } | undefined;
}

/** Result of {@link verify}. */
export interface VerifyResult {
  readonly reference: string;
  readonly manifest: BlobDigest;
  readonly checks: readonly VerifyCheck[];
  /** Number of checks that did not match or could not be read; 0 means that every claim holds. */
  readonly findings: number;
}

/**
 * Verifies an image. A claim that does not hold is a finding, not an error; only an image that cannot be opened
 * throws.
 */
export async function verify(source: string, options: VerifyOptions = {}): Promise<VerifyResult> {
  return await Session.use(options, async (session) => {
    const image = await openImage(source, { ...options, onWarning: session.onWarning });
    try {
      const checks = [...documentChecks(image), ...(await contentChecks(session, image))];
      const findings = checks.filter(
        ({ outcome }) => outcome === 'mismatch' || outcome === 'unreadable',
      ).length;
      return { reference: image.reference, manifest: image.manifest.descriptor.digest, checks, findings };
    } finally {
      image.close();
    }
  });
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

async function contentChecks(session: Session, image: OpenedImage): Promise<VerifyCheck[]> {
  const algorithm = claimedAlgorithm(image);
  const layers = await readLayers(session, image, algorithm);
  const checks = layers.flatMap((layer, ordinal) => layerChecks(image, layer, ordinal));
  return [...checks, ...mergedChecks(session, image, layers, algorithm)];
}

/** The algorithm that the image's annotations speak of. */
function claimedAlgorithm(image: OpenedImage): HashAlgorithm {
  const texts = [
    ...Object.keys(image.manifestAnnotations),
    ...image.layers.flatMap(({ descriptor }) => Object.keys(descriptor.annotations ?? {})),
  ];
  return texts.some((key) => key.endsWith('.fsverity-sha256-12')) ? 'sha256' : 'sha512';
}

type ReadLayer = LayerIndex | PlanishError;

/** Every layer as it is; one that cannot be decoded as the error that says why. */
async function readLayers(
  session: Session,
  image: OpenedImage,
  algorithm: HashAlgorithm,
): Promise<ReadLayer[]> {
  const read = async (input: LayerInput): Promise<ReadLayer> => {
    try {
      const { layers } = await loadLayers(session, [input], { algorithm, contents: false, enforce: false });
      return layers[0] as LayerIndex;
    } catch (error) {
      if (error instanceof PlanishError && (error.kind === 'input' || error.kind === 'integrity'))
        return error;
      throw error;
    }
  };
  return await Promise.all(layerInputs(image).map(read));
}

function layerChecks(image: OpenedImage, read: ReadLayer, ordinal: number): VerifyCheck[] {
  const layer = image.layers[ordinal];
  if (layer === undefined) return [];
  const { descriptor, diffId } = layer;
  if (read instanceof PlanishError) {
    const { code, message } = read;
    return [
      {
        check: 'blob',
        subject: descriptor.digest,
        layer: ordinal,
        outcome: 'unreadable',
        error: { code, message },
      },
    ];
  }
  const checks = [
    compare('blob', descriptor.digest, ordinal, descriptor.digest, read.digest),
    compare('diffid', diffId, ordinal, diffId, read.diffId),
  ];
  const claim = layerKeyOf(descriptor);
  if (claim === undefined) return checks;
  return [...checks, keyCheck(claim, read, ordinal)];
}

function compare(
  check: VerifyCheck['check'],
  subject: string,
  layer: number | undefined,
  expected: string,
  actual: string,
): VerifyCheck {
  if (expected === actual) return { check, subject, layer, outcome: 'match' };
  return { check, subject, layer, outcome: 'mismatch', expected, actual };
}

function keyCheck(
  claim: { algorithm: HashAlgorithm; key: string },
  layer: LayerIndex,
  ordinal: number,
): VerifyCheck {
  const base = { check: 'key', subject: claim.key, layer: ordinal } as const;
  if (claim.algorithm !== layer.algorithm) return { ...base, outcome: 'unchecked' };
  try {
    const { root } = flatten([{ ordinal, entries: layer.entries }], { missingParents: 'refuse' });
    return compare('key', claim.key, ordinal, claim.key, computeLayerKey(root, claim.algorithm));
  } catch (error) {
    if (!(error instanceof PlanishError)) throw error;
    return { ...base, outcome: 'unreadable', error: { code: error.code, message: error.message } };
  }
}

function mergedChecks(
  session: Session,
  image: OpenedImage,
  layers: readonly ReadLayer[],
  algorithm: HashAlgorithm,
): VerifyCheck[] {
  const claims = ([0, 1, 2] as const).flatMap((format) => {
    const key = mergedAnnotation(format, algorithm);
    const expected = image.manifestAnnotations[key];
    return expected === undefined ? [] : [{ format, key, expected }];
  });
  return claims.map((claim) => mergedCheck(session, layers, algorithm, claim));
}

function mergedCheck(
  session: Session,
  layers: readonly ReadLayer[],
  algorithm: HashAlgorithm,
  claim: { format: FormatVersion; key: string; expected: string },
): VerifyCheck {
  const base = { check: 'merged', subject: claim.key, layer: undefined } as const;
  try {
    const numbered = layers.map((layer, ordinal) => {
      if (layer instanceof PlanishError) throw layer;
      return { ordinal, entries: layer.entries };
    });
    const { root } = flatten(numbered, { missingParents: 'refuse', onWarning: session.onWarning });
    const onWarning = (_: Warning): void => undefined;
    const { container } = computeTreeDigests(root, { format: claim.format, algorithm, onWarning });
    return compare(
      'merged',
      claim.key,
      undefined,
      claim.expected,
      container ?? 'none: hosts refuse the tree',
    );
  } catch (error) {
    if (!(error instanceof PlanishError)) throw error;
    return { ...base, outcome: 'unreadable', error: { code: error.code, message: error.message } };
  }
}
