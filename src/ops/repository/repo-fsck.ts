/** `repo fsck`: everything in a repository measured again, and what damage means for its images. */
import { setImmediate } from 'node:timers/promises';
import type { VerityDigest } from '../../bytes/digest.ts';
import { PlanishError } from '../../errors.ts';
import { measureFileBatchLater } from '../../io/measure-batch.ts';
import { canHashParts } from '../../io/parts-hash.ts';
import type { NativeHelpers } from '../../native/contract.ts';
import { nativeHelpers } from '../../native/load.ts';
import { type CheckCounts, type CheckWorkers, checkRepository } from '../../repo/check.ts';
import type { Finding } from '../../repo/finding.ts';
import { listTags } from '../../repo/images.ts';
import { measureLayer } from '../../repo/measure-layer.ts';
import {
  type MeasuredFolder,
  type MeasureObjectsRequest,
  measureObjects,
} from '../../repo/measure-objects.ts';
import { nothingReached, type Reached, reachStream } from '../../repo/reach.ts';
import { removeDamaged } from '../../repo/remove-damaged.ts';
import type { Repository } from '../../repo/repository.ts';
import { mapConcurrently } from '../concurrently.ts';
import type { CommonOptions, Session } from '../session.ts';
import { withRepository } from './with-repository.ts';

/** Options of {@link repoFsck}. */
export interface RepoFsckOptions extends CommonOptions {
  /** Contents are not read, so only names, links and documents are checked. */
  readonly metadataOnly?: boolean | undefined;
  /** Takes away what is wrong, so that an emit writes it anew. Nobody else may use the repository meanwhile. */
  readonly removeDamaged?: boolean | undefined;
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
  /** Paths in the repository that were taken away. */
  readonly removed: readonly string[];
}

/**
 * Checks a repository. Damage is a finding, not an error; only a repository that cannot be opened throws, and where damage is
 * to be removed, one that cannot be written.
 */
export async function repoFsck(path: string, options: RepoFsckOptions = {}): Promise<RepoFsckResult> {
  const { metadataOnly = false, removeDamaged: write = false } = options;
  const lock = write ? 'exclusive' : 'shared';
  return await withRepository(path, options, { lock, write }, async (repository, session) => {
    const workers = checkWorkers(session, repository, !metadataOnly);
    const { counts, findings } = await checkRepository(repository, workers, { contents: !metadataOnly });
    const affected = findings.length === 0 ? [] : await reachOfTags(repository);
    session.checkInterrupted();
    return {
      repository: path,
      secure: repository.secure,
      counts,
      findings: findings.map((finding) => ({ ...finding, affects: affectedBy(finding, affected) })),
      removed: write ? removeDamaged(repository, findings) : [],
    };
  });
}

/**
 * Where the helpers can, layers and folders are read by them, as many at a time as the pool has threads, on threads of
 * libuv's; no thread of ours is started then unless something is wrong.
 */
function checkWorkers(session: Session, repository: Repository, contents: boolean): CheckWorkers {
  const { pool } = session;
  const { path, algorithm, secure } = repository;
  const progressed = progressOf(session);
  const helpers = nativeHelpers();
  const canRead = contents && helpers !== undefined && canHashParts(helpers);
  const measureHere = async (request: MeasureObjectsRequest, by: NativeHelpers): Promise<MeasuredFolder> => {
    // Others may have a word between folders: an interruption above all.
    await setImmediate();
    session.checkInterrupted();
    return await measureObjects(request, progressed(), (files, kind) =>
      measureFileBatchLater(files, kind, by),
    );
  };
  return {
    read: canRead
      ? (layers) => mapConcurrently(layers, pool.width, (layer) => measureLayer(layer, helpers, progressed()))
      : undefined,
    measure: (folders) =>
      mapConcurrently(
        folders,
        secure || helpers === undefined ? folders.length : pool.width,
        async (folder) => {
          const request = { path, algorithm, secure, contents, ...folder };
          if (secure || helpers === undefined) return await pool.run('measureObjects', request, progressed());
          return await measureHere(request, helpers);
        },
      ),
    layer: (request) => pool.run('checkLayer', request, progressed()),
  };
}

/** Progress of pieces of work that are added up; it also is where a run that was interrupted ends. */
function progressOf(session: Session): () => (bytes: number) => void {
  let done = 0;
  return () => {
    let before = 0;
    return (bytes) => {
      session.checkInterrupted();
      done += bytes - before;
      before = bytes;
      session.onProgress({ stage: 'read', done, total: undefined, unit: 'bytes' });
    };
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
