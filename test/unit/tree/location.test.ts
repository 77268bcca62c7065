/** A content in one piece is found where one with a list of extents would be. */
import { expect, test } from 'vitest';
import { verityDigest } from '../../../src/bytes/digest.ts';
import { spansOf } from '../../../src/parallel/content-ranges.ts';
import { wholeLocation } from '../../../src/tree/location.ts';
import type { Content } from '../../../src/tree/tree.ts';

test('a location of one piece has one extent', () => {
  const location = wholeLocation(3, 2 ** 40, 1000);
  expect([location.source, location.extents]).toEqual([3, [{ at: 0, offset: 2 ** 40, length: 1000 }]]);
  const verity = verityDigest('ab'.repeat(32));
  const content: Content = { kind: 'external', size: 1000, verity, payload: undefined, location };
  expect([...spansOf(content)]).toEqual([[2 ** 40, 2 ** 40 + 1000]]);
});
