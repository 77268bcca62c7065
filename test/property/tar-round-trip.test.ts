/** What is written is read back; how the input is cut makes no difference; damage is always a PlanishError. */

import { describe, expect, it } from 'vitest';
import { type ByteString, byteString } from '../../src/bytes/byte-string.ts';
import { isPlanishError } from '../../src/errors.ts';
import { type TarEntryType, type TarRecord, TarScanner } from '../../src/tar/index.ts';
import { fc, place } from '../support/property.ts';
import { archive, Collector, entryBytes, extension, pax, rawHeader, scan } from '../unit/tar/support.ts';

const bytesText = (minLength: number, maxLength: number): fc.Arbitrary<string> =>
  fc
    .uint8Array({ min: 1, max: 255, minLength, maxLength })
    .map((bytes) => Buffer.from(bytes).toString('latin1'));

const component = fc
  .oneof({ weight: 4, arbitrary: bytesText(1, 20) }, { weight: 1, arbitrary: bytesText(60, 255) })
  .map((name) => name.replaceAll('/', '_'));

const path = fc.array(component, { minLength: 1, maxLength: 5 }).map((names) => byteString(names.join('/')));

const xattrs = fc
  .array(
    fc.tuple(
      bytesText(1, 60).map((name) => byteString(name.replaceAll('=', '_'))),
      fc.uint8Array({ maxLength: 80 }),
    ),
    { maxLength: 4 },
  )
  .map((pairs): ReadonlyMap<ByteString, Uint8Array> => new Map(pairs));

const owner = fc.oneof(fc.nat({ max: 70_000 }), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
const seconds = fc.oneof(fc.nat(), fc.integer({ min: -(2 ** 40), max: 2 ** 40 }));
const types: TarEntryType[] = ['regular', 'directory', 'symlink', 'hardlink', 'character', 'block', 'fifo'];

interface Case {
  readonly record: TarRecord;
  readonly content: Uint8Array;
}

const entry: fc.Arbitrary<Case> = fc
  .record({
    type: fc.constantFrom(...types),
    path,
    target: path,
    mode: fc.nat({ max: 0o7777 }),
    uid: owner,
    gid: owner,
    sec: seconds,
    content: fc.uint8Array({ maxLength: 1500 }),
    xattrs,
    major: fc.nat({ max: 4095 }),
    minor: fc.nat({ max: 1_048_575 }),
  })
  .map(({ type, target, sec, content, major, minor, ...rest }) => {
    const isLink = type === 'symlink' || type === 'hardlink';
    const isDevice = type === 'character' || type === 'block';
    const size = type === 'regular' ? content.length : 0;
    const record: TarRecord = {
      ...rest,
      type,
      linkTarget: isLink ? target : byteString(''),
      mtime: { sec, nsec: 0 },
      size,
      major: isDevice ? major : 0,
      minor: isDevice ? minor : 0,
    };
    return { record, content: content.slice(0, size) };
  });

const tarOf = (cases: readonly Case[]): Buffer =>
  archive(...cases.map(({ record, content }) => entryBytes(record, content)));

/** What only the place in the tar decides. */
function withoutPlace({ entry: of, stored }: ReturnType<typeof scan>['found'][number]): object {
  const { offset: _, dataOffset: __, hostReading, storedSize, sparse, ...rest } = of;
  // Hosts refuse times before 1970, and nothing else of what is written.
  expect(hostReading !== undefined).toBe(of.mtime.sec < 0);
  return { record: rest, storedSize, sparse, content: Uint8Array.from(stored) };
}

const hex = (map: ReadonlyMap<ByteString, Uint8Array>): [string, string][] =>
  [...map].map(([name, value]): [string, string] => [name, Buffer.from(value).toString('hex')]).sort();

describe('tar', () => {
  it('decoding what was encoded gives it back', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 6 }), (cases) => {
        const tar = tarOf(cases);
        const { found, end } = scan(tar);
        expect(end).toEqual({ size: tar.length, endOfArchive: true });
        const expected = cases.map(({ record, content }) => ({
          record: {
            ...record,
            path: record.type === 'directory' ? `${record.path}/` : record.path,
            xattrs: hex(record.xattrs),
          },
          storedSize: content.length,
          sparse: undefined,
          content,
        }));
        const actual = found.map(withoutPlace).map((one, index) => {
          const { record } = one as { record: TarRecord };
          return { ...one, record: { ...record, xattrs: hex(found[index]?.entry.xattrs ?? new Map()) } };
        });
        expect(actual).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  it('encoding what was decoded gives the same bytes', () => {
    fc.assert(
      fc.property(fc.array(entry, { minLength: 1, maxLength: 4 }), (cases) => {
        const tar = tarOf(cases);
        const again = archive(...scan(tar).found.map((one) => entryBytes(one.entry, one.stored)));
        expect(again.equals(tar)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it('any cutting of the input gives the same calls', () => {
    const extra = archive(
      extension('g', pax(['uid', '5'])),
      extension('L', 'long name\0'),
      rawHeader({ name: 'x', type: '2', linkname: 'y' }),
    ).subarray(0, -1024);
    const cuts = fc.array(fc.nat({ max: 1600 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 4 }), cuts, (cases, lengths) => {
        const tar = Buffer.concat([extra, tarOf(cases)]);
        const collector = new Collector();
        const scanner = new TarScanner(collector);
        for (let at = 0, turn = 0; at < tar.length; turn++) {
          // A zero is an empty piece; a copy that is overwritten afterwards shows what would be kept.
          const length = lengths[turn % lengths.length] ?? 0;
          const piece = Uint8Array.from(tar.subarray(at, at + length));
          scanner.push(piece);
          piece.fill(0xaa);
          at += length === 0 && turn >= lengths.length ? 1 : length;
          if (length === 0 && turn >= lengths.length) scanner.push(tar.subarray(at - 1, at));
        }
        const whole = scan(tar);
        expect({ found: collector.found, end: scanner.finish() }).toEqual(whole);
      }),
      { numRuns: 150 },
    );
  });

  it('damage is found or harmless, and never another exception', () => {
    const damage = fc.array(fc.tuple(place, fc.nat({ max: 255 })), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(
        fc.array(entry, { minLength: 1, maxLength: 3 }),
        damage,
        fc.boolean(),
        (cases, places, mend) => {
          const tar = tarOf(cases);
          for (const [at, value] of places) tar[Math.floor(at * tar.length)] = value;
          if (mend) mendChecksums(tar);
          expect(survives(tar)).toBe(true);
        },
      ),
      { numRuns: 600 },
    );
  });

  it('rubbish behind right checksums is refused in an orderly way', () => {
    const fields = fc.array(fc.tuple(fc.nat({ max: 511 }), fc.nat({ max: 255 })), { maxLength: 30 });
    const flags = fc.constantFrom(...'01234567xgLKS\0'.split(''));
    const headers = fc.array(fc.tuple(flags, fields), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(headers, (list) => {
        const blocks = list.map(([type, bytes]) => {
          const more = bytes.map(([at, value]): [number, string] => [at, String.fromCharCode(value)]);
          return rawHeader({ type, magic: type === 'S' ? 'ustar  \0' : 'ustar\x0000', linkname: 'x', more });
        });
        expect(survives(archive(...blocks))).toBe(true);
      }),
      { numRuns: 1500 },
    );
  });
});

/** Whether scanning ends with an answer or a PlanishError. */
function survives(tar: Buffer): boolean {
  try {
    scan(tar);
  } catch (error) {
    return isPlanishError(error) && error.kind === 'input';
  }
  return true;
}

/** Puts right the checksum of every block that looks like a header, so that damage gets past it. */
function mendChecksums(tar: Buffer): void {
  for (let at = 0; at < tar.length; at += 512) {
    const block = tar.subarray(at, at + 512);
    if (block.toString('latin1', 257, 262) !== 'ustar') continue;
    block.fill(0x20, 148, 156);
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  }
}
