/** An image opened for reading: documents checked against their digests, layers located but not read yet. */
import type { BlobDigest } from '../bytes/digest.ts';
import { PlanishError, withDetail } from '../errors.ts';
import { checkLayerCount, type ImageConfig, parseImageConfig } from '../oci/config.ts';
import type { Annotations, Descriptor } from '../oci/descriptor.ts';
import { type Manifest, parseManifest } from '../oci/manifest.ts';
import { documentKind, layerMediaType } from '../oci/media-types.ts';
import type { BlobFile } from './blob-file.ts';
import { type BlobStore, findBlob, readDocument } from './blob-store.ts';

/** A document with the bytes that its digest is of. */
export interface ImageDocument<T> {
  readonly descriptor: Descriptor;
  readonly document: T;
  readonly bytes: Uint8Array;
}

/** One layer, located. Its digest, diffID and tar are checked by whoever streams it. */
export interface ImageLayer {
  readonly descriptor: Descriptor;
  readonly diffId: BlobDigest;
  readonly blob: BlobFile;
}

/** An image, of whatever source. */
export interface OpenedImage {
  readonly kind: 'image';
  /** The source as a reference, as given. */
  readonly reference: string;
  /** The name that the source has for the image, `undefined` when it has none. */
  readonly name: string | undefined;
  readonly manifest: ImageDocument<Manifest>;
  readonly config: ImageDocument<ImageConfig>;
  /** Base layer first. */
  readonly layers: readonly ImageLayer[];
  readonly manifestAnnotations: Annotations;
  /** Where further blobs of the same source are found (referrers, the manifest itself). */
  readonly store: BlobStore;
  /** Gives back temporary files; blobs may not be read any more. A second call does nothing. */
  close(): void;
}

/**
 * Opens the image that a manifest descriptor names. Throws `BLOB_MISSING`, `DIGEST_MISMATCH`, `JSON_BAD_DOCUMENT`,
 * and `IMAGE_UNSUPPORTED` for artifacts and for layers that are no tars.
 */
export function assembleImage(
  store: BlobStore,
  descriptor: Descriptor,
  name: string | undefined,
  close: () => void = () => {},
): OpenedImage {
  try {
    const manifest = readManifest(store, descriptor);
    const config = readConfig(store, manifest.document);
    checkLayerCount(manifest.document, config.document, `config ${config.descriptor.digest}`);
    return {
      kind: 'image',
      reference: store.reference,
      name,
      manifest,
      config,
      layers: locateLayers(store, manifest.document, config.document),
      manifestAnnotations: manifest.document.annotations ?? {},
      store,
      close,
    };
  } catch (error) {
    throw withDetail(error, { file: store.file });
  }
}

/** Reads and checks a manifest. */
export function readManifest(store: BlobStore, descriptor: Descriptor): ImageDocument<Manifest> {
  const bytes = readDocument(store, descriptor, 'manifest');
  const where = `manifest ${descriptor.digest}`;
  return { descriptor, document: parseManifest(bytes, where), bytes };
}

/** Reads and checks the config that a manifest names. */
export function readConfig(store: BlobStore, manifest: Manifest): ImageDocument<ImageConfig> {
  const descriptor = manifest.config;
  if (documentKind(descriptor.mediaType) !== 'config') {
    throw new PlanishError('IMAGE_UNSUPPORTED', 'the manifest is of an artifact, not of an image', {
      actual: manifest.artifactType ?? descriptor.mediaType,
    });
  }
  const bytes = readDocument(store, descriptor, 'config');
  return { descriptor, document: parseImageConfig(bytes, `config ${descriptor.digest}`), bytes };
}

function locateLayers(store: BlobStore, manifest: Manifest, config: ImageConfig): readonly ImageLayer[] {
  return manifest.layers.map((descriptor, ordinal) => {
    const diffId = config.rootfs.diff_ids[ordinal];
    if (diffId === undefined) throw new PlanishError('INVARIANT', 'a layer without diffID passed the count');
    try {
      return { descriptor, diffId, blob: locateLayer(store, descriptor) };
    } catch (error) {
      throw withDetail(error, { layer: descriptor.digest });
    }
  });
}

function locateLayer(store: BlobStore, descriptor: Descriptor): BlobFile {
  const claim = layerMediaType(descriptor.mediaType);
  if (claim === undefined) {
    throw new PlanishError('IMAGE_UNSUPPORTED', 'a layer is of a type that is no tar', {
      actual: descriptor.mediaType.slice(0, 160),
    });
  }
  if (!claim.distributable && store.find(descriptor.digest) === undefined) {
    throw new PlanishError('BLOB_MISSING', 'a layer that may not be distributed is not there', {
      hint: 'fetch it from the addresses in its descriptor and put it among the blobs',
    });
  }
  return findBlob(store, descriptor, 'layer');
}
