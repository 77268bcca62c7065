/** RPM databases as we read them against rpm and SQLite: a real one, and packages built and installed here. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { assignComponents } from '../../src/chunk/components.ts';
import { readBdb } from '../../src/chunk/databases/rpm-bdb.ts';
import { readSqliteHeaders } from '../../src/chunk/databases/rpm-database.ts';
import { RpmHeader } from '../../src/chunk/databases/rpm-header.ts';
import { readRpmPackage } from '../../src/chunk/databases/rpm-package.ts';
import { readWal } from '../../src/chunk/databases/sqlite-wal.ts';
import { temporaryDirectory } from '../support/cli.ts';
import { formatListed, LIST_FORMAT, listedHeader, listedPackages } from '../unit/chunk/fedora-packages.ts';
import { formatPackages, QUERY_FORMAT, readDatabase } from '../unit/chunk/rpm-fixture.ts';
import {
  emptyFixture,
  putDirectory,
  putLink,
  putText,
  type TreeFixture,
} from '../unit/chunk/tree-fixture.ts';

const runs = (tool: string): boolean => spawnSync(tool, ['--version']).status === 0;
const hasRpm = runs('rpm');
if (!hasRpm) process.stderr.write('SKIPPED interop/rpm: no rpm on PATH\n');
const hasPython = spawnSync('python3', ['-c', 'import sqlite3']).status === 0;
const canInstall = hasRpm && runs('rpmbuild') && hasPython && process.getuid?.() === 0;
if (!canInstall)
  process.stderr.write(
    'SKIPPED interop/rpm, installation: needs rpm, rpmbuild, python3 with sqlite3, and root\n',
  );

/** What rpm says of all packages of a database. */
function query(dbPath: string): string {
  const args = ['-qa', '--dbpath', dbPath, '--queryformat', QUERY_FORMAT];
  return execFileSync('rpm', args, { encoding: 'latin1', maxBuffer: 1 << 28 });
}

/** Packages apart and in order: rpm lists them as an index has them. */
function sorted(text: string, start = /^(?=@)/m): string[] {
  return text
    .split(start)
    .filter((part) => part !== '')
    .sort();
}

function read(database: Uint8Array, log?: Uint8Array): string {
  const headers = readSqliteHeaders(database, log);
  return formatPackages(headers.map((blob) => readRpmPackage(new RpmHeader(blob))));
}

test.skipIf(!hasRpm)('rpm lists of the fixture what we read', () => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, 'rpmdb.sqlite'), readDatabase());
  expect(sorted(read(readDatabase()))).toEqual(sorted(query(directory)));
});

test.skipIf(!hasRpm).each(['rpmdb', 'buckets'])('rpm lists of %s in Berkeley DB what we read', (name) => {
  const directory = temporaryDirectory();
  const packed = readFileSync(new URL(`../../fixtures/chunk/${name}.bdb.gz`, import.meta.url));
  const database = gunzipSync(packed);
  writeFileSync(join(directory, 'Packages'), database);
  const packages = readBdb(database).map((blob) => readRpmPackage(new RpmHeader(blob)));
  expect(packages).toHaveLength({ rpmdb: 5, buckets: 150 }[name] ?? 0);
  // Headers without a build time are none of rpm's, but for the test's.
  const theirs = query(directory).replaceAll('(none)', '');
  expect(sorted(formatPackages(packages).replaceAll('(none)', ''))).toEqual(sorted(theirs));
});

/** Fills an rpmdb.sqlite with headers, which stand in hexadecimal digits on lines. */
const FILL = `import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.executemany("INSERT INTO Packages(blob) VALUES (?)", [(bytes.fromhex(line),) for line in sys.stdin])
db.commit()
`;

test.skipIf(!hasRpm || !hasPython)(
  'rpm lists of packages of Fedora what it was asked for in the first place',
  () => {
    const directory = temporaryDirectory();
    const packages = listedPackages();
    const input = packages.map((pkg) => listedHeader(pkg).toString('hex')).join('\n');
    execFileSync('rpm', ['--initdb', '--dbpath', directory]);
    execFileSync('python3', ['-c', FILL, join(directory, 'rpmdb.sqlite')], { input });
    const args = ['-qa', '--dbpath', directory, '--queryformat', LIST_FORMAT];
    const theirs = execFileSync('rpm', args, { encoding: 'latin1', maxBuffer: 1 << 28 });
    expect(sorted(theirs, /^(?=@@PKG)/m)).toEqual(sorted(packages.map(formatListed).join(''), /^(?=@@PKG)/m));
    const database = readFileSync(join(directory, 'rpmdb.sqlite'));
    const ours = readSqliteHeaders(database).map((blob) => readRpmPackage(new RpmHeader(blob)));
    expect(
      ours.map(({ changelogTimes, ...pkg }) => formatListed({ ...pkg, changes: changelogTimes })),
    ).toEqual(packages.map(formatListed));
  },
);

const SPEC = `Name: plan-a
Version: 1.5
Release: 3
Summary: a
License: MIT
BuildArch: noarch
%description
a
%package -n plan-sub
Summary: sub
%description -n plan-sub
sub
%install
mkdir -p %{buildroot}/usr/bin %{buildroot}/etc %{buildroot}/usr/share/empty-a %{buildroot}/usr/lib/sub
echo a > %{buildroot}/usr/bin/a
ln -s a %{buildroot}/usr/bin/b
echo c > %{buildroot}/etc/a.conf
head -c 3000 /dev/zero > %{buildroot}/usr/lib/sub/x
touch %{buildroot}/etc/ghost %{buildroot}/usr/lib/sub/ghost
%files
/usr/bin/a
/usr/bin/b
%config /etc/a.conf
%ghost /etc/ghost
%dir /usr/share/empty-a
%files -n plan-sub
%dir /usr/lib/sub
/usr/lib/sub/x
%ghost /usr/lib/sub/ghost
%changelog
* Mon Jun 12 2023 A <a@b> - 1.5-3
- x
* Thu Jun 01 2023 A <a@b> - 1.5-2
- y
`;

/** Holds a reader while a command runs and ends without closing, so that the log is not copied back. */
const HOLD = `import os, sqlite3, subprocess, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN")
db.execute("SELECT count(*) FROM Packages").fetchone()
subprocess.run(sys.argv[2:], check=True, stderr=subprocess.DEVNULL)
os._exit(0)
`;
const COUNT = `import sqlite3, sys
try:
    print(sqlite3.connect(sys.argv[1]).execute("SELECT count(*), sum(length(blob)) FROM Packages").fetchone())
except sqlite3.Error as error:
    print("refused")
`;

function readTree(directory: string): TreeFixture {
  const fixture = emptyFixture();
  const visit = (path: string): void => {
    for (const name of readdirSync(join(directory, path)).sort()) {
      const child = `${path}/${name}`;
      const real = join(directory, child);
      const stat = lstatSync(real);
      if (stat.isDirectory()) {
        putDirectory(fixture, child);
        visit(child);
      } else if (stat.isSymbolicLink()) putLink(fixture, child, readlinkSync(real));
      else putText(fixture, child, readFileSync(real), Math.floor(stat.mtimeMs / 1000));
    }
  };
  visit('');
  return fixture;
}

describe.skipIf(!canInstall)('packages built and installed here', () => {
  let root = '';
  const file = (name: string): string => join(root, 'usr/lib/sysimage/rpm', name);

  beforeAll(() => {
    const work = temporaryDirectory();
    root = join(work, 'root');
    mkdirSync(root);
    writeFileSync(join(work, 'plan-a.spec'), SPEC);
    const top = join(work, 'top');
    execFileSync('rpmbuild', ['-bb', '--define', `_topdir ${top}`, join(work, 'plan-a.spec')], {
      stdio: 'ignore',
    });
    const install = (name: string): string[] => [
      ...['rpm', '--root', root, '--define', '_dbpath /usr/lib/sysimage/rpm', '--nodeps', '--nosignature'],
      ...['-i', join(top, 'RPMS/noarch', `${name}-1.5-3.noarch.rpm`)],
    ];
    execFileSync('env', install('plan-a'), { stdio: 'ignore' });
    execFileSync('python3', ['-c', HOLD, file('rpmdb.sqlite'), ...install('plan-sub')], { stdio: 'ignore' });
  });

  test('are read with the log that was left behind, and one package without it', () => {
    const log = readFileSync(file('rpmdb.sqlite-wal'));
    expect(log.length).toBeGreaterThan(4096);
    const database = readFileSync(file('rpmdb.sqlite'));
    const copy = temporaryDirectory();
    for (const name of ['rpmdb.sqlite', 'rpmdb.sqlite-wal']) copyFileSync(file(name), join(copy, name));
    expect(sorted(read(database, log))).toEqual(sorted(query(copy)));
    expect([read(database, log).match(/^@/gm)?.length, read(database).match(/^@/gm)?.length]).toEqual([2, 1]);
  });

  test('give components with their changes, ghosts and empty directories', () => {
    // Ghosts come to be when something makes them.
    for (const ghost of ['etc/ghost', 'usr/lib/sub/ghost']) writeFileSync(join(root, ghost), 'made');
    const fixture = readTree(root);
    const { components, today } = assignComponents(fixture.root, fixture.reader);
    const found = components.map(({ key, paths, lastChange }) => [key, lastChange, paths]);
    const changed = Date.UTC(2023, 5, 12) / 86_400_000;
    expect(found).toEqual([
      ['@db', expect.any(Number), expect.arrayContaining(['/usr/lib/sysimage/rpm/rpmdb.sqlite-wal'])],
      // No package has /usr/share, and nothing but an empty directory lies in it.
      ['rest/usr', undefined, ['/usr/share']],
      [
        'rpm/plan-a',
        changed,
        [
          ...[
            '/etc/a.conf',
            '/etc/ghost',
            '/usr/bin/a',
            '/usr/bin/b',
            '/usr/lib/sub/ghost',
            '/usr/lib/sub/x',
          ],
          '/usr/share/empty-a',
        ],
      ],
    ]);
    // The packages were built today, or yesterday by now.
    expect(Math.floor(Date.now() / 86_400_000) - today).toBeLessThanOrEqual(1);
  });

  test('SQLite takes as much of a damaged log as we do', () => {
    const log = readFileSync(file('rpmdb.sqlite-wal'));
    const database = readFileSync(file('rpmdb.sqlite'));
    const directory = temporaryDirectory();
    const path = join(directory, 'db');
    const compare = (damaged: Buffer): string => {
      writeFileSync(path, database);
      writeFileSync(`${path}-wal`, damaged);
      const theirs = execFileSync('python3', ['-c', COUNT, path], { encoding: 'latin1' }).trim();
      const ours = readSqliteHeaders(database, damaged);
      const bytes = ours.reduce((sum, { length }) => sum + length, 0);
      expect([damaged.length, `(${ours.length}, ${bytes})`]).toEqual([damaged.length, theirs]);
      return theirs;
    };
    const seen = new Set([compare(log)]);
    for (let size = 0; size < log.length; size += 9973) seen.add(compare(log.subarray(0, size)));
    const spots = [0, 3, 7, 10, 18, 24, 31, 32, 36, 41, 49, 60, 4152, 4160, log.length - 1];
    for (const at of spots) {
      const copy = Buffer.from(log);
      copy[at] = (copy[at] ?? 0) ^ 1;
      seen.add(compare(copy));
    }
    expect(seen.size).toBe(2);
    expect(readWal(log)?.pageSize).toBe(4096);
  });
});
