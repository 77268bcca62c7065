/** Entries of a tar that is read by position are those of the tar as a stream. */
import { expect, test } from 'vitest';
import { scanPlace, type TarEntry, type TarPlace, TarScanner } from '../../../src/tar/index.ts';
import { archive, padded, rawHeader, scan } from './support.ts';

const file = (name: string, size: number): Buffer =>
  Buffer.concat([rawHeader({ name, size }), padded('x'.repeat(size))]);
const SIZES = [0, 10, 512, 20_000, 513, 200_000, 1, 65_536, 70_000];
const TAR = archive(...SIZES.map((size, at) => file(`f${at}`, size)));

const place: TarPlace = {
  size: TAR.length,
  read: (position, target) => target.set(TAR.subarray(position, position + target.length)),
};

async function entriesOf(wanted?: (entry: TarEntry) => boolean): Promise<[TarEntry[], number]> {
  const entries: TarEntry[] = [];
  let wholes = 0;
  let bytes = 0;
  const scanner = new TarScanner({
    entry: (entry) => {
      entries.push(entry);
      bytes = 0;
    },
    data: (_, start, end) => {
      bytes += end - start;
    },
    endOfEntry: () => {
      if (bytes === entries.at(-1)?.storedSize) wholes += 1;
    },
  });
  const wantsContent = (): boolean => {
    const entry = entries.at(-1);
    return wanted !== undefined && entry !== undefined && wanted(entry);
  };
  await scanPlace(place, scanner, wanted === undefined ? {} : { wantsContent });
  expect(scanner.finish()).toEqual({ size: TAR.length, endOfArchive: true });
  return [entries, wholes];
}

test('with the contents that are wanted, and without', async () => {
  const expected = scan(TAR).found.map(({ entry }) => entry);
  expect(await entriesOf()).toEqual([expected, expect.any(Number)]);
  expect((await entriesOf(() => true))[1]).toBe(SIZES.length);
  const [entries, wholes] = await entriesOf(({ size }) => size === 70_000);
  expect(entries).toEqual(expected);
  expect(wholes).toBeLessThan(SIZES.length);
});

test('what stands behind the end is not looked at', async () => {
  const longer = Buffer.concat([TAR, Buffer.alloc(500_000, 1)]);
  let read = 0;
  const counted = {
    size: longer.length,
    read: (position: number, target: Uint8Array): void => {
      read += target.length;
      target.set(longer.subarray(position, position + target.length));
    },
  };
  const scanner = new TarScanner({ entry: () => {}, data: () => {}, endOfEntry: () => {} });
  await scanPlace(counted, scanner);
  expect(scanner.finish()).toEqual({ size: longer.length, endOfArchive: true });
  expect(read).toBeLessThan(250_000);
});
