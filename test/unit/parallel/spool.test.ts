import { closeSync, constants, fstatSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type ContentFile, ContentReader, holdsContent } from '../../../src/parallel/content-file.ts';
import { lengthOf, positionIn, rangesOf, spansIn } from '../../../src/parallel/content-ranges.ts';
import { type Spool, SpoolWriter, WINDOW_BYTES } from '../../../src/parallel/spool.ts';
import type { ExternalContent } from '../../../src/tree/tree.ts';
import { fc } from '../../support/property.ts';

const bytesOf = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => (index * 7) % 251);

function inPieces(writer: SpoolWriter, bytes: Uint8Array, length: number): void {
  for (let at = 0; at < bytes.length; at += length) writer.write(bytes.subarray(at, at + length));
}

function withFile<T>(use: (fd: number) => T): T {
  const directory = mkdtempSync(join(tmpdir(), 'planish-spool-'));
  const fd = openSync(join(directory, 'spool'), constants.O_RDWR | constants.O_CREAT);
  try {
    return use(fd);
  } finally {
    closeSync(fd);
    rmSync(directory, { recursive: true });
  }
}

test('joins ranges that lie close, and finds what is in them', () => {
  const ranges = rangesOf([
    [20_000, 20_010],
    [0, 100],
    [50, 120],
    [4216, 4300],
  ]);
  expect([...spansIn(ranges)]).toEqual([
    [0, 4300],
    [20_000, 20_010],
  ]);
  expect(lengthOf(ranges)).toBe(4310);
  expect(positionIn(ranges, 20_000, 10)).toBe(4300);
  expect(positionIn(ranges, 20_000, 11)).toBe(undefined);
  expect(positionIn(ranges, 4300, 1)).toBe(undefined);
  expect(positionIn(ranges, 4299, 1)).toBe(4299);
  expect(positionIn(rangesOf([]), 0, 0)).toBe(undefined);
  expect(positionIn(undefined, 77, 5)).toBe(77);
});

test('holds exactly the limit, and nothing of what is larger', () => {
  const length = 2 * WINDOW_BYTES + 5;
  const bytes = bytesOf(length);
  const fitting = new SpoolWriter({ kind: 'memory', limit: length, ranges: undefined });
  inPieces(fitting, bytes, 300_000);
  expect(fitting.windows?.map(({ byteLength }) => byteLength)).toEqual([WINDOW_BYTES, WINDOW_BYTES, 5]);
  const small = new SpoolWriter({ kind: 'memory', limit: length - 1, ranges: undefined });
  inPieces(small, bytes, 300_000);
  expect(small.windows).toBe(undefined);
});

test('allocates for what came, not for the limit', () => {
  const writer = new SpoolWriter({ kind: 'memory', limit: 2 ** 40, ranges: undefined });
  writer.write(bytesOf(10));
  expect(writer.windows?.map(({ byteLength }) => byteLength)).toEqual([WINDOW_BYTES]);
});

test('memory and files give back what was wanted, however it came', () => {
  const span = fc.tuple(fc.nat(60_000), fc.integer({ min: 1, max: 9000 }));
  const bytes = bytesOf(70_000);
  const law = fc.property(
    fc.array(span, { maxLength: 12 }),
    fc.integer({ min: 500, max: 30_000 }),
    (wanted, piece) => {
      const ranges = rangesOf(wanted.map(([start, length]) => [start, start + length] as const));
      withFile((fd) => {
        const limit = lengthOf(ranges);
        const spools: Spool[] = [
          { kind: 'memory', limit, ranges },
          { kind: 'file', fd, ranges },
        ];
        const writers = spools.map((spool) => new SpoolWriter(spool));
        for (const writer of writers) inPieces(writer, bytes, piece);
        expect(fstatSync(fd).size).toBe(limit);
        const windows = writers[0]?.windows ?? [];
        const reader = new ContentReader([
          { kind: 'memory', windows, ranges },
          { kind: 'descriptor', fd, ranges },
        ]);
        for (const [start, length] of wanted) {
          for (const source of [0, 1]) {
            const target = new Uint8Array(length);
            reader.read(source, start, target);
            expect(Buffer.compare(target, bytes.subarray(start, start + length))).toBe(0);
          }
        }
      });
    },
  );
  fc.assert(law, { numRuns: 50 });
});

test('says which contents are at hand', () => {
  const content = (offset: number, length: number): ExternalContent => ({
    kind: 'external',
    size: length,
    verity: undefined,
    payload: undefined,
    location: { source: 0, extents: [{ at: 0, offset, length }] },
  });
  const file: ContentFile = { kind: 'memory', windows: [], ranges: rangesOf([[100, 300]]) };
  expect(holdsContent(file, content(100, 200))).toBe(true);
  expect(holdsContent(file, content(100, 201))).toBe(false);
  expect(holdsContent({ kind: 'kept', kept: new Map([[100, bytesOf(200)]]) }, content(100, 200))).toBe(true);
  expect(holdsContent({ kind: 'kept', kept: new Map() }, content(100, 200))).toBe(false);
  expect(holdsContent({ kind: 'memory', windows: [] }, content(9, 9))).toBe(true);
  const reader = new ContentReader([file]);
  expect(() => reader.read(0, 299, new Uint8Array(2))).toThrow('a content was asked for that is not at hand');
});
