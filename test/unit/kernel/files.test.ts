/** Locks, files without names and syncs, by the native helpers and by their stand-ins alike. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  fstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { afterAll, describe, expect, it, test } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import { lockDirectory, nativeTryLock, type TryLock, toolTryLock } from '../../../src/kernel/lock.ts';
import { returnMemory } from '../../../src/kernel/return-memory.ts';
import { syncFilesystem } from '../../../src/kernel/sync.ts';
import { nativeUnnamedFiles, type UnnamedFiles, unnamedFiles } from '../../../src/kernel/unnamed-file.ts';
import type { NativeHelpers } from '../../../src/native/contract.ts';
import { nativeStatus } from '../../../src/native/load.ts';
import { freshDirectory, removeDirectories } from '../io/rootfs-fixture.ts';
import { freshHelpers } from '../native/build-helpers.ts';

afterAll(removeDirectories);

const helpers = freshHelpers();
const ways: [string, TryLock][] = [['flock(1)', toolTryLock]];
if (helpers !== undefined) ways.push(['native', nativeTryLock(helpers)]);

describe.each(ways)('a lock by %s', (_, tryLock) => {
  it('is shared with those that share and with nobody else', async () => {
    const top = freshDirectory();
    const first = await lockDirectory(top, 'shared', { wait: 0 }, tryLock);
    const second = await lockDirectory(top, 'shared', { wait: 0 }, tryLock);
    const refused = { code: 'LOCKED', detail: { file: top, hint: 'wait for it to end' } };
    await expect(lockDirectory(top, 'exclusive', { wait: 30 }, tryLock)).rejects.toMatchObject(refused);
    expect(first.change('exclusive')).toBe(false);
    second.release();
    second.release();
    expect(first.change('exclusive')).toBe(true);
    await expect(lockDirectory(top, 'shared', { wait: 0 }, tryLock)).rejects.toMatchObject(refused);
    first.release();
    (await lockDirectory(top, 'exclusive', { wait: 0 }, tryLock)).release();
  });

  it('is the one that flock(1) takes, and ends with its holder', async () => {
    const top = freshDirectory();
    const holder = spawn('flock', ['-x', top, 'sh', '-c', 'echo held; read line'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    await expect(lockDirectory(top, 'shared', { wait: 0 }, tryLock)).rejects.toMatchObject({
      code: 'LOCKED',
    });
    const waiting = lockDirectory(top, 'shared', {}, tryLock);
    holder.stdin.end();
    (await waiting).release();
  });

  it('needs a directory', async () => {
    const top = freshDirectory();
    writeFileSync(`${top}/file`, '');
    await expect(lockDirectory(`${top}/file`, 'shared', {}, tryLock)).rejects.toMatchObject({
      code: 'SYSCALL_FAILED',
      detail: { file: `${top}/file`, errno: 'ENOTDIR' },
    });
  });
});

/** Whether the temporary directory knows files without names. */
function knownUnnamed(): UnnamedFiles | undefined {
  if (helpers === undefined) return undefined;
  const files = nativeUnnamedFiles(helpers);
  try {
    closeSync(files.open(freshDirectory(), 0o600));
    return files;
  } catch (error) {
    process.stderr.write(`SKIPPED: files without names: ${error}\n`);
    return undefined;
  }
}

const unnamed = knownUnnamed();

test('files without names are tried out first', () => {
  expect(unnamedFiles(`${freshDirectory()}/none`)).toBeUndefined();
  const known = nativeStatus().available && unnamed !== undefined;
  expect(unnamedFiles(freshDirectory()) !== undefined).toBe(known);
});

describe.skipIf(unnamed === undefined)('a file without a name', () => {
  const files = unnamed as UnnamedFiles;

  it('gets one, whatever the bytes of that, and never takes a name from another', () => {
    const top = freshDirectory();
    const fd = files.open(top, 0o644);
    writeSync(fd, 'content');
    expect(readdirSync(top)).toEqual([]);
    expect(files.link(fd, byteString(`${top}/n\xff`))).toBe(true);
    expect(files.link(fd, byteString(`${top}/n\xff`))).toBe(false);
    expect(fstatSync(fd)).toMatchObject({ nlink: 1, mode: 0o100644 });
    closeSync(fd);
    expect(readFileSync(Buffer.from(`${top}/n\xff`, 'latin1'), 'utf8')).toBe('content');
  });

  it('stays without where the directory is missing', () => {
    const top = freshDirectory();
    const fd = files.open(top, 0o600);
    const place = { code: 'SYSCALL_FAILED', detail: { file: `${top}/none/n`, errno: 'ENOENT' } };
    expect(() => files.link(fd, byteString(`${top}/none/n`))).toThrow(expect.objectContaining(place));
    closeSync(fd);
    expect(readdirSync(top)).toEqual([]);
  });
});

test('a file system is synced by either way', async () => {
  const top = freshDirectory();
  mkdirSync(`${top}/d`);
  const lock = await lockDirectory(top, 'shared', {}, toolTryLock);
  syncFilesystem(lock.fd, undefined);
  if (helpers !== undefined) {
    syncFilesystem(lock.fd, helpers);
    const failing = { ...helpers, syncFilesystem: () => -28 } satisfies NativeHelpers;
    const full = { code: 'DISK_FULL', message: 'syncing a file system: ENOSPC' };
    expect(() => syncFilesystem(lock.fd, failing)).toThrow(expect.objectContaining(full));
  }
  lock.release();
});

test('memory is given back by the helpers, where there are any', () => {
  let calls = 0;
  const counting = { returnMemory: () => ++calls } as unknown as NativeHelpers;
  returnMemory(counting);
  returnMemory(undefined);
  expect(calls).toBe(1);
});
