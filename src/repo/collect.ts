/**
 * Garbage collection. Roots are the references and what the caller names; an artifact that refers to an image lives as
 * long as the image. Links go before objects, and reach the disk before objects go, so that at every moment each link
 * leads to something whole.
 */
import { existsSync, lstatSync, readdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { isBlobDigest, type VerityDigest } from '../bytes/digest.ts';
import { PlanishError, withDetail } from '../errors.ts';
import { attempt } from '../io/durable-file.ts';
import { listReferrers, listRefs, listSubjects, type RepositoryRef } from './images.ts';
import { CATEGORIES, type Category, encodeTag, isObjectName, REFERRERS, streamName } from './names.ts';
import { nothingReached, type OnDamage, type Reached, reachImage, reachStream } from './reach.ts';
import type { Repository } from './repository.ts';

/** What is to go. */
export interface Garbage {
  readonly objects: readonly { readonly digest: VerityDigest; readonly size: number }[];
  /** Paths in the repository. */
  readonly links: readonly string[];
  /** Files that a killed run of another program was writing. */
  readonly leftovers: readonly string[];
  /** Objects that stay. */
  readonly kept: number;
}

/**
 * Finds garbage; touches nothing. The repository must be locked. `roots` are names of streams or images that shall stay though no
 * reference leads to them. Throws `REPOSITORY_BAD` and its like where something alive is damaged: what it needed cannot be known then.
 */
export async function findGarbage(repository: Repository, roots: readonly string[]): Promise<Garbage> {
  const live = await reachLive(repository, roots);
  const objects: { digest: VerityDigest; size: number }[] = [];
  let kept = 0;
  for (const { digest, size } of listObjects(repository)) {
    if (live.objects.has(digest)) kept += 1;
    else objects.push({ digest, size });
  }
  return { objects, kept, links: deadLinks(repository, live), leftovers: findLeftovers(repository) };
}

/** Removes what {@link findGarbage} found. The repository must be locked exclusively since before. */
export function removeGarbage(repository: Repository, garbage: Garbage): void {
  for (const path of garbage.links) removeFile(join(repository.path, path));
  removeEmptyFolders(repository);
  if (garbage.links.length > 0) repository.sync();
  for (const { digest } of garbage.objects) removeFile(repository.pathOf(digest));
  for (const path of garbage.leftovers) removeFile(join(repository.path, path));
}

/** Removes a file or link. Throws `SYSCALL_FAILED`. */
export function removeFile(file: string): void {
  attempt('removing', file, () => unlinkSync(file));
}

const refuse: OnDamage = (digest, error) => {
  throw withDetail(
    new PlanishError(error.code, `nothing is removed while this is damaged: ${error.message}`, error.detail),
    { file: digest },
  );
};

async function reachLive(repository: Repository, roots: readonly string[]): Promise<Reached> {
  const reached = nothingReached();
  for (const ref of listRefs(repository, '').filter(({ path }) => !path.startsWith(`${REFERRERS}/`)))
    await reachRef(repository, ref, reached);
  for (const { entry, path } of listRefs(repository, '', 16, 'images'))
    reachImage(repository, target(repository, 'images', entry, path), reached, refuse);
  for (const root of roots) await reachRoot(repository, root, reached);
  await reachReferrers(repository, reached);
  return reached;
}

async function reachRef(repository: Repository, ref: RepositoryRef, reached: Reached): Promise<void> {
  await reachStream(repository, target(repository, 'streams', ref.entry, ref.path), reached, refuse);
}

function target(repository: Repository, category: Category, entry: string, path: string): VerityDigest {
  const digest = repository.findEntry(category, entry);
  if (digest !== undefined) return digest;
  throw new PlanishError('REPOSITORY_BAD', 'nothing is removed while a reference leads nowhere', {
    file: join(repository.path, category, 'refs', path),
    hint: 'remove that reference first',
  });
}

async function reachRoot(repository: Repository, root: string, reached: Reached): Promise<void> {
  const stream = repository.findEntry('streams', root);
  const image = repository.findEntry('images', root);
  if (stream !== undefined) await reachStream(repository, stream, reached, refuse);
  if (image !== undefined) reachImage(repository, image, reached, refuse);
  if (stream === undefined && image === undefined) {
    throw new PlanishError('NO_SUCH_IMAGE', 'the repository has neither stream nor image of that name', {
      file: repository.path,
      expected: root,
    });
  }
}

/** Artifacts may refer to artifacts: goes on until nothing new is alive. */
async function reachReferrers(repository: Repository, reached: Reached): Promise<void> {
  const waiting = new Set(listSubjects(repository));
  for (let before = -1; before !== waiting.size; ) {
    before = waiting.size;
    for (const subject of [...waiting]) {
      if (!isSubjectLive(repository, subject, reached)) continue;
      waiting.delete(subject);
      for (const ref of listReferrers(repository, subject)) await reachRef(repository, ref, reached);
    }
  }
}

function isSubjectLive(repository: Repository, subject: string, { streams }: Reached): boolean {
  if (!isBlobDigest(subject)) return false;
  const digest = repository.findEntry('streams', streamName('manifest', subject));
  return digest !== undefined && streams.has(digest);
}

/** Entries whose objects go, and references to subjects that go. */
function deadLinks(repository: Repository, live: Reached): string[] {
  const dead: string[] = [];
  for (const subject of listSubjects(repository)) {
    if (isSubjectLive(repository, subject, live)) continue;
    for (const { path } of listReferrers(repository, subject)) dead.push(`streams/refs/${path}`);
  }
  for (const category of CATEGORIES) {
    for (const { name, kind } of repository.list(category)) {
      if (kind !== 'link') continue;
      const digest = repository.findEntry(category, name);
      if (digest !== undefined && !live.objects.has(digest)) dead.push(`${category}/${name}`);
    }
  }
  return dead;
}

/** Objects in byte order. What has no name of an object is left alone. */
function* listObjects(
  repository: Repository,
): Generator<{ readonly digest: VerityDigest; readonly size: number }, void, undefined> {
  for (const { name: folder, kind } of repository.list('objects')) {
    if (kind !== 'directory' || !/^[0-9a-f]{2}$/.test(folder)) continue;
    const names = attempt('reading a directory', folder, () => readdirSync(join(repository.objects, folder)));
    for (const name of names.sort()) {
      const digest = folder + name;
      if (!isObjectName(digest, repository.algorithm)) continue;
      const stat = lstatSync(repository.pathOf(digest), { throwIfNoEntry: false });
      if (stat !== undefined && !stat.isDirectory()) yield { digest, size: stat.size };
    }
  }
}

/** Of composefs-rs, where it cannot have files without names. Nobody writes now: the lock is exclusive. */
function findLeftovers(repository: Repository): string[] {
  const names = repository.list('objects').filter(({ kind }) => kind === 'other');
  return names.filter(({ name }) => name.startsWith('.tmp-object-')).map(({ name }) => `objects/${name}`);
}

function removeEmptyFolders(repository: Repository): void {
  for (const subject of listSubjects(repository)) {
    const folder = join(repository.path, 'streams/refs', REFERRERS, encodeTag(subject));
    if (!existsSync(folder) || readdirSync(folder).length > 0) continue;
    attempt('removing a directory', folder, () => rmdirSync(folder));
  }
}
