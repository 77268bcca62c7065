/** Which manifest of a layout is meant: by name or digest, through nested indexes, by platform. */
import { display, fromUtf8 } from '../bytes/byte-string.ts';
import { isPlanishError, PlanishError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { configPlatform } from '../oci/config.ts';
import { annotation, CONTAINERD_NAME, type Descriptor, REF_NAME } from '../oci/descriptor.ts';
import { normalizeImageName } from '../oci/image-name.ts';
import { type Index, parseIndex } from '../oci/manifest.ts';
import { documentKind } from '../oci/media-types.ts';
import {
  choosePlatform,
  formatPlatform,
  isImageEntry,
  type PlatformChoice,
  samePlatform,
} from '../oci/platform.ts';
import type { ImageSelector } from '../oci/reference.ts';
import { type BlobStore, readDocument } from './blob-store.ts';
import { readConfig, readManifest } from './opened-image.ts';

/** Depth of indexes within indexes. */
export const INDEX_DEPTH = 8;

/** The manifest chosen, and the name of the entry of `index.json` that led to it. */
export interface SelectedManifest {
  readonly descriptor: Descriptor;
  readonly name: string | undefined;
}

/**
 * Chooses one manifest of a layout. Throws `NO_SUCH_IMAGE` and `AMBIGUOUS_IMAGE` listing what there is, and what
 * reading nested indexes throws.
 */
export function selectManifest(
  store: BlobStore,
  index: Index,
  selector: ImageSelector,
  choice: PlatformChoice,
): SelectedManifest {
  const group = selectGroup(store, index, selector);
  const leaves = unfold(store, group);
  refuseSchema1(leaves);
  const several = leaves.filter(isImageEntry).length > 1 || choice.wanted !== undefined;
  const known = several ? leaves.flatMap((leaf) => withPlatform(store, leaf)) : leaves;
  const descriptor = choosePlatform(known, choice, store.reference);
  if (group.length > 1) refuseTwins(store, group, known, descriptor);
  const original = leaves.find((leaf) => leaf.digest === descriptor.digest) ?? descriptor;
  return { descriptor: original, name: nameOf(group[0]) };
}

/**
 * The entry of `index.json` that the selector means, a manifest or an index. Throws as {@link selectManifest}, and where
 * several share the name.
 */
export function selectEntry(store: BlobStore, index: Index, selector: ImageSelector): SelectedManifest {
  const [entry, ...twins] = selectGroup(store, index, selector);
  if (entry !== undefined && twins.length === 0) return { descriptor: entry, name: nameOf(entry) };
  throw new PlanishError(
    entry === undefined ? 'NO_SUCH_IMAGE' : 'AMBIGUOUS_IMAGE',
    `${store.reference} holds ${entry === undefined ? 'no image' : 'several images of one name'}`,
    { file: store.file },
  );
}

/** The entries of `index.json` that the selector means; several only when they share one name. */
function selectGroup(store: BlobStore, index: Index, selector: ImageSelector): readonly Descriptor[] {
  if (selector.digest !== undefined) return [byDigest(store, index, selector.digest)];
  if (selector.name !== undefined) return byName(store, index, selector.name);
  const images = index.manifests.filter(isImageEntry);
  const digests = new Set(images.map((entry) => entry.digest));
  const names = new Set(images.map((entry) => annotation(entry, REF_NAME)));
  if (digests.size <= 1) return images.length > 0 ? images.slice(0, 1) : index.manifests;
  if (names.size === 1) return images;
  throw new PlanishError('AMBIGUOUS_IMAGE', `${store.reference} holds several images`, {
    file: store.file,
    actual: listNames(images),
    hint: 'name one',
  });
}

function byDigest(store: BlobStore, index: Index, digest: string): Descriptor {
  const matches = (entry: Descriptor) => entry.digest === digest;
  const found = index.manifests.find(matches) ?? everyEntry(store, index.manifests).find(matches);
  if (found !== undefined) return found;
  throw new PlanishError('NO_SUCH_IMAGE', `${store.reference} names no such digest`, {
    file: store.file,
    expected: digest,
    actual: listNames(index.manifests),
  });
}

/** By `ref.name` exactly; else by the full name that containerd and Docker write beside it. */
function byName(store: BlobStore, index: Index, name: string): readonly Descriptor[] {
  const exact = index.manifests.filter((entry) => annotation(entry, REF_NAME) === name);
  if (exact.length > 0) return exact;
  const wanted = normalizeImageName(name);
  const full = index.manifests.filter((entry) => {
    const said = annotation(entry, CONTAINERD_NAME);
    return (
      said !== undefined && (said === name || (wanted !== undefined && normalizeImageName(said) === wanted))
    );
  });
  if (full.length > 0) return full;
  throw new PlanishError('NO_SUCH_IMAGE', `${store.reference} holds no image of that name`, {
    file: store.file,
    expected: name,
    actual: listNames(index.manifests),
  });
}

/** The manifests below entries, nested indexes unfolded in place, each digest once. */
function unfold(store: BlobStore, entries: readonly Descriptor[]): readonly Descriptor[] {
  return everyEntry(store, entries).filter((entry) => documentKind(entry.mediaType) !== 'index');
}

/** All entries, and those of nested indexes after the index that names them, each digest once. */
function everyEntry(store: BlobStore, entries: readonly Descriptor[]): readonly Descriptor[] {
  const seen = new Map<string, Descriptor>();
  const visit = (entry: Descriptor, depth: number): void => {
    if (seen.has(entry.digest)) return;
    seen.set(entry.digest, entry);
    if (seen.size > LIMITS.indexManifests || depth > INDEX_DEPTH) {
      throw new PlanishError('LIMIT_EXCEEDED', 'indexes within indexes name too many manifests', {
        limit: 'indexManifests',
        file: store.file,
      });
    }
    if (documentKind(entry.mediaType) !== 'index' || !isImageEntry(entry)) return;
    const bytes = readDocument(store, entry, 'index');
    for (const child of parseIndex(bytes, `index ${entry.digest}`).manifests) visit(child, depth + 1);
  };
  for (const entry of entries) visit(entry, 0);
  return [...seen.values()];
}

/** The entry with the platform of its config where the index states none; nothing for artifacts and absent blobs. */
function withPlatform(store: BlobStore, entry: Descriptor): readonly Descriptor[] {
  if (entry.platform !== undefined || !isImageEntry(entry)) return [entry];
  try {
    const config = readConfig(store, readManifest(store, entry).document);
    return [{ ...entry, platform: configPlatform(config.document) }];
  } catch (error) {
    if (isPlanishError(error, 'IMAGE_UNSUPPORTED') || isPlanishError(error, 'BLOB_MISSING')) return [];
    throw error;
  }
}

function refuseSchema1(leaves: readonly Descriptor[]): void {
  if (leaves.some(isImageEntry) || !leaves.some((leaf) => documentKind(leaf.mediaType) === 'schema1')) return;
  throw new PlanishError('IMAGE_UNSUPPORTED', 'the image is a Docker schema 1 image, which has no config', {
    hint: 'convert it with a current copy tool first',
  });
}

/** Two entries of `index.json` with one name and one platform: neither can be preferred. */
function refuseTwins(
  store: BlobStore,
  group: readonly Descriptor[],
  known: readonly Descriptor[],
  chosen: Descriptor,
): void {
  const platform = chosen.platform;
  const direct = new Set(group.map((entry) => entry.digest));
  if (platform === undefined || !direct.has(chosen.digest)) return;
  const twins = known.filter(
    (entry) =>
      direct.has(entry.digest) && entry.platform !== undefined && samePlatform(entry.platform, platform),
  );
  if (twins.length < 2) return;
  throw new PlanishError(
    'AMBIGUOUS_IMAGE',
    `${store.reference} holds several images for ${formatPlatform(platform)}`,
    {
      file: store.file,
      actual: twins.map((entry) => entry.digest).join(', '),
      hint: 'name one by its digest: oci:DIR@sha256:…',
    },
  );
}

function nameOf(entry: Descriptor | undefined): string | undefined {
  return entry === undefined ? undefined : annotation(entry, REF_NAME);
}

/** Names of entries for a message; the unnamed by digest, at most sixteen. */
function listNames(entries: readonly Descriptor[]): string {
  const names = entries.map((entry) => nameOf(entry) ?? `@${entry.digest}`);
  const shown = names.slice(0, 16).map((name) => display(fromUtf8(name)));
  if (shown.length === 0) return 'no image at all';
  return names.length > 16 ? `${shown.join(', ')} and more` : shown.join(', ');
}
