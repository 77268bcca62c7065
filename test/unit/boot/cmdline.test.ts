import { describe, expect, test } from 'vitest';
import { composefsArguments, distinctArguments, splitCmdline } from '../../../src/boot/cmdline.ts';

describe('splitCmdline', () => {
  test.each<[string, string[]]>([
    ['', []],
    ['  \t\n', []],
    ['a  b\tc\nd', ['a', 'b', 'c', 'd']],
    ['a="b c" d', ['a="b c"', 'd']],
    ['"a b"=c', ['"a b"=c']],
    ['a"b c"d"e f', ['a"b c"d"e f']],
    ['a\\"b c', ['a\\"b c']],
    ['x -- y', ['x', '--', 'y']],
  ])('%j', (text, items) => {
    expect(splitCmdline(text)).toEqual(items);
  });
});

describe('distinctArguments', () => {
  test.each<[string[], string[]]>([
    [
      ['a', 'b', 'a'],
      ['a', 'b'],
    ],
    [
      ['a=1', 'a=2', 'a=1', 'a'],
      ['a=1', 'a=2', 'a'],
    ],
    [
      ['k-e_y=x-y', 'k_e-y=x-y', 'key=x_y', 'k_e_y=x_y'],
      ['k-e_y=x-y', 'key=x_y', 'k_e_y=x_y'],
    ],
    [
      ['a="b c"', '"a=b c"', 'a=b'],
      ['a="b c"', 'a=b'],
    ],
    [
      ['a="x"', 'a=x', 'a', '"a"', 'A'],
      ['a="x"', 'a', 'A'],
    ],
    [
      ['a', 'a='],
      ['a', 'a='],
    ],
  ])('%j', (items, distinct) => {
    expect(distinctArguments(items)).toEqual(distinct);
  });
});

describe('composefsArguments', () => {
  test('finds both forms, with and without the mark', () => {
    const text =
      'rw composefs=abc composefs=?def composefs.digest=v1-sha512-12:01 composefs.digest=?v2-sha256-12:02 composefs.other=1 xcomposefs=2';
    expect(composefsArguments(text)).toEqual([
      { text: 'composefs=abc', key: 'composefs', optional: false, described: undefined, digest: 'abc' },
      { text: 'composefs=?def', key: 'composefs', optional: true, described: undefined, digest: 'def' },
      {
        text: 'composefs.digest=v1-sha512-12:01',
        key: 'composefs.digest',
        optional: false,
        described: { version: 1, algorithm: 'sha512' },
        digest: '01',
      },
      {
        text: 'composefs.digest=?v2-sha256-12:02',
        key: 'composefs.digest',
        optional: true,
        described: { version: 2, algorithm: 'sha256' },
        digest: '02',
      },
    ]);
  });

  test.each(['v3-sha512-12:00', 'v1-sha512-16:00', 'v1-md5-12:00', '00'])(
    '%s describes nothing known',
    (value) => {
      const [argument] = composefsArguments(`composefs.digest=${value}`);
      expect(argument).toMatchObject({ described: undefined, digest: value });
    },
  );

  test('keeps what stands in quotes as hosts see it', () => {
    expect(composefsArguments('"composefs=abc"')).toEqual([]);
    expect(composefsArguments('x="composefs=abc composefs=def"')).toEqual([]);
    expect(composefsArguments('composefs="abc"')).toMatchObject([{ digest: '"abc"' }]);
  });
});
