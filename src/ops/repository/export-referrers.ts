/** What refers to an image of a repository, back beside it in a layout or archive: signatures and other artifacts. */
import type { BlobDigest, VerityDigest } from '../../bytes/digest.ts';
import { isPlanishError, PlanishError } from '../../errors.ts';
import type { BlobFile } from '../../io/blob-file.ts';
import type { ImageWriter } from '../../io/image-writer.ts';
import { editLayout } from '../../io/layout-editor.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Manifest } from '../../oci/manifest.ts';
import { MEDIA_TYPES } from '../../oci/media-types.ts';
import type { Destination } from '../../oci/reference.ts';
import { listReferrers, openRepositoryImage } from '../../repo/images.ts';
import { MANIFEST_PREFIX } from '../../repo/names.ts';
import type { Repository } from '../../repo/repository.ts';
import { onlyObject, readStream } from '../../repo/streams.ts';
import type { OnWarning } from '../../warnings.ts';
import type { Session } from '../session.ts';
import { listReferrer, nameSignatures } from '../sign/attach-signatures.ts';

/** An artifact whose blobs are staged. */
export interface StagedReferrer {
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
 * Copies the artifacts of an image to where it is written. One that is damaged, or no artifact of blobs, is left out with a
 * warning; so are all of them where the image got another manifest, which they say nothing of.
 */
export async function stageReferrers(
  context: ExportContext,
  subject: BlobDigest,
  original: boolean,
): Promise<StagedReferrer[]> {
  const { session, repository } = context;
  const staged: StagedReferrer[] = [];
  for (const { entry, name } of listReferrers(repository, subject)) {
    try {
      if (!original) throw new PlanishError('IMAGE_UNSUPPORTED', 'the exported image has another manifest');
      staged.push(await stageArtifact(context, entry.slice(MANIFEST_PREFIX.length) as BlobDigest));
    } catch (error) {
      if (!isPlanishError(error) || error.kind === 'environment') throw error;
      const message = `the artifact ${name} is left out: ${error.message}`;
      session.onWarning({ code: 'REFERRER_IGNORED', message });
    }
  }
  // In the order in which they are signed and named.
  const isReferrer = ({ manifest }: StagedReferrer): boolean => manifest.subject !== undefined;
  return [...staged.filter((one) => !isReferrer(one)), ...staged.filter(isReferrer)];
}

async function stageArtifact(
  { repository, writer }: ExportContext,
  digest: BlobDigest,
): Promise<StagedReferrer> {
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

/** Names staged artifacts in the index: signatures without a subject under cosign's tag, others among the referrers. */
export async function attachReferrers(
  { onWarning, ...destination }: Pick<Destination, 'kind' | 'path'> & { readonly onWarning: OnWarning },
  subject: Descriptor,
  referrers: readonly StagedReferrer[],
): Promise<void> {
  await editLayout(destination, async (edit) => {
    let { index } = edit;
    for (const { descriptor, manifest } of referrers) {
      if (manifest.subject !== undefined) {
        const parts = { subject: subject.digest, descriptor, manifest };
        index = (await listReferrer(edit, index, parts)).index;
        continue;
      }
      const named = nameSignatures(index, subject, descriptor);
      if (named === undefined) {
        const message = `the signatures ${descriptor.digest} are left out: the destination has others of that image`;
        onWarning({ code: 'REFERRER_IGNORED', message });
      }
      index = named ?? index;
    }
    return index;
  });
}
