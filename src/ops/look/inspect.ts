/** `inspect`: what an image says of itself, without reading its layers. */
import { display } from '../../bytes/byte-string.ts';
import type { BlobDigest, HashAlgorithm } from '../../bytes/digest.ts';
import { STABILITY_ANNOTATION } from '../../chunk/plan-annotation.ts';
import { type ErrorCode, PlanishError } from '../../errors.ts';
import type { OpenedImage } from '../../io/opened-image.ts';
import { asLayout, type FoundManifest, findAttachments } from '../../io/referrers.ts';
import { configHistory, configLabels, configPlatform, runtimeConfig } from '../../oci/config.ts';
import type { Annotations, Descriptor } from '../../oci/descriptor.ts';
import type { JsonObject } from '../../oci/json.ts';
import { formatPlatform } from '../../oci/platform.ts';
import { planTextOf } from '../build/plan-texts.ts';
import { layerAnnotation } from '../hosts/tree-digests.ts';
import { openImage } from '../load/open-any.ts';
import type { CommonOptions } from '../session.ts';

/** Options of {@link inspect}. */
export interface InspectOptions extends CommonOptions {
  readonly platform?: string | undefined;
}

/** One layer as the documents describe it. */
export interface InspectedLayer {
  readonly digest: BlobDigest;
  readonly diffId: BlobDigest;
  readonly mediaType: string;
  /** Bytes of the blob. */
  readonly size: number;
  /** Key of the layer, when the image carries one. */
  readonly key: string | undefined;
  /** Components of the layer by the stored plan; absent when there is none. */
  readonly components: readonly { readonly key: string; readonly size: number }[] | undefined;
  readonly stability: number | undefined;
  readonly annotations: Annotations;
  readonly history: JsonObject | undefined;
}

/** Result of {@link inspect}. */
export interface InspectResult {
  readonly reference: string;
  readonly name: string | undefined;
  readonly platform: string;
  readonly manifest: { readonly digest: BlobDigest; readonly mediaType: string; readonly size: number };
  readonly config: { readonly digest: BlobDigest; readonly size: number };
  readonly created: string | undefined;
  /** composefs digests that the manifest's annotations claim, by annotation key. `verify` checks them. */
  readonly composefs: Annotations;
  readonly annotations: Annotations;
  readonly labels: Readonly<Record<string, string>>;
  /** Entry point, environment and so on. */
  readonly runtime: JsonObject;
  readonly layers: readonly InspectedLayer[];
  /** Bytes of all layers' blobs. */
  readonly size: number;
  /** Signatures and other artifacts that lie beside the image. `verify` checks them. */
  readonly attached: readonly AttachedArtifact[];
}

/** A manifest that is attached to an image. */
export interface AttachedArtifact {
  readonly digest: BlobDigest;
  /** How it is attached: under cosign's tag of signatures, or by naming the image as its subject. */
  readonly how: 'tag' | 'subject';
  /** Type of the artifact, or of its config where it states none. Absent when it cannot be read. */
  readonly type: string | undefined;
  /** Number of its layers; for signatures under cosign's tag, that of signatures. */
  readonly layers: number;
  /** Why it cannot be read. */
  readonly error: ErrorCode | undefined;
}

/** Reads the documents of an image. Throws `IMAGE_UNSUPPORTED` for sources that are no image. */
export async function inspect(source: string, options: InspectOptions = {}): Promise<InspectResult> {
  const image = await openImage(source, { ...options, attachments: 'direct' });
  try {
    return describe(image);
  } finally {
    image.close();
  }
}

function describe(image: OpenedImage): InspectResult {
  const { descriptor } = image.manifest;
  const config = image.config.document;
  const { digest, mediaType, size } = descriptor;
  const created = config['created'];
  const entries = Object.entries(image.manifestAnnotations);
  return {
    reference: image.reference,
    name: image.name,
    platform: formatPlatform(configPlatform(config)),
    manifest: { digest, mediaType, size },
    config: { digest: image.config.descriptor.digest, size: image.config.descriptor.size },
    created: typeof created === 'string' ? created : undefined,
    composefs: Object.fromEntries(entries.filter(([key]) => key.startsWith('composefs.'))),
    annotations: Object.fromEntries(entries.filter(([key]) => !key.startsWith('composefs.'))),
    labels: configLabels(config),
    runtime: runtimeConfig(config),
    layers: describeLayers(image),
    attached: describeAttached(image),
    size: image.layers.reduce((sum, layer) => sum + layer.descriptor.size, 0),
  };
}

function describeAttached(image: OpenedImage): AttachedArtifact[] {
  const layout = asLayout(image.store);
  if (layout === undefined) return [];
  const { signatures, others, referrers } = findAttachments(layout, image.manifest.descriptor.digest);
  return [
    ...(signatures === undefined ? [] : [describeArtifact(signatures, 'tag')]),
    ...others.map((other) => describeArtifact(other, 'tag')),
    ...referrers.map((referrer) => describeArtifact(referrer, 'subject')),
  ];
}

function describeArtifact(
  { descriptor: { digest }, found }: FoundManifest,
  how: AttachedArtifact['how'],
): AttachedArtifact {
  if (found instanceof PlanishError) return { digest, how, type: undefined, layers: 0, error: found.code };
  const { artifactType, config, layers } = found.document;
  return { digest, how, type: artifactType ?? config.mediaType, layers: layers.length, error: undefined };
}

function describeLayers(image: OpenedImage): InspectedLayer[] {
  const history = configHistory(image.config.document).filter((entry) => entry['empty_layer'] !== true);
  return image.layers.map(({ descriptor, diffId }, ordinal) => {
    const annotations = descriptor.annotations ?? {};
    const stability = Number.parseFloat(annotations[STABILITY_ANNOTATION] ?? '');
    return {
      digest: descriptor.digest,
      diffId,
      mediaType: descriptor.mediaType,
      size: descriptor.size,
      key: layerKeyOf(descriptor)?.key,
      components: componentsOf(annotations, history[ordinal]),
      stability: Number.isNaN(stability) ? undefined : stability,
      annotations,
      history: history[ordinal],
    };
  });
}

/** The key that a layer's annotations claim, and its algorithm. */
function layerKeyOf(descriptor: Descriptor): { algorithm: HashAlgorithm; key: string } | undefined {
  for (const algorithm of ['sha512', 'sha256'] as const) {
    const key = descriptor.annotations?.[layerAnnotation(algorithm)];
    if (key !== undefined) return { algorithm, key };
  }
  return undefined;
}

function componentsOf(
  annotations: Annotations,
  history: JsonObject | undefined,
): InspectedLayer['components'] {
  const text = planTextOf(annotations, history);
  return text?.members.map(({ key, size }) => ({ key: display(key), size }));
}
