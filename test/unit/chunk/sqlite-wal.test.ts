import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { readSqliteHeaders } from '../../../src/chunk/databases/rpm-database.ts';
import { RpmHeader } from '../../../src/chunk/databases/rpm-header.ts';
import { readRpmPackage } from '../../../src/chunk/databases/rpm-package.ts';
import { readWal } from '../../../src/chunk/databases/sqlite-wal.ts';

const fixture = (name: string): Buffer =>
  gunzipSync(readFileSync(new URL(`../../../fixtures/chunk/${name}.gz`, import.meta.url)));
const database = fixture('rpmdb-open.sqlite');
const log = fixture('rpmdb-open.sqlite-wal');

function names(wal?: Uint8Array, file: Uint8Array = database): string[] {
  return readSqliteHeaders(file, wal).map((blob) => readRpmPackage(new RpmHeader(blob)).name);
}

const HEADER = 32;
const FRAME = 24 + 4096;

test('committed transactions of the log count', () => {
  expect([names(), names(log)]).toEqual([['plan-a'], ['plan-a', 'plan-sub']]);
  const wal = readWal(log);
  expect([wal?.pageSize, wal?.pageCount, (log.length - HEADER) % FRAME]).toEqual([4096, 53, 0]);
});

test('what was not committed does not: a log cut before the end of its transaction is empty', () => {
  for (let size = 0; size < log.length; size += 509) expect(names(log.subarray(0, size))).toEqual(['plan-a']);
  expect(names(log.subarray(0, log.length - 1))).toEqual(['plan-a']);
  expect(names(Buffer.concat([log, log.subarray(HEADER, HEADER + FRAME)]))).toEqual(['plan-a', 'plan-sub']);
});

test('any flipped bit that a checksum covers empties the log from there on', () => {
  const spots = [...Array(HEADER).keys(), ...Array.from({ length: 24 }, (_, at) => HEADER + at)];
  for (let at = HEADER + 24; at < log.length; at += 997) spots.push(at);
  for (const at of spots) {
    const copy = Buffer.from(log);
    copy[at] = (copy[at] ?? 0) ^ 4;
    expect([at, names(copy)]).toEqual([at, ['plan-a']]);
  }
});

test('pages that exist only in the log are found there', () => {
  const blank = Buffer.from(database).fill(0, 0, 4096);
  expect(names(logOf(60), blank)).toEqual(['plan-a']);
  expect(() => names(log, blank)).toThrow(
    expect.objectContaining({ message: 'the file is no SQLite database' }),
  );
});

test('pages that the last commit dropped are gone', () => {
  expect(() => names(logOf(1))).toThrow(
    expect.objectContaining({ code: 'RPM_BAD_DATABASE', message: 'page 33 lies beyond the end of the file' }),
  );
});

/** A log that commits page 1 as it is in the database, with big-endian checksums, and says how many pages there are. */
function logOf(pageCount: number): Buffer {
  const made = Buffer.alloc(HEADER + FRAME);
  for (const [at, value] of [0x377f0683, 3_007_000, 4096, 1, 11, 12].entries())
    made.writeUInt32BE(value, at * 4);
  let sums = checksum(made.subarray(0, 24), [0, 0]);
  made.writeUInt32BE(sums[0], 24);
  made.writeUInt32BE(sums[1], 28);
  for (const [at, value] of [1, pageCount, 11, 12].entries()) made.writeUInt32BE(value, HEADER + at * 4);
  database.copy(made, HEADER + 24, 0, 4096);
  sums = checksum(made.subarray(HEADER, HEADER + 8), sums);
  sums = checksum(made.subarray(HEADER + 24), sums);
  made.writeUInt32BE(sums[0], HEADER + 16);
  made.writeUInt32BE(sums[1], HEADER + 20);
  return made;
}

function checksum(bytes: Buffer, [a, b]: readonly [number, number]): [number, number] {
  let [first, second] = [a, b];
  for (let at = 0; at < bytes.length; at += 8) {
    first = (first + bytes.readUInt32BE(at) + second) % 2 ** 32;
    second = (second + bytes.readUInt32BE(at + 4) + first) % 2 ** 32;
  }
  return [first, second];
}

test('a log with big-endian checksums is read', () => {
  expect(names(logOf(60))).toEqual(['plan-a']);
  expect(readWal(logOf(60))?.offsets).toEqual(new Map([[1, HEADER + 24]]));
});
