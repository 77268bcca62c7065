/** `repo tag` and `repo untag`: names of images in a repository. */
import type { BlobDigest } from '../../bytes/digest.ts';
import { PlanishError } from '../../errors.ts';
import { resolveManifest } from '../../repo/images.ts';
import { commitLinks } from '../../repo/links.ts';
import { checkTag, encodeTag, streamName, TAGS } from '../../repo/names.ts';
import type { CommonOptions } from '../session.ts';
import { withRepository } from './with-repository.ts';

/** Result of {@link repoTag}. */
export interface RepoTagResult {
  readonly repository: string;
  readonly tag: string;
  readonly manifest: BlobDigest;
  /** False where the tag was so already. */
  readonly changed: boolean;
}

/** Gives an image, by tag or digest, a further tag, or moves one to it. Throws `NO_SUCH_IMAGE`, `BAD_OPTION`. */
export async function repoTag(
  path: string,
  image: string,
  tag: string,
  options: CommonOptions = {},
): Promise<RepoTagResult> {
  checkTag(tag);
  return await withRepository(path, options, { lock: 'shared', write: true }, async (repository) => {
    const manifest = resolveManifest(repository, image);
    const entry = streamName('manifest', manifest);
    const link = { kind: 'ref', category: 'streams', path: `${TAGS}/${encodeTag(tag)}`, entry } as const;
    return { repository: path, tag, manifest, changed: commitLinks(repository, [link]) > 0 };
  });
}

/** Result of {@link repoUntag}. */
export interface RepoUntagResult {
  readonly repository: string;
  readonly tag: string;
}

/** Removes a tag, and nothing else: `repo gc` removes what was kept for it. Throws `NO_SUCH_IMAGE`. */
export async function repoUntag(
  path: string,
  tag: string,
  options: CommonOptions = {},
): Promise<RepoUntagResult> {
  checkTag(tag);
  return await withRepository(path, options, { lock: 'shared', write: true }, async (repository) => {
    if (repository.unlinkRef('streams', `${TAGS}/${encodeTag(tag)}`)) return { repository: path, tag };
    throw new PlanishError('NO_SUCH_IMAGE', 'the repository has no such tag', { file: path, expected: tag });
  });
}
