import { describe, expect, test } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import {
  parseConffiles,
  parseDiversions,
  parseFileList,
  parseMd5sums,
} from '../../../src/chunk/databases/dpkg-lists.ts';
import { dpkgKey, parseStatus } from '../../../src/chunk/databases/dpkg-status.ts';
import { isPlanishError } from '../../../src/errors.ts';

const parse = (text: string): { names: string[]; bad: number[] } => {
  const bad: number[] = [];
  const packages = parseStatus(byteString(text), (line) => bad.push(line));
  return { names: packages.map(({ name, source }) => `${name}<${source}`), bad };
};

describe('parseStatus', () => {
  test('takes installed states only', () => {
    const stanza = (name: string, status: string): string => `Package: ${name}\nStatus: ${status}\n\n`;
    const text = [
      stanza('a', 'install ok installed'),
      stanza('b', 'deinstall ok config-files'),
      stanza('c', 'purge ok not-installed'),
      stanza('d', 'install ok half-configured'),
      stanza('e', 'hold ok triggers-pending'),
      stanza('f', 'install ok unpacked'),
    ].join('');
    expect(parse(text)).toEqual({ names: ['a<a', 'd<d', 'e<e', 'f<f'], bad: [] });
  });

  test('reads every field, in any case, over long ones', () => {
    const text =
      'package: libc6\nStatus: install ok installed\nConffiles:\n /etc/ld.so.conf.d/x 0123\nDescription: a\n Package: no\n .\n\tb\nARCHITECTURE: amd64\nSource: glibc (2.36-9)\nVersion: 2.36-9+b1\n';
    expect(parseStatus(byteString(text), () => {})).toEqual([
      { name: 'libc6', architecture: 'amd64', version: '2.36-9+b1', source: 'glibc' },
    ]);
  });

  test('counts a stanza without state as installed', () => {
    expect(parse('Package: base-files\nVersion: 12\n').names).toEqual(['base-files<base-files']);
  });

  test('skips stanzas without a proper name, and says where', () => {
    const text =
      'Package: a\n\n\nVersion: 1\n\nPackage: ../../etc\n\nPackage: b\nSource: (1.0)\n\nPackage: c\n';
    expect(parse(text)).toEqual({ names: ['a<a', 'c<c'], bad: [4, 6, 8] });
  });

  test('is empty for an empty file', () => {
    expect(parse('')).toEqual({ names: [], bad: [] });
    expect(parse('\n\n\n')).toEqual({ names: [], bad: [] });
  });

  test('refuses a file without any package', () => {
    try {
      parse('\n\u007fELF\u0000\u0001 no database\n');
      expect.unreachable();
    } catch (error) {
      expect(isPlanishError(error, 'DPKG_BAD_DATABASE') && error.detail.line).toBe(2);
    }
  });
});

describe('dpkgKey', () => {
  test.each([
    ['glibc', 'dpkg/glibc'],
    ['python3.11', 'dpkg/python3.11'],
    ['gcc-12', 'dpkg/gcc-12'],
    ['linux', 'dpkg/linux'],
    ['linux-6.1', 'dpkg/linux'],
    ['linux-signed-amd64', 'dpkg/linux-signed-amd64'],
    ['linux-signed-5.10-amd64', 'dpkg/linux-signed-amd64'],
    ['linux-image-6.1.0-18-amd64', 'dpkg/linux-image-amd64'],
    ['linux-image-6.1.0-0.deb11.17-amd64', 'dpkg/linux-image-amd64'],
    ['linux-signed-hwe-6.8', 'dpkg/linux-signed-hwe'],
    ['linux-atm', 'dpkg/linux-atm'],
  ])('%s', (source, key) => {
    expect(dpkgKey(byteString(source))).toBe(key);
  });
});

describe('lists', () => {
  test('of files', () => {
    expect(parseFileList(byteString('/.\n/usr\n/usr/share/a b\n/usr/share/\u00ff\nrelative\n'))).toEqual([
      '/usr',
      '/usr/share/a b',
      '/usr/share/\u00ff',
    ]);
  });

  test('of checksums', () => {
    const sum = '0'.repeat(32);
    expect(parseMd5sums(byteString(`${sum}  usr/bin/x\n${sum} *./usr/bin/y z\nshort  usr/bin/w\n`))).toEqual([
      '/usr/bin/x',
      '/usr/bin/y z',
    ]);
  });

  test('of conffiles', () => {
    expect(parseConffiles(byteString('/etc/a\nremove-on-upgrade /etc/b\n\n'))).toEqual(['/etc/a', '/etc/b']);
  });

  test('of diversions', () => {
    expect(parseDiversions(byteString('/bin/sh\n/bin/sh.distrib\ndash\n/a\n/b\n:\n'))).toEqual([
      { from: '/bin/sh', to: '/bin/sh.distrib', by: 'dash' },
      { from: '/a', to: '/b', by: ':' },
    ]);
    expect(parseDiversions(byteString(''))).toEqual([]);
    expect(parseDiversions(byteString('/bin/sh\n/bin/sh.distrib\n'))).toBeUndefined();
    expect(parseDiversions(byteString('bin/sh\n/bin/sh.distrib\ndash\n'))).toBeUndefined();
  });
});
