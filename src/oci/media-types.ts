/**
 * Media types of images (OCI image specification, media-types.md) and of their Docker twins, and what each of them
 * claims. A claim about compression is only a claim: readers go by the first bytes of the blob.
 */

/** The media types that planish knows by name. Only the OCI ones are ever written. */
export const MEDIA_TYPES = {
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar',
  ociLayerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  ociLayerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  ociEmpty: 'application/vnd.oci.empty.v1+json',
  dockerIndex: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar',
  dockerLayerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  dockerSchema1: 'application/vnd.docker.distribution.manifest.v1+json',
  dockerSchema1Signed: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
} as const;

/** What a descriptor leads to, as far as images are concerned. */
export type DocumentKind = 'manifest' | 'index' | 'config' | 'schema1' | 'other';

const DOCUMENT_KINDS: ReadonlyMap<string, DocumentKind> = new Map<string, DocumentKind>([
  [MEDIA_TYPES.ociIndex, 'index'],
  [MEDIA_TYPES.dockerIndex, 'index'],
  [MEDIA_TYPES.ociManifest, 'manifest'],
  [MEDIA_TYPES.dockerManifest, 'manifest'],
  [MEDIA_TYPES.ociConfig, 'config'],
  [MEDIA_TYPES.dockerConfig, 'config'],
  [MEDIA_TYPES.dockerSchema1, 'schema1'],
  [MEDIA_TYPES.dockerSchema1Signed, 'schema1'],
]);

/** What a media type says its blob is; layers and everything unknown are `other`. */
export function documentKind(mediaType: string): DocumentKind {
  return DOCUMENT_KINDS.get(mediaType) ?? 'other';
}

/** What the media type of a layer claims. */
export interface LayerMediaType {
  /** Compression of the tar. */
  readonly compression: 'none' | 'gzip' | 'zstd';
  /** False for the deprecated types whose blobs may not be given away and often are not there. */
  readonly distributable: boolean;
}

const OCI_LAYER = /^application\/vnd\.oci\.image\.layer\.(nondistributable\.)?v1\.tar(?:\+(gzip|zstd))?$/;
const DOCKER_LAYER = /^application\/vnd\.docker\.image\.rootfs\.(foreign\.)?diff\.tar(?:\.(gzip|zstd))?$/;

/** What a media type claims of a layer, or `undefined` when it names no tar layer (encrypted layers, artifacts). */
export function layerMediaType(mediaType: string): LayerMediaType | undefined {
  const match = OCI_LAYER.exec(mediaType) ?? DOCKER_LAYER.exec(mediaType);
  if (match === null) return undefined;
  const compression = match[2] === 'gzip' || match[2] === 'zstd' ? match[2] : 'none';
  return { compression, distributable: match[1] === undefined };
}

/** The OCI media type of a distributable layer of a compression: what planish writes. */
export function formatLayerMediaType(compression: LayerMediaType['compression']): string {
  return compression === 'none' ? MEDIA_TYPES.ociLayer : `${MEDIA_TYPES.ociLayer}+${compression}`;
}
