import { describe, expect, test } from 'vitest';
import { type Assignment, assignComponents, wantedPaths } from '../../../src/chunk/components.ts';
import type { Warning } from '../../../src/warnings.ts';
import { readDatabase } from './rpm-fixture.ts';
import { putPackages } from './rpm-maker.ts';
import { emptyFixture, putDirectory, putFile, putLink, putText, type TreeFixture } from './tree-fixture.ts';

const DAY = 86_400;
const GHOST = 64;

function assign(fixture: TreeFixture): Assignment & { warnings: Warning[] } {
  const warnings: Warning[] = [];
  const onWarning = (warning: Warning): void => void warnings.push(warning);
  return { ...assignComponents(fixture.root, fixture.reader, { onWarning }), warnings };
}

function owners(fixture: TreeFixture): Record<string, string> {
  const entries = [...assign(fixture).owner].map(([path, { key }]) => [path, key]);
  return Object.fromEntries(entries.filter(([, key]) => key !== '@db'));
}

describe('files', () => {
  test('are found through merged directories, and where rpm-ostree keeps them', () => {
    const fixture = emptyFixture();
    for (const path of ['/usr/bin/cat', '/usr/etc/conf', '/usr/share/factory/var/lib/x'])
      putFile(fixture, path, 1);
    putLink(fixture, '/bin', 'usr/bin');
    putLink(fixture, '/usr/sbin', 'bin');
    putDirectory(fixture, '/usr/share/empty');
    const files = [
      '/bin',
      '/usr/sbin/cat',
      '/etc/conf',
      '/var/lib/x',
      '/usr/share/empty',
      '/gone',
      'relative',
    ];
    putPackages(fixture, [{ name: 'p', files: files.map((path) => ({ path })) }]);
    expect(owners(fixture)).toEqual({
      '/bin': 'rpm/p',
      '/usr/bin/cat': 'rpm/p',
      '/usr/etc/conf': 'rpm/p',
      '/usr/sbin': 'rest/usr',
      '/usr/share/empty': 'rpm/p',
      '/usr/share/factory/var/lib/x': 'rpm/p',
    });
  });

  test('that were not installed, or replaced by another package, are not claimed', () => {
    const fixture = emptyFixture();
    const states = [0, 1, 2, 3, 4, 255];
    for (const state of states) putFile(fixture, `/f${state}`, 1);
    putPackages(fixture, [{ name: 'p', files: states.map((state) => ({ path: `/f${state}`, state })) }]);
    expect(Object.entries(owners(fixture)).filter(([, key]) => key === 'rpm/p')).toEqual([
      ['/f0', 'rpm/p'],
      ['/f3', 'rpm/p'],
    ]);
  });

  test('that are ghosts come after every rule: an initramfs is no kernel', () => {
    const fixture = emptyFixture();
    const modules = '/usr/lib/modules/6.12.1-100.fc43.x86_64';
    for (const path of ['kernel/fs/x.ko', 'vmlinuz', 'modules.dep', 'initramfs.img'])
      putFile(fixture, `${modules}/${path}`, 1);
    putFile(fixture, '/etc/made.conf', 1);
    const ghosts = ['modules.dep', 'initramfs.img'].map((name) => ({
      path: `${modules}/${name}`,
      flags: GHOST,
    }));
    putPackages(fixture, [
      {
        name: 'kernel-core',
        sourceRpm: 'kernel-6.12.1-100.fc43.src.rpm',
        files: [{ path: `${modules}/kernel/fs/x.ko` }, { path: `${modules}/vmlinuz` }, ...ghosts],
      },
      { name: 'p', files: [{ path: '/etc/made.conf', flags: GHOST | 1 }] },
    ]);
    expect(owners(fixture)).toEqual({
      '/etc/made.conf': 'rpm/p',
      [`${modules}/initramfs.img`]: 'initramfs',
      [`${modules}/kernel/fs/x.ko`]: 'rpm/kernel',
      [`${modules}/modules.dep`]: 'rpm/kernel',
      [`${modules}/vmlinuz`]: 'rpm/kernel',
    });
  });
});

test('changes are those of the changelogs of a source, a build without one, and the newest build is today', () => {
  const fixture = emptyFixture();
  for (const name of ['a', 'b', 'c']) putFile(fixture, `/${name}`, 1);
  const files = (name: string): { path: string }[] => [{ path: `/${name}` }];
  putPackages(fixture, [
    {
      name: 'a',
      sourceRpm: 's-1-1.src.rpm',
      files: files('a'),
      changes: [20_000 * DAY],
      buildTime: 20_005 * DAY,
    },
    { name: 'b', sourceRpm: 's-1-1.src.rpm', files: files('b'), changes: [19_000 * DAY, 20_000 * DAY + 1] },
    { name: 'c', files: files('c'), buildTime: 20_003 * DAY },
    { name: 'gpg-pubkey' },
  ]);
  const { components, today } = assign(fixture);
  const found = components.filter(({ key }) => key.startsWith('rpm/'));
  expect(found.map(({ key, lastChange, rate }) => [key, lastChange, rate])).toEqual(
    [
      // (2^(-5/180) + 2^(-1005/180) + 0.25) / (37.10 (1 - 2^(-1005/180)) + 74)
      ['rpm/s', 20_000, 11_346],
      // (2^(-2/180) + 0.25) / (37.10 (1 - 2^(-2/180)) + 74)
      ['rpm/c', 20_003, 16_724],
    ].sort(),
  );
  expect(today).toBe(20_005);
});

describe('databases', () => {
  test.each(['/usr/lib/sysimage/rpm', '/usr/share/rpm', '/var/lib/rpm'])('are found in %s', (place) => {
    const fixture = emptyFixture();
    putText(fixture, `${place}/rpmdb.sqlite`, readDatabase());
    putFile(fixture, '/etc/profile', 1);
    expect(owners(fixture)).toEqual({ '/etc/profile': 'rpm/setup' });
    expect(wantedPaths(fixture.root)).toEqual([`${place}/rpmdb.sqlite`]);
  });

  test('that are links to each other are read once', () => {
    const fixture = emptyFixture();
    putPackages(fixture, [{ name: 'p', files: [{ path: '/usr/bin/a' }] }]);
    putFile(fixture, '/usr/bin/a', 1);
    putLink(fixture, '/var/lib/rpm', '../../usr/lib/sysimage/rpm');
    putLink(fixture, '/usr/share/rpm', '/usr/lib/sysimage/rpm');
    expect([wantedPaths(fixture.root), assign(fixture).warnings]).toEqual([
      ['/usr/lib/sysimage/rpm/Packages.db'],
      [],
    ]);
  });

  test('in the Berkeley format that are damaged are named and left alone', () => {
    const fixture = emptyFixture();
    putText(fixture, '/var/lib/rpm/Packages', new Uint8Array(4096));
    putFile(fixture, '/usr/bin/a', 1);
    expect([owners(fixture), assign(fixture).warnings]).toEqual([
      { '/usr/bin/a': 'rest/usr' },
      [
        {
          code: 'DATABASE_IGNORED',
          message: 'the file is no hash table of Berkeley DB',
          path: '/var/lib/rpm/Packages',
        },
      ],
    ]);
  });

  test('that are damaged leave their place to the next', () => {
    const fixture = emptyFixture();
    putText(fixture, '/usr/lib/sysimage/rpm/rpmdb.sqlite', readDatabase().subarray(0, 5000));
    putText(fixture, '/var/lib/rpm/rpmdb.sqlite', readDatabase());
    putFile(fixture, '/etc/profile', 1);
    expect([owners(fixture), assign(fixture).warnings]).toEqual([
      { '/etc/profile': 'rpm/setup' },
      [
        {
          code: 'DATABASE_IGNORED',
          message: 'page 33 lies beyond the end of the file',
          path: '/usr/lib/sysimage/rpm/rpmdb.sqlite',
        },
      ],
    ]);
  });

  test('that cannot be read are said to be', () => {
    const fixture = emptyFixture();
    putFile(fixture, '/usr/lib/sysimage/rpm/rpmdb.sqlite', 300 * 1024 * 1024);
    expect(assign(fixture).warnings.map(({ message }) => message)).toEqual([
      'the file could not be read or is too large',
    ]);
  });
});
