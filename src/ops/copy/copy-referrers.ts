/** Copies what is attached to images: referrers, what cosign keeps under tags, and what is attached to those in turn. */
import { isPlanishError, PlanishError } from '../../errors.ts';
import type { ImageWriter } from '../../io/image-writer.ts';
import { AttachmentFinder, asLayout, checkReferrers, type FoundManifest } from '../../io/referrers.ts';
import type { AttachmentKind } from '../../oci/attachments.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Destination } from '../../oci/reference.ts';
import { ArtifactTies } from '../repository/artifact-ties.ts';
import { attachReferrers, type StagedReferrer } from '../repository/export-referrers.ts';
import type { Session } from '../session.ts';
import type { DocumentCopier } from './copy-documents.ts';

/** An artifact whose blobs are copied, and cosign's tag that it lies under. */
export interface CopiedReferrer extends StagedReferrer {
  readonly kind: AttachmentKind | undefined;
}

/**
 * Copies blobs and manifests of what is attached to the documents. What cannot be read is left out, with a warning; what
 * is attached to itself in a roundabout way ends there. Throws `LIMIT_EXCEEDED`.
 */
export async function copyReferrers(
  session: Session,
  copier: DocumentCopier,
  documents: readonly Descriptor[],
): Promise<readonly CopiedReferrer[]> {
  await copier.named.findAttached(documents);
  const layout = asLayout(copier.named.store);
  if (layout === undefined) return [];
  const finder = new AttachmentFinder(layout);
  const ties = new ArtifactTies();
  const copied: CopiedReferrer[] = [];
  let level = documents;
  for (let depth = 0; level.length > 0; depth++) {
    const next: Descriptor[] = [];
    for (const subject of level) {
      for (const attachment of attachmentsOf(finder, subject)) {
        const { descriptor, kind } = attachment;
        if (ties.makesRing(subject.digest, descriptor.digest)) continue;
        checkReferrers(layout.file, depth, ties.count + 1);
        const manifest = await copyArtifact(session, copier, attachment);
        ties.add(subject.digest, descriptor.digest);
        if (manifest === undefined) continue;
        copied.push({ subject, descriptor, manifest, kind });
        next.push(descriptor);
      }
    }
    level = next;
  }
  return copied;
}

type Attachment = FoundManifest & { readonly kind: AttachmentKind | undefined };

/** In the order in which they are named: under tags first. */
function attachmentsOf(finder: AttachmentFinder, subject: Descriptor): Attachment[] {
  const { signatures, others, referrers } = finder.of(subject.digest);
  return [
    ...(signatures === undefined ? [] : [{ ...signatures, kind: 'sig' as const }]),
    ...others,
    ...referrers.map((referrer) => ({ ...referrer, kind: undefined })),
  ];
}

async function copyArtifact(
  session: Session,
  copier: DocumentCopier,
  { descriptor, found }: Attachment,
): Promise<StagedReferrer['manifest'] | undefined> {
  try {
    if (found instanceof PlanishError) throw found;
    await copier.copyBlobs(found.document);
    await copier.writer.addDocument(found.bytes, descriptor.digest);
    return found.document;
  } catch (error) {
    if (!isPlanishError(error) || error.kind === 'environment') throw error;
    const message = `the artifact ${descriptor.digest} is left out: ${error.message}`;
    session.onWarning({ code: 'REFERRER_IGNORED', message });
    return undefined;
  }
}

/** Where copied artifacts are attached. */
export interface AttachPlace {
  readonly session: Session;
  readonly writer: ImageWriter;
  readonly target: Destination;
  readonly image: Descriptor;
  /** Makes the image visible. */
  readonly commit: () => Promise<void>;
}

/**
 * Names the artifacts at the destination. In a registry they are there before the image's tag is; a layout or archive has
 * them after it has the image.
 */
export async function attachCopied(
  { session, writer, target, image, commit }: AttachPlace,
  referrers: readonly CopiedReferrer[],
): Promise<void> {
  const { onWarning } = session;
  if (target.kind === 'docker') {
    const { pushReferrers } = await import('../../registry/push-referrers.ts');
    if (referrers.length > 0) await pushReferrers(writer, image, referrers, onWarning);
    return await commit();
  }
  await commit();
  if (referrers.length > 0) await attachReferrers({ ...target, onWarning }, image, referrers);
}
