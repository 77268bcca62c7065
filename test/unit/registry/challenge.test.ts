import { describe, expect, it } from 'vitest';
import { parseChallenges } from '../../../src/registry/challenge.ts';

const parsed = (header: string) =>
  parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

describe('parseChallenges', () => {
  it.each([
    ['', []],
    ['Basic', [['basic', {}]]],
    ['Basic realm="a b"', [['basic', { realm: 'a b' }]]],
    [
      'Bearer realm="https://a/t",service="s",scope="repository:a/b:pull,push repository:c:pull"',
      [
        [
          'bearer',
          { realm: 'https://a/t', service: 's', scope: 'repository:a/b:pull,push repository:c:pull' },
        ],
      ],
    ],
    // Several in one header, as where several header lines were joined.
    [
      'Basic realm="x", Bearer realm=y , service = z',
      [
        ['basic', { realm: 'x' }],
        ['bearer', { realm: 'y', service: 'z' }],
      ],
    ],
    [
      'NEGOTIATE, Basic REALM="q\\"uo\\\\te"',
      [
        ['negotiate', {}],
        ['basic', { realm: 'q"uo\\te' }],
      ],
    ],
    [
      'Negotiate YWJj==, Basic realm=a',
      [
        ['negotiate', {}],
        ['basic', { realm: 'a' }],
      ],
    ],
    // The first value of a name counts.
    ['Bearer realm="a",realm="b"', [['bearer', { realm: 'a' }]]],
    // What cannot be read ends it.
    [
      'Bearer realm="open',
      [
        ['bearer', {}],
        ['realm', {}],
      ],
    ],
    ['"x"', []],
    [
      'Bearer realm=(',
      [
        ['bearer', {}],
        ['realm', {}],
      ],
    ],
  ])('reads %s', (header, expected) => {
    expect(parsed(header)).toEqual(expected);
  });

  it('takes time that follows the length of what is hostile', () => {
    expect(parsed(`Bearer ${'a="\\'.repeat(20_000)}`).length).toBeGreaterThan(0);
    expect(parsed(','.repeat(60_000))).toEqual([]);
    expect(parsed(' \t'.repeat(30_000))).toEqual([]);
  });
});
