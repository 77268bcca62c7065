import { describe, expect, test } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import { assignComponents } from '../../../src/chunk/components.ts';
import { parseApkInstalled } from '../../../src/chunk/databases/apk-installed.ts';
import type { Warning } from '../../../src/warnings.ts';
import { emptyFixture, putDirectory, putFile, putLink, putText, type TreeFixture } from './tree-fixture.ts';

const DAY = 86_400;

/** As apk writes it: musl and its tools of one origin, busybox, and a virtual package. */
const INSTALLED = `C:Q1H3mQ4Zp0vBqfTQn3cUkhRZk2Sng=
P:musl
V:1.2.5-r9
A:x86_64
S:411172
I:667648
T:the musl c library (libc) implementation
U:https://musl.libc.org/
L:MIT
o:musl
m:Natanael Copa <ncopa@alpinelinux.org>
t:${20_000 * DAY + 5}
c:0784374561435326a9a5d3a1e3e1a5b0c9a0b9ba
p:so:libc.musl-x86_64.so.1=1
F:lib
R:ld-musl-x86_64.so.1
a:0:0:755
Z:Q1Xq1rqRDvx6XHHyNkYTBlGeDx6ZY=
R:libc.musl-x86_64.so.1
a:0:0:777
Z:Q17yJ3JFNypA4mxhJJr0ou6CzsJVI=

C:Q1nR2Ba0d0X3nU9SvXEnCfl3vKNFs=
P:musl-utils
V:1.2.5-r9
o:musl
t:${20_010 * DAY}
F:usr
F:usr/bin
R:ldd
a:0:0:755

C:Q1aZ
P:busybox
V:1.37.0-r12
o:busybox
t:${20_100 * DAY}
F:
R:rooted
F:bin
R:busybox
F:var/empty
M:0:0:555
r:busybox-initscripts

P:.build-deps
V:20260101.000000
D:gcc make

`;

function alpine(place: string): TreeFixture {
  const fixture = emptyFixture();
  for (const path of ['/lib/ld-musl-x86_64.so.1', '/usr/bin/ldd', '/bin/busybox', '/rooted', '/bin/own'])
    putFile(fixture, path, 1);
  putLink(fixture, '/lib/libc.musl-x86_64.so.1', 'ld-musl-x86_64.so.1');
  putDirectory(fixture, '/var/empty');
  putText(fixture, `${place}/installed`, INSTALLED);
  putFile(fixture, `${place}/scripts.tar`, 1);
  return fixture;
}

describe('the database of an Alpine Linux', () => {
  test.each(['/lib/apk/db', '/usr/lib/apk/db'])('in %s owns files by origin', (place) => {
    const fixture = alpine(place);
    const { owner, components, today } = assignComponents(fixture.root, fixture.reader);
    expect(Object.fromEntries([...owner].map(([path, { key }]) => [path, key]))).toEqual({
      '/bin/busybox': 'apk/busybox',
      '/bin/own': 'rest/bin',
      '/lib/ld-musl-x86_64.so.1': 'apk/musl',
      '/lib/libc.musl-x86_64.so.1': 'apk/musl',
      '/rooted': 'apk/busybox',
      '/usr/bin/ldd': 'apk/musl',
      // Neither the database nor a file says whose this is.
      '/var': 'rest',
      '/var/empty': 'apk/busybox',
      [`${place}/installed`]: '@db',
      [`${place}/scripts.tar`]: '@db',
    });
    const musl = components.find(({ key }) => key === 'apk/musl');
    expect([today, musl?.lastChange]).toEqual([20_100, 20_010]);
  });

  test('reached by a link is read once', () => {
    const fixture = alpine('/usr/lib/apk/db');
    putLink(fixture, '/lib/apk', '/usr/lib/apk');
    const warnings: Warning[] = [];
    const onWarning = (warning: Warning): void => void warnings.push(warning);
    const { owner } = assignComponents(fixture.root, fixture.reader, { onWarning });
    expect([owner.get(byteString('/usr/bin/ldd'))?.key, warnings]).toEqual(['apk/musl', []]);
  });

  test('in the binary form is named and left alone', () => {
    const fixture = emptyFixture();
    putFile(fixture, '/usr/lib/apk/db/installed.adb', 1);
    const warnings: Warning[] = [];
    const onWarning = (warning: Warning): void => void warnings.push(warning);
    assignComponents(fixture.root, fixture.reader, { onWarning });
    expect(warnings).toEqual([
      {
        code: 'DATABASE_IGNORED',
        message: 'the database of apk is in the binary form, which is not read',
        path: '/usr/lib/apk/db/installed.adb',
      },
    ]);
  });
});

test('stanzas without a proper name are said, and lines that are none passed over', () => {
  const bad: number[] = [];
  const text = 'V:1\nF:a\n\n\nP:../x\n\nP:good\nrubbish\no:../x\n\nP:good\nrubbish\nt:-5\nF:a\nR:b';
  const packages = parseApkInstalled(byteString(text), (line) => bad.push(line));
  expect([packages, bad]).toEqual([
    [{ name: 'good', version: '', origin: 'good', buildTime: undefined, paths: ['/a', '/a/b'] }],
    [1, 5, 7],
  ]);
});

test('a file cut anywhere gives packages or says what is wrong', () => {
  let packages = 0;
  for (let size = 0; size < INSTALLED.length; size++)
    packages = Math.max(packages, parseApkInstalled(byteString(INSTALLED.slice(0, size)), () => {}).length);
  expect(packages).toBe(4);
});
