/** `repo ls`: what a repository has, by its tags. */
import type { BlobDigest, HashAlgorithm, VerityDigest } from '../../bytes/digest.ts';
import type { FormatVersion } from '../../erofs/writer.ts';
import { configPlatform } from '../../oci/config.ts';
import { formatPlatform } from '../../oci/platform.ts';
import {
  listReferrers,
  listRefs,
  listTags,
  openRepositoryImage,
  type RepositoryRef,
  resolveManifest,
} from '../../repo/images.ts';
import { asDamage } from '../../repo/reach.ts';
import type { Repository } from '../../repo/repository.ts';
import type { CommonOptions } from '../session.ts';
import { withRepository } from './with-repository.ts';

/** An image or artifact of a repository. */
export interface ListedImage {
  readonly tag: string;
  /** Absent where the tag leads to no manifest. */
  readonly manifest: BlobDigest | undefined;
  readonly kind: 'image' | 'artifact' | 'damaged';
  readonly platform: string | undefined;
  readonly created: string | undefined;
  readonly layers: readonly BlobDigest[];
  /** EROFS images by the names of composefs-rs: `composefs.image.v1`, `composefs.image.boot.v1` and so on. */
  readonly images: Readonly<Record<string, VerityDigest>>;
  /** Manifests of artifacts that refer to it. */
  readonly referrers: readonly string[];
  /** Why it cannot be told more. */
  readonly error: string | undefined;
}

/** Result of {@link repoList}. */
export interface RepoListResult {
  readonly repository: string;
  readonly algorithm: HashAlgorithm;
  readonly formats: readonly FormatVersion[];
  readonly secure: boolean;
  /** In byte order of their tags' files. */
  readonly tags: readonly ListedImage[];
  /** References to EROFS images that belong to no OCI image. */
  readonly imageRefs: readonly { readonly name: string; readonly digest: string }[];
}

/** Lists tags. A damaged image is listed as such. */
export async function repoList(path: string, options: CommonOptions = {}): Promise<RepoListResult> {
  return await withRepository(path, options, { lock: 'shared', write: false }, async (repository) => {
    const tags: ListedImage[] = [];
    for (const ref of listTags(repository)) tags.push(await listImage(repository, ref));
    const { algorithm, formats, secure } = repository;
    const imageRefs = listRefs(repository, '', 16, 'images').map((ref) => ({
      name: ref.path,
      digest: ref.entry,
    }));
    return { repository: path, algorithm, formats, secure, tags, imageRefs };
  });
}

async function listImage(repository: Repository, { name: tag }: RepositoryRef): Promise<ListedImage> {
  const nothing = {
    tag,
    manifest: undefined,
    platform: undefined,
    created: undefined,
    layers: [],
    images: {},
    referrers: [],
    error: undefined,
  };
  try {
    const manifest = resolveManifest(repository, tag);
    const { config, layers, images } = await openRepositoryImage(repository, manifest);
    const created = config?.['created'];
    return {
      ...nothing,
      manifest,
      kind: config === undefined ? 'artifact' : 'image',
      platform: config === undefined ? undefined : formatPlatform(configPlatform(config)),
      created: typeof created === 'string' ? created : undefined,
      layers: layers.map(({ name }) => name),
      images: Object.fromEntries(images),
      referrers: listReferrers(repository, manifest).map(({ name }) => name),
    };
  } catch (error) {
    // A tag that leads nowhere is damage here, not a mistake of whoever asked.
    const damage = isNoImage(error) ? error : asDamage(error);
    return { ...nothing, kind: 'damaged', error: damage.message };
  }
}

function isNoImage(error: unknown): error is Error {
  return error instanceof Error && (error as { code?: unknown }).code === 'NO_SUCH_IMAGE';
}
