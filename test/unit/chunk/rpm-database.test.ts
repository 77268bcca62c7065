import { describe, expect, test } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import { assignComponents } from '../../../src/chunk/components.ts';
import { readSqliteHeaders } from '../../../src/chunk/databases/rpm-database.ts';
import { RpmHeader } from '../../../src/chunk/databases/rpm-header.ts';
import { readNdb } from '../../../src/chunk/databases/rpm-ndb.ts';
import { readRpmPackage, rpmKey } from '../../../src/chunk/databases/rpm-package.ts';
import { isPlanishError } from '../../../src/errors.ts';
import type { Warning } from '../../../src/warnings.ts';
import { formatPackages, readDatabase, readQuery } from './rpm-fixture.ts';
import { headerOf, ndbOf, numbers, packageHeader, text, texts } from './rpm-maker.ts';
import { emptyFixture, putFile, putText } from './tree-fixture.ts';

const PAGE = 4096;
const pristine = readDatabase();
const pristineBlobs = readSqliteHeaders(pristine).map((blob) => Buffer.from(blob));

/** Calls `damage` on a copy and gives the packages, or the message of the refusal; anything else is thrown. */
function readDamaged(damage: (bytes: Buffer) => Buffer | undefined, log?: Uint8Array): number | string {
  const copy = Buffer.from(pristine);
  try {
    const blobs = readSqliteHeaders(damage(copy) ?? copy, log);
    // Those that came through unharmed were read by another test; 17,000 files take their time.
    for (const [ordinal, blob] of blobs.entries())
      if (pristineBlobs[ordinal]?.equals(blob) !== true) readRpmPackage(new RpmHeader(blob));
    return blobs.length;
  } catch (error) {
    if (isPlanishError(error, 'RPM_BAD_DATABASE')) return error.message;
    throw error;
  }
}

describe('rpmdb.sqlite', () => {
  test('gives every package, change and file that rpm lists', () => {
    const packages = readSqliteHeaders(pristine).map((blob) => readRpmPackage(new RpmHeader(blob)));
    expect(packages.map(({ name, files }) => [name, files.length])).toEqual([
      ['hummingbird-gpg-keys', 2],
      ['hummingbird-repos', 1],
      ['hummingbird-release', 18],
      ['setup', 45],
      ['filesystem', 17304],
    ]);
    expect(formatPackages(packages)).toBe(readQuery());
  });

  test('is read out of a tree, and owns files by source package', () => {
    const fixture = emptyFixture();
    putText(fixture, '/usr/lib/sysimage/rpm/rpmdb.sqlite', pristine);
    for (const path of ['/etc/profile', '/usr/lib/os-release', '/etc/mine']) putFile(fixture, path, 1);
    const warnings: Warning[] = [];
    const onWarning = (warning: Warning): void => void warnings.push(warning);
    const { owner, today } = assignComponents(fixture.root, fixture.reader, { onWarning });
    expect(Object.fromEntries([...owner].map(([path, { key }]) => [path, key]))).toEqual({
      '/etc/mine': 'rest/etc',
      '/etc/profile': 'rpm/setup',
      '/usr/lib/os-release': 'rpm/hummingbird-release',
      '/usr/lib/sysimage/rpm/rpmdb.sqlite': '@db',
    });
    // The newest build, 2026-02-06, is later than the newest change.
    expect([today, warnings]).toEqual([Math.floor(1_770_393_871 / 86_400), []]);
  });
});

describe('a damaged rpmdb.sqlite', () => {
  test('is refused with the reason', () => {
    const patch =
      (at: number, ...bytes: number[]) =>
      (copy: Buffer): undefined => {
        copy.set(bytes, at);
      };
    expect(readDamaged(() => Buffer.alloc(0))).toBe('the file is no SQLite database');
    expect(readDamaged(patch(0, 0))).toBe('the file is no SQLite database');
    expect(readDamaged(patch(16, 0, 3))).toBe('the page size is none of SQLite');
    expect(readDamaged(patch(20, 255))).toBe('a cell or record reaches beyond its page');
    expect(readDamaged(patch(59, 2))).toBe('texts are not in UTF-8');
    expect(readDamaged(patch(100, 0x0a))).toBe('page 1 is no page of a table');
    expect(readDamaged(patch(103, 0xff, 0xff))).toBe('a page claims more cells than it has room for');
    // Page 2 is the root of the table.
    expect(readDamaged(patch(PAGE, 0x0a))).toBe('page 2 is no page of a table');
    expect(readDamaged((copy) => copy.subarray(0, PAGE * 3))).toMatch(/beyond the end|no page/);
  });

  test('cannot loop: neither pages nor overflow chains', () => {
    // An interior page whose only child is itself.
    const selfish = (copy: Buffer): undefined => {
      copy.set([5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2], PAGE);
    };
    expect(readDamaged(selfish)).toBe('page 2 is used twice');
    const leaf = (copy: Buffer): undefined => {
      // One cell at 100: a payload of 2^20 bytes, row 1, whose chain starts at page 9, which follows itself.
      copy.set([0x0d, 0, 0, 0, 1, 0, 100, 0, 0, 100], PAGE);
      copy.set([0xc0, 0x80, 0x00, 1], PAGE + 100);
      const local = localBytes(2 ** 20);
      copy.writeUInt32BE(9, PAGE + 104 + local);
      copy.writeUInt32BE(9, PAGE * 8);
    };
    expect(readDamaged(leaf)).toBe('page 9 is used twice');
  });

  test('cannot claim memory: a payload of 2^60 bytes ends where its chain does', () => {
    const huge = (copy: Buffer): undefined => {
      copy.set([0x0d, 0, 0, 0, 1, 0, 100, 0, 0, 100], PAGE);
      copy.set([0x90, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00, 1], PAGE + 100);
      copy.writeUInt32BE(0, PAGE + 110 + localBytes(2 ** 60));
    };
    expect(readDamaged(huge)).toMatch(/overflow chain is shorter|beyond/);
  });

  test('never makes it fail otherwise, cut anywhere or with any byte of its structure changed', () => {
    const outcomes = new Map<number | string, number>();
    const note = (outcome: number | string): void => {
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    };
    for (let size = 0; size < pristine.length; size += 9973)
      note(readDamaged((copy) => copy.subarray(0, size)));
    const spots = [...range(0, 200), ...range(PAGE, PAGE + 64), ...range(PAGE * 2 - 400, PAGE * 2, 3)];
    // The link to the next page of a chain, on each of the first 60 pages.
    for (let page = 2; page < 60; page++) spots.push(...range(page * PAGE, page * PAGE + 4));
    for (let at = 7919; at < pristine.length; at += 24_593) spots.push(at);
    for (const [ordinal, at] of spots.entries()) {
      const flip = 1 << (ordinal % 8);
      note(
        readDamaged((copy) => {
          copy[at] = (copy[at] ?? 0) ^ flip;
          return undefined;
        }),
      );
    }
    expect(outcomes.get(5)).toBeGreaterThan(50);
    expect([...outcomes.keys()].filter((outcome) => typeof outcome === 'string').length).toBeGreaterThan(5);
  });
});

function* range(from: number, to: number, step = 1): Generator<number, void, undefined> {
  for (let at = from; at < to; at += step) yield at;
}

/** Bytes of a payload in its leaf, for pages of 4096 bytes: the formula of the documentation. */
function localBytes(length: number): number {
  const least = Math.floor(((PAGE - 12) * 32) / 255) - 23;
  const fitting = least + ((length - least) % (PAGE - 4));
  return fitting <= PAGE - 35 ? fitting : least;
}

describe('headers', () => {
  test('that are damaged lose their package only', () => {
    const fixture = emptyFixture();
    for (const path of ['/usr/bin/a', '/usr/bin/b']) putFile(fixture, path, 1);
    const good = packageHeader({ name: 'a', files: [{ path: '/usr/bin/a' }] });
    const bad = headerOf([
      text(1000, 'b'),
      texts(1117, ['b']),
      numbers(1116, [3]),
      texts(1118, ['/usr/bin/']),
    ]);
    putText(fixture, '/var/lib/rpm/Packages.db', ndbOf([bad, good]));
    const warnings: Warning[] = [];
    const onWarning = (warning: Warning): void => void warnings.push(warning);
    const { owner } = assignComponents(fixture.root, fixture.reader, { onWarning });
    expect([owner.get(byteString('/usr/bin/a'))?.key, owner.get(byteString('/usr/bin/b'))?.key]).toEqual([
      'rpm/a',
      'rest/usr',
    ]);
    expect(warnings).toEqual([
      {
        code: 'DATABASE_IGNORED',
        message: '1 of 2 package headers are malformed: a file of a package header has no directory',
        path: '/var/lib/rpm/Packages.db',
      },
    ]);
  });

  test('may say the same twice: what installation added wins', () => {
    const header = headerOf([text(1000, 'p'), texts(1027, ['/old']), texts(1027, ['/new', '/more'])]);
    expect(readRpmPackage(new RpmHeader(header)).files.map(({ path }) => path)).toEqual(['/new', '/more']);
  });

  test('take sizes beyond 4 GiB from their own tag', () => {
    const sizes = Buffer.alloc(8);
    sizes.writeBigUInt64BE(5_000_000_000n);
    const header = headerOf([text(1000, 'p'), texts(1027, ['/big']), [5008, 5, 1, sizes]]);
    expect(readRpmPackage(new RpmHeader(header)).files[0]?.size).toBe(5_000_000_000);
  });

  test.each([
    ['too short', Buffer.alloc(7), 'a package header is too short'],
    ['of another size', Buffer.alloc(9), 'a package header does not have the size that it claims'],
    ['with 2^32-1 entries', Buffer.alloc(64, 0xff), 'a package header does not have the size that it claims'],
    ['without a name', headerOf([]), 'a package header has no name'],
    ['with a number for a name', headerOf([numbers(1000, [1])]), /^tag 1000 .* type that it cannot have$/],
    ['with an open string', headerOf([[1000, 6, 1, Buffer.from('abc')]]), /^tag 1000 .* beyond its end$/],
    ['with too many strings', headerOf([[1000, 8, 2 ** 32 - 1, Buffer.from('a\0')]]), /^tag 1000 .* beyond/],
    ['with too many numbers', headerOf([text(1000, 'a'), [1080, 4, 2 ** 31, Buffer.alloc(4)]]), /^tag 1080/],
    [
      'with fewer modes than files',
      headerOf([text(1000, 'a'), texts(1027, ['/a', '/b']), numbers(1030, [1])]),
      'a package header describes more or fewer files than it names',
    ],
  ])('%s are refused', (_, blob, message) => {
    expect(() => readRpmPackage(new RpmHeader(blob))).toThrow(
      expect.objectContaining({ code: 'RPM_BAD_DATABASE', message: expect.stringMatching(message) }),
    );
  });
});

describe('keys', () => {
  test.each([
    ['bash', 'bash-5.3.0-2.fc43.src.rpm', 'rpm/bash'],
    ['libstdc++', 'gcc-15.1.1-5.fc43.src.rpm', 'rpm/gcc'],
    ['kernel-core', 'kernel-6.17.1-300.fc43.src.rpm', 'rpm/kernel'],
    ['kernel6.12', 'kernel6.12-6.12.46-66.121.amzn2023.src.rpm', 'rpm/kernel'],
    ['kernel-livepatch-6.1.1-2', 'kernel-livepatch-6.1.1-2-1.0-0.amzn2023.src.rpm', 'rpm/kernel-livepatch'],
    ['kernel-default', 'kernel-default-6.4.0-150600.21.2.nosrc.rpm', 'rpm/kernel-default'],
    ['gpg-pubkey', '', 'rpm/gpg-pubkey'],
  ])('%s of %s is %s', (name, sourceRpm, key) => {
    expect(rpmKey({ name: byteString(name), sourceRpm: byteString(sourceRpm) })).toBe(key);
  });
});

describe('Packages.db', () => {
  const blobs = [packageHeader({ name: 'one' }), packageHeader({ name: 'two', changes: [1] })];
  const whole = ndbOf(blobs);

  test('gives its blobs by number', () => {
    expect(readNdb(whole).map((blob) => Buffer.from(blob))).toEqual(blobs);
  });

  test('is refused when cut anywhere or with any byte changed that counts', () => {
    const isRefused = (bytes: Buffer): boolean => {
      try {
        readNdb(bytes);
        return false;
      } catch (error) {
        if (isPlanishError(error, 'RPM_BAD_DATABASE')) return true;
        throw error;
      }
    };
    const accepted: number[] = [];
    for (let size = 0; size < whole.length; size++)
      if (!isRefused(whole.subarray(0, size))) accepted.push(size);
    const blobsStart = 4096;
    for (let at = blobsStart; at < whole.length; at++) {
      const copy = Buffer.from(whole);
      copy[at] = (copy[at] ?? 0) ^ 0x10;
      if (!isRefused(copy)) accepted.push(at);
    }
    expect(accepted).toEqual([]);
    // In header and slots much is not read: what matters is that nothing else is thrown.
    for (let at = 0; at < blobsStart; at++) {
      const copy = Buffer.from(whole);
      copy[at] = (copy[at] ?? 0) ^ 0xff;
      isRefused(copy);
    }
  });
});
