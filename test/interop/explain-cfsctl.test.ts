/** Dumpfiles of cfsctl, made with options of its own: explain names the options. */
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { planish, temporaryDirectory } from '../support/cli.ts';
import { hasTool, runTool } from '../support/composefs-tools.ts';

const directory = temporaryDirectory();
const root = join(directory, 'root');

/** A root with fractions of seconds, hard links, something in /run and /boot, and attributes where they can be set. */
function makeRoot(): boolean {
  for (const path of ['usr/bin', 'boot', 'sysroot', 'run', 'srv'])
    mkdirSync(join(root, path), { recursive: true });
  writeFileSync(join(root, 'usr/bin/tool'), 'x'.repeat(10_000));
  linkSync(join(root, 'usr/bin/tool'), join(root, 'usr/bin/same'));
  writeFileSync(join(root, 'boot/grub.cfg'), 'menu');
  writeFileSync(join(root, 'run/pid'), '1');
  writeFileSync(join(root, 'srv/data'), 'data');
  const set = (name: string, value = 'n'): boolean =>
    runTool('setfattr', ['-n', name, '-v', value, join(root, 'srv/data')]).status === 0;
  // Only root can set the others, without which several filters come to the same.
  const capability = '0x0100000200200000000000000000000000000000';
  const hasXattrs = set('user.note') && set('trusted.note') && set('security.capability', capability);
  execFileSync('find', [root, '-exec', 'touch', '-h', '-d', '@1700000000.25', '{}', '+']);
  execFileSync('touch', ['-d', '@1700000001.5', join(root, 'usr')]);
  return hasXattrs;
}

describe.skipIf(!hasTool('cfsctl', 'explaining dumpfiles of cfsctl'))('dumpfiles of cfsctl', () => {
  const hasXattrs = makeRoot();

  function explained(...args: string[]): { told: string[]; hosts: string[] } {
    const { stdout, stderr, status } = runTool('cfsctl', ['--no-repo', 'create-dumpfile', ...args, root]);
    if (status !== 0) throw new Error(stderr);
    const dump = join(directory, 'cfsctl.dump');
    writeFileSync(dump, stdout);
    const run = planish(['--json', 'explain', `rootfs:${root}`, `dump:${dump}`]);
    const result = JSON.parse(run.stdout.toString());

    return {
      told: result.explanations.map(({ changes, remaining }: { changes: []; remaining: [] }) =>
        [
          ...changes.map(
            ({ variable, value }: { variable: string; value: string }) => `${variable}=${value}`,
          ),
          ...remaining.map(({ cause }: { cause: string }) => `!${cause}`),
        ].join(' '),
      ),
      hosts: result.hosts.map(({ profile, form }: { profile: string; form: string }) => `${profile} ${form}`),
    };
  }

  test('by default, the same', () => {
    expect(explained().told).toEqual(['']);
  });

  test('without the transform', () => {
    expect(explained('--no-propagate-usr-to-root').told).toEqual(['container=no']);
  });

  test.skipIf(!hasXattrs)('with attributes of users', () => {
    expect(explained('--xattrs', 'keep-user-xattrs').told).toEqual(['xattrs=keep-user-xattrs']);
  });

  test('for booting', () => {
    const { told, hosts } = explained('--bootable');
    expect(told).toEqual(['boot=yes bootTimes=nanoseconds']);
    expect(hosts).toEqual(['cfsctl bootable']);
  });
});
