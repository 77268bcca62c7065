import { expect, it } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import { DigestTable } from '../../../src/erofs/digest-table.ts';

/** Digests that begin with what `group` says and end in a number of their own. */
function digests(count: number, group: (index: number) => number): string[] {
  return Array.from(
    { length: count },
    (_, index) => group(index).toString(16).padStart(8, '0') + index.toString(16).padStart(56, '0'),
  );
}

it.each([
  ['as good as random', digests(5000, (index) => Math.imul(index + 1, 0x9e3779b1) >>> 0)],
  ['all alike in their first digits', digests(300, () => 0xdeadbeef)],
  ['alike in groups that crowd each other out', digests(4000, (index) => (index % 10) * 3)],
  ['alike until the map grows', digests(3000, (index) => (index * 0x400) >>> 0)],
])('numbers digests %s', (_, keys) => {
  const table = new DigestTable();
  for (let round = 0; round < 2; round++) {
    expect(keys.map((key) => table.numberOf(byteString(key)))).toEqual(keys.map((_key, index) => index));
  }
  expect(table.size).toBe(keys.length);
});
