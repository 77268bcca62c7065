/** Image manifests and image indexes (OCI image specification, manifest.md and image-index.md), and Docker's twins. */
import { PlanishError } from '../errors.ts';
import { type Annotations, type Descriptor, parseCommon, parseDescriptor } from './descriptor.ts';
import { asArray, badField, isAbsent, type JsonObject, parseJsonObject } from './json.ts';
import { documentKind, MEDIA_TYPES } from './media-types.ts';

/** An image manifest; unknown fields are kept. */
export interface Manifest {
  readonly [field: string]: unknown;
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly artifactType?: string;
  readonly config: Descriptor;
  /** Base layer first. */
  readonly layers: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Annotations;
}

/** An image index or Docker manifest list; unknown fields are kept. */
export interface Index {
  readonly [field: string]: unknown;
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly manifests: readonly Descriptor[];
  readonly annotations?: Annotations;
}

/**
 * Checks an image manifest; `where` names it in errors. Throws `JSON_BAD_DOCUMENT`, `LIMIT_EXCEEDED`, and
 * `IMAGE_UNSUPPORTED` for Docker schema 1. A document that is manifest and index at once is refused: its digest
 * would mean two images (CVE-2021-41190).
 */
export function parseManifest(bytes: Uint8Array, where: string): Manifest {
  const object = parseVersioned(bytes, where, 'manifest');
  if (object['manifests'] !== undefined)
    throw badField(`${where}: manifests`, 'has no place in a manifest', []);
  const layers = asArray(object['layers'], `${where}: layers`, 'imageLayers');
  return {
    ...parseCommon(object, where),
    schemaVersion: 2,
    config: parseDescriptor(object['config'], `${where}: config`),
    layers: layers.map((layer, ordinal) => parseDescriptor(layer, `${where}: layers[${ordinal}]`)),
  };
}

/** Checks an image index, as {@link parseManifest} does a manifest. */
export function parseIndex(bytes: Uint8Array, where: string): Index {
  const object = parseVersioned(bytes, where, 'index');
  for (const field of ['layers', 'config']) {
    if (object[field] !== undefined) throw badField(`${where}: ${field}`, 'has no place in an index', []);
  }
  const manifests = asArray(object['manifests'], `${where}: manifests`, 'indexManifests');
  return {
    ...parseCommon(object, where),
    schemaVersion: 2,
    manifests: manifests.map((entry, ordinal) => parseDescriptor(entry, `${where}: manifests[${ordinal}]`)),
  };
}

/** An index with nothing in it. */
export function emptyIndex(): Index {
  return { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: [] };
}

/** What an image manifest is built from. */
export interface ManifestParts {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly annotations?: Annotations | undefined;
}

/** An OCI image manifest with its fields in the specification's order; annotations in the order given. */
export function buildManifest(parts: ManifestParts): Manifest {
  const { config, layers, annotations } = parts;
  const base = { schemaVersion: 2 as const, mediaType: MEDIA_TYPES.ociManifest, config, layers };
  return annotations === undefined || Object.keys(annotations).length === 0 ? base : { ...base, annotations };
}

/** The object, with `schemaVersion` and `mediaType` checked against what it is to be. */
function parseVersioned(bytes: Uint8Array, where: string, kind: 'manifest' | 'index'): JsonObject {
  const { mediaType, ...rest } = parseJsonObject(bytes, where);
  const said = isAbsent(mediaType) ? kind : documentKind(String(mediaType));
  if (rest['schemaVersion'] === 1 || said === 'schema1') {
    throw new PlanishError(
      'IMAGE_UNSUPPORTED',
      `${where} is a Docker schema 1 manifest, which has no config`,
      {
        hint: 'convert it with a current copy tool first',
      },
    );
  }
  if (rest['schemaVersion'] !== 2)
    throw badField(`${where}: schemaVersion`, 'is not 2', rest['schemaVersion']);
  if (said !== kind) throw badField(`${where}: mediaType`, `is not that of an image ${kind}`, mediaType);
  const { schemaVersion, ...fields } = rest;
  return isAbsent(mediaType) ? rest : { schemaVersion, mediaType, ...fields };
}
