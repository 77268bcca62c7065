/** Why views of an image disagree, on the image that the repository carries and on one with a UKI. */

import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canReadAttributes } from '../support/attributes.ts';
import { DEMO, planish, planishJson, temporaryDirectory } from '../support/cli.ts';
import { CommandServer } from '../support/command-server.ts';
import { makeUki } from '../support/uki-maker.ts';

const directory = temporaryDirectory();
const demo = `oci-archive:${DEMO}`;

// biome-ignore lint/suspicious/noExplicitAny: a JSON document.
type Json = any;

const server = new CommandServer();
afterAll(() => server.close());

/** Runs explain, checks its status, and gives the document. */
async function explain(...args: string[]): Promise<Json> {
  const run = await server.run(['--json', 'explain', ...args]);
  if (run.status !== 0 && run.status !== 1) throw new Error(run.stderr);
  const result = JSON.parse(run.stdout.toString());
  expect(run.status).toBe(result.equal ? 0 : 1);
  return result;
}

/** Each explanation as `variable=value … !remaining …`. */
function told({ explanations }: Json): string[] {
  return explanations.map(({ changes, remaining }: Json) =>
    [
      ...changes.map(({ variable, value }: Json) => `${variable}=${value}`),
      ...remaining.map(({ cause, paths }: Json) => `!${cause} ${paths}`),
    ].join(' '),
  );
}

function writeDump(name: string, ...args: string[]): string {
  const file = join(directory, name);
  const run = planish(['dump', ...args]);
  if (run.status !== 0) throw new Error(run.stderr);
  writeFileSync(file, run.stdout);
  return file;
}

describe('the demonstration image', () => {
  test('against itself', async () => {
    expect(await explain(demo, demo)).toMatchObject({
      equal: true,
      subject: 'both',
      differences: { total: 0 },
    });
  });

  test('against the digest that it has', async () => {
    const { container } = planishJson(['digest', demo]);
    const result = await explain(demo, container);
    expect(result.equal).toBe(true);
    expect(result.a.digest).toBe(container);
    expect(result.trials).toBe(1);
  });

  test('against other profiles', async () => {
    expect(told(await explain(demo, 'profile:bootc-1.16.0'))).toEqual(['format=v2']);
    expect(told(await explain(demo, 'profile:bootc-1.16.3'))).toEqual(['format=v2 xattrs=all']);
    // Of the other algorithm: the image is read with it.
    const tool = await explain(demo, 'profile:mkcomposefs');
    expect(tool.base.algorithm).toBe('sha256');
    expect(tool.b.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(tool.hosts).toEqual([{ profile: 'mkcomposefs', form: 'plain' }]);
  });

  test('against a dumpfile of another profile, from both sides', async () => {
    const dump = writeDump('old.dump', demo, '--profile', 'bootc-1.16.3');
    const result = await explain(demo, `dump:${dump}`);
    expect(told(result)).toEqual(['xattrs=all']);
    expect(result.subject).toBe('a');
    expect(result.differences).toMatchObject({ total: 149, causes: [{ cause: 'attributes', paths: 149 }] });
    expect(result.differences.paths).toHaveLength(20);
    expect(result.differences.paths[0]).toEqual({
      path: '/usr/share/ca-certificates',
      kind: 'changed',
      fields: [{ field: 'xattr', name: 'user.update-interval', b: Buffer.from('monthly').toString('hex') }],
      causes: ['attributes'],
    });
    const turned = await explain(`dump:${dump}`, demo);
    expect(told(turned)).toEqual(['xattrs=all']);
    expect(turned.subject).toBe('b');
    expect(turned.differences.paths[0].fields[0]).toMatchObject({
      a: Buffer.from('monthly').toString('hex'),
    });
  });

  test('--all lists every path', async () => {
    const dump = join(directory, 'old.dump');
    expect((await explain(demo, `dump:${dump}`, '--all')).differences.paths).toHaveLength(149);
    const run = planish(['explain', demo, `dump:${dump}`]);
    expect(run.stdout.toString()).toContain('… and 129 paths more; --all prints them\n');
    expect(planish(['explain', demo, `dump:${dump}`, '--all']).stdout.toString()).not.toContain('--all');
  });

  test('against an EROFS image of version 2', async () => {
    const image = join(directory, 'v2.erofs');
    const { digest } = planishJson(['mkfs', demo, '-o', image, '--format', 'v2', '--profile', 'bootc']);
    const result = await explain(demo, image);
    expect(told(result)).toEqual(['format=v2']);
    expect(result.b.digest).toBe(digest);
    expect(result.hosts).toEqual([{ profile: 'bootc-1.16.0', form: 'plain' }]);
    expect(told(await explain(demo, `digest:${digest}`))).toEqual(['format=v2']);
    // Two finished trees.
    const other = join(directory, 'v1.erofs');
    planishJson(['mkfs', demo, '-o', other, '--profile', 'bootc']);
    expect(told(await explain(other, image))).toEqual(['format=v2']);
    expect((await explain(other, other)).equal).toBe(true);
  });

  test('a digest of something else is not explained', async () => {
    const result = await explain(demo, `digest:${'0'.repeat(128)}`);
    expect(result).toMatchObject({ equal: false, explanations: [], complete: true });
    expect(result.differences).toBeUndefined();
  });

  test('two sides without a tree, and digests that are none, are usage errors', async () => {
    const run = (...args: string[]): [number | null, string] => {
      const { status, stderr } = planish(['explain', ...args]);
      return [status, stderr.split(':')[1]?.trim() ?? ''];
    };
    expect(run('profile:bootc', `digest:${'0'.repeat(64)}`)).toEqual([2, 'BAD_OPTION']);
    expect(run(demo, 'digest:abc')).toEqual([2, 'BAD_REFERENCE']);
    expect(run(demo, 'profile:nobody')).toEqual([2, 'BAD_OPTION']);
    expect(run(demo)).toEqual([2, 'PATH_NOT_FOUND']);
  });
});

/** A policy: composefs-rs goes by the last rule that matches, libselinux by the one that is a plain path. */
const CONTEXTS = 'etc/selinux/test/contexts/files';
const RULES = [
  '/usr/bin/tool -- system_u:object_r:tool_t:s0',
  '/.* system_u:object_r:default_t:s0',
  '/usr/bin(/.*)? system_u:object_r:bin_t:s0',
  '',
].join('\n');

describe.skipIf(!canReadAttributes)('a directory and the image built from it', () => {
  const root = join(directory, 'root');
  const image = `oci:${join(directory, 'image')}:x`;

  beforeAll(() => {
    for (const path of ['usr/bin', 'usr/lib/x', 'boot/EFI/Linux', 'sysroot', 'run', CONTEXTS]) {
      mkdirSync(join(root, path), { recursive: true });
    }
    writeFileSync(join(root, 'usr/bin/tool'), 'x'.repeat(10_000));
    writeFileSync(join(root, 'usr/lib/x/y'), 'small');
    linkSync(join(root, 'usr/lib/x/y'), join(root, 'usr/bin/linked'));
    writeFileSync(join(root, 'etc/selinux/config'), 'SELINUX=enforcing\nSELINUXTYPE=test\n');
    writeFileSync(join(root, CONTEXTS, 'file_contexts'), RULES);
    execFileSync('find', [root, '-exec', 'touch', '-h', '-d', '@1700000000', '{}', '+']);
    planishJson(['build', `rootfs:${root}`, '-o', image]);
  });

  /** A copy of the directory, changed. */
  function changed(name: string, change: (copy: string) => void): string {
    const copy = join(directory, name);
    execFileSync('cp', ['-a', root, copy]);
    execFileSync('find', [copy, '-exec', 'touch', '-h', '-d', '@1700000000', '{}', '+']);
    change(copy);
    return `rootfs:${copy}`;
  }

  test('agree', async () => {
    expect((await explain(image, `rootfs:${root}`)).equal).toBe(true);
  });

  test('directory times touched', async () => {
    const touched = changed('touched', (copy) => {
      utimesSync(join(copy, 'usr/bin'), 1_700_000_005, 1_700_000_005);
      utimesSync(join(copy, 'usr/lib/x'), 1_700_000_006, 1_700_000_006);
    });
    const result = await explain(image, touched);
    expect(told(result)).toEqual(['!directory-times 2']);
    expect(result.differences.paths.map(({ path }: Json) => path)).toEqual(['/usr/bin', '/usr/lib/x']);
    expect(result.differences.paths[0].fields).toEqual([
      { field: 'mtime', a: '1700000000 s', b: '1700000005 s' },
    ]);
  });

  test('fractions of seconds', async () => {
    const fractions = changed('fractions', (copy) => {
      execFileSync('touch', ['-d', '@1700000000.5', join(copy, 'usr/bin/tool')]);
    });
    const result = await explain(image, fractions);
    expect(told(result)).toEqual(['times=whole-seconds']);
    expect(result.subject).toBe('both');
    expect(result.differences.causes).toEqual([
      { cause: 'fractions', title: 'fractions of seconds', paths: 1 },
    ]);
  });

  test('a change below /run does not count, one in /boot only until the tree is booted', async () => {
    const run = changed('run-file', (copy) => writeFileSync(join(copy, 'run/pid'), '1'));
    expect((await explain(image, run)).equal).toBe(true);
    const boot = (time: string): string =>
      changed(`boot-${time}`, (copy) => {
        writeFileSync(join(copy, 'boot/loader.conf'), 'timeout 3');
        execFileSync('touch', ['-d', time, join(copy, 'boot')]);
      });
    const whole = boot('@1800000000');
    expect(told(await explain(image, whole))).toEqual(['boot=yes']);
    expect((await explain(image, whole, '--bootable')).equal).toBe(true);
    // Hosts give /boot the seconds of /usr and leave it its fraction.
    expect(told(await explain(image, boot('@1800000000.5'), '--bootable'))).toEqual([
      'times=whole-seconds',
      'bootTimes=nanoseconds',
    ]);
  });

  test('diff shows the trees as they are', async () => {
    const other = changed('diff', (copy) => {
      writeFileSync(join(copy, 'usr/new'), 'n');
      rmSync(join(copy, 'usr/bin/linked'));
      writeFileSync(join(copy, 'usr/lib/x/y'), 'other');
      execFileSync('find', [copy, '-exec', 'touch', '-h', '-d', '@1700000000', '{}', '+']);
    });
    const run = planish(['diff', image, other]);
    expect(run.status).toBe(1);
    expect(run.stdout.toString()).toBe(
      `- /usr/bin/linked\n~ /usr/lib/x/y\n    content: inline ${Buffer.from('small').toString('hex')} | inline ${Buffer.from('other').toString('hex')}\n    links: /usr/bin/linked | /usr/lib/x/y\n+ /usr/new\n`,
    );
    expect(planish(['diff', image, `rootfs:${root}`])).toMatchObject({ status: 0, stdout: Buffer.from('') });
    expect(planishJson(['diff', image, image]).differences).toEqual([]);
    const larger = changed('larger', (copy) => writeFileSync(join(copy, 'usr/larger'), 'l'.repeat(2000)));
    const told = planish(['diff', image, larger]).stdout.toString();
    expect(told).toMatch(
      /\+ \/usr\/larger\n\nobjects {4}1 of 3 objects, 2\.00 kB of 12\.1 kB, that a composefs host of A lacks for B\n$/,
    );
  });

  describe('sealed', () => {
    /** The image again, with a UKI that names a digest, and with other files in /boot. */
    function sealed(name: string, cmdline: string, files: Readonly<Record<string, string>> = {}): string {
      const source = changed(name, (copy) => {
        writeFileSync(join(copy, 'boot/EFI/Linux/6.12.efi'), makeUki({ cmdline }));
        for (const [path, content] of Object.entries(files)) writeFileSync(join(copy, path), content);
        execFileSync('find', [copy, '-exec', 'touch', '-h', '-d', '@1700000000', '{}', '+']);
      });
      const layout = `oci:${join(directory, `${name}-image`)}:x`;
      planishJson(['build', source, '-o', layout]);
      return layout;
    }

    test('with the digest of this tree', async () => {
      const { bootable } = planishJson(['digest', image]);
      const result = await explain(sealed('right', `rw composefs=${bootable} quiet`));
      expect(result.equal).toBe(true);
      expect(result.uki).toEqual({
        path: '/boot/EFI/Linux/6.12.efi',
        argument: `composefs=${bootable}`,
      });
    });

    test('with digests of hosts that label hard links otherwise', async () => {
      const sides = (profile: string): Promise<Json> => explain(image, `profile:${profile}`, '--bootable');
      expect((await sides('bootc')).b.digest).toBe(planishJson(['digest', image]).bootable);
      const last = await sides('bootc-1.15');
      expect(told(last)).toEqual(['format=v2 labels=host-last']);
      expect(last.b.digest).toBe(planishJson(['digest', image, '--profile', 'bootc-1.15']).bootable);
    });

    test('with the digest of a host of another generation', async () => {
      const { bootable } = planishJson(['digest', image, '--profile', 'bootc-1.16.0']);
      const result = await explain(sealed('generation', `composefs=?${bootable}`), 'uki:');
      expect(told(result)).toEqual(['format=v2']);
      expect(result.base).toEqual({ profile: 'bootc', form: 'bootable', algorithm: 'sha512' });
      expect(result.hosts).toContainEqual({ profile: 'bootc-1.16.0', form: 'bootable' });
    });

    test('with the digest of a tree whose dumpfile is shipped', async () => {
      const built = changed('built', (copy) => utimesSync(join(copy, 'usr/lib/x'), 9, 9));
      const { bootable } = planishJson(['digest', built]);
      const dump = planish(['dump', built, '--bootable']).stdout.toString('latin1');
      const image = sealed('shipped', `composefs=${bootable}`, { 'boot/6.12.dump': dump });
      const result = await explain(image);
      expect(told(result)).toEqual(['!directory-times 1']);
      expect(result.equal).toBe(false);
      expect(result.uki.dump).toEqual({ path: '/boot/6.12.dump', agrees: true });
      expect(result.differences.paths[0].path).toBe('/usr/lib/x');
      const text = planish(['explain', image]).stdout.toString();
      expect(text).toContain('/boot/6.12.dump is of the tree that the UKI names\n');
      expect(text).toContain('~ /usr/lib/x\n    mtime: 1700000000 s | 9 s\n');
    });

    test('the UKI of one image against another image', async () => {
      const { bootable } = planishJson(['digest', image]);
      const other = sealed('other', `composefs=${bootable}`);
      expect((await explain(`rootfs:${root}`, `uki:${other}`)).equal).toBe(true);
      expect(
        told(
          await explain(
            `uki:${other}`,
            changed('newer', (copy) => utimesSync(join(copy, 'usr'), 5, 5)),
          ),
        ),
      ).toEqual([]);
    });
  });
});
