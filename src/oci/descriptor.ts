/** Descriptors (OCI image specification, descriptor.md): what names a blob. */
import type { BlobDigest } from '../bytes/digest.ts';
import { parseBlobDigest } from '../bytes/digest.ts';
import { PlanishError } from '../errors.ts';
import { asName, asObject, asSize, asString, asStrings, isAbsent, type JsonObject } from './json.ts';

/** Strings by name, on descriptors, manifests and indexes. */
export type Annotations = Readonly<Record<string, string>>;

/** Annotation that names an image; only on descriptors in `index.json` of a layout. */
export const REF_NAME = 'org.opencontainers.image.ref.name';

/** Annotation in which containerd and Docker keep the full name; `ref.name` then holds the tag alone. */
export const CONTAINERD_NAME = 'io.containerd.image.name';

/** The platform of a manifest, as an index states it; further fields (`os.version` …) are kept. */
export interface Platform {
  readonly [field: string]: unknown;
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/** A descriptor; fields that are not listed here are kept as they came. */
export interface Descriptor {
  readonly [field: string]: unknown;
  readonly mediaType: string;
  readonly digest: BlobDigest;
  /** Bytes of the blob. */
  readonly size: number;
  readonly annotations?: Annotations;
  readonly platform?: Platform;
  readonly artifactType?: string;
}

/** Checks a descriptor that stands at `where`. Throws `JSON_BAD_DOCUMENT`. */
export function parseDescriptor(value: unknown, where: string): Descriptor {
  const object = asObject(value, where);
  const { annotations, platform, artifactType, ...rest } = object;
  return {
    ...rest,
    mediaType: asName(object['mediaType'], `${where}.mediaType`),
    digest: parseBlobDigest(object['digest'], `${where}.digest`),
    size: asSize(object['size'], `${where}.size`),
    ...(isAbsent(annotations) ? {} : { annotations: asStrings(annotations, `${where}.annotations`) }),
    ...(isAbsent(platform) ? {} : { platform: parsePlatformObject(platform, `${where}.platform`) }),
    ...(isAbsent(artifactType) ? {} : { artifactType: asString(artifactType, `${where}.artifactType`) }),
  };
}

/** Checks the platform object of a descriptor. */
function parsePlatformObject(value: unknown, where: string): Platform {
  const { variant, ...object } = asObject(value, where);
  return {
    ...object,
    os: asString(object['os'], `${where}.os`),
    architecture: asString(object['architecture'], `${where}.architecture`),
    ...(isAbsent(variant) ? {} : { variant: asString(variant, `${where}.variant`) }),
  };
}

/** The value of an annotation, `undefined` when there is none. */
export function annotation(holder: { readonly annotations?: Annotations }, key: string): string | undefined {
  const annotations = holder.annotations;
  return annotations !== undefined && Object.hasOwn(annotations, key) ? annotations[key] : undefined;
}

/** Refuses a blob whose size is not the one its descriptor states. Throws `DIGEST_MISMATCH`. */
export function verifySize(descriptor: Descriptor, actual: number): void {
  if (descriptor.size === actual) return;
  throw new PlanishError(
    'DIGEST_MISMATCH',
    `blob ${descriptor.digest} has not the size its descriptor states`,
    {
      expected: descriptor.size,
      actual,
    },
  );
}

/** Fields shared by manifests and indexes, checked: annotations and the subject of a referrer. */
export function parseCommon(object: JsonObject, where: string): JsonObject {
  const { annotations, subject, artifactType, ...rest } = object;
  return {
    ...rest,
    ...(isAbsent(annotations) ? {} : { annotations: asStrings(annotations, `${where}: annotations`) }),
    ...(isAbsent(artifactType) ? {} : { artifactType: asString(artifactType, `${where}: artifactType`) }),
    ...(isAbsent(subject) ? {} : { subject: parseDescriptor(subject, `${where}: subject`) }),
  };
}
