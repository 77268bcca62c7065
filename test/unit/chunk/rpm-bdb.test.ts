/** RPM databases in Berkeley DB, read out of bytes: whole, in either byte order, and damaged. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { assignComponents } from '../../../src/chunk/components.ts';
import { readBdb } from '../../../src/chunk/databases/rpm-bdb.ts';
import { RpmHeader } from '../../../src/chunk/databases/rpm-header.ts';
import { readRpmPackage } from '../../../src/chunk/databases/rpm-package.ts';
import { isPlanishError } from '../../../src/errors.ts';
import { formatPackages, readQuery } from './rpm-fixture.ts';
import { emptyFixture, putFile, putText } from './tree-fixture.ts';

const readFixture = (name: string): Buffer =>
  gunzipSync(readFileSync(new URL(`../../../fixtures/chunk/${name}.bdb.gz`, import.meta.url)));
const buckets = readFixture('buckets');
const PAGE = 512;

/** Calls `damage` on a copy of a fixture and gives the number of packages, or the message of the refusal. */
function readDamaged(damage: (bytes: Buffer) => Buffer | undefined, whole = buckets): number | string {
  const copy = Buffer.from(whole);
  try {
    return readBdb(damage(copy) ?? copy).length;
  } catch (error) {
    if (isPlanishError(error, 'RPM_BAD_DATABASE')) return error.message;
    throw error;
  }
}

describe('Packages', () => {
  test('gives every package, change and file that rpm lists', () => {
    const packages = readBdb(readFixture('rpmdb')).map((blob) => readRpmPackage(new RpmHeader(blob)));
    expect(formatPackages(packages)).toBe(readQuery());
  });

  test('big-endian, of many buckets, some with several pages, and after deletions', () => {
    const packages = readBdb(buckets).map((blob) => readRpmPackage(new RpmHeader(blob)));
    expect(packages.map(({ name }) => name)).toEqual(
      Array.from({ length: 150 }, (_, ordinal) => `p${2 * (ordinal + 1)}`),
    );
    // Buckets are many, and chains of two pages and values of several pages are among them.
    expect(buckets.readUInt32BE(72)).toBeGreaterThan(32);
  });

  test('is read out of a tree', () => {
    const fixture = emptyFixture();
    putText(fixture, '/var/lib/rpm/Packages', readFixture('rpmdb'));
    for (const path of ['/etc/profile', '/usr/lib/os-release', '/etc/mine']) putFile(fixture, path, 1);
    const { owner } = assignComponents(fixture.root, fixture.reader);
    expect(Object.fromEntries([...owner].map(([path, { key }]) => [path, key]))).toEqual({
      '/etc/mine': 'rest/etc',
      '/etc/profile': 'rpm/setup',
      '/usr/lib/os-release': 'rpm/hummingbird-release',
      '/var/lib/rpm/Packages': '@db',
    });
  });
});

/** Pages of a type, and where the first item of the first bucket with items lies. */
const pagesOf = (...types: number[]): number[] =>
  Array.from({ length: buckets.length / PAGE }, (_, page) => page).filter((page) =>
    types.includes(buckets[page * PAGE + 25] ?? 0),
  );

describe('a damaged one', () => {
  const [bucket = 0] = pagesOf(2, 13).filter((page) => buckets.readUInt16BE(page * PAGE + 20) > 0);
  const [overflow = 0] = pagesOf(7);
  const patch =
    (at: number, ...bytes: number[]) =>
    (copy: Buffer): undefined => {
      copy.set(bytes, at);
    };

  test.each([
    ['nothing', () => Buffer.alloc(0), 'the file is no hash table of Berkeley DB'],
    ['another magic number', patch(12, 1), 'the file is no hash table of Berkeley DB'],
    ['a later version', patch(19, 11), "version 11 of Berkeley DB's hash tables is not known"],
    ['an odd page size', patch(22, 2, 1), 'the page size is none of Berkeley DB'],
    ['a page size of 2^31', patch(20, 128, 0, 0, 0), 'the page size is none of Berkeley DB'],
    ['encryption', patch(24, 1), 'the database is encrypted'],
    ['a first page of another type', patch(25, 9), 'the first page does not describe a table'],
    ['checksums', patch(26, 1), 'pages with checksums are not read'],
    ['2^32 buckets', patch(72, 255, 255, 255, 255), /^page \d+ (?:lies beyond|is used twice|is no bucket)/],
    ['a bucket that is none', patch(bucket * PAGE + 25, 7), `page ${bucket} is no bucket`],
    ['a page of another number', patch(bucket * PAGE + 8, 255), `page ${bucket} has another number`],
    ['a bucket that follows itself', patch(bucket * PAGE + 18, bucket >> 8, bucket), /is used twice$/],
    ['an odd number of items', patch(bucket * PAGE + 21, 1), `page ${bucket} claims more items than it has`],
    ['65,534 items', patch(bucket * PAGE + 20, 255, 254), `page ${bucket} claims more items than it has`],
    ['an item beyond its page', patch(bucket * PAGE + 26, 255, 255), 'an item reaches beyond its page'],
    ['an item in the index', patch(bucket * PAGE + 26, 0, 26), 'an item reaches beyond its page'],
    [
      'an overflow page that is none',
      patch(overflow * PAGE + 25, 13),
      `page ${overflow} is no overflow page`,
    ],
    ['too much on a page', patch(overflow * PAGE + 22, 255, 255), `page ${overflow} is no overflow page`],
    ['a shorter chain', patch(overflow * PAGE + 22, 0, 1), 'a value does not have the size that it claims'],
    [
      'a file that ends early',
      (copy: Buffer) => copy.subarray(0, PAGE * 40),
      /lies beyond the end of the file$/,
    ],
  ])('%s is refused', (_, damage, message) => {
    expect(readDamaged(damage)).toEqual(expect.stringMatching(message));
  });

  test('never fails otherwise, cut anywhere or with any byte changed', () => {
    const outcomes = new Set<number | string>();
    for (let size = 0; size < buckets.length; size += 997)
      outcomes.add(readDamaged((copy) => copy.subarray(0, size)));
    for (let at = 0; at < buckets.length; at += at < PAGE * 2 ? 2 : 61) {
      outcomes.add(readDamaged((copy) => void copy.writeUInt8((copy[at] ?? 0) ^ (1 << (at % 8)), at)));
    }
    expect(outcomes.has(150)).toBe(true);
    // One more than there were is the counter, when its key is damaged.
    expect([...outcomes].filter((outcome) => typeof outcome === 'number' && outcome > 151)).toEqual([]);
    expect(outcomes.size).toBeGreaterThan(30);
  });
});
