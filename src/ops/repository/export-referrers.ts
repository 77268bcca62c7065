/** What refers to an image of a repository, back beside it in a layout or archive: signatures and other artifacts. */
import type { BlobDigest, VerityDigest } from '../../bytes/digest.ts';
import { isPlanishError, PlanishError } from '../../errors.ts';
import type { BlobFile } from '../../io/blob-file.ts';
import type { ImageWriter } from '../../io/image-writer.ts';
import { editLayout } from '../../io/layout-editor.ts';
import { checkReferrers } from '../../io/referrers.ts';
import { type AttachmentKind, attachmentKind } from '../../oci/attachments.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Manifest } from '../../oci/manifest.ts';
import { MEDIA_TYPES } from '../../oci/media-types.ts';
import type { FileDestination } from '../../oci/reference.ts';
import { listReferrers, openRepositoryImage, type RepositoryRef } from '../../repo/images.ts';
import { MANIFEST_PREFIX } from '../../repo/names.ts';
import type { Repository } from '../../repo/repository.ts';
import { onlyObject, readStream } from '../../repo/streams.ts';
import type { OnWarning } from '../../warnings.ts';
import type { Session } from '../session.ts';
import { listReferrer, nameAttachment } from '../sign/attach-signatures.ts';
import { ArtifactTies } from './artifact-ties.ts';

const KINDS: Readonly<Record<AttachmentKind, string>> = {
  sig: 'signatures',
  att: 'attestations',
  sbom: 'bills of materials',
};

/** An artifact whose blobs are staged. */
export interface StagedReferrer {
  /** What it is attached to. */
  readonly subject: Descriptor;
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
}

/** From where to where. */
export interface ExportContext {
  readonly session: Session;
  readonly repository: Repository;
  readonly writer: ImageWriter;
}

/**
 * Copies the artifacts of an image to where it is written, and those that are attached to them. One that is damaged, or no
 * artifact of blobs, is left out with a warning; so are all of them where the image got another manifest, which they say
 * nothing of. One that is attached to several comes once for each of them. Throws `LIMIT_EXCEEDED`.
 */
export async function stageReferrers(
  context: ExportContext,
  image: Descriptor,
  original: BlobDigest,
): Promise<StagedReferrer[]> {
  const stager = new ReferrerStager(context, image.digest === original);
  const staged: StagedReferrer[] = [];
  let level = [image];
  for (let depth = 0; level.length > 0; depth++) {
    const here: StagedReferrer[] = [];
    const next: Descriptor[] = [];
    for (const subject of level) {
      const named = depth === 0 ? original : subject.digest;
      for (const ref of listReferrers(context.repository, named)) {
        checkReferrers(context.repository.path, depth, stager.count + 1);
        const { artifact, isNew } = await stager.attach(named, ref);
        if (artifact !== undefined) here.push({ subject, ...artifact });
        if (artifact !== undefined && isNew) next.push(artifact.descriptor);
      }
    }
    // In the order in which they are signed and named.
    staged.push(...here.filter((one) => !isReferrer(one)), ...here.filter(isReferrer));
    level = next;
  }
  return staged;
}

/** Whether an artifact names what it is attached to, so that no tag needs to. */
function isReferrer({ subject, manifest }: StagedReferrer): boolean {
  return manifest.subject?.digest === subject.digest;
}

type StagedArtifact = Omit<StagedReferrer, 'subject'>;

/** Stages artifacts, each once. */
class ReferrerStager {
  readonly #context: ExportContext;
  readonly #isOriginal: boolean;
  readonly #ties = new ArtifactTies();
  readonly #known = new Map<string, StagedArtifact | undefined>();

  constructor(context: ExportContext, isOriginal: boolean) {
    this.#context = context;
    this.#isOriginal = isOriginal;
  }

  /** Ties so far. */
  get count(): number {
    return this.#ties.count;
  }

  /** The artifact of a reference, unless it cannot be read, or refers to itself in a roundabout way, which ends here. */
  async attach(
    subject: BlobDigest,
    { name, entry }: RepositoryRef,
  ): Promise<{ readonly artifact: StagedArtifact | undefined; readonly isNew: boolean }> {
    if (this.#ties.makesRing(subject, name)) return { artifact: undefined, isNew: false };
    const isNew = !this.#known.has(name);
    if (isNew) this.#known.set(name, await this.#stage(name, entry));
    this.#ties.add(subject, name);
    return { artifact: this.#known.get(name), isNew };
  }

  async #stage(name: string, entry: string): Promise<StagedArtifact | undefined> {
    try {
      if (!this.#isOriginal)
        throw new PlanishError('IMAGE_UNSUPPORTED', 'the exported image has another manifest');
      return await stageArtifact(this.#context, entry.slice(MANIFEST_PREFIX.length) as BlobDigest);
    } catch (error) {
      if (!isPlanishError(error) || error.kind === 'environment') throw error;
      const message = `the artifact ${name} is left out: ${error.message}`;
      this.#context.session.onWarning({ code: 'REFERRER_IGNORED', message });
      return undefined;
    }
  }
}

async function stageArtifact(
  { repository, writer }: ExportContext,
  digest: BlobDigest,
): Promise<StagedArtifact> {
  const { manifest, manifestStream, configStream, layers } = await openRepositoryImage(repository, digest);
  for (const { name, stream } of layers) await writer.copyBlob(await blobOf(repository, stream), name);
  await writer.addBytes(configStream.bytes);
  const written = await writer.addBytes(manifestStream.bytes);
  return { manifest, descriptor: { mediaType: manifest.mediaType ?? MEDIA_TYPES.ociManifest, ...written } };
}

/** The object that a blob is. Throws `REPOSITORY_BAD` for anything that is put together of several. */
async function blobOf(repository: Repository, stream: VerityDigest): Promise<BlobFile> {
  const object = await onlyObject(await readStream(repository, stream, 'blob'));
  const size = repository.objectSize(object);
  const file = repository.pathOf(object);
  if (size === undefined) throw new PlanishError('OBJECT_MISSING', 'an object is not there', { file });
  return { file, offset: 0, size };
}

/** Names staged artifacts in the index: those that do not name their subject under cosign's tags, others among the referrers. */
export async function attachReferrers(
  { onWarning, ...destination }: Pick<FileDestination, 'kind' | 'path'> & { readonly onWarning: OnWarning },
  image: Descriptor,
  referrers: readonly StagedReferrer[],
): Promise<void> {
  await editLayout(destination, async (edit) => {
    let { index } = edit;
    for (const referrer of referrers) {
      const { subject, descriptor, manifest } = referrer;
      if (isReferrer(referrer)) {
        const parts = { subject: subject.digest, descriptor, manifest };
        index = (await listReferrer(edit, index, parts)).index;
        continue;
      }
      const parts = {
        subject,
        descriptor,
        kind: attachmentKind(manifest),
        mark: subject.digest === image.digest,
      };
      const named = nameAttachment(index, parts);
      if (named === undefined) {
        const message = `the ${KINDS[parts.kind]} ${descriptor.digest} are left out: the destination has others of that image`;
        onWarning({ code: 'REFERRER_IGNORED', message });
      }
      index = named ?? index;
    }
    return index;
  });
}
