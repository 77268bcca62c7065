/** Labels in the tar stream, and the verb that says which rule decided. */
import { linkSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { planish, planishJson, temporaryDirectory } from '../support/cli.ts';

const directory = temporaryDirectory();
const root = join(directory, 'root');
const NUL = '\0';

const RULES = `
/.*                   system_u:object_r:default_t:s0
/usr(/.*)?            system_u:object_r:usr_t:s0
/usr/bin/tool    --   system_u:object_r:tool_exec_t:s0
/usr/secret(/.*)?     <<none>>
`;

beforeAll(() => {
  for (const name of ['etc/selinux/small/contexts/files', 'usr/bin', 'usr/secret']) {
    mkdirSync(join(root, name), { recursive: true });
  }
  writeFileSync(join(root, 'etc/selinux/config'), 'SELINUX=enforcing\nSELINUXTYPE=small\n');
  writeFileSync(join(root, 'etc/selinux/small/contexts/files/file_contexts'), RULES);
  writeFileSync(join(root, 'usr/bin/tool'), 't'.repeat(100));
  linkSync(join(root, 'usr/bin/tool'), join(root, 'usr/bin/other-name'));
  writeFileSync(join(root, 'usr/secret/key'), 'k');
});

/** Labels of the built image by path, as text; hard links too. */
function built(how: string, source = `rootfs:${root}`): Map<string, string | undefined> {
  const image = `oci:${join(directory, how)}:x`;
  planishJson(['build', '--skip-xattrs', '--selinux', how, source, '-o', image]);
  expect(planishJson(['verify', image]).findings).toBe(0);
  const { entries } = planishJson(['ls', '-R', image]);
  return new Map(
    entries.map(({ path, xattrs }: { path: string; xattrs?: Record<string, string> }) => {
      const label = xattrs?.['security.selinux'];
      return [path, label === undefined ? undefined : Buffer.from(label, 'base64').toString('latin1')];
    }),
  );
}

describe('build --selinux', () => {
  test('policy labels every name by the policy inside, ended by NUL as file systems hold it', () => {
    const labels = built('policy');
    expect(labels.get('/')).toBe(`system_u:object_r:default_t:s0${NUL}`);
    expect(labels.get('/usr')).toBe(`system_u:object_r:usr_t:s0${NUL}`);
    expect(labels.get('/usr/bin/tool')).toBe(`system_u:object_r:tool_exec_t:s0${NUL}`);
    expect(labels.get('/usr/bin/other-name')).toBe(`system_u:object_r:usr_t:s0${NUL}`);
    expect(labels.get('/usr/secret/key')).toBeUndefined();
  });

  test('keep leaves labels of the source, and strip drops them', () => {
    const labelled = `oci:${join(directory, 'policy')}:x`;
    expect(built('keep', labelled).get('/usr')).toBe(`system_u:object_r:usr_t:s0${NUL}`);
    expect([...new Set(built('strip', labelled).values())]).toEqual([undefined]);
  });

  test('policy is refused where there is none', () => {
    const bare = join(directory, 'bare');
    mkdirSync(bare);
    const run = planish([
      'build',
      '--skip-xattrs',
      '--selinux',
      'policy',
      `rootfs:${bare}`,
      '-o',
      `oci:${bare}-out`,
    ]);
    expect(run.status).toBe(3);
    expect(run.stderr.split('\n')).toContain(
      'planish: SELINUX_BAD_POLICY: the image holds no SELinux policy to label by (/etc/selinux/config)',
    );
  });
});

describe('selabel', () => {
  test('names the rule that decided and the one before it', () => {
    const run = planish([
      'selabel',
      '--skip-xattrs',
      '--mode',
      'host',
      `rootfs:${root}`,
      '/usr/bin/tool',
      '/usr/secret',
    ]);
    const file = '/etc/selinux/small/contexts/files/file_contexts';
    expect(run.stdout.toString()).toBe(
      [
        '/usr/bin/tool  host  system_u:object_r:tool_exec_t:s0',
        `    decided by ${file}:4  /usr/bin/tool --  system_u:object_r:tool_exec_t:s0`,
        `    before     ${file}:3  /usr(/.*)?  system_u:object_r:usr_t:s0`,
        '/usr/secret  host  <<none>>',
        `    decided by ${file}:5  /usr/secret(/.*)?  <<none>>`,
        `    before     ${file}:3  /usr(/.*)?  system_u:object_r:usr_t:s0`,
        '',
      ].join('\n'),
    );
  });
});
