/**
 * Finding what is attached to a manifest in a layout: cosign's signatures by their tag, and referrers, be they in the
 * index under the subject's tag or beside the images in `index.json`. Each manifest is opened: lists of referrers that
 * are kept by hand state types that are not those of the manifests.
 */
import type { BlobDigest } from '../bytes/digest.ts';
import { PlanishError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { type AttachmentKind, attachmentTag, mayBeReferrer, referrersTag } from '../oci/attachments.ts';
import { annotation, type Descriptor, REF_NAME } from '../oci/descriptor.ts';
import { type Index, type Manifest, parseIndex } from '../oci/manifest.ts';
import { documentKind } from '../oci/media-types.ts';
import { type BlobStore, readDocument } from './blob-store.ts';
import { type Layout, readLayoutIndex } from './layout.ts';
import { type ImageDocument, readManifest } from './opened-image.ts';

/** A manifest that something named, or why it cannot be read. */
export interface FoundManifest {
  readonly descriptor: Descriptor;
  readonly found: ImageDocument<Manifest> | PlanishError;
}

/** What is attached to one manifest. */
export interface Attachments {
  /** Under cosign's tag of signatures. */
  readonly signatures: FoundManifest | undefined;
  /** Under cosign's other tags. */
  readonly others: readonly (FoundManifest & { readonly kind: AttachmentKind })[];
  /** Those that name the manifest as their subject, in the order in which they are listed, each once. */
  readonly referrers: readonly FoundManifest[];
}

/** The store as a layout; `undefined` for sources that have no `index.json` (Docker archives). */
export function asLayout(store: BlobStore): Layout | undefined {
  return 'findRootFile' in store ? (store as Layout) : undefined;
}

/** Everything that is attached to a digest. Throws `LIMIT_EXCEEDED`, and what reading indexes throws. */
export function findAttachments(
  layout: Layout,
  subject: BlobDigest,
  index: Index = readLayoutIndex(layout),
): Attachments {
  return new AttachmentFinder(layout, index).of(subject);
}

/** Finds what is attached to one manifest after the other, and reads everything once. */
export class AttachmentFinder {
  readonly #layout: Layout;
  readonly #index: Index;
  /** The first of each name counts. */
  readonly #named = new Map<string, Descriptor>();
  readonly #lists = new Map<BlobDigest, readonly Descriptor[]>();
  readonly #opened = new Map<BlobDigest, FoundManifest>();
  #beside: readonly Descriptor[] | undefined;

  constructor(layout: Layout, index: Index = readLayoutIndex(layout)) {
    this.#layout = layout;
    this.#index = index;
    for (const entry of index.manifests) {
      const name = annotation(entry, REF_NAME);
      if (name !== undefined && !this.#named.has(name)) this.#named.set(name, entry);
    }
  }

  /** As {@link findAttachments}. */
  of(subject: BlobDigest): Attachments {
    const candidates = this.#candidates(subject);
    if (candidates.length > LIMITS.referrers) throw tooManyReferrers(this.#layout.file, candidates.length);
    return {
      signatures: this.#tagged(subject, 'sig'),
      others: (['att', 'sbom'] as const).flatMap((kind) => {
        const found = this.#tagged(subject, kind);
        return found === undefined ? [] : [{ kind, ...found }];
      }),
      referrers: candidates.flatMap((entry) => {
        const opened = this.#open(entry);
        if (opened.found instanceof PlanishError) return [opened];
        return opened.found.document.subject?.digest === subject ? [opened] : [];
      }),
    };
  }

  #tagged(subject: BlobDigest, kind: AttachmentKind): FoundManifest | undefined {
    const entry = this.#named.get(attachmentTag(subject, kind) ?? '');
    return entry === undefined ? undefined : this.#open(entry);
  }

  /**
   * All manifests that are listed under the subject's tag, and those beside the images that may be referrers and are
   * there; absent ones there may belong to anything.
   */
  #candidates(subject: BlobDigest): readonly Descriptor[] {
    this.#beside ??= this.#index.manifests.filter(
      (entry) => mayBeReferrer(entry) && this.#layout.find(entry.digest) !== undefined,
    );
    const all = [...this.#listed(subject), ...this.#beside];
    return [...new Map(all.map((entry) => [entry.digest, entry])).values()];
  }

  #listed(subject: BlobDigest): readonly Descriptor[] {
    const list = this.#named.get(referrersTag(subject));
    if (list === undefined) return [];
    const known = this.#lists.get(list.digest);
    if (known !== undefined) return known;
    const manifests = readReferrersIndex(this.#layout, this.#index, subject)?.manifests ?? [];
    const listed = manifests.filter(({ mediaType }) => documentKind(mediaType) === 'manifest');
    this.#lists.set(list.digest, listed);
    return listed;
  }

  #open(descriptor: Descriptor): FoundManifest {
    const opened = this.#opened.get(descriptor.digest) ?? open(this.#layout, descriptor);
    this.#opened.set(descriptor.digest, opened);
    return opened;
  }
}

/**
 * Demands that no more artifacts are attached to an image than anyone has, and that they end; the first have the depth 0.
 * Throws `LIMIT_EXCEEDED`.
 */
export function checkReferrers(file: string, depth: number, count: number): void {
  if (count > LIMITS.referrers) throw tooManyReferrers(file, count);
  if (depth < LIMITS.referrerDepth) return;
  throw new PlanishError('LIMIT_EXCEEDED', 'too many artifacts are attached to one another', {
    file,
    limit: 'referrerDepth',
    expected: LIMITS.referrerDepth,
  });
}

function tooManyReferrers(file: string, actual: number): PlanishError {
  return new PlanishError('LIMIT_EXCEEDED', 'too many manifests may be attached to the image', {
    file,
    limit: 'referrers',
    expected: LIMITS.referrers,
    actual,
  });
}

/** The list of referrers that a layout keeps for a digest; `undefined` when it keeps none. */
export function readReferrersIndex(layout: Layout, index: Index, subject: BlobDigest): Index | undefined {
  const entry = entryNamed(index, referrersTag(subject));
  if (entry === undefined || documentKind(entry.mediaType) !== 'index') return undefined;
  return parseIndex(readDocument(layout, entry, 'index'), `index ${entry.digest}`);
}

/** The entry of `index.json` of exactly that name. */
function entryNamed(index: Index, name: string): Descriptor | undefined {
  return index.manifests.find((entry) => annotation(entry, REF_NAME) === name);
}

function open(layout: Layout, descriptor: Descriptor): FoundManifest {
  try {
    return { descriptor, found: readManifest(layout, descriptor) };
  } catch (error) {
    if (error instanceof PlanishError && (error.kind === 'input' || error.kind === 'integrity'))
      return { descriptor, found: error };
    throw error;
  }
}
