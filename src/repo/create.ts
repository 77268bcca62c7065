/** Making a repository, or adding what an empty one lacks. */
import { closeSync, lstatSync, mkdirSync, openSync, readdirSync, renameSync, unlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PlanishError } from '../errors.ts';
import { attempt, syncDirectory, writeNewFile } from '../io/durable-file.ts';
import { createTemporaryDirectory, isTemporaryName } from '../io/temporary.ts';
import { type VerityCalls, verityCalls } from '../kernel/verity.ts';
import { formatMeta, META_NAME, parseMeta, type RepositoryKind } from './meta.ts';
import { readRegular } from './read-file.ts';
import { hasVerity, isRepository } from './repository.ts';

/** What becomes of a repository without fs-verity: made all the same, refused, or wanted so. */
export type VerityWish = 'try' | 'require' | 'none';

/**
 * Makes a repository at a place where nothing or an empty directory is. A repository of the same kind that is there is
 * left as it is; one of another kind is `DESTINATION_EXISTS`. Whether it was made. Throws `REPOSITORY_UNSUPPORTED` where fs-verity is
 * required and the file system has none.
 */
export function createRepository(path: string, kind: RepositoryKind, wish: VerityWish): boolean {
  if (isRepository(path)) {
    checkSame(path, kind, wish);
    return false;
  }
  prepareDirectory(path);
  const staging = createTemporaryDirectory(path);
  try {
    const aside = join(staging.path, META_NAME);
    writeNewFile(aside, [formatMeta(kind)]);
    if (wish !== 'none') sealFile(aside, kind, wish);
    attempt('naming meta.json', path, () => renameSync(aside, join(path, META_NAME)));
    syncDirectory(path);
    syncDirectory(dirname(path));
  } finally {
    staging.close();
  }
  return true;
}

function checkSame(path: string, kind: RepositoryKind, wish: VerityWish): void {
  const file = join(path, META_NAME);
  const { algorithm, formats } = parseMeta(readRegular(file, 'jsonBytes') ?? new Uint8Array());
  const same = algorithm === kind.algorithm && formats.join() === kind.formats.join();
  const secure = hasVerity(file);
  if (same && (wish === 'try' || secure === (wish === 'require'))) return;
  throw new PlanishError('DESTINATION_EXISTS', 'a repository of another kind is there', {
    file: path,
    actual: `${algorithm}, v${formats.join(' and v')}, ${secure ? 'secure' : 'insecure'}`,
    hint: 'algorithm, format and security of a repository cannot be changed',
  });
}

function prepareDirectory(path: string): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) {
    attempt('making a directory', path, () => mkdirSync(path, { mode: 0o700, recursive: true }));
    return;
  }
  const names = attempt('reading a directory', path, () => readdirSync(path));
  if (names.every((name) => isTemporaryName(name) || name === 'lost+found')) return;
  throw new PlanishError('DESTINATION_EXISTS', 'the directory is neither empty nor a repository', {
    file: path,
    hint: names.includes('objects') ? 'repositories without meta.json are not taken' : undefined,
  });
}

function sealFile(file: string, { algorithm }: RepositoryKind, wish: VerityWish): void {
  const calls = availableCalls(wish);
  if (calls === undefined) return;
  const fd = attempt('opening meta.json', file, () => openSync(file, 'r'));
  try {
    const outcome = calls.enable(fd, algorithm);
    if (outcome === 'enabled' || wish === 'try') return;
    throw new PlanishError('REPOSITORY_UNSUPPORTED', `fs-verity cannot be switched on here: ${outcome}`, {
      file,
      hint: 'use ext4 made with -O verity, btrfs or f2fs, or let the repository be insecure',
    });
  } finally {
    closeSync(fd);
  }
}

function availableCalls(wish: VerityWish): VerityCalls | undefined {
  return wish === 'none' ? undefined : verityCalls();
}

/** Whether the file system below a directory has fs-verity: tried on a file, since nothing else tells. */
export function probeVerity(staging: string, kind: Pick<RepositoryKind, 'algorithm'>): boolean {
  const file = join(staging, 'verity-probe');
  try {
    writeNewFile(file, [Buffer.from('probe\n')]);
    const fd = openSync(file, 'r');
    try {
      return verityCalls().enable(fd, kind.algorithm) === 'enabled';
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (error instanceof PlanishError && error.code === 'NATIVE_UNAVAILABLE') return false;
    throw error;
  } finally {
    unlinkSync(file);
  }
}
