/**
 * Image configs (OCI image specification, config.md). A config stays the open object it came as: entry point,
 * environment, health check and vendor fields are the image's own and must survive untouched.
 */
import { type BlobDigest, parseBlobDigest } from '../bytes/digest.ts';
import { PlanishError } from '../errors.ts';
import type { Platform } from './descriptor.ts';
import {
  asArray,
  asName,
  asObject,
  asString,
  asStrings,
  badField,
  isAbsent,
  type JsonObject,
  parseJsonObject,
} from './json.ts';
import type { Manifest } from './manifest.ts';

/** An image config, fields in the order in which they came. */
export interface ImageConfig {
  readonly [field: string]: unknown;
  readonly architecture: string;
  readonly os: string;
  readonly rootfs: Rootfs;
}

/** The layers of a config: digests of the uncompressed tars, base first. */
export interface Rootfs {
  readonly [field: string]: unknown;
  readonly type: 'layers';
  readonly diff_ids: readonly BlobDigest[];
}

/** Checks an image config; `where` names it in errors. Throws `JSON_BAD_DOCUMENT` and `LIMIT_EXCEEDED`. */
export function parseImageConfig(bytes: Uint8Array, where: string): ImageConfig {
  const object = parseJsonObject(bytes, where);
  checkOptional(object, where);
  return {
    ...object,
    architecture: asName(object['architecture'], `${where}: architecture`),
    os: asName(object['os'], `${where}: os`),
    rootfs: parseRootfs(object['rootfs'], `${where}: rootfs`),
  };
}

/** Checks the layers of a config, for documents that are no whole config. Throws `JSON_BAD_DOCUMENT`, `LIMIT_EXCEEDED`. */
export function parseRootfs(value: unknown, where: string): Rootfs {
  const object = asObject(value, where);
  if (object['type'] !== 'layers') throw badField(`${where}.type`, 'is not "layers"', object['type']);
  const ids = asArray(object['diff_ids'], `${where}.diff_ids`, 'imageLayers');
  const digests = ids.map((id, ordinal) => parseBlobDigest(id, `${where}.diff_ids[${ordinal}]`));
  return { ...object, type: 'layers', diff_ids: digests };
}

/** The optional fields that accessors read, so that those cannot fail. */
function checkOptional(object: JsonObject, where: string): void {
  if (!isAbsent(object['variant'])) asString(object['variant'], `${where}: variant`);
  if (!isAbsent(object['created'])) asString(object['created'], `${where}: created`);
  const history = asArray(object['history'], `${where}: history`, 'imageLayers');
  history.forEach((entry, ordinal) => {
    asObject(entry, `${where}: history[${ordinal}]`);
  });
  if (isAbsent(object['config'])) return;
  const config = asObject(object['config'], `${where}: config`);
  if (!isAbsent(config['Labels'])) asStrings(config['Labels'], `${where}: config.Labels`);
}

/** The labels; empty when there are none. */
export function configLabels(config: ImageConfig): Readonly<Record<string, string>> {
  const labels = runtimeConfig(config)['Labels'];
  return isAbsent(labels) ? {} : (labels as Readonly<Record<string, string>>);
}

/** The `config` object (entry point, environment, labels …); empty when there is none. */
export function runtimeConfig(config: ImageConfig): JsonObject {
  return isAbsent(config['config']) ? {} : (config['config'] as JsonObject);
}

/** The history; empty when there is none. */
export function configHistory(config: ImageConfig): readonly JsonObject[] {
  return isAbsent(config['history']) ? [] : (config['history'] as readonly JsonObject[]);
}

/** The platform that a config states for its image. */
export function configPlatform(config: ImageConfig): Platform {
  const variant = config['variant'];
  const base = { os: config.os, architecture: config.architecture };
  return typeof variant === 'string' && variant !== '' ? { ...base, variant } : base;
}

/** Refuses a manifest and a config that count different layers. Throws `JSON_BAD_DOCUMENT`. */
export function checkLayerCount(manifest: Manifest, config: ImageConfig, where: string): void {
  const expected = manifest.layers.length;
  const actual = config.rootfs.diff_ids.length;
  if (expected === actual) return;
  throw new PlanishError(
    'JSON_BAD_DOCUMENT',
    `${where}: rootfs.diff_ids names ${actual} layers, the manifest ${expected}`,
    { expected, actual },
  );
}
