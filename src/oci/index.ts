/** OCI documents, media types, references and platforms: bytes and values only. */
export {
  checkLayerCount,
  configHistory,
  configLabels,
  configPlatform,
  type ImageConfig,
  parseImageConfig,
  type Rootfs,
  runtimeConfig,
} from './config.ts';
export {
  type Annotations,
  annotation,
  CONTAINERD_NAME,
  type Descriptor,
  type Platform,
  parseDescriptor,
  REF_NAME,
} from './descriptor.ts';
export { normalizeImageName } from './image-name.ts';
export { formatJson, type JsonObject, parseJson } from './json.ts';
export {
  buildManifest,
  emptyIndex,
  type Index,
  type Manifest,
  type ManifestParts,
  parseIndex,
  parseManifest,
} from './manifest.ts';
export {
  type DocumentKind,
  documentKind,
  formatLayerMediaType,
  type LayerMediaType,
  layerMediaType,
  MEDIA_TYPES,
} from './media-types.ts';
export { placeImage } from './place-image.ts';
export {
  choosePlatform,
  formatPlatform,
  linuxPlatform,
  type PlatformChoice,
  parsePlatform,
  samePlatform,
} from './platform.ts';
export {
  type Destination,
  formatSource,
  type ImageSelector,
  parseDestination,
  parseSource,
  type Source,
} from './reference.ts';
