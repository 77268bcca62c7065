import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isOwnerDead, ownerText } from '../../../src/io/owner.ts';
import { createTemporaryDirectory, removeAllTemporary, TEMPORARY_PREFIX } from '../../../src/io/temporary.ts';
import { scratch } from './sample-image.ts';

const WEEK = 7 * 24 * 60 * 60 * 1000;
const [space, pid, start] = ownerText(false).split('-');
const deadPid = spawnSync('true').pid;

describe('isOwnerDead', () => {
  it('tells the living from the dead', () => {
    expect(isOwnerDead(ownerText(true), 10 * WEEK)).toBe(false);
    expect(isOwnerDead(`${space}-${deadPid}-1`, 0)).toBe(true);
    expect(isOwnerDead(`${space}-1-0`, 0)).toBe(false);
  });

  it('is not deceived by a process number that is used again', () => {
    expect(isOwnerDead(`${space}-${pid}-${Number(start) + 1}`, 0)).toBe(true);
  });

  it('waits a week for processes of other machines and containers', () => {
    const other = `${space === '00000000' ? '00000001' : '00000000'}-${deadPid}-1`;
    expect(isOwnerDead(other, WEEK - 1000)).toBe(false);
    expect(isOwnerDead(other, WEEK + 1000)).toBe(true);
  });

  it('leaves names alone that are not of this form', () => {
    for (const text of ['', 'lock', 'x-1-1', `${space}-1`]) expect(isOwnerDead(text, 10 * WEEK)).toBe(false);
  });
});

describe('createTemporaryDirectory', () => {
  it('is private, and removed with what it holds', () => {
    const parent = scratch();
    const directory = createTemporaryDirectory(parent);
    expect(statSync(directory.path).mode & 0o777).toBe(0o700);
    mkdirSync(join(directory.path, 'a'));
    writeFileSync(join(directory.path, 'a', 'b'), 'x');
    directory.close();
    directory.close();
    expect(readdirSync(parent)).toEqual([]);
  });

  it('removes what dead runs left, and nothing else', () => {
    const parent = scratch();
    const dead = join(parent, `${TEMPORARY_PREFIX}${space}-${deadPid}-1-00000000`);
    const living = join(parent, `${TEMPORARY_PREFIX}${ownerText(true)}`);
    const foreign = join(parent, `${TEMPORARY_PREFIX}ffffffff-${deadPid}-1-00000000`);
    const others = [living, foreign, join(parent, `${space}-${deadPid}-1-00000000`), join(parent, 'x')];
    for (const path of [dead, ...others]) mkdirSync(path);
    utimesSync(living, 1, 1);
    createTemporaryDirectory(parent).close();
    expect(existsSync(dead)).toBe(false);
    for (const path of others) expect(existsSync(path)).toBe(true);
  });

  it('can be removed all at once', () => {
    const parent = scratch();
    const first = createTemporaryDirectory(parent);
    createTemporaryDirectory(parent);
    removeAllTemporary();
    expect(readdirSync(parent)).toEqual([]);
    first.close();
  });
});
