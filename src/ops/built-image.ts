/** Turns written layers into the documents of an image. Everything here is pure but the writer it is given. */
import type { PlannedLayer } from '../chunk/plan.ts';
import { formatPlanAnnotation, planAnnotations } from '../chunk/plan-annotation.ts';
import type { CompressionKind } from '../compress/kind.ts';
import type { ImageWriter } from '../io/image-writer.ts';
import { configLabels, type ImageConfig } from '../oci/config.ts';
import type { Annotations, Descriptor } from '../oci/descriptor.ts';
import { formatJson } from '../oci/json.ts';
import { buildManifest } from '../oci/manifest.ts';
import { formatLayerMediaType, MEDIA_TYPES } from '../oci/media-types.ts';
import { applyKeyEdits, buildImageConfig, type KeyEdit } from './image-config.ts';
import { layerAnnotation, mergedAnnotation, type TreeDigests } from './tree-digests.ts';
import type { FinishedLayer } from './write-layers.ts';

/** What an image is made of. */
export interface ImageParts {
  /** Config of the source, or a bare one. */
  readonly base: ImageConfig;
  /** Annotations of the source's manifest. */
  readonly annotations: Annotations;
  readonly layers: readonly FinishedLayer[];
  /** The plan's layers, in the same order. */
  readonly planned: readonly PlannedLayer[];
  readonly compression: CompressionKind;
  readonly digests: TreeDigests;
  readonly labelEdits: readonly KeyEdit[];
  readonly annotationEdits: readonly KeyEdit[];
  /** RFC 3339; absent: the source's time stays. */
  readonly created: string | undefined;
}

/** Label that composefs-rs' own `oci fsck` compares with the images of a repository. */
const FSVERITY_LABEL = 'containers.composefs.fsverity';

/** Writes config and manifest; gives the manifest's descriptor. */
export async function writeDocuments(writer: ImageWriter, parts: ImageParts): Promise<Descriptor> {
  const config = buildImageConfig({
    base: parts.base,
    created: parts.created,
    labels: [...staleLabelEdits(parts), ...parts.labelEdits],
    layers: parts.layers.map(({ diffId }, ordinal) => ({
      diffId,
      createdBy: 'planish build',
      comment: historyComment(parts.planned[ordinal]),
    })),
  });
  const configBytes = await writer.addBytes(formatJson(config));
  const manifest = buildManifest({
    config: { mediaType: MEDIA_TYPES.ociConfig, ...configBytes },
    layers: parts.layers.map((layer, ordinal) => layerDescriptor(parts, layer, parts.planned[ordinal])),
    annotations: manifestAnnotations(parts),
  });
  return { mediaType: MEDIA_TYPES.ociManifest, ...(await writer.addBytes(formatJson(manifest))) };
}

/** A digest label of the source names the source's tree; it is brought up to date, or dropped. */
function staleLabelEdits({ base, digests }: ImageParts): KeyEdit[] {
  if (configLabels(base)[FSVERITY_LABEL] === undefined) return [];
  const { container } = digests;
  return [
    container === undefined
      ? { key: FSVERITY_LABEL, remove: true }
      : { key: FSVERITY_LABEL, value: container },
  ];
}

/** The plan again: history survives tools that drop annotations. */
function historyComment(layer: PlannedLayer | undefined): string {
  return layer === undefined ? '' : formatPlanAnnotation(layer.members);
}

function layerDescriptor(
  { compression, digests }: ImageParts,
  layer: FinishedLayer,
  planned: PlannedLayer | undefined,
): Descriptor {
  const annotations = {
    [layerAnnotation(digests.algorithm)]: layer.key,
    ...(planned === undefined ? {} : planAnnotations(planned)),
  };
  const { digest, size } = layer;
  return { mediaType: formatLayerMediaType(compression), digest, size, annotations };
}

/** The source's annotations without digests that were of the source, the new digests, then the user's edits. */
function manifestAnnotations({ annotations, digests, annotationEdits }: ImageParts): Annotations {
  const kept = Object.fromEntries(
    Object.entries(annotations).filter(([key]) => !key.startsWith('composefs.')),
  );
  const { format, algorithm } = digests;
  const sealed: Record<string, string> = { ...kept };
  for (const kind of ['container', 'bootable'] as const) {
    const digest = digests[kind];
    if (digest !== undefined) sealed[mergedAnnotation(kind, format, algorithm)] = digest;
  }
  return applyKeyEdits(sealed, annotationEdits);
}
