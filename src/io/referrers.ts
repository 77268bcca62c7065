/**
 * Finding what is attached to a manifest in a layout: cosign's signatures by their tag, and referrers, be they in the
 * index under the subject's tag or beside the images in `index.json`. Each manifest is opened: lists of referrers that
 * are kept by hand state types that are not those of the manifests.
 */
import type { BlobDigest } from '../bytes/digest.ts';
import { PlanishError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { mayBeReferrer, referrersTag, signaturesTag } from '../oci/attachments.ts';
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
  const tag = signaturesTag(subject);
  const signatures = tag === undefined ? undefined : entryNamed(index, tag);
  const candidates = referrerCandidates(layout, index, subject);
  if (candidates.length > LIMITS.referrers) {
    throw new PlanishError('LIMIT_EXCEEDED', 'too many manifests may be attached to the image', {
      file: layout.file,
      limit: 'referrers',
      expected: LIMITS.referrers,
      actual: candidates.length,
    });
  }
  return {
    signatures: signatures === undefined ? undefined : open(layout, signatures),
    referrers: candidates.flatMap((entry) => {
      const opened = open(layout, entry);
      if (opened.found instanceof PlanishError) return [opened];
      return opened.found.document.subject?.digest === subject ? [opened] : [];
    }),
  };
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

/**
 * All manifests that are listed under the subject's tag, and those beside the images that may be referrers and are
 * there; absent ones there may belong to anything.
 */
function referrerCandidates(layout: Layout, index: Index, subject: BlobDigest): readonly Descriptor[] {
  const listed = readReferrersIndex(layout, index, subject)?.manifests ?? [];
  const beside = index.manifests.filter(
    (entry) => mayBeReferrer(entry) && layout.find(entry.digest) !== undefined,
  );
  const all = [...listed.filter(({ mediaType }) => documentKind(mediaType) === 'manifest'), ...beside];
  return [...new Map(all.map((entry) => [entry.digest, entry])).values()];
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
