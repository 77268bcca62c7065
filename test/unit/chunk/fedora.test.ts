/** Packages of a Fedora 43, from what rpm listed of them to their components. */
import { describe, expect, test } from 'vitest';
import { assignComponents } from '../../../src/chunk/components.ts';
import { RpmHeader } from '../../../src/chunk/databases/rpm-header.ts';
import { readNdb } from '../../../src/chunk/databases/rpm-ndb.ts';
import { readRpmPackage } from '../../../src/chunk/databases/rpm-package.ts';
import { formatListed, listedHeader, listedPackages } from './fedora-packages.ts';
import { ndbOf } from './rpm-maker.ts';
import { emptyFixture, putFile, putLink, putText } from './tree-fixture.ts';

const packages = listedPackages();
const database = ndbOf(packages.map(listedHeader));
const TYPE = 0o170000;
const [DIRECTORY, LINK] = [0o040000, 0o120000];
const GHOST = 64;

describe('ten packages of Fedora', () => {
  test('are read as rpm listed them', () => {
    const read = readNdb(database).map((blob) => readRpmPackage(new RpmHeader(blob)));
    expect(read.reduce((sum, { files }) => sum + files.length, 0)).toBe(1513);
    expect(
      read.map(({ changelogTimes, ...pkg }) => formatListed({ ...pkg, changes: changelogTimes })).join(''),
    ).toBe(packages.map(formatListed).join(''));
  });

  test('own their files, by source packages, and have changed when their changelogs say', () => {
    const fixture = emptyFixture();
    putText(fixture, '/usr/lib/sysimage/rpm/Packages.db', database);
    const expected: Record<string, string> = {};
    for (const { sourceRpm, files } of packages) {
      for (const { path, mode, size, mtime, linkTarget } of files) {
        // The package rpm names all that its database may be; here there is one.
        if ((mode & TYPE) === DIRECTORY || path.startsWith('/usr/lib/sysimage/rpm/')) continue;
        if ((mode & TYPE) === LINK) putLink(fixture, path, linkTarget);
        else putFile(fixture, path, size, mtime);
        expected[path] = `rpm/${sourceRpm.replace(/-[^-]+-[^-]+$/, '')}`;
      }
    }
    const { owner, components, today } = assignComponents(fixture.root, fixture.reader);
    const found = Object.fromEntries([...owner].map(([path, { key }]) => [path, key]));
    expect(found).toEqual({
      ...expected,
      '/usr/lib/sysimage/rpm/Packages.db': '@db',
      // Written with every update of any library.
      '/etc/ld.so.cache': '@db',
      '/var/cache/ldconfig/aux-cache': '@db',
    });
    expect(packages.flatMap(({ files }) => files).filter(({ flags }) => (flags & GHOST) !== 0)).toHaveLength(
      11,
    );
    const changed = Object.fromEntries(components.map(({ key, lastChange }) => [key, lastChange]));
    for (const { sourceRpm, changes } of packages) {
      const newest = Math.max(...changes);
      expect(changed[`rpm/${sourceRpm.replace(/-[^-]+-[^-]+$/, '')}`]).toBe(Math.floor(newest / 86_400));
    }
    // The build of glibc.
    expect(today).toBe(Math.floor(1_771_428_496 / 86_400));
  });
});
