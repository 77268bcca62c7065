/** `repo export`: an image of a repository as an image layout or archive, its layers the original tars. */
import type { BlobDigest } from '../../bytes/digest.ts';
import type { CompressionKind } from '../../compress/kind.ts';
import { DEFAULT_LEVEL } from '../../compress/level.ts';
import { PlanishError } from '../../errors.ts';
import type { ImageWriter } from '../../io/image-writer.ts';
import { openDestination } from '../../io/open-destination.ts';
import { configPlatform } from '../../oci/config.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { formatJson } from '../../oci/json.ts';
import { formatLayerMediaType, layerMediaType, MEDIA_TYPES } from '../../oci/media-types.ts';
import { parseFileDestination } from '../../oci/reference.ts';
import { openRepositoryImage, type RepositoryImage, resolveManifest } from '../../repo/images.ts';
import type { Repository } from '../../repo/repository.ts';
import { mapConcurrently } from '../concurrently.ts';
import type { CommonOptions, Session } from '../session.ts';
import { attachReferrers, stageReferrers } from './export-referrers.ts';
import { withRepository } from './with-repository.ts';

/** Options of {@link repoExport}. */
export interface RepoExportOptions extends CommonOptions {
  /** `oci:DIR[:TAG]` or `oci-archive:FILE[:TAG]`. */
  readonly destination: string;
  /** Default: as the manifest says of each layer. */
  readonly compression?: CompressionKind | undefined;
}

/** Result of {@link repoExport}. */
export interface RepoExportResult {
  readonly repository: string;
  readonly image: string;
  readonly destination: string;
  readonly manifest: BlobDigest;
  /** Whether it is the manifest that was stored: every layer came out with the digest it had. */
  readonly original: boolean;
  readonly config: BlobDigest;
  /** Artifacts that refer to it, signatures among them, that were exported with it: none to a new manifest. */
  readonly referrers: readonly BlobDigest[];
  readonly layers: readonly {
    readonly digest: BlobDigest;
    readonly diffId: BlobDigest;
    readonly size: number;
  }[];
}

/**
 * Exports an image. The config is the stored one, byte for byte, so the diffIDs are. Digests of compressed layers are as
 * before only where the compressor was the same, as it is for images that planish built; otherwise the manifest is a new one,
 * and what refers to the old one, its signatures among it, stays behind with a warning.
 * Throws `NO_SUCH_IMAGE`, `IMAGE_UNSUPPORTED` for artifacts, `DIFFID_MISMATCH`, and what writing throws.
 */
export async function repoExport(
  path: string,
  image: string,
  options: RepoExportOptions,
): Promise<RepoExportResult> {
  const destination = parseFileDestination(options.destination);
  return await withRepository(
    path,
    options,
    { lock: 'shared', write: false },
    async (repository, session) => {
      const opened = await openRepositoryImage(repository, resolveManifest(repository, image));
      const writer = openDestination(destination);
      try {
        const result = await write(session, repository, opened, writer, options);
        const referrers = await stageReferrers(
          { session, repository, writer },
          result.descriptor,
          opened.digest,
        );
        await writer.commit({
          descriptor: result.descriptor,
          refName: destination.name ?? 'latest',
          platform: opened.config === undefined ? undefined : configPlatform(opened.config),
        });
        const { descriptor, ...rest } = result;
        if (referrers.length > 0)
          await attachReferrers({ ...destination, onWarning: session.onWarning }, descriptor, referrers);
        return {
          repository: path,
          image,
          destination: options.destination,
          manifest: descriptor.digest,
          referrers: [...new Set(referrers.map(({ descriptor: { digest } }) => digest))],
          ...rest,
        };
      } catch (error) {
        writer.abort();
        throw error;
      }
    },
  );
}

type Written = Pick<RepoExportResult, 'original' | 'config' | 'layers'> & { readonly descriptor: Descriptor };

async function write(
  session: Session,
  repository: Repository,
  image: RepositoryImage,
  writer: ImageWriter,
  { compression }: RepoExportOptions,
): Promise<Written> {
  if (image.config === undefined) {
    throw new PlanishError('IMAGE_UNSUPPORTED', 'an artifact is not exported by itself', {
      actual: image.digest,
    });
  }
  await session.announceZstd();
  const descriptors = await mapConcurrently(image.layers, session.pool.width, (_, ordinal) =>
    exportLayer(session, repository, image, writer, { ordinal, compression }),
  );
  const { manifest, manifestStream, configStream } = image;
  const config = await writer.addBytes(configStream.bytes);
  const original = descriptors.every(({ digest }, ordinal) => digest === manifest.layers[ordinal]?.digest);
  const bytes = original ? manifestStream.bytes : formatJson({ ...manifest, layers: descriptors });
  const written = await writer.addBytes(bytes);
  const mediaType = manifest.mediaType ?? MEDIA_TYPES.ociManifest;
  return {
    original,
    config: config.digest,
    descriptor: { mediaType, ...written },
    layers: descriptors.map(({ digest, size }, ordinal) => ({
      digest,
      size,
      diffId: image.layers[ordinal]?.name as BlobDigest,
    })),
  };
}

/** Writes one layer; gives its descriptor, which is the stored one where the blob came out the same. */
async function exportLayer(
  session: Session,
  repository: Repository,
  image: RepositoryImage,
  writer: ImageWriter,
  wish: { readonly ordinal: number; readonly compression: CompressionKind | undefined },
): Promise<Descriptor> {
  const layer = image.layers[wish.ordinal];
  const known = image.manifest.layers[wish.ordinal];
  if (layer === undefined || known === undefined)
    throw new PlanishError('INVARIANT', 'a layer without descriptor');
  const kind = wish.compression ?? layerMediaType(known.mediaType)?.compression ?? 'zstd';
  const file = writer.createBlobFile(`layer-${wish.ordinal}`);
  const { path, algorithm } = repository;
  const written = await session.pool.run('exportLayer', {
    path,
    algorithm,
    stream: layer.stream,
    diffId: layer.name,
    compression: { kind, level: DEFAULT_LEVEL[kind] },
    file,
  });
  await writer.addBlobFile(file, written.digest, written.size);
  if (written.digest === known.digest) return known;
  const { digest, size } = written;
  return { ...known, mediaType: formatLayerMediaType(kind), digest, size };
}
