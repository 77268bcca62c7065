import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import {
  parseChangelog,
  parseChangelogDate,
  readChangelog,
} from '../../../src/chunk/databases/debian-changelog.ts';
import { LIMITS } from '../../../src/limits.ts';

const utc = (year: number, month: number, day: number): number => Date.UTC(year, month - 1, day) / 86_400_000;

describe('parseChangelogDate', () => {
  test.each([
    ['Mon, 12 Jun 2023 10:11:12 +0200', utc(2023, 6, 12)],
    ['Mon, 12 Jun 2023 00:30:00 +0200', utc(2023, 6, 11)],
    ['Mon, 12 Jun 2023 23:30:00 -0100', utc(2023, 6, 13)],
    ['Thu, 29 Feb 2024 12:00:00 +0000', utc(2024, 2, 29)],
    ['Tue,  1 Jan 1980 00:00:00 +0000', utc(1980, 1, 1)],
    ['1 Mar 2000 00:00 +0000', utc(2000, 3, 1)],
    ['Thu, 01 Jan 1970 00:00:00 +0000', 0],
    ['Sat, 31 Dec 2022 23:59:59', utc(2022, 12, 31)],
  ])('%s', (text, day) => {
    expect(parseChangelogDate(text)).toBe(day);
  });

  test.each([
    'Wed, 30 Feb 2022 10:00:00 +0000',
    'Wed, 29 Feb 2023 10:00:00 +0000',
    'Mon, 12 Juin 2023 10:11:12 +0200',
    'Mon, 0 Jun 2023 10:11:12 +0200',
    'Mon, 12 Jun 1969 10:11:12 +0200',
    '2023-06-12',
    '',
  ])('refuses %j', (text) => {
    expect(parseChangelogDate(text)).toBeUndefined();
  });

  test('agrees with the calendar on every day of 130 years', () => {
    const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
    for (let day = 0; day < 47_500; day++) {
      const date = new Date(day * 86_400_000);
      const text = `${date.getUTCDate()} ${months[date.getUTCMonth()]} ${date.getUTCFullYear()} 12:00:00 +0000`;
      expect(parseChangelogDate(text)).toBe(day);
    }
  });
});

const entry = (date: string): string =>
  `pkg (1-1) stable; urgency=low\n\n  * Text -- not a trailer\n\n -- A <a@b.c>  ${date}\n\n`;

describe('changelogs', () => {
  test('give distinct days', () => {
    const text = [
      entry('Mon, 12 Jun 2023 10:11:12 +0200'),
      entry('Mon, 12 Jun 2023 09:00:00 +0200'),
      entry('Tue, 13 Jun 2023 09:00:00 +0000'),
      entry('no date at all'),
    ].join('');
    expect([...parseChangelog(text).keys()]).toEqual([utc(2023, 6, 12), utc(2023, 6, 13)]);
  });

  test('may begin with a trailer and lack the last line end', () => {
    const known = parseChangelog(' -- A <a@b.c>  Mon, 12 Jun 2023 10:11:12 +0200');
    expect([...known]).toEqual([[utc(2023, 6, 12), 'development']]);
  });

  test('of another format give none', () => {
    expect(parseChangelog('2023-06-12  Author\n\n\t* file.c: Fix.\n').size).toBe(0);
  });

  test('are read plain and from gzip', () => {
    const text = entry('Mon, 12 Jun 2023 10:11:12 +0200');
    expect(readChangelog(Buffer.from(text))).toBe(text);
    expect(readChangelog(gzipSync(text))).toBe(text);
    expect(readChangelog(new Uint8Array(0))).toBe('');
  });

  test('that are damaged give nothing', () => {
    const bytes = gzipSync(entry('Mon, 12 Jun 2023 10:11:12 +0200'));
    expect(readChangelog(bytes.subarray(0, bytes.length - 9))).toBeUndefined();
    expect(readChangelog(Buffer.from([0x1f, 0x8b, 1, 2, 3]))).toBeUndefined();
  });

  test('that expand without end are cut, the newest entry kept', () => {
    const bomb = gzipSync(
      Buffer.concat([Buffer.from(entry('Mon, 12 Jun 2023 10:11:12 +0200')), Buffer.alloc(64 << 20)]),
    );
    const text = readChangelog(bomb) ?? '';
    expect(text.length).toBeLessThanOrEqual(LIMITS.changelogBytes);
    expect([...parseChangelog(text)]).toEqual([[utc(2023, 6, 12), 'release']]);
  });
});

describe('entries', () => {
  const kind = (heading: string, text = 'Text.'): string | undefined => {
    const other = (target: string): string =>
      `p (1) ${target}; urgency=low\n\n  * CVE-2001-0001\n\n -- A <a@b.c>  Sun, 11 Jun 2023 00:00:00 +0000\n`;
    const own = `${heading}\n\n  * ${text}\n\n -- A <a@b.c>  Mon, 12 Jun 2023 00:00:00 +0000\n`;
    // What is above and below has no part in it.
    return parseChangelog(`${other('stable')}\n${own}\n${other('unstable')}`).get(utc(2023, 6, 12));
  };

  test.each([
    'p (1) stable; urgency=low',
    'p (1:2.3-4+deb12u5) bookworm-security; urgency=high',
    'p (1) bookworm; urgency=medium, binary-only=yes',
    'p (1) stable unstable; urgency=low',
    'p (1)   jammy-updates;',
    'g++ (1~x) trixie-proposed-updates; urgency=low',
  ])('are of a release: %s', (heading) => {
    expect(kind(heading)).toBe('release');
  });

  test.each([
    'p (1) unstable; urgency=low',
    'p (1) experimental; urgency=low',
    'p (1) UNRELEASED; urgency=low',
    'p (1) sid; urgency=low',
    'p (1) testing-proposed-updates; urgency=low',
    'p (1) bookworm-backports; urgency=low',
    'p (1) bookworm-backports-sloppy; urgency=low',
    'p (1) ; urgency=low',
    'p 1 stable; urgency=low',
    'Local variables:',
  ])('are of development: %s', (heading) => {
    expect(kind(heading)).toBe('development');
    expect(kind(heading, 'Fix buffer overflow (CVE-2023-12345).')).toBe('security');
    expect(kind(heading, 'What CVE-numbers mean, cve-2023-1.')).toBe('development');
  });

  test('are of a release also where they mend holes', () => {
    expect(kind('p (1) stable; urgency=low', 'CVE-2023-12345')).toBe('release');
  });
});
