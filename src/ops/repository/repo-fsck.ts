/** `repo fsck`: everything in a repository measured again, and what damage means for its images. */
import type { VerityDigest } from '../../bytes/digest.ts';
import { PlanishError } from '../../errors.ts';
import { type CheckCounts, checkRepository } from '../../repo/check.ts';
import type { Finding } from '../../repo/finding.ts';
import { listTags } from '../../repo/images.ts';
import { nothingReached, type Reached, reachStream } from '../../repo/reach.ts';
import type { Repository } from '../../repo/repository.ts';
import type { CommonOptions, Session } from '../session.ts';
import { withRepository } from './with-repository.ts';

/** Options of {@link repoFsck}. */
export interface RepoFsckOptions extends CommonOptions {
  /** Contents are not read, so only names, links and documents are checked. */
  readonly metadataOnly?: boolean | undefined;
}

/** A finding, and the tags of images that cannot be trusted for it. */
export interface RepoFinding extends Finding {
  readonly affects: readonly string[];
}

/** Result of {@link repoFsck}. */
export interface RepoFsckResult {
  readonly repository: string;
  readonly secure: boolean;
  readonly counts: CheckCounts;
  /** In the order objects, streams, images, references; empty where all is sound. */
  readonly findings: readonly RepoFinding[];
}

/** Checks a repository. Damage is a finding, not an error; only a repository that cannot be opened throws. */
export async function repoFsck(path: string, options: RepoFsckOptions = {}): Promise<RepoFsckResult> {
  const contents = options.metadataOnly !== true;
  return await withRepository(
    path,
    options,
    { lock: 'shared', write: false },
    async (repository, session) => {
      const workers = checkWorkers(session, repository, contents);
      const { counts, findings } = await checkRepository(repository, workers, { contents });
      const affected = findings.length === 0 ? [] : await reachOfTags(repository);
      return {
        repository: path,
        secure: repository.secure,
        counts,
        findings: findings.map((finding) => ({ ...finding, affects: affectedBy(finding, affected) })),
      };
    },
  );
}

function checkWorkers(
  { pool, onProgress }: Session,
  { path, algorithm, secure }: Repository,
  contents: boolean,
): Parameters<typeof checkRepository>[1] {
  let done = 0;
  const progressed = (): ((bytes: number) => void) => {
    let before = 0;
    return (bytes) => {
      done += bytes - before;
      before = bytes;
      onProgress({ stage: 'read', done, total: undefined, unit: 'bytes' });
    };
  };
  return {
    measure: (folder) =>
      pool.run('measureObjects', { path, algorithm, folder, secure, contents }, progressed()),
    layer: (request) => pool.run('checkLayer', request, progressed()),
  };
}

interface TagReach extends Reached {
  readonly tag: string;
  /** Its stream, and the names of entries on the way. */
  readonly entry: string;
}

/** What each tag leads to, as far as it can be followed. */
async function reachOfTags(repository: Repository): Promise<TagReach[]> {
  const found: TagReach[] = [];
  for (const { name, entry } of tagsQuietly(repository)) {
    const reached = nothingReached();
    const start = entryQuietly(repository, entry);
    if (start !== undefined) await reachStream(repository, start, reached, () => undefined);
    found.push({ tag: name, entry, ...reached });
  }
  return found;
}

function tagsQuietly(repository: Repository): ReturnType<typeof listTags> {
  return quietly(() => listTags(repository)) ?? [];
}

function entryQuietly(repository: Repository, entry: string): VerityDigest | undefined {
  return quietly(() => repository.findEntry('streams', entry));
}

/** What is damaged was found before. */
function quietly<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof PlanishError && error.kind !== 'environment') return undefined;
    throw error;
  }
}

function affectedBy({ object, path }: Finding, tags: readonly TagReach[]): string[] {
  return tags
    .filter(
      ({ objects, entry }) => (object !== undefined && objects.has(object)) || path === `streams/${entry}`,
    )
    .map(({ tag }) => tag);
}
