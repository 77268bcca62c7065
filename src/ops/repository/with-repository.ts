/** Opening a repository for a verb, under its lock, and closing it however the verb ends. */
import { type OpenRepositoryOptions, Repository } from '../../repo/repository.ts';
import { type CommonOptions, Session } from '../session.ts';

/** Runs a verb's work on a repository. Throws what {@link Repository.open} throws. */
export async function withRepository<T>(
  path: string,
  options: CommonOptions,
  open: OpenRepositoryOptions,
  use: (repository: Repository, session: Session) => Promise<T>,
): Promise<T> {
  return await Session.use(options, async (session) => {
    const repository = await Repository.open(path, open);
    try {
      return await use(repository, session);
    } finally {
      repository.close();
    }
  });
}
