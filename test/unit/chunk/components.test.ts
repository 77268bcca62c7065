import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import { assignComponents, wantedPaths } from '../../../src/chunk/components.ts';
import { ALWAYS_RATE, dayOf } from '../../../src/chunk/rates.ts';
import type { Warning } from '../../../src/warnings.ts';
import {
  emptyFixture,
  metadataAt,
  put,
  putDirectory,
  putFile,
  putLink,
  putText,
  type TreeFixture,
} from './tree-fixture.ts';

const MIB = 1024 * 1024;
const TODAY = Date.UTC(2023, 5, 12) / 1000;

function owners(fixture: TreeFixture): Record<string, string> {
  const { owner } = assignComponents(fixture.root, fixture.reader);
  return Object.fromEntries([...owner].map(([path, component]) => [path, component.key]).sort());
}

function changelog(...dates: string[]): Uint8Array {
  return gzipSync(
    dates.map((date) => `p (1) s; u\n\n  * x\n\n -- A <a@b>  ${date} 12:00:00 +0000\n`).join('\n'),
  );
}

function install(
  fixture: TreeFixture,
  name: string,
  paths: string[],
  options: { source?: string; dates?: string[]; arch?: string } = {},
): void {
  const status = byteString('/var/lib/dpkg/status');
  const old = Buffer.from(fixture.contents.get(status) ?? new Uint8Array(0)).toString();
  const source = options.source === undefined ? '' : `Source: ${options.source}\n`;
  putText(
    fixture,
    status,
    `${old}Package: ${name}\nStatus: install ok installed\nArchitecture: amd64\n${source}Version: 1\n\n`,
  );
  const base = `/var/lib/dpkg/info/${name}${options.arch ?? ''}`;
  putText(fixture, `${base}.list`, `/.\n${paths.join('\n')}\n`, TODAY + 9e8);
  putText(fixture, `${base}.postinst`, '#!/bin/sh\n');
  if (options.dates)
    putText(fixture, `/usr/share/doc/${name}/changelog.Debian.gz`, changelog(...options.dates));
}

describe('dpkg', () => {
  test('owns files, records and conffiles by source package, through a merged /usr', () => {
    const fixture = emptyFixture();
    putFile(fixture, '/usr/bin/cat', 100);
    putFile(fixture, '/usr/lib/x/libc.so.6', 100);
    putFile(fixture, '/etc/app.conf', 100);
    putLink(fixture, '/bin', 'usr/bin');
    putLink(fixture, '/lib', '/usr/lib');
    install(fixture, 'coreutils', ['/bin', '/bin/cat', '/bin/gone', '/etc', '/etc/app.conf']);
    install(fixture, 'libc6', ['/lib/x', '/lib/x/libc.so.6'], { source: 'glibc (2.36)', arch: ':amd64' });
    expect(owners(fixture)).toEqual({
      '/bin': 'dpkg/coreutils',
      '/etc/app.conf': 'dpkg/coreutils',
      '/lib': 'rest',
      '/usr/bin/cat': 'dpkg/coreutils',
      '/usr/lib/x/libc.so.6': 'dpkg/glibc',
      '/var/lib/dpkg/info/coreutils.list': 'dpkg/coreutils',
      '/var/lib/dpkg/info/coreutils.postinst': 'dpkg/coreutils',
      '/var/lib/dpkg/info/libc6:amd64.list': 'dpkg/glibc',
      '/var/lib/dpkg/info/libc6:amd64.postinst': 'dpkg/glibc',
      '/var/lib/dpkg/status': '@db',
    });
  });

  test('follows diversions, except for the package that made them', () => {
    const fixture = emptyFixture();
    for (const name of ['sh', 'sh.distrib', 'sh.local']) putFile(fixture, `/usr/bin/${name}`, 1);
    putLink(fixture, '/bin', 'usr/bin');
    putText(fixture, '/var/lib/dpkg/diversions', '/bin/sh\n/bin/sh.distrib\ndash\n');
    install(fixture, 'bash', ['/bin/sh']);
    install(fixture, 'dash', ['/usr/bin/sh']);
    const found = owners(fixture);
    expect([found['/usr/bin/sh'], found['/usr/bin/sh.distrib'], found['/usr/bin/sh.local']]).toEqual([
      'dpkg/dash',
      'dpkg/bash',
      'rest/usr',
    ]);
  });

  test('gives what several packages own to the one that changes most', () => {
    const fixture = emptyFixture();
    for (const name of ['a', 'b']) putFile(fixture, `/usr/share/${name}`, 1);
    install(fixture, 'calm', ['/usr/share/a', '/usr/share/b'], { dates: ['1 Jan 2015', '1 Jan 2016'] });
    install(fixture, 'busy', ['/usr/share/a'], { dates: ['1 Jun 2023', '12 Jun 2023', '3 May 2023'] });
    const found = owners(fixture);
    expect([found['/usr/share/a'], found['/usr/share/b']]).toEqual(['dpkg/busy', 'dpkg/calm']);
  });

  test('takes rates from changelogs, joined over the packages of a source', () => {
    const fixture = emptyFixture();
    install(fixture, 'one', [], { source: 's', dates: ['12 Jun 2023', '12 Jun 2022'] });
    install(fixture, 'two', [], { source: 's', dates: ['12 Jun 2022', '12 Jun 2021'] });
    const { components, today } = assignComponents(fixture.root, fixture.reader);
    const component = components.find(({ key }) => key === 'dpkg/s');
    expect(today).toBe(dayOf(TODAY));
    // (1 + 2^(-365/730) + 2^(-730/730) + 0.25) / (150.46 (1 - 2^(-730/730)) + 74), as in change-history.test.ts.
    expect([component?.rate, component?.lastChange]).toEqual([16_466, dayOf(TODAY)]);
  });

  test('weighs entries by what they were for, by most of the packages that changed last', () => {
    const entry = (target: string, date: string): string =>
      `p (1) ${target}; urgency=low\n\n  * x\n\n -- A <a@b>  ${date} 12:00:00 +0000\n`;
    const rateAmong = (newest: string): number | undefined => {
      const fixture = emptyFixture();
      for (const name of ['p', 'q']) install(fixture, name, []);
      const old = entry('unstable', '12 Jun 2022') + entry('unstable', '12 Jun 2021');
      putText(fixture, '/usr/share/doc/p/changelog.Debian', old);
      putText(fixture, '/usr/share/doc/q/changelog.Debian', entry(newest, '12 Jun 2023'));
      const { components } = assignComponents(fixture.root, fixture.reader);
      return components.find(({ key }) => key === 'dpkg/p')?.rate;
    };
    // (0.02 (2^(-365/730) + 2^(-730/730)) + 0.25) / (150.46 / 2 + 74), and with 1 for 0.02.
    expect([rateAmong('bookworm'), rateAmong('unstable')]).toEqual([1837, 9764]);
  });

  test('takes the newest file where there is no changelog, never the time of installation', () => {
    const fixture = emptyFixture();
    putFile(fixture, '/usr/bin/a', 1, TODAY - 100 * 86_400);
    putFile(fixture, '/usr/bin/b', 1, TODAY);
    install(fixture, 'p', ['/usr/bin/a', '/usr/bin/b']);
    const { components, today } = assignComponents(fixture.root, fixture.reader);
    expect(today).toBe(dayOf(TODAY));
    expect(components.find(({ key }) => key === 'dpkg/p')?.rate).toBe(16_892);
  });

  test('reads status.d and checksums of distroless images, and links beside owned files', () => {
    const fixture = emptyFixture();
    putText(fixture, '/var/lib/dpkg/status.d/libssl3', 'Package: libssl3\nSource: openssl\nVersion: 3.0\n');
    putText(fixture, '/var/lib/dpkg/status.d/libssl3.md5sums', `${'a'.repeat(32)}  usr/lib/libssl.so.3.0\n`);
    putFile(fixture, '/usr/lib/libssl.so.3.0', 1);
    putLink(fixture, '/usr/lib/libssl.so.3', 'libssl.so.3.0');
    expect(owners(fixture)).toEqual({
      '/usr/lib/libssl.so.3': 'dpkg/openssl',
      '/usr/lib/libssl.so.3.0': 'dpkg/openssl',
      '/var/lib/dpkg/status.d/libssl3': 'dpkg/openssl',
      '/var/lib/dpkg/status.d/libssl3.md5sums': 'dpkg/openssl',
    });
  });

  test('warns of what is damaged and goes on', () => {
    const fixture = emptyFixture();
    putText(fixture, '/var/lib/dpkg/status', 'garbage\n');
    putText(fixture, '/var/lib/dpkg/diversions', 'odd\n');
    putFile(fixture, '/usr/bin/a', 1);
    const warnings: Warning[] = [];
    const { owner } = assignComponents(fixture.root, fixture.reader, {
      onWarning: (warning) => warnings.push(warning),
    });
    expect(warnings).toEqual([
      {
        code: 'DATABASE_IGNORED',
        message: 'no stanza of the status file names a package',
        path: '/var/lib/dpkg/status',
      },
      { code: 'DATABASE_IGNORED', message: 'the diversions are malformed', path: '/var/lib/dpkg/diversions' },
    ]);
    expect(owner.get(byteString('/usr/bin/a'))?.key).toBe('rest/usr');
  });

  test('warns of packages without a list and of contents that cannot be had', () => {
    const fixture = emptyFixture();
    install(fixture, 'p', ['/usr/bin/a'], { dates: ['12 Jun 2023'] });
    fixture.contents.delete(byteString('/var/lib/dpkg/info/p.list'));
    fixture.contents.set(byteString('/usr/share/doc/p/changelog.Debian.gz'), new Uint8Array([0x1f, 0x8b, 0]));
    const warnings: string[] = [];
    assignComponents(fixture.root, fixture.reader, {
      onWarning: ({ message, path }) => warnings.push(`${path}: ${message}`),
    });
    expect(warnings).toEqual([
      '/var/lib/dpkg/info/p.list: the file could not be read or is too large',
      '/var/lib/dpkg/status: 1 packages have no file list, the first is p',
      '/usr/share/doc/p/changelog.Debian.gz: the changelog could not be read',
    ]);
  });

  test('asks for these files, and is content without a database', () => {
    const fixture = emptyFixture();
    expect(wantedPaths(fixture.root)).toEqual([]);
    install(fixture, 'p', [], { dates: ['12 Jun 2023'] });
    putFile(fixture, '/usr/share/doc/p/changelog.gz', 1);
    putFile(fixture, '/usr/share/doc/native/changelog.gz', 1);
    putFile(fixture, '/usr/share/doc/native/copyright', 1);
    expect(wantedPaths(fixture.root)).toEqual([
      '/usr/share/doc/native/changelog.gz',
      '/usr/share/doc/p/changelog.Debian.gz',
      '/var/lib/dpkg/info/p.list',
      '/var/lib/dpkg/status',
    ]);
  });

  test('survives links that turn in a circle', () => {
    const fixture = emptyFixture();
    putLink(fixture, '/bin', 'bin');
    putLink(fixture, '/usr', '../../../usr');
    install(fixture, 'p', ['/bin/a', '/usr/bin/b', '/../../x', '/']);
    fixture.root.children.delete(byteString('usr'));
    putLink(fixture, '/usr', 'usr/usr');
    expect(owners(fixture)['/usr']).toBe('rest');
  });
});

describe('other sources', () => {
  test('send generated files to their owner', () => {
    const fixture = emptyFixture();
    const files = [
      '/usr/lib/python3/a/x.py',
      '/usr/lib/udev/hwdb.d/20-a.hwdb',
      '/usr/sbin/update-ca-certificates',
      '/usr/share/icons/t/index.theme',
    ];
    for (const path of files) putFile(fixture, path, 1);
    putFile(fixture, '/usr/lib/python3/a/__pycache__/x.cpython-311.pyc', 1);
    putFile(fixture, '/usr/lib/python3/a/__pycache__/x.cpython-311.opt-1.pyc', 1);
    putFile(fixture, '/usr/lib/python3/a/__pycache__/orphan.cpython-311.pyc', 1);
    putFile(fixture, '/usr/lib/udev/hwdb.bin', 20 * MIB);
    putFile(fixture, '/etc/ssl/certs/ca-certificates.crt', 1);
    putFile(fixture, '/usr/share/icons/t/icon-theme.cache', 1);
    putFile(fixture, '/etc/ld.so.cache', 1);
    for (const [index, name] of ['python', 'udev', 'ca', 'icons'].entries())
      install(fixture, name, [files[index] ?? '']);
    const found = owners(fixture);
    expect(found['/usr/lib/python3/a/__pycache__/x.cpython-311.pyc']).toBe('dpkg/python');
    expect(found['/usr/lib/python3/a/__pycache__/x.cpython-311.opt-1.pyc']).toBe('dpkg/python');
    expect(found['/usr/lib/python3/a/__pycache__/orphan.cpython-311.pyc']).toBe('rest/usr');
    expect(found['/usr/lib/udev/hwdb.bin']).toBe('dpkg/udev');
    expect(found['/etc/ssl/certs/ca-certificates.crt']).toBe('dpkg/ca');
    expect(found['/usr/share/icons/t/icon-theme.cache']).toBe('dpkg/icons');
    expect(found['/etc/ld.so.cache']).toBe('@db');
  });

  test('keep a kernel together, the initramfs apart', () => {
    const fixture = emptyFixture();
    putFile(fixture, '/usr/lib/modules/6.1.0-18-amd64/kernel/a.ko', 1);
    putFile(fixture, '/usr/lib/modules/6.1.0-18-amd64/modules.dep', 1);
    putFile(fixture, '/boot/vmlinuz-6.1.0-18-amd64', 9 * MIB);
    putFile(fixture, '/boot/config-6.1.0-18-amd64', 1);
    putFile(fixture, '/boot/initrd.img-6.1.0-18-amd64', 30 * MIB);
    putLink(fixture, '/vmlinuz', 'boot/vmlinuz-6.1.0-18-amd64');
    const unowned = owners(fixture);
    expect(Object.values(unowned)).toEqual(['kernel', 'initramfs', 'kernel', 'kernel', 'kernel', 'kernel']);
    install(fixture, 'linux-image-6.1.0-18-amd64', ['/usr/lib/modules/6.1.0-18-amd64/kernel/a.ko'], {
      source: 'linux-signed-amd64 (6.1.76+1)',
      dates: ['12 Jun 2023'],
    });
    install(fixture, 'kmod', [], { dates: ['12 Jun 2023'] });
    install(fixture, 'tzdata', [], { dates: ['12 Jun 2023'] });
    const owned = owners(fixture);
    expect(owned['/usr/lib/modules/6.1.0-18-amd64/modules.dep']).toBe('dpkg/linux-signed-amd64');
    expect(owned['/boot/config-6.1.0-18-amd64']).toBe('dpkg/linux-signed-amd64');
    expect(owned['/vmlinuz']).toBe('dpkg/linux-signed-amd64');
    const { components } = assignComponents(fixture.root, fixture.reader);
    expect(components.find(({ key }) => key === 'initramfs')?.rate).toBe(2 * 16_892);
    expect(components.find(({ key }) => key === '@db')?.rate).toBe(ALWAYS_RATE);
  });

  test('key large files by path, the rest by place', () => {
    const fixture = emptyFixture();
    putFile(fixture, '/opt/vendor/app/blob', MIB);
    putFile(fixture, '/opt/vendor/app/small', MIB - 1);
    putFile(fixture, '/opt/top', 1);
    putFile(fixture, '/usr/local/bin/x', 1);
    putFile(fixture, '/usr/share/x', 1);
    putFile(fixture, '/etc/passwd', 1);
    putFile(fixture, '/var/lib/x/y', 1);
    putFile(fixture, '/init', 1);
    expect(owners(fixture)).toEqual({
      '/etc/passwd': 'rest/etc',
      '/init': 'rest',
      '/opt/top': 'rest/opt',
      '/opt/vendor/app/blob': 'file/opt/vendor/app/blob',
      '/opt/vendor/app/small': 'rest/opt/vendor',
      '/usr/local/bin/x': 'rest/usr/local',
      '/usr/share/x': 'rest/usr',
      '/var/lib/x/y': 'rest/var',
    });
  });

  test('rules of the user come first', () => {
    const fixture = emptyFixture();
    putFile(fixture, '/opt/app/app', 1);
    putFile(fixture, '/opt/app/app.cache', 4 * MIB);
    install(fixture, 'app', ['/opt/app/app']);
    const { owner } = assignComponents(fixture.root, fixture.reader, {
      derivedRules: [{ match: /^(.*)\.cache$/, owners: ['$1'] }],
    });
    expect(owner.get(byteString('/opt/app/app.cache'))?.key).toBe('dpkg/app');
  });
});

describe('every path', () => {
  test('of one inode has the owner that changes most', () => {
    const fixture = emptyFixture();
    const node = putFile(fixture, '/usr/bin/a', 3000);
    put(fixture, '/usr/bin/b', node);
    put(fixture, '/srv/c', node);
    install(fixture, 'calm', ['/usr/bin/a'], { dates: ['1 Jan 2015', '1 Jan 2016'] });
    install(fixture, 'busy', ['/usr/bin/b'], { dates: ['12 Jun 2023', '1 May 2023'] });
    const { components, owner } = assignComponents(fixture.root, fixture.reader);
    const busy = components.find(({ key }) => key === 'dpkg/busy');
    for (const path of ['/usr/bin/a', '/usr/bin/b', '/srv/c']) expect(owner.get(byteString(path))).toBe(busy);
    expect(components.map(({ key }) => key)).toEqual(['@db', 'dpkg/busy', 'dpkg/calm', 'rest/usr']);
  });

  test('is a leaf or a directory without any, and is owned once', () => {
    const fixture = emptyFixture();
    putDirectory(fixture, '/proc');
    putDirectory(fixture, '/var/empty/a/b');
    putDirectory(fixture, '/usr/lib/x');
    putFile(fixture, '/usr/bin/y', 1);
    install(fixture, 'p', ['/var', '/var/empty', '/var/empty/a', '/usr']);
    expect(owners(fixture)).toMatchObject({
      '/proc': 'rest',
      '/usr/bin/y': 'rest/usr',
      '/usr/lib/x': 'rest/usr',
      '/var/empty': 'dpkg/p',
      '/var/empty/a': 'dpkg/p',
      '/var/empty/a/b': 'rest/var',
    });
    const { components, owner } = assignComponents(fixture.root, fixture.reader);
    const paths = components.flatMap((component) => component.paths);
    expect(paths.length).toBe(owner.size);
    expect(owner.has(byteString('/usr'))).toBe(false);
  });

  test('counts as many bytes as its tar entry has', () => {
    const fixture = emptyFixture();
    putFile(fixture, '/srv/a', 513);
    putFile(fixture, `/srv/${'n'.repeat(200)}`, 0);
    putDirectory(fixture, '/srv/d');
    const node = putFile(fixture, '/srv/h', 10_000);
    put(fixture, '/srv/i', node);
    const metadata = {
      ...metadataAt(0),
      xattrs: new Map([[byteString('security.capability'), new Uint8Array(20)]]),
    };
    put(fixture, '/srv/x', { type: 'fifo', metadata });
    const { components } = assignComponents(fixture.root, fixture.reader);
    // a: 512 + 1024; long name: 512 + 512 + 512; d: 512; h: 512 + 10240; i: 512; x: 512 + 512 + 512.
    expect(components.map(({ key, tarSize }) => [key, tarSize])).toEqual([
      ['rest/srv', 1536 + 1536 + 512 + 10_752 + 512 + 1536],
    ]);
    // Compressed: 32 for each of the six, and a fifth of contents.
    expect(components[0]?.size).toBe(6 * 32 + Math.round((513 + 10_000) / 5));
  });

  test('of an empty tree is none', () => {
    expect(assignComponents(emptyFixture().root, emptyFixture().reader)).toEqual({
      claims: [],
      components: [],
      owner: new Map(),
      today: 0,
    });
  });
});
