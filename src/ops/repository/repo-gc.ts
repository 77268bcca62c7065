/** `repo gc`: removes what nothing refers to. */
import { findGarbage, removeGarbage } from '../../repo/collect.ts';
import type { CommonOptions } from '../session.ts';
import { withRepository } from './with-repository.ts';

/** Options of {@link repoGc}. */
export interface RepoGcOptions extends CommonOptions {
  /** Only tells. */
  readonly dryRun?: boolean | undefined;
  /** Names of streams or images that stay though no reference leads to them. */
  readonly roots?: readonly string[] | undefined;
}

/** Result of {@link repoGc}. */
export interface RepoGcResult {
  readonly repository: string;
  readonly dryRun: boolean;
  /** Objects that were, or would be, removed, and their bytes. */
  readonly objects: number;
  readonly bytes: number;
  /** Links that were, or would be, removed: paths in the repository. */
  readonly links: readonly string[];
  /** Unfinished files of other programs. */
  readonly leftovers: number;
  readonly kept: number;
}

/**
 * Collects garbage under the exclusive lock, so that no emit is at work meanwhile; a dry run shares it. Where something
 * that is alive is damaged nothing is removed, and that is the error.
 */
export async function repoGc(path: string, options: RepoGcOptions = {}): Promise<RepoGcResult> {
  const { dryRun = false, roots = [] } = options;
  const lock = dryRun ? 'shared' : 'exclusive';
  return await withRepository(path, options, { lock, write: !dryRun }, async (repository, session) => {
    const garbage = await findGarbage(repository, roots);
    session.checkInterrupted();
    if (!dryRun) removeGarbage(repository, garbage);
    const { objects, links, leftovers, kept } = garbage;
    const bytes = objects.reduce((sum, { size }) => sum + size, 0);
    return {
      repository: path,
      dryRun,
      objects: objects.length,
      bytes,
      links,
      leftovers: leftovers.length,
      kept,
    };
  });
}
