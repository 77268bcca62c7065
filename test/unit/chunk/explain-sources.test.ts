/** One tree with files of every source: who claims a path, and who wanted it besides. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { byteString, toBytes } from '../../../src/bytes/byte-string.ts';
import { parseComponentMap } from '../../../src/chunk/choices/component-map.ts';
import { assignComponents } from '../../../src/chunk/components.ts';
import { artifactSource } from '../../../src/chunk/sources/artifact.ts';
import { lookup } from '../../../src/tree/walk.ts';
import { goProgram, rustProgram } from './elf-maker.ts';
import { putPackages } from './rpm-maker.ts';
import { emptyFixture, metadataAt, putFile, putText, type TreeFixture } from './tree-fixture.ts';

const DAY = 86_400;
const PYTHON = '/usr/local/lib/python3.12/site-packages';

function putProgram(fixture: TreeFixture, path: string, bytes: Uint8Array): void {
  putText(fixture, path, bytes);
  const node = lookup(fixture.root, byteString(path));
  if (node !== undefined) node.metadata = { ...metadataAt(0), mode: 0o755 };
}

function everything(): TreeFixture {
  const fixture = emptyFixture();
  const status = 'Package: p\nStatus: install ok installed\nArchitecture: all\nSource: src-deb\nVersion: 1\n';
  putText(fixture, '/var/lib/dpkg/status', status);
  putText(
    fixture,
    '/var/lib/dpkg/info/p.list',
    '/usr/bin/deb\n/usr/bin/mapped\n/usr/bin/both\n/usr/bin/named\n',
  );
  putPackages(fixture, [
    {
      name: 'r',
      sourceRpm: 'src-rpm-1-1.src.rpm',
      files: [{ path: '/usr/bin/rpm' }, { path: '/usr/bin/both' }, { path: '/etc/ghost', flags: 64 }],
      changes: [20_000 * DAY],
    },
  ]);
  putText(fixture, '/lib/apk/db/installed', `P:a\nV:1\no:src-apk\nt:${20_000 * DAY}\nF:usr/bin\nR:apk\n\n`);
  putText(fixture, '/var/lib/pacman/local/l-1-1/desc', '%NAME%\nl\n\n%BASE%\nsrc-alpm\n\n%VERSION%\n1-1\n\n');
  putText(fixture, '/var/lib/pacman/local/l-1-1/files', '%FILES%\nusr/bin/alpm\n\n');
  putText(fixture, '/var/lib/pacman/local/ALPM_DB_VERSION', '9\n');
  putText(fixture, `${PYTHON}/six-1.0.dist-info/RECORD`, 'six.py,,\n');
  putFile(fixture, `${PYTHON}/six-1.0.dist-info/METADATA`, 1);
  putProgram(fixture, '/opt/go/tool', goProgram('mod\texample.org/tool\tv1\t'));
  putProgram(fixture, '/opt/rust/tool', rustProgram({ packages: [{ name: 'tool', root: true }] }));
  putFile(fixture, '/opt/big', 1024 * 1024);
  for (const path of [
    ...['deb', 'rpm', 'both', 'apk', 'alpm', 'mapped', 'named', 'merged', 'other'].map(
      (name) => `/usr/bin/${name}`,
    ),
    ...['/etc/ghost', `${PYTHON}/six.py`, `${PYTHON}/__pycache__/six.cpython-312.pyc`],
    ...['/usr/lib/node_modules/n/package.json', '/var/lib/gems/3.1.0/specifications/g-1.0.gemspec'],
    ...['/var/lib/flatpak/app/org.x/x86_64/stable/1/metadata', '/usr/lib/firmware/v/blob'],
    ...['/usr/lib/modules/6.1.0/modules.dep', '/boot/initrd.img-6.1.0'],
  ])
    putFile(fixture, path, 1);
  const named = lookup(fixture.root, byteString('/usr/bin/named'));
  const xattrs = new Map([[byteString('user.component'), toBytes(byteString('mine'))]]);
  if (named !== undefined) named.metadata = { ...named.metadata, xattrs };
  return fixture;
}

const fixture = everything();
const options = {
  componentMap: parseComponentMap(Buffer.from('/usr/bin/mapped\tmap\n/usr/bin/named\tmap\n')),
  sources: [artifactSource([{ key: byteString('artifact/extra'), paths: [byteString('/usr/bin/merged')] }])],
};

/** Source, key, and who else wanted the path. */
const CLAIMS: readonly (readonly [path: string, source: string, key: string, ...others: string[]])[] = [
  ['/var/lib/dpkg/status', 'database', '@db'],
  ['/usr/bin/named', 'user-xattrs', 'user/mine', 'component-map', 'dpkg'],
  ['/usr/bin/mapped', 'component-map', 'user/map', 'dpkg'],
  ['/usr/bin/merged', 'artifacts', 'artifact/extra'],
  ['/usr/bin/deb', 'dpkg', 'dpkg/src-deb'],
  ['/var/lib/dpkg/info/p.list', 'dpkg', 'dpkg/src-deb'],
  ['/usr/bin/both', 'dpkg', 'dpkg/src-deb', 'rpm'],
  ['/usr/bin/rpm', 'rpm', 'rpm/src-rpm'],
  ['/usr/bin/apk', 'apk', 'apk/src-apk'],
  ['/usr/bin/alpm', 'alpm', 'alpm/src-alpm'],
  [`${PYTHON}/six.py`, 'python', 'python/six'],
  ['/usr/lib/node_modules/n/package.json', 'node-modules', 'npm/n'],
  ['/var/lib/gems/3.1.0/specifications/g-1.0.gemspec', 'gems', 'gem/g'],
  ['/var/lib/flatpak/app/org.x/x86_64/stable/1/metadata', 'flatpak', 'flatpak/app/org.x'],
  ['/usr/lib/firmware/v/blob', 'firmware', 'firmware/v'],
  ['/usr/lib/modules/6.1.0/modules.dep', 'kernel', 'kernel'],
  ['/boot/initrd.img-6.1.0', 'kernel', 'initramfs'],
  [`${PYTHON}/__pycache__/six.cpython-312.pyc`, 'derived', 'python/six'],
  ['/etc/ghost', 'rpm-ghosts', 'rpm/src-rpm'],
  ['/opt/go/tool', 'go-binaries', 'go/example.org/tool'],
  ['/opt/rust/tool', 'rust-binaries', 'cargo/tool'],
  ['/opt/big', 'big-files', 'file/opt/big'],
  ['/usr/bin/other', 'rest', 'rest/usr'],
];

test.each(CLAIMS)('%s is claimed by %s for %s', (path, source, key, ...others) => {
  const explain = byteString(path);
  const { owner, claims } = assignComponents(fixture.root, fixture.reader, { ...options, explain });
  expect(owner.get(explain)?.key).toBe(key);
  expect(claims.map((claim) => claim.source)).toEqual([source, ...others]);
  expect(claims[0]?.key).toBe(key);
});

test('no source is forgotten', () => {
  const folder = new URL('../../../src/chunk/sources/', import.meta.url);
  const names = readdirSync(folder).flatMap((file) => [
    ...readFileSync(new URL(file, folder), 'utf8').matchAll(
      /^ +name: '([a-z-]+)',\n +priority|binarySource\('([a-z-]+)'/gm,
    ),
  ]);
  const seen = new Set(CLAIMS.map(([, source]) => source));
  expect(new Set(names.map(([, name, binary]) => name ?? binary))).toEqual(seen);
});
