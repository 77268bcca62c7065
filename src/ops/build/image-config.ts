/**
 * The config and manifest of a built image: the source's own, with other layers. Entry point, environment, health
 * check and vendor fields are the user's and stay; layers, history and what the user asked to change are replaced.
 */

import type { BlobDigest } from '../../bytes/digest.ts';
import { PlanishError } from '../../errors.ts';
import { configLabels, type ImageConfig, runtimeConfig } from '../../oci/config.ts';
import type { Annotations } from '../../oci/descriptor.ts';
import type { JsonObject } from '../../oci/json.ts';

/** One edit of labels or annotations: set a value, or remove a key. */
export type KeyEdit =
  | { readonly key: string; readonly value: string }
  | { readonly key: string; readonly remove: true };

/** Reads `KEY=VALUE` and `KEY-` (remove). Throws `BAD_OPTION`. */
export function parseKeyEdit(text: string): KeyEdit {
  const equals = text.indexOf('=');
  if (equals > 0) return { key: text.slice(0, equals), value: text.slice(equals + 1) };
  if (equals < 0 && text.length > 1 && text.endsWith('-')) return { key: text.slice(0, -1), remove: true };
  throw new PlanishError('BAD_OPTION', 'expected KEY=VALUE to set or KEY- to remove', { actual: text });
}

/** Applies edits in order; keys that stay keep their place, new ones follow. */
export function applyKeyEdits(
  values: Readonly<Record<string, string>>,
  edits: readonly KeyEdit[],
): Annotations {
  const result = new Map(Object.entries(values));
  for (const edit of edits) {
    if ('remove' in edit) result.delete(edit.key);
    else result.set(edit.key, edit.value);
  }
  return Object.fromEntries(result);
}

/** What one layer is in the config: its diffID and what the history says of it. */
export interface ConfigLayer {
  readonly diffId: BlobDigest;
  readonly createdBy: string;
  readonly comment: string;
}

/** What a config is made of. */
export interface ConfigParts {
  /** The source's config, or a bare one for sources that have none. */
  readonly base: ImageConfig;
  readonly layers: readonly ConfigLayer[];
  /** History of the first layers, where they are those of a base image; it may hold entries without a layer. */
  readonly below?: readonly JsonObject[] | undefined;
  readonly labels: readonly KeyEdit[];
  /** RFC 3339; absent: the source's own time stays, and no clock is read. */
  readonly created: string | undefined;
}

/** The new config; one history entry a layer, after those of the base image. */
export function buildImageConfig(parts: ConfigParts): ImageConfig {
  const { base, layers, labels, below = [] } = parts;
  const own = layers.slice(below.filter((entry) => entry['empty_layer'] !== true).length);
  const created = parts.created ?? base['created'];
  const runtime = withLabels(base, labels);
  return {
    ...base,
    ...(typeof created === 'string' ? { created } : {}),
    ...(runtime === undefined ? {} : { config: runtime }),
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: [...below, ...own.map((layer) => historyEntry(layer, created))],
  };
}

function historyEntry({ createdBy, comment }: ConfigLayer, created: unknown): JsonObject {
  const time = typeof created === 'string' ? { created } : {};
  return { ...time, created_by: createdBy, comment };
}

function withLabels(
  base: ImageConfig,
  edits: readonly KeyEdit[],
): Readonly<Record<string, unknown>> | undefined {
  const runtime = runtimeConfig(base);
  if (edits.length === 0) return base['config'] === undefined ? undefined : runtime;
  const labels = applyKeyEdits(configLabels(base), edits);
  const { Labels: _, ...rest } = runtime;
  return Object.keys(labels).length === 0 ? rest : { ...rest, Labels: labels };
}

/** A config for a source that brings none: platform and nothing else. */
export function bareConfig(os: string, architecture: string, variant: string | undefined): ImageConfig {
  const platform = variant === undefined ? { architecture, os } : { architecture, os, variant };
  return { ...platform, rootfs: { type: 'layers', diff_ids: [] } };
}

const EPOCH_SECONDS = /^\d{1,12}$/;

/**
 * The value of SOURCE_DATE_EPOCH (reproducible-builds.org) as an RFC 3339 time; `undefined` for none. Throws
 * `BAD_OPTION` for anything but whole seconds of four-digit years.
 */
export function parseSourceDateEpoch(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  const date = new Date(EPOCH_SECONDS.test(text) ? Number(text) * 1000 : Number.NaN);
  if (Number.isNaN(date.getTime()) || date.getUTCFullYear() > 9999) {
    throw new PlanishError('BAD_OPTION', 'SOURCE_DATE_EPOCH is not a number of seconds', { actual: text });
  }
  return date.toISOString().replace('.000Z', 'Z');
}
