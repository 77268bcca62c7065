/** The digests of hosts on the command line, and the contents that they depend on, wherever those lie. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { CompressionKind } from '../../src/compress/kind.ts';
import { imageDigest } from '../../src/erofs/image-digest.ts';
import { digest } from '../../src/ops/hosts/digest.ts';
import { planish, planishJson, temporaryDirectory } from '../support/cli.ts';
import { makeLayout } from '../support/layout-maker.ts';
import { archive, directory as dir, file, hardlink } from '../support/tar-maker.ts';

const directory = temporaryDirectory();
let serial = 0;

async function layout(...tars: Buffer[]): Promise<string> {
  return (await compressedLayout('none', ...tars)).reference;
}

async function compressedLayout(
  compression: CompressionKind,
  ...tars: Buffer[]
): Promise<{ reference: string }> {
  return await makeLayout(
    join(directory, `layout-${serial++}`),
    tars.map((tar) => ({ tar, compression })),
  );
}

const bare = [
  dir('usr/'),
  dir('boot/'),
  dir('sysroot/'),
  file('boot/kernel', 'k'.repeat(100)),
  dir('run/'),
  file('run/left'),
];

describe('the command line', () => {
  let bootable: string;
  let app: string;
  beforeAll(async () => {
    bootable = await layout(archive(...bare));
    app = await layout(archive(dir('usr/'), file('usr/app', 'x')));
  });

  test('prints all digests, or the bootable one alone', () => {
    const { container, bootable: boot, tree, profile } = planishJson(['digest', bootable]);
    expect(profile).toBe('bootc');
    expect(new Set([container, boot, tree]).size).toBe(3);
    const lines = planish(['digest', bootable]).stdout.toString();
    expect(lines).toBe(`container  ${container}\nbootable   ${boot}\ntree       ${tree}\n`);
    expect(planish(['digest', bootable, '--bootable']).stdout.toString()).toBe(`${boot}\n`);
  });

  test('says why an application has no bootable digest, and fails when that was asked for', () => {
    const { status, stdout } = planish(['digest', app]);
    expect(status).toBe(0);
    expect(stdout.toString()).toContain('no bootable digest: the tree has no /boot');
    const demanded = planish(['digest', app, '--bootable']);
    expect(demanded.status).toBe(3);
    expect(demanded.stdout.toString()).toBe('');
    expect(demanded.stderr.toString()).toContain('HOST_TREE_INVALID');
    const never = planish(['digest', app, '--bootable', '--profile', 'mkcomposefs']);
    expect(never.status).toBe(2);
  });

  test('prints a table of all profiles', () => {
    const { profiles } = planishJson(['digest', bootable, '--all']);
    const names = profiles.map(({ profile }: { profile: string }) => profile);
    expect(names).toEqual(['bootc', 'bootc-1.16.0', 'bootc-1.16.3', 'bootc-1.15', 'cfsctl', 'mkcomposefs']);
    for (const { profile, plain, bootable: boot } of profiles) {
      const one = planishJson(['digest', bootable, '--profile', profile]);
      expect(one.container).toBe(plain.digest);
      expect(one.bootable).toBe(boot?.digest);
    }
    const text = planish(['digest', bootable, '--all']).stdout.toString();
    expect(text.split('\n')).toHaveLength(1 + 5 * 2 + 1 + 1);
    expect(text.replaceAll(/ +/g, ' ')).toContain(
      `\nbootc v1 sha512 bootable ${profiles[0].bootable.digest}\n`,
    );
    expect(planish(['digest', bootable, '--all', '--profile', 'bootc']).status).toBe(2);
  });

  test('dumps and makes the tree of a profile', () => {
    const image = join(directory, 'image.erofs');
    for (const choice of [['--bootable'], ['--container'], ['--profile', 'cfsctl', '--bootable']]) {
      planishJson(['mkfs', bootable, '-o', image, ...choice]);
      const made = imageDigest(readFileSync(image), 'sha512');
      const profile = choice.includes('cfsctl') ? ['--profile', 'cfsctl'] : [];
      const digests = planishJson(['digest', bootable, ...profile]);
      expect(made).toBe(choice.includes('--bootable') ? digests.bootable : digests.container);
    }
    const dump = (...choice: string[]): string => planish(['dump', bootable, ...choice]).stdout.toString();
    expect(dump()).toContain('/boot/kernel');
    expect(dump('--container')).toContain('/boot/kernel');
    expect(dump('--bootable')).not.toContain('/boot/kernel');
    expect(dump('--bootable')).toContain('/boot 0 40755');
    expect(planish(['dump', app, '--bootable']).status).toBe(3);
    expect(planish(['mkfs', app, '-o', image, '--bootable', '--profile', 'mkcomposefs']).status).toBe(2);
  });
});

describe('a policy', () => {
  const contexts = `${Array.from({ length: 50 }, (_, at) => `/rule${at}/.*  l${at}`).join('\n')}\n/.* all\n`;
  const files = [dir('etc/'), dir('etc/selinux/'), dir('etc/selinux/p/'), dir('etc/selinux/p/contexts/')];
  const place = 'etc/selinux/p/contexts/files/file_contexts';
  const named = [
    ...files,
    dir('etc/selinux/p/contexts/files/'),
    file('etc/selinux/config', 'SELINUXTYPE=p\n'),
  ];
  const inPlace = archive(...bare, ...named, file(place, contexts));
  const linked = archive(...bare, ...named, file('usr/policy', contexts), hardlink(place, 'usr/policy'));

  test('is read wherever its layer keeps it', async () => {
    for (const tar of [inPlace, linked]) {
      const found = new Set<string | undefined>();
      for (const compression of ['none', 'gzip', 'zstd'] as const) {
        const { reference } = await compressedLayout(compression, tar, archive(file('usr/more')));
        found.add((await digest(reference)).bootable);
      }
      expect(found.size).toBe(1);
      expect([...found][0]).toMatch(/^[0-9a-f]{128}$/);
    }
  });

  test('counts for the bootable digest alone', async () => {
    const other = archive(...bare, ...named, file(place, contexts.replace('/.* all', '/.* any')));
    const [one, two] = [await digest(await layout(inPlace)), await digest(await layout(other))];
    expect(one?.bootable).not.toBe(two?.bootable);
    const boot = planish(['dump', await layout(inPlace), '--bootable']).stdout.toString();
    expect(boot).toContain('security.selinux=all');
    expect(planish(['dump', await layout(inPlace), '--container']).stdout.toString()).not.toContain('=all');
  });

  test('is in no source that has digests alone', async () => {
    const dump = join(directory, 'tree.dump');
    const reference = await layout(inPlace);
    const text = planish(['dump', reference]).stdout;
    writeFileSync(dump, text);
    const { container, bootable, refused } = planishJson(['digest', `dump:${dump}`]);
    expect(container).toBe(planishJson(['digest', reference]).container);
    expect(bootable).toBeUndefined();
    expect(refused.bootable).toMatchObject({ code: 'UNREPRESENTABLE', path: `/${place}` });
  });
});

test('build records what digest computes, and verify notices when it is not so', async () => {
  const result = join(directory, 'built');
  const source = await layout(archive(...bare));
  const { digests } = planishJson(['build', source, '-o', `oci:${result}:t`]);
  const key = 'composefs.merged.bootable.erofs.v1.fsverity-sha512-12';
  expect(planishJson(['inspect', `oci:${result}:t`]).composefs[key]).toBe(digests.bootable);
  expect(planishJson(['digest', `oci:${result}:t`]).bootable).toBe(digests.bootable);
  expect(planish(['verify', `oci:${result}:t`]).status).toBe(0);
  const lie = join(directory, 'lie');
  planishJson(['build', source, '-o', `oci:${lie}:t`, '--annotation', `${key}=${'0'.repeat(128)}`]);
  const verified = planish(['--json', 'verify', `oci:${lie}:t`]);
  expect(verified.status).toBe(1);
  const { checks } = JSON.parse(verified.stdout.toString());
  expect(checks.filter(({ outcome }: { outcome: string }) => outcome !== 'match')).toEqual([
    expect.objectContaining({ subject: key, outcome: 'mismatch', actual: digests.bootable }),
  ]);
});
