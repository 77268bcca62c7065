/** `docker://`: an image in a registry. Its documents are fetched here; its layers when somebody reads them. */
import { PlanishError, withDetail } from '../errors.ts';
import { bringBlob } from '../io/late-blob.ts';
import { readLayoutIndex } from '../io/layout.ts';
import { assembleImage, type OpenedImage } from '../io/opened-image.ts';
import { INDEX_DEPTH, selectManifest } from '../io/select-image.ts';
import { LIMITS } from '../limits.ts';
import { type Descriptor, type Platform, REF_NAME } from '../oci/descriptor.ts';
import { type Manifest, parseIndex, parseManifest } from '../oci/manifest.ts';
import { documentKind } from '../oci/media-types.ts';
import { isImageEntry, linuxPlatform, type PlatformChoice } from '../oci/platform.ts';
import { formatSource, type RegistryReference } from '../oci/reference.ts';
import type { OnProgress } from '../progress.ts';
import { fetchAttachments } from './fetch-attachments.ts';
import { type FetchedDocument, fetchManifest, findManifest } from './fetch-manifest.ts';
import { RegistryClient, type RegistryOptions } from './registry-client.ts';
import { RegistryStore } from './registry-store.ts';

/** How to open an image of a registry. */
export interface OpenRegistryOptions {
  readonly registry?: RegistryOptions | undefined;
  /** The platform asked for; without it a single image is taken whatever its platform. */
  readonly platform?: Platform | undefined;
  /** Architecture of this machine as `process.arch` names it. */
  readonly architecture: string;
  /** What is attached to the image: nothing, that which names it, or that and what is attached to it in turn. */
  readonly attachments?: 'direct' | 'all' | undefined;
  /** Most layers that are fetched at once. */
  readonly fetches: number;
  readonly temporaryDirectory?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/**
 * Opens one image of a registry. Throws `NO_SUCH_IMAGE`, `AMBIGUOUS_IMAGE`, `BLOB_MISSING`, `DIGEST_MISMATCH`,
 * `JSON_BAD_DOCUMENT`, `LIMIT_EXCEEDED`, and what {@link RegistryClient.send} throws.
 */
export async function openRegistryImage(
  reference: RegistryReference,
  options: OpenRegistryOptions,
): Promise<OpenedImage> {
  const store = openRegistryStore(reference, options);
  const choice = { wanted: options.platform, fallback: linuxPlatform(options.architecture) };
  try {
    const top = await fetchNamed(store, reference);
    await fetchChoices(store, top, choice);
    const entry = nameEntry(top.descriptor, reference.name);
    store.setIndex([entry]);
    const { descriptor, name } = selectManifest(store, readLayoutIndex(store), reference, choice);
    await fetchImage(store, descriptor);
    if (options.attachments !== undefined)
      store.setIndex([entry, ...(await fetchAttachments(store, descriptor.digest, options.attachments))]);
    return assembleImage(store, descriptor, name, () => store.close());
  } catch (error) {
    store.close();
    throw withDetail(error, { file: store.file });
  }
}

/** The mirror of a repository, with nothing in it yet. */
export function openRegistryStore(reference: RegistryReference, options: OpenRegistryOptions): RegistryStore {
  const { host, repository } = reference;
  const { signal } = options;
  const client = new RegistryClient({ ...options.registry, host, repository, actions: 'pull', signal });
  return new RegistryStore(client, formatSource(reference), options);
}

/** The manifest or index that a reference names. Throws `NO_SUCH_IMAGE`. */
export async function fetchNamed(
  store: RegistryStore,
  { name, digest }: Pick<RegistryReference, 'name' | 'digest'>,
): Promise<FetchedDocument> {
  const found = await findManifest(store.client, digest ?? name ?? 'latest');
  if (found === undefined) {
    throw new PlanishError('NO_SUCH_IMAGE', 'the registry has no image of that name', {
      file: store.reference,
    });
  }
  store.addDocument(found);
  return found;
}

/** The entry of an index under a name. */
export function nameEntry(descriptor: Descriptor, name: string | undefined): Descriptor {
  return name === undefined ? descriptor : { ...descriptor, annotations: { [REF_NAME]: name } };
}

/** Fetches what a choice among several images needs: nested indexes, and documents of those whose platform is not stated. */
export async function fetchChoices(
  store: RegistryStore,
  top: FetchedDocument,
  choice: PlatformChoice,
): Promise<void> {
  const leaves = await fetchIndexes(store, top);
  const images = leaves.filter(isImageEntry);
  if (images.length < 2 && choice.wanted === undefined) return;
  for (const image of images) {
    if (image.platform !== undefined || documentKind(image.mediaType) !== 'manifest') continue;
    await fetchImage(store, image).catch((error: unknown) => {
      // It is not among those to be chosen from, as in a layout.
      if (!(error instanceof PlanishError) || error.code !== 'BLOB_MISSING') throw error;
    });
  }
}

/** Everything below an index that is no index; the indexes are fetched. */
async function fetchIndexes(store: RegistryStore, top: FetchedDocument): Promise<readonly Descriptor[]> {
  const seen = new Set<string>([top.descriptor.digest]);
  const leaves: Descriptor[] = [];
  let level: readonly FetchedDocument[] = [top];
  for (let depth = 0; level.length > 0; depth++) {
    const next: FetchedDocument[] = [];
    for (const { descriptor, bytes } of level) {
      if (documentKind(descriptor.mediaType) !== 'index') {
        leaves.push(descriptor);
        continue;
      }
      for (const child of parseIndex(bytes, `index ${descriptor.digest}`).manifests) {
        if (seen.has(child.digest)) continue;
        seen.add(child.digest);
        checkWidth(store, seen.size, depth + 1);
        if (documentKind(child.mediaType) !== 'index' || !isImageEntry(child)) leaves.push(child);
        else next.push(await fetchInto(store, child));
      }
    }
    level = next;
  }
  return leaves;
}

function checkWidth(store: RegistryStore, count: number, depth: number): void {
  if (count <= LIMITS.indexManifests && depth <= INDEX_DEPTH) return;
  throw new PlanishError('LIMIT_EXCEEDED', 'indexes within indexes name too many manifests', {
    limit: 'indexManifests',
    file: store.file,
  });
}

async function fetchInto(store: RegistryStore, descriptor: Descriptor): Promise<FetchedDocument> {
  // Registries count how often they are asked for manifests.
  const known = store.readDocument(descriptor);
  if (known !== undefined) return { descriptor, bytes: known };
  const document = await fetchManifest(store.client, descriptor);
  store.addDocument(document);
  return document;
}

/** Fetches manifest and config, and makes layers known. */
async function fetchImage(store: RegistryStore, descriptor: Descriptor): Promise<void> {
  const manifest = await fetchKnown(store, descriptor);
  if (documentKind(manifest.config.mediaType) === 'config') await fetchSmall(store, manifest.config);
  for (const layer of manifest.layers) store.expect(layer);
}

/** A manifest, fetched unless it is here. */
async function fetchKnown(store: RegistryStore, descriptor: Descriptor): Promise<Manifest> {
  const where = `manifest ${descriptor.digest}`;
  return parseManifest((await fetchInto(store, descriptor)).bytes, where);
}

/** A blob that is a document; what is too large for one is left for whoever reads it to refuse. */
async function fetchSmall(store: RegistryStore, descriptor: Descriptor): Promise<void> {
  const blob = store.expect(descriptor);
  if (descriptor.size <= LIMITS.jsonBytes) await bringBlob(blob);
}
