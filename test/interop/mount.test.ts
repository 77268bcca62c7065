/** Images mounted by `planish mount`, by the native helpers and by mount(8), on the kernel that runs. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { planish, planishJson, temporaryDirectory } from '../support/cli.ts';
import { canMount, makeObjects } from '../support/composefs-mount.ts';
import { hasTool } from '../support/composefs-tools.ts';

const directory = temporaryDirectory();
const able = hasTool('fsverity', 'planish mount') && canMount('planish mount', directory);

/** A repository's images and objects of a small tree, below `top`. */
async function makeRepository(top: string): Promise<string> {
  const tree = join(top, 'tree');
  mkdirSync(join(tree, 'usr'), { recursive: true });
  writeFileSync(join(tree, 'usr/large'), 'content '.repeat(5000));
  writeFileSync(join(tree, 'usr/small'), 'inline');
  const { digest } = planishJson(['mkfs', `rootfs:${tree}`, '-o', join(top, 'image')]);
  mkdirSync(join(top, 'images'));
  execFileSync('mv', [join(top, 'image'), join(top, 'images', digest)]);
  await makeObjects(tree, 'sha512', top);
  return digest;
}

describe.skipIf(!able).each([
  ['the native helpers', {}],
  ['mount(8)', { PLANISH_NATIVE: '0' }],
])('by %s', (_, env) => {
  it('a repository is mounted by digest, read-only and writable', async () => {
    const top = join(directory, `repository-${Object.keys(env).length}`);
    mkdirSync(join(top, 'objects,of:it'), { recursive: true });
    const digest = await makeRepository(top);
    const point = join(top, 'point');
    mkdirSync(point);
    const args = ['mount', '--repo', top, digest, point];

    const refused = planish(args, { env });
    expect(refused.status).toBe(4);
    expect(refused.stderr).toContain('planish: VERITY_MISSING: the image has no fs-verity');
    expect(readdirSync(point)).toEqual([]);

    expect(planishJson([...args, '--no-verity'], { env })).toMatchObject({
      digest,
      verity: false,
      readOnly: true,
    });
    expect(readFileSync(join(point, 'usr/large'), 'utf8')).toBe('content '.repeat(5000));
    expect(readFileSync(join(point, 'usr/small'), 'utf8')).toBe('inline');
    expect(() => writeFileSync(join(point, 'usr/new'), '')).toThrow('EROFS');
    expect(planish(['umount', point], { env }).status).toBe(0);
    expect(planish(['umount', point], { env }).stderr).toContain('planish: NOT_MOUNTED');

    for (const name of ['upper', 'work']) mkdirSync(join(top, name));
    const writable = ['--no-verity', '--upper', join(top, 'upper'), '--work', join(top, 'work')];
    expect(planishJson([...args, ...writable], { env })).toMatchObject({ readOnly: false });
    writeFileSync(join(point, 'usr/new'), 'new');
    expect(readdirSync(join(top, 'upper/usr'))).toEqual(['new']);
    expect(planish(['umount', point], { env }).status).toBe(0);
  });

  it('a file is mounted over objects with odd names, and what is not as promised is refused', async () => {
    const top = join(directory, `file-${Object.keys(env).length}`);
    mkdirSync(top);
    const digest = await makeRepository(top);
    const objects = join(top, 'o,b:j\\e');
    execFileSync('mv', [join(top, 'objects'), objects]);
    const image = join(top, 'images', digest);
    const point = join(top, 'point');
    mkdirSync(point);
    const args = ['mount', image, point, '--objects', objects, '--no-verity'];
    expect(planish([...args, '--digest', 'ab'.repeat(64)], { env }).stderr).toContain(
      'planish: VERITY_MISMATCH: the image does not have the digest that was promised',
    );
    expect(planish(['mount', image, point, '--objects', objects], { env }).status).toBe(2);
    expect(planish([...args, '--digest', digest], { env }).status).toBe(0);
    expect(readFileSync(join(point, 'usr/large'), 'utf8')).toHaveLength(40_000);
    expect(planish(['umount', '--lazy', point], { env }).status).toBe(0);
    const commands = planish([...args, '--print'], { env }).stdout.toString();
    execFileSync('sh', [], { input: commands });
    expect(readFileSync(join(point, 'usr/large'), 'utf8')).toHaveLength(40_000);
    expect(planish(['umount', point], { env }).status).toBe(0);
  });
});

describe.skipIf(!able)('owners', () => {
  it('are mapped by a user namespace', async () => {
    const top = join(directory, 'mapped');
    mkdirSync(top);
    const digest = await makeRepository(top);
    const point = join(top, 'point');
    mkdirSync(point);
    const holder = spawn('unshare', ['-U', 'sleep', 'infinity'], { stdio: 'ignore' });
    try {
      await hasOwnUsers(holder);
      for (const map of ['uid_map', 'gid_map']) writeFileSync(`/proc/${holder.pid}/${map}`, '0 100000 65536');
      const idmap = ['--idmap', `/proc/${holder.pid}/ns/user`];
      const run = planish(['mount', '--repo', top, digest, point, '--no-verity', ...idmap]);
      expect(run.stderr).toBe('');
      const owner = execFileSync('stat', ['-c', '%u:%g', join(point, 'usr/small')], { encoding: 'utf8' });
      expect(owner.trim()).toBe('100000:100000');
      expect(planish(['umount', point]).status).toBe(0);
      const env = { PLANISH_NATIVE: '0' };
      const tool = planish(['mount', '--repo', top, digest, point, '--no-verity', ...idmap], { env });
      if (tool.status === 0) {
        expect(statSync(join(point, 'usr/small')).uid).toBe(100_000);
        expect(planish(['umount', point]).status).toBe(0);
      } else {
        expect([tool.status, tool.stderr]).toEqual([
          5,
          expect.stringContaining('planish: MOUNT_UNSUPPORTED: mount(8) maps no owners here'),
        ]);
        expect(readdirSync(point)).toEqual([]);
      }
    } finally {
      holder.kill();
    }
  });
});

/** Waits until a process has left our user namespace for its own. */
async function hasOwnUsers({ pid }: ChildProcess): Promise<void> {
  const users = (of: number | string | undefined): string => readlinkSync(`/proc/${of}/ns/user`);
  while (users(pid) === users('self')) await sleep(20);
}
