/**
 * What is attached to an image of a registry: its referrers, by the registry's list of them or by the index under the tag
 * that stands in for it (OCI distribution specification, "Listing Referrers"), and what cosign keeps under tags.
 */
import { createHash } from 'node:crypto';
import { type BlobDigest, blobDigest } from '../bytes/digest.ts';
import { isPlanishError, PlanishError } from '../errors.ts';
import { bringBlob } from '../io/late-blob.ts';
import { checkReferrers } from '../io/referrers.ts';
import { LIMITS } from '../limits.ts';
import { type AttachmentKind, attachmentTag, referrersTag } from '../oci/attachments.ts';
import { type Descriptor, REF_NAME } from '../oci/descriptor.ts';
import { formatJson } from '../oci/json.ts';
import { emptyIndex, type Manifest, parseIndex, parseManifest } from '../oci/manifest.ts';
import { documentKind, MEDIA_TYPES } from '../oci/media-types.ts';
import { readBody, refusal, showUrl } from './answers.ts';
import type { HttpAnswer } from './exchange.ts';
import { type FetchedDocument, fetchManifest, findManifest } from './fetch-manifest.ts';
import { nextLink } from './link.ts';
import type { RegistryClient } from './registry-client.ts';
import type { RegistryStore } from './registry-store.ts';

const KINDS: readonly AttachmentKind[] = ['sig', 'att', 'sbom'];

/**
 * Fetches what is attached to a manifest, `all`: and what is attached to that in turn. Gives entries for the index of the
 * layout that the mirror is. Throws `LIMIT_EXCEEDED`, and what fetching throws.
 */
export async function fetchAttachments(
  store: RegistryStore,
  subject: BlobDigest,
  depth: 'direct' | 'all',
): Promise<readonly Descriptor[]> {
  return await new AttachmentFetch(store).run(subject, depth);
}

class AttachmentFetch {
  readonly #store: RegistryStore;
  readonly #seen = new Set<BlobDigest>();
  #bytes = 0;

  constructor(store: RegistryStore) {
    this.#store = store;
  }

  async run(subject: BlobDigest, depth: 'direct' | 'all'): Promise<readonly Descriptor[]> {
    const entries: Descriptor[] = [];
    let level: readonly BlobDigest[] = [subject];
    for (let step = 0; level.length > 0; step++) {
      const next: BlobDigest[] = [];
      for (const one of level) {
        const { named, manifests } = await this.#of(one);
        entries.push(...named);
        for (const { digest } of manifests) {
          if (this.#seen.has(digest)) continue;
          this.#seen.add(digest);
          checkReferrers(this.#store.file, step, this.#seen.size);
          next.push(digest);
        }
      }
      level = depth === 'all' ? next : [];
    }
    return entries;
  }

  /** The tags that lead to what is attached to one manifest, and the manifests. */
  async #of(subject: BlobDigest): Promise<{ named: Descriptor[]; manifests: readonly Descriptor[] }> {
    const [list, ...tagged] = await Promise.all([
      fetchReferrers(this.#store, subject),
      ...KINDS.map((kind) => this.#tagged(attachmentTag(subject, kind))),
    ]);
    const named = [list, ...tagged].flatMap((entry) => entry ?? []);
    const referrers = list === undefined ? [] : list.manifests;
    for (const entry of referrers) await this.#fetch(entry);
    const attached = tagged.flatMap((entry) => entry ?? []);
    for (const { document } of attached) await this.#take(document);
    return {
      named: named.map(({ tag, document: { descriptor } }) => ({
        ...descriptor,
        annotations: { [REF_NAME]: tag },
      })),
      manifests: [...referrers, ...attached.map(({ document }) => document.descriptor)],
    };
  }

  async #tagged(tag: string | undefined): Promise<TaggedDocument | undefined> {
    const document = tag === undefined ? undefined : await findManifest(this.#store.client, tag);
    return document === undefined || tag === undefined ? undefined : { tag, document };
  }

  /** A referrer that is missing or damaged is found so by whoever looks for it. */
  async #fetch(entry: Descriptor): Promise<void> {
    try {
      await this.#take(await fetchManifest(this.#store.client, entry));
    } catch (error) {
      if (!isPlanishError(error) || error.kind === 'environment' || error.code === 'LIMIT_EXCEEDED')
        throw error;
    }
  }

  /** A manifest, and the blobs that it names, as far as they are looked into. */
  async #take(document: FetchedDocument): Promise<void> {
    this.#count(document.bytes.length);
    this.#store.addDocument(document);
    if (documentKind(document.descriptor.mediaType) !== 'manifest') return;
    const { config, layers } = parse(document);
    for (const descriptor of [config, ...layers]) {
      const blob = this.#store.expect(descriptor);
      if (descriptor.size > LIMITS.jsonBytes) continue;
      this.#count(descriptor.size);
      await bringBlob(blob);
    }
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes <= LIMITS.attachedBytes) return;
    throw new PlanishError('LIMIT_EXCEEDED', 'what is attached to the image is too large', {
      limit: 'attachedBytes',
      expected: LIMITS.attachedBytes,
      actual: this.#bytes,
    });
  }
}

function parse({ descriptor, bytes }: FetchedDocument): Pick<Manifest, 'config' | 'layers'> {
  return parseManifest(bytes, `manifest ${descriptor.digest}`);
}

interface TaggedDocument {
  readonly tag: string;
  readonly document: FetchedDocument;
}

/** The list of referrers, as an index under its tag. */
async function fetchReferrers(
  store: RegistryStore,
  subject: BlobDigest,
): Promise<(TaggedDocument & { readonly manifests: readonly Descriptor[] }) | undefined> {
  const tag = referrersTag(subject);
  const listed = await listReferrers(store, subject);
  const document = listed === undefined ? await findReferrersIndex(store.client, subject) : indexOf(listed);
  if (document === undefined) return undefined;
  store.addDocument(document);
  const { manifests } = parseIndex(document.bytes, `index ${document.descriptor.digest}`);
  const referrers = manifests.filter(({ mediaType }) => documentKind(mediaType) === 'manifest');
  checkReferrers(store.file, 0, referrers.length);
  return { tag, document, manifests: referrers };
}

/** The index under the tag that stands in for a list of referrers. */
export async function findReferrersIndex(
  client: RegistryClient,
  subject: BlobDigest,
): Promise<FetchedDocument | undefined> {
  const document = await findManifest(client, referrersTag(subject));
  // Some registries take such a tag for a digest, and give the subject itself.
  const isOther = document !== undefined && document.descriptor.digest !== subject;
  return isOther && documentKind(document.descriptor.mediaType) === 'index' ? document : undefined;
}

function indexOf(manifests: readonly Descriptor[]): FetchedDocument | undefined {
  if (manifests.length === 0) return undefined;
  const bytes = formatJson({ ...emptyIndex(), manifests });
  const digest = blobDigest('sha256', createHash('sha256').update(bytes).digest('hex'));
  return { descriptor: { mediaType: MEDIA_TYPES.ociIndex, digest, size: bytes.length }, bytes };
}

/** What the registry lists; `undefined` where it keeps no lists. */
async function listReferrers(
  { client, file }: RegistryStore,
  subject: BlobDigest,
): Promise<readonly Descriptor[] | undefined> {
  const found: Descriptor[] = [];
  let bytes = 0;
  let path: string | URL = client.path('referrers', subject);
  for (let pages = 0; pages < LIMITS.registryPages; pages++) {
    const answer: HttpAnswer = await client.send({
      method: 'GET',
      path,
      headers: { accept: MEDIA_TYPES.ociIndex },
    });
    if (answer.status !== 200 || !isIndex(answer)) return await withoutLists(answer);
    const link: string | undefined = nextLink(answer.header('link') ?? '');
    const page = await readBody(answer, 'jsonBytes').catch((error: unknown) => {
      throw client.explain(error, answer.url);
    });
    found.push(...parseIndex(page, `referrers of ${subject}`).manifests);
    checkReferrers(file, 0, found.length);
    bytes += page.length;
    // All pages together are one document.
    if (bytes > LIMITS.jsonBytes) throw tooLong(file, bytes);
    if (link === undefined) return found;
    path = nextPage(answer.url, link);
  }
  throw new PlanishError('LIMIT_EXCEEDED', 'a list of referrers has too many pages', {
    file,
    limit: 'registryPages',
    expected: LIMITS.registryPages,
  });
}

/** The specification demands the type; without it, some page is given for any address. */
function isIndex(answer: HttpAnswer): boolean {
  return (answer.header('content-type') ?? '').split(';')[0]?.trim() === MEDIA_TYPES.ociIndex;
}

/** Registries that keep no lists say so in more than one way. */
async function withoutLists(answer: HttpAnswer): Promise<undefined> {
  if (answer.status !== 200 && (answer.status < 400 || answer.status >= 500))
    throw await refusal(answer, 'REGISTRY_REFUSED', 'a list of referrers is not given');
  answer.drop();
  return undefined;
}

function tooLong(file: string, actual: number): PlanishError {
  return new PlanishError('LIMIT_EXCEEDED', 'a list of referrers is too long', {
    file,
    limit: 'jsonBytes',
    expected: LIMITS.jsonBytes,
    actual,
  });
}

function nextPage(from: URL, link: string): URL {
  const url = URL.canParse(link, from.href) ? new URL(link, from) : undefined;
  if (url?.origin === from.origin) return url;
  throw new PlanishError(
    'REGISTRY_BAD_ANSWER',
    'a list of referrers goes on at an address that cannot be used',
    {
      file: showUrl(from),
    },
  );
}
