import { expect, it } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import { DigestMap } from '../../../src/erofs/digest-map.ts';

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
])('keeps one value for each of digests %s', (_, keys) => {
  const map = new DigestMap<string>();
  const made: string[] = [];
  const make = (digest: string): string => {
    made.push(digest);
    return `value of ${digest}`;
  };
  for (let round = 0; round < 2; round++) {
    for (const key of keys) expect(map.get(byteString(key), make)).toBe(`value of ${key}`);
  }
  expect(made).toEqual(keys);
  expect(map.values()).toEqual(keys.map((key) => `value of ${key}`));
});
