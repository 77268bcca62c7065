/** `verify`: reads an image again and recomputes everything it claims of its content. */
import type { BlobDigest, HashAlgorithm } from '../bytes/digest.ts';
import type { FormatVersion } from '../erofs/writer.ts';
import { type ErrorCode, PlanishError } from '../errors.ts';
import type { HostOutcome } from '../host/host-digest.ts';
import { DEFAULT_PROFILE, hostProfile } from '../host/profiles.ts';
import { HOST_READ_PATHS } from '../host/read-file.ts';
import type { OpenedImage } from '../io/opened-image.ts';
import { computeLayerKey } from '../layer/key.ts';
import type { LayerIndex } from '../layer/layer-index.ts';
import { flatten } from '../tree/flatten.ts';
import { hostDigests, hostLayer } from './host-digests.ts';
import { layerKeyOf, openImage } from './inspect.ts';
import { type LayerInput, loadLayers } from './load-layers.ts';
import { layerInputs } from './load-tree.ts';
import { type CommonOptions, Session } from './session.ts';
import { mergedAnnotation } from './tree-digests.ts';

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
  return [...checks, ...(await mergedChecks(session, image, layers, algorithm))];
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
      const { layers } = await loadLayers(session, [input], {
        algorithm,
        contents: false,
        keep: HOST_READ_PATHS,
        enforce: false,
      });
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

/** The digests of whole images that the manifest claims, each in the format of its annotation. */
async function mergedChecks(
  session: Session,
  image: OpenedImage,
  layers: readonly ReadLayer[],
  algorithm: HashAlgorithm,
): Promise<VerifyCheck[]> {
  const checks: VerifyCheck[] = [];
  for (const format of [0, 1, 2] as const) {
    const keys = (['container', 'bootable'] as const).map((kind) => ({
      kind,
      key: mergedAnnotation(kind, format, algorithm),
    }));
    const claims = keys.filter(({ key }) => image.manifestAnnotations[key] !== undefined);
    if (claims.length === 0) continue;
    const actual = await mergedDigests(session, image, layers, { algorithm, format });
    for (const { kind, key } of claims) {
      checks.push(mergedCheck(key, image.manifestAnnotations[key] ?? '', actual[kind]));
    }
  }
  return checks;
}

type MergedDigest = string | PlanishError;

/** Digests as a host computes them, or why there are none. */
async function mergedDigests(
  session: Session,
  image: OpenedImage,
  layers: readonly ReadLayer[],
  { algorithm, format }: { algorithm: HashAlgorithm; format: FormatVersion },
): Promise<{ container: MergedDigest; bootable: MergedDigest }> {
  const unreadable = layers.find((layer) => layer instanceof PlanishError);
  if (unreadable !== undefined) return { container: unreadable, bootable: unreadable };
  const read = layers.filter((layer): layer is LayerIndex => !(layer instanceof PlanishError));
  const inputs = layerInputs(image);
  const hostLayers = read.map((layer, ordinal) => hostLayer(layer, inputs[ordinal]));
  const source = { kind: 'layers', layers: hostLayers } as const;
  const input = { source, algorithm, layers: read, inputs, contents: [] };
  const { plain, bootable } = await hostDigests(session, input, hostProfile(DEFAULT_PROFILE), format);
  return { container: claimable(plain), bootable: bootable === undefined ? NO_DIGEST : claimable(bootable) };
}

const NO_DIGEST = 'none: hosts refuse the tree';

/** What a host computes; a tree without the directories that it needs has no digest, anything else cannot be read. */
function claimable({ digest, refused }: HostOutcome): MergedDigest {
  if (digest !== undefined) return digest;
  if (refused === undefined || refused.code === 'HOST_TREE_INVALID') return NO_DIGEST;
  return new PlanishError(refused.code, refused.message);
}

function mergedCheck(key: string, expected: string, actual: MergedDigest): VerifyCheck {
  if (!(actual instanceof PlanishError)) return compare('merged', key, undefined, expected, actual);
  const { code, message } = actual;
  return { check: 'merged', subject: key, layer: undefined, outcome: 'unreadable', error: { code, message } };
}
