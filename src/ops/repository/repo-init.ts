/** `repo init`: a new, empty repository. */
import type { HashAlgorithm } from '../../bytes/digest.ts';
import type { FormatVersion } from '../../erofs/writer.ts';
import { createRepository, type VerityWish } from '../../repo/create.ts';
import type { CommonOptions } from '../session.ts';
import { withRepository } from './with-repository.ts';

/** Options of {@link repoInit}. */
export interface RepoInitOptions extends CommonOptions {
  /** Default `sha512`. */
  readonly algorithm?: HashAlgorithm | undefined;
  /** EROFS format of its images; default 1. */
  readonly format?: FormatVersion | undefined;
  /** Default `try`. */
  readonly verity?: VerityWish | undefined;
}

/** Result of {@link repoInit}. */
export interface RepoInitResult {
  readonly repository: string;
  /** False where the same repository was there. */
  readonly created: boolean;
  readonly secure: boolean;
  readonly algorithm: HashAlgorithm;
  readonly formats: readonly FormatVersion[];
}

/** Makes a repository, as `emit` does where there is none. Throws what {@link createRepository} throws. */
export async function repoInit(path: string, options: RepoInitOptions = {}): Promise<RepoInitResult> {
  const { algorithm = 'sha512', format = 1, verity = 'try' } = options;
  const created = createRepository(path, { algorithm, formats: [format] }, verity);
  return await withRepository(
    path,
    options,
    { lock: 'shared', write: false },
    async (repository, session) => {
      const { secure, formats } = repository;
      if (!secure) {
        const message = 'the repository is insecure: only repo fsck notices changed objects';
        session.onWarning({ code: 'REPOSITORY_INSECURE', message });
      }
      return { repository: path, created, secure, algorithm: repository.algorithm, formats };
    },
  );
}
