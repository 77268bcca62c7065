/** Turns written layers into the documents of an image. Everything here is pure but the writer it is given. */
import type { BlobDigest, VerityDigest } from '../../bytes/digest.ts';
import { formatPlanText, type PlanText, planAnnotations } from '../../chunk/plan-annotation.ts';
import type { CompressionKind } from '../../compress/kind.ts';
import type { ImageWriter } from '../../io/image-writer.ts';
import type { OpenedImage } from '../../io/opened-image.ts';
import { configHistory, configLabels, type ImageConfig } from '../../oci/config.ts';
import type { Annotations, Descriptor } from '../../oci/descriptor.ts';
import { formatJson, type JsonObject } from '../../oci/json.ts';
import { buildManifest } from '../../oci/manifest.ts';
import { formatLayerMediaType, MEDIA_TYPES } from '../../oci/media-types.ts';
import {
  FSVERITY_LABEL,
  layerAnnotation,
  mergedAnnotation,
  type TreeDigests,
} from '../hosts/tree-digests.ts';
import { applyKeyEdits, buildImageConfig, type KeyEdit } from './image-config.ts';

/** One layer of an image, written or carried over. */
export interface ImageLayer {
  readonly digest: BlobDigest;
  readonly size: number;
  readonly diffId: BlobDigest;
  /** Absent where the layer was carried over from an image that does not say. */
  readonly key: VerityDigest | undefined;
  /** What is written down of the plan; absent for a layer that others wrote. */
  readonly text: PlanText | undefined;
  /** Of a carried layer; others have that of the image. */
  readonly compression: CompressionKind | undefined;
  /** Annotations that a carried layer had. */
  readonly annotations: Annotations;
}

/** What an image is made of. */
export interface ImageParts {
  /** Config of the source, or a bare one. */
  readonly base: ImageConfig;
  /** Annotations of the source's manifest. */
  readonly annotations: Annotations;
  readonly layers: readonly ImageLayer[];
  /** The base image, whose layers are the first ones. */
  readonly below?: OpenedImage | undefined;
  readonly compression: CompressionKind;
  readonly digests: TreeDigests;
  readonly labelEdits: readonly KeyEdit[];
  readonly annotationEdits: readonly KeyEdit[];
  /** RFC 3339; absent: the source's time stays. */
  readonly created: string | undefined;
}

/** Annotation that names the manifest of the base image (OCI image specification, annotations.md). */
const BASE_DIGEST = 'org.opencontainers.image.base.digest';

/** Writes config and manifest; gives the manifest's descriptor. */
export async function writeDocuments(writer: ImageWriter, parts: ImageParts): Promise<Descriptor> {
  const config = buildImageConfig({
    base: parts.base,
    created: parts.created,
    labels: [...staleLabelEdits(parts), ...parts.labelEdits],
    layers: parts.layers.map(({ diffId, text }) => ({
      diffId,
      createdBy: 'planish build',
      // The plan again: history survives tools that drop annotations.
      comment: text === undefined ? '' : formatPlanText(text),
    })),
    below: belowHistory(parts),
  });
  const configBytes = await writer.addBytes(formatJson(config));
  const manifest = buildManifest({
    config: { mediaType: MEDIA_TYPES.ociConfig, ...configBytes },
    layers: parts.layers.map((layer) => layerDescriptor(parts, layer)),
    annotations: manifestAnnotations(parts),
  });
  return { mediaType: MEDIA_TYPES.ociManifest, ...(await writer.addBytes(formatJson(manifest))) };
}

/** What the base image says of its layers, if it says it of each. */
function belowHistory({ below }: ImageParts): readonly JsonObject[] {
  if (below === undefined) return [];
  const history = configHistory(below.config.document);
  const layers = history.filter((entry) => entry['empty_layer'] !== true);
  return layers.length === below.layers.length ? history : [];
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

/** Ours first and in one order, so that a layer is described the same whether it was written or carried over. */
function layerDescriptor({ compression, digests }: ImageParts, layer: ImageLayer): Descriptor {
  const { digest, size, key, text } = layer;
  const mediaType = formatLayerMediaType(layer.compression ?? compression);
  const annotations = {
    ...(key === undefined ? {} : { [layerAnnotation(digests.algorithm)]: key }),
    ...(text === undefined ? {} : planAnnotations(text)),
    ...layer.annotations,
  };
  return { mediaType, digest, size, annotations };
}

/** The source's annotations without digests that were of the source, the new digests, then the user's edits. */
function manifestAnnotations({ annotations, digests, below, annotationEdits }: ImageParts): Annotations {
  const base = below === undefined ? {} : { [BASE_DIGEST]: below.manifest.descriptor.digest };
  const kept = Object.fromEntries(
    Object.entries(annotations).filter(([key]) => !key.startsWith('composefs.')),
  );
  const { format, algorithm } = digests;
  const sealed: Record<string, string> = { ...kept, ...base };
  for (const kind of ['container', 'bootable'] as const) {
    const digest = digests[kind];
    if (digest !== undefined) sealed[mergedAnnotation(kind, format, algorithm)] = digest;
  }
  return applyKeyEdits(sealed, annotationEdits);
}
