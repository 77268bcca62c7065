import { describe, expect, it } from 'vitest';
import { nextLink } from '../../../src/registry/link.ts';

describe('nextLink', () => {
  it.each([
    ['', undefined],
    ['</v2/a?n=2&last=b>; rel="next"', '/v2/a?n=2&last=b'],
    ['</a>; rel=next', '/a'],
    ['</a>;rel="prev next"', '/a'],
    ['</a>; rel="prev", </b>; title="x, <y>"; REL=Next', '/b'],
    ['</a>', undefined],
    ['</a>; rel="nexter"', undefined],
    ['/a; rel="next"', undefined],
    ['<>; rel=next', ''],
  ])('reads %s', (header, expected) => {
    expect(nextLink(header)).toBe(expected);
  });

  it('takes time that follows the length of what is hostile', () => {
    expect(nextLink(`<a>${';b'.repeat(30_000)}<`)).toBeUndefined();
    expect(nextLink('<'.repeat(60_000))).toBeUndefined();
  });
});
