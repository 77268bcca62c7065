/** Artifacts that refer to an image (signatures, digests, bills of materials) into a repository, beside the image. */
import { createHash } from 'node:crypto';
import { type BlobDigest, blobDigest, splitBlobDigest, type VerityDigest } from '../../bytes/digest.ts';
import { isPlanishError, PlanishError } from '../../errors.ts';
import { VerityHasher } from '../../fsverity/verity-hasher.ts';
import { readBlob } from '../../io/blob-file.ts';
import { findBlob, readDocument } from '../../io/blob-store.ts';
import type { ImageDocument, OpenedImage } from '../../io/opened-image.ts';
import { AttachmentFinder, asLayout, checkReferrers, type FoundManifest } from '../../io/referrers.ts';
import { type AttachmentKind, attachmentKind } from '../../oci/attachments.ts';
import { parseRootfs } from '../../oci/config.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { parseJsonObject } from '../../oci/json.ts';
import type { Manifest } from '../../oci/manifest.ts';
import { documentKind } from '../../oci/media-types.ts';
import type { WantedLink } from '../../repo/links.ts';
import { encodeTag, REFERRERS, streamName } from '../../repo/names.ts';
import type { ObjectWriter } from '../../repo/object-writer.ts';
import type { Repository } from '../../repo/repository.ts';
import type { Session } from '../session.ts';
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
 * from the others. Then what is attached to these, and so on; each stays where it was found first, so rings that tags
 * make end. One that is damaged is left out, with a warning: the image is whole without it.
 * Throws `LIMIT_EXCEEDED`.
 */
export async function emitReferrers(context: ReferrerContext, image: OpenedImage): Promise<EmittedReferrers> {
  const layout = asLayout(image.store);
  const subject = image.manifest.descriptor.digest;
  if (layout === undefined) return { digests: [], links: [] };
  const finder = new AttachmentFinder(layout);
  const seen = new Map<BlobDigest, BlobDigest>([[subject, subject]]);
  const emitted = { digests: [] as BlobDigest[], links: [] as WantedLink[] };
  let level = [subject];
  for (let depth = 0; level.length > 0; depth++) {
    const next: BlobDigest[] = [];
    for (const one of level) {
      for (const attachment of newAttachments(context, finder, one, seen)) {
        checkReferrers(layout.file, depth, seen.size - 1);
        const links = await tryArtifact(context, image, attachment);
        if (links === undefined) continue;
        const { digest } = attachment.descriptor;
        emitted.links.push(...links, referrerLink(one, digest));
        emitted.digests.push(digest);
        next.push(digest);
      }
    }
    level = next;
  }
  return emitted;
}

/** What is attached to a manifest and was not met before, with the tag that it lies under. */
function* newAttachments(
  { session }: ReferrerContext,
  finder: AttachmentFinder,
  subject: BlobDigest,
  seen: Map<BlobDigest, BlobDigest>,
): Generator<Attachment, void, undefined> {
  const { signatures, others, referrers } = finder.of(subject);
  const tagged = signatures === undefined ? others : [{ kind: 'sig' as const, ...signatures }, ...others];
  for (const attachment of [...referrers, ...tagged]) {
    const { digest } = attachment.descriptor;
    const first = seen.get(digest);
    if (first === undefined) {
      seen.set(digest, subject);
      yield attachment;
    } else if (first !== subject && !(attachment.found instanceof PlanishError)) {
      const message = `the artifact ${digest} is left out of those of ${subject}: it is attached to ${first}`;
      session.onWarning({ code: 'REFERRER_IGNORED', message });
    }
  }
}

/** Links of an artifact; `undefined`, with a warning, where it cannot be read. */
async function tryArtifact(
  context: ReferrerContext,
  image: OpenedImage,
  { descriptor, found, kind }: Attachment,
): Promise<WantedLink[] | undefined> {
  try {
    if (found instanceof PlanishError) throw found;
    if (kind !== undefined) checkKind(found.document, kind);
    return await emitArtifact(context, image, found);
  } catch (error) {
    if (!isPlanishError(error) || error.kind === 'environment') throw error;
    const message = `the artifact ${descriptor.digest} is left out: ${error.message}`;
    context.session.onWarning({ code: 'REFERRER_IGNORED', message });
    return undefined;
  }
}

/** Only its layers tell later under which tag an artifact without a subject was. */
function checkKind(manifest: Manifest, kind: AttachmentKind): void {
  const actual = attachmentKind(manifest);
  if (manifest.subject !== undefined || actual === kind) return;
  throw new PlanishError('IMAGE_UNSUPPORTED', `it lies under the tag .${kind} and has layers of .${actual}`);
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
