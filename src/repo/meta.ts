/** `meta.json`: of what kind a composefs repository is (composefs-rs 0.9.4, `repository.rs`). */
import type { HashAlgorithm } from '../bytes/digest.ts';
import type { FormatVersion } from '../erofs/writer.ts';
import { PlanishError } from '../errors.ts';
import { verityAlgorithmName } from '../fsverity/descriptor.ts';
import { asArray, asObject, asString, isAbsent, type JsonObject, parseJsonObject } from '../oci/json.ts';

/** What a repository is made for. */
export interface RepositoryKind {
  readonly algorithm: HashAlgorithm;
  /** EROFS formats of its images; the first is the default. Never empty. */
  readonly formats: readonly FormatVersion[];
}

/** The kind, and whether whoever does not know all of its features may write. */
export interface RepositoryMeta extends RepositoryKind {
  /** Features that forbid this program to write; empty where it may. */
  readonly readOnlyFeatures: readonly string[];
}

/** Name of the file. */
export const META_NAME = 'meta.json';

const VERSION = 1;
/** Says that the default format is 1; older programs must not write then. */
const V1_FEATURE = 'v1_erofs';
/** Format of repositories that say nothing of it. */
const LEGACY_FORMAT: FormatVersion = 2;
const ALGORITHMS: readonly HashAlgorithm[] = ['sha256', 'sha512'];

/** The file of a new repository, in the form of composefs-rs. */
export function formatMeta({ algorithm, formats }: RepositoryKind): Uint8Array {
  const [first, ...extra] = formats;
  const document = {
    version: VERSION,
    algorithm: verityAlgorithmName(algorithm),
    features: {
      compatible: [],
      'read-only-compatible': first === 1 ? [V1_FEATURE] : [],
      incompatible: [],
    },
    erofs_formats: extra.length === 0 ? { default: first } : { default: first, extra },
  };
  return Buffer.from(`${JSON.stringify(document, undefined, 2)}\n`);
}

/** Reads the file. Throws `JSON_BAD_DOCUMENT`, `REPOSITORY_UNSUPPORTED`. */
export function parseMeta(bytes: Uint8Array): RepositoryMeta {
  const meta = parseJsonObject(bytes, META_NAME);
  const version = meta['version'];
  if (!Number.isInteger(version) || (version as number) > VERSION || (version as number) < 0)
    throw unsupported('version', JSON.stringify(version));
  const features = isAbsent(meta['features']) ? {} : asObject(meta['features'], 'meta.json: features');
  const incompatible = strings(features, 'incompatible');
  if (incompatible.length > 0) throw unsupported('feature', incompatible.join(', '));
  const readOnly = strings(features, 'read-only-compatible');
  const readOnlyFeatures = readOnly.filter((name) => name !== V1_FEATURE);
  return { algorithm: parseAlgorithm(meta), formats: parseFormats(meta, readOnly), readOnlyFeatures };
}

function parseAlgorithm(meta: JsonObject): HashAlgorithm {
  const text = asString(meta['algorithm'], 'meta.json: algorithm');
  const found = ALGORITHMS.find((algorithm) => verityAlgorithmName(algorithm) === text);
  if (found === undefined) throw unsupported('algorithm', text);
  return found;
}

/** A file without formats, or with those of the time before them, goes by the feature. */
function parseFormats(meta: JsonObject, readOnly: readonly string[]): readonly FormatVersion[] {
  const field = meta['erofs_formats'];
  const formats = isAbsent(field)
    ? [LEGACY_FORMAT]
    : listFormats(asObject(field, 'meta.json: erofs_formats'));
  const isLegacy = formats.length === 1 && formats[0] === LEGACY_FORMAT;
  return isLegacy && readOnly.includes(V1_FEATURE) ? [1] : formats;
}

function listFormats(field: JsonObject): readonly FormatVersion[] {
  const extra = isAbsent(field['extra'])
    ? []
    : asArray(field['extra'], 'meta.json: erofs_formats.extra', 'indexManifests');
  return [...new Set([field['default'], ...extra])].map((value) => {
    if (value === 0 || value === 1 || value === 2) return value;
    throw unsupported('EROFS format', JSON.stringify(value));
  });
}

function strings(features: JsonObject, key: string): readonly string[] {
  const value = features[key];
  if (isAbsent(value)) return [];
  const list = asArray(value, `meta.json: features.${key}`, 'indexManifests');
  return list.map((item) => asString(item, `meta.json: features.${key}`));
}

function unsupported(what: string, actual: string | undefined): PlanishError {
  return new PlanishError('REPOSITORY_UNSUPPORTED', `the repository is of an unknown ${what}`, {
    actual: actual?.slice(0, 160),
  });
}
