/** Artifacts that refer to an image (signatures, digests, bills of materials) into a repository, beside the image. */
import { createHash } from 'node:crypto';
import { type BlobDigest, blobDigest, splitBlobDigest, type VerityDigest } from '../../bytes/digest.ts';
import { isPlanishError, PlanishError } from '../../errors.ts';
import { VerityHasher } from '../../fsverity/verity-hasher.ts';
import { readBlob } from '../../io/blob-file.ts';
import { findBlob, readDocument } from '../../io/blob-store.ts';
import { type Layout, readLayoutIndex } from '../../io/layout.ts';
import type { ImageDocument, OpenedImage } from '../../io/opened-image.ts';
import { AttachmentFinder, asLayout, checkReferrers, type FoundManifest } from '../../io/referrers.ts';
import { type AttachmentKind, attachmentKind, isAttachedEntry } from '../../oci/attachments.ts';
import { parseRootfs } from '../../oci/config.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { parseJsonObject } from '../../oci/json.ts';
import { type Manifest, parseIndex } from '../../oci/manifest.ts';
import { documentKind } from '../../oci/media-types.ts';
import type { WantedLink } from '../../repo/links.ts';
import { encodeTag, REFERRERS, streamName } from '../../repo/names.ts';
import type { ObjectWriter } from '../../repo/object-writer.ts';
import type { Repository } from '../../repo/repository.ts';
import type { Session } from '../session.ts';
import { ArtifactTies } from './artifact-ties.ts';
import { type EmittedStream, emitDocument, emitDocumentStream } from './emit-documents.ts';

/** What was emitted beside the image. */
export interface EmittedReferrers {
  readonly digests: readonly BlobDigest[];
  /** In an order in which each leads to something. */
  readonly links: readonly WantedLink[];
}

/** Something that is attached, and cosign's tag that it lies under. */
type Attachment = FoundManifest & { readonly kind?: AttachmentKind };

/** Where artifacts go. */
interface ReferrerContext {
  readonly session: Session;
  readonly repository: Repository;
  readonly objects: ObjectWriter;
}

/**
 * Emits all artifacts of a layout or archive that name the image as their subject, and what lies under cosign's tags of
 * it, which becomes a referrer like them: repositories know no other tie, and without a subject of its own it is told
 * from the others. Then what is attached to these, and so on; what is attached to several is a referrer of each. One that is
 * damaged is left out, with a warning: the image is whole without it. Throws `LIMIT_EXCEEDED`.
 */
export async function emitReferrers(context: ReferrerContext, image: OpenedImage): Promise<EmittedReferrers> {
  const layout = asLayout(image.store);
  if (layout === undefined) return { digests: [], links: [] };
  const finder = new AttachmentFinder(layout);
  const emitter = new ArtifactEmitter(context, image);
  let level = [image.manifest.descriptor.digest];
  for (let depth = 0; level.length > 0; depth++) {
    const next: BlobDigest[] = [];
    for (const subject of level) {
      for (const attachment of attachmentsOf(finder, subject)) {
        checkReferrers(layout.file, depth, emitter.count + 1);
        if (await emitter.attach(subject, attachment)) next.push(attachment.descriptor.digest);
      }
    }
    level = next;
  }
  warnOfIndexes(context, layout, finder, image.manifest.descriptor.digest);
  return emitter;
}

function attachmentsOf(finder: AttachmentFinder, subject: BlobDigest): Attachment[] {
  const { signatures, others, referrers } = finder.of(subject);
  const tagged = signatures === undefined ? others : [{ kind: 'sig' as const, ...signatures }, ...others];
  return [...referrers, ...tagged];
}

/** Emits artifacts, each once, and ties them to what they are attached to. */
class ArtifactEmitter implements EmittedReferrers {
  readonly digests: BlobDigest[] = [];
  readonly links: WantedLink[] = [];
  readonly #context: ReferrerContext;
  readonly #image: OpenedImage;
  readonly #ties = new ArtifactTies();
  /** Whether they could be read. */
  readonly #known = new Map<BlobDigest, boolean>();

  constructor(context: ReferrerContext, image: OpenedImage) {
    this.#context = context;
    this.#image = image;
  }

  /** Ties so far. */
  get count(): number {
    return this.#ties.count;
  }

  /** Ties an artifact to a manifest; whether it was emitted for that, and not before. */
  async attach(subject: BlobDigest, { descriptor, found, kind }: Attachment): Promise<boolean> {
    const { digest } = descriptor;
    if (this.#ties.has(subject, digest)) return false;
    const refusal = this.#refuse(subject, digest, found, kind);
    if (refusal !== undefined) {
      this.#warn(`the artifact ${digest} is left out of those of ${subject}: ${refusal}`);
      return false;
    }
    const isNew = !this.#known.has(digest);
    if (isNew) this.#known.set(digest, await this.#emit(digest, found));
    if (this.#known.get(digest) !== true) return false;
    this.#ties.add(subject, digest);
    this.links.push(referrerLink(subject, digest));
    return isNew;
  }

  /** Why something cannot be told later from what it is not. */
  #refuse(
    subject: BlobDigest,
    digest: BlobDigest,
    found: Attachment['found'],
    kind: AttachmentKind | undefined,
  ): string | undefined {
    if (this.#ties.makesRing(subject, digest)) return 'it would be attached to itself';
    if (kind === undefined || found instanceof PlanishError) return undefined;
    // Only its layers tell later under which tag an artifact was that does not name this subject.
    const actual = attachmentKind(found.document);
    if (found.document.subject?.digest === subject || actual === kind) return undefined;
    return `it lies under the tag .${kind} and has layers of .${actual}`;
  }

  async #emit(digest: BlobDigest, found: Attachment['found']): Promise<boolean> {
    try {
      if (found instanceof PlanishError) throw found;
      this.links.push(...(await emitArtifact(this.#context, this.#image, found)));
      this.digests.push(digest);
      return true;
    } catch (error) {
      if (!isPlanishError(error) || error.kind === 'environment') throw error;
      this.#warn(`the artifact ${digest} is left out: ${error.message}`);
      return false;
    }
  }

  #warn(message: string): void {
    this.#context.session.onWarning({ code: 'REFERRER_IGNORED', message });
  }
}

/** What is attached to an index speaks of all its images, and repositories have no indexes that it could refer to. */
function warnOfIndexes(
  { session }: ReferrerContext,
  layout: Layout,
  finder: AttachmentFinder,
  image: BlobDigest,
): void {
  for (const entry of readLayoutIndex(layout).manifests) {
    if (documentKind(entry.mediaType) !== 'index' || isAttachedEntry(entry)) continue;
    const { manifests } = parseIndex(readDocument(layout, entry, 'index'), `index ${entry.digest}`);
    if (!manifests.some(({ digest }) => digest === image)) continue;
    const { length } = attachmentsOf(finder, entry.digest);
    if (length === 0) continue;
    const message = `${length} artifacts of the index ${entry.digest} are left out: repositories have images and no indexes`;
    session.onWarning({ code: 'REFERRER_IGNORED', message });
  }
}

function referrerLink(subject: BlobDigest, artifact: BlobDigest): WantedLink {
  const path = `${REFERRERS}/${encodeTag(subject)}/${encodeTag(artifact)}`;
  return { kind: 'ref', category: 'streams', path, entry: streamName('manifest', artifact) };
}

async function emitArtifact(
  context: ReferrerContext,
  image: OpenedImage,
  { descriptor, document, bytes }: ImageDocument<Manifest>,
): Promise<WantedLink[]> {
  const { repository, objects } = context;
  const config = readDocument(image.store, document.config, 'config');
  checkLayerNames(document, config);
  const blobs = new Map<string, EmittedStream>();
  for (const layer of document.layers) blobs.set(layer.digest, await emitBlob(context, image, layer));
  const refs = new Map<string, VerityDigest>([...blobs].map(([name, { digest }]) => [name, digest]));
  const configStream = await emitDocument(repository, objects, {
    kind: 'config',
    name: document.config.digest,
    bytes: config,
    refs,
  });
  const manifest = await emitDocument(repository, objects, {
    kind: 'manifest',
    name: descriptor.digest,
    bytes,
    refs: new Map([[`config:${document.config.digest}`, configStream.digest], ...refs]),
  });
  return [...[...blobs.values()].map(({ link }) => link), configStream.link, manifest.link];
}

/** An artifact whose config is that of an image, as cosign's are, is looked up by diffIDs: they must name its blobs. */
function checkLayerNames({ config, layers }: Manifest, bytes: Uint8Array): void {
  if (documentKind(config.mediaType) !== 'config') return;
  const where = `config ${config.digest}`;
  const { diff_ids: names } = parseRootfs(parseJsonObject(bytes, where)['rootfs'], `${where}: rootfs`);
  if (names.length === layers.length && layers.every(({ digest }, at) => digest === names[at])) return;
  throw new PlanishError('IMAGE_UNSUPPORTED', 'its config is that of an image with other layers');
}

/** A blob of an artifact, whatever it is, becomes one object. */
async function emitBlob(
  { repository, objects }: ReferrerContext,
  { store }: OpenedImage,
  descriptor: Descriptor,
): Promise<EmittedStream> {
  const blob = findBlob(store, descriptor, 'blob');
  const { algorithm } = splitBlobDigest(descriptor.digest);
  const hash = createHash(algorithm);
  const verity = new VerityHasher(repository.algorithm);
  try {
    for await (const piece of readBlob(blob)) {
      hash.update(piece);
      verity.update(piece);
      objects.write(piece, 0, piece.length);
    }
    const actual = blobDigest(algorithm, hash.digest('hex'));
    if (actual !== descriptor.digest) {
      const detail = { file: blob.file, expected: descriptor.digest, actual };
      throw new PlanishError('DIGEST_MISMATCH', 'a blob has not the digest that names it', detail);
    }
    const object = verity.digest();
    objects.finish(object);
    const document = {
      kind: 'blob',
      name: descriptor.digest,
      object,
      size: blob.size,
      refs: new Map(),
    } as const;
    return await emitDocumentStream(repository, objects, document);
  } finally {
    objects.abort();
  }
}
