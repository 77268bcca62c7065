/**
 * Repositories whose runs end at any change of the file system: every one of them in turn, with what a killed process leaves.
 * Without the helpers, which make several changes in one call that nothing here can end within. `repository-faults.test.ts`
 * kills real processes, helpers and all, at some moments.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { emit } from '../../../src/ops/repository/emit.ts';
import { repoFsck } from '../../../src/ops/repository/repo-fsck.ts';
import { repoGc } from '../../../src/ops/repository/repo-gc.ts';
import { repoUntag } from '../../../src/ops/repository/repo-tag.ts';
import { disownTemporary, killedAt } from '../../support/killed.ts';
import { makeLayout } from '../../support/layout-maker.ts';
import { memoryDirectory } from '../../support/memory-directory.ts';
import { RAW_END, rawEntry } from '../../support/raw-tar.ts';
import { linksBelow, namesIn } from '../../support/repository.ts';
import { copyRepository, smallRepository } from '../../support/small-repository.ts';

vi.hoisted(() => {
  process.env['PLANISH_NATIVE'] = '0';
});

const directory = memoryDirectory();
const at = (name: string): string => join(directory, name);
let base: string;
/** An image of two layers with many contents, and the repository that has both images. */
let image: string;
let full: string;

const COMMON = { uid: 0, gid: 0, sec: 1_700_000_000, nsec: 0, xattrs: [] } as const;

function layer(first: number, count: number): Buffer {
  const usr = rawEntry({ ...COMMON, path: 'usr/', type: 'directory', mode: 0o755 }, 'ustar');
  const files = Array.from({ length: count }, (_, index) => {
    const content = Buffer.alloc(100 + index, `content ${first + index} `);
    const path = `usr/file-${first + index}`;
    return rawEntry({ ...COMMON, path, type: 'regular', mode: 0o644, content }, 'ustar');
  });
  return Buffer.concat([usr, ...files, RAW_END]);
}

beforeAll(async () => {
  base = (await smallRepository(directory)).repository;
  const tars = [layer(0, 16), layer(1000, 12)];
  image = (
    await makeLayout(
      at('image'),
      tars.map((tar) => ({ tar })),
      { tag: 'many' },
    )
  ).reference;
  full = copyRepository(base, at('full'));
  await emit(image, { repository: full, jobs: 1 });
});

/** After a run has died: sound, all that was there before still there; and what it left is not taken for a living run's. */
async function expectSurvived(repository: string): Promise<void> {
  disownTemporary(repository);
  expect((await repoFsck(repository, { jobs: 1 })).findings).toEqual([]);
  expect(linksBelow(repository)).toMatchObject(linksBelow(base));
}

async function expectWhole(repository: string, links: Record<string, string>): Promise<void> {
  expect((await repoFsck(repository, { jobs: 1 })).findings).toEqual([]);
  expect(linksBelow(repository)).toEqual(links);
  expect(namesIn(repository).filter((name) => name.startsWith('.planish'))).toEqual([]);
}

/** After each so many kills the work is finished by another run, which takes longer than to kill one. */
const FINISHED = 16;

/** Kills `run` on a copy of a repository at each of its changes; gives how many there are. */
async function killEverywhere(
  from: string,
  run: (repository: string) => Promise<unknown>,
  links: Record<string, string>,
): Promise<number> {
  const repository = at('killed');
  for (let change = 0; ; change++) {
    copyRepository(from, repository);
    if (!(await killedAt(change, () => run(repository)))) return change;
    await expectSurvived(repository);
    if (change % FINISHED !== 0) continue;
    await run(repository);
    await expectWhole(repository, links);
  }
}

describe('a run that ends at any of its changes', () => {
  test('while it emits leaves a sound repository, and the next one finishes', async () => {
    const run = (repository: string) => emit(image, { repository, jobs: 1 });
    expect(await killEverywhere(base, run, linksBelow(full))).toBeGreaterThan(70);
  }, 300_000);

  test('while it collects leaves a sound repository, and the next one finishes', async () => {
    const untagged = copyRepository(full, at('untagged'));
    await repoUntag(untagged, 'many');
    const run = (repository: string) => repoGc(repository, { jobs: 1 });
    expect(await killEverywhere(untagged, run, linksBelow(base))).toBeGreaterThan(30);
    expect((await repoGc(at('killed'), { jobs: 1 })).objects).toBe(0);
  }, 300_000);

  test('while it makes the repository leaves none or a sound one, and the next one finishes', async () => {
    const repository = at('made');
    const run = () => emit(image, { repository, jobs: 1, verity: 'none' });
    for (let change = 0; change < 12; change++) {
      rmSync(repository, { recursive: true, force: true });
      expect(await killedAt(change, run)).toBe(true);
      if (namesIn(repository).length > 0) disownTemporary(repository);
      if (namesIn(repository).includes('meta.json'))
        expect((await repoFsck(repository)).findings).toEqual([]);
      await run();
      expect((await repoFsck(repository)).findings).toEqual([]);
    }
  }, 300_000);
});
