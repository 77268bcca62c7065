/** Files of settings in YAML: what is read, and what is refused. */
import { describe, expect, test } from 'vitest';
import { parseGroups } from '../../../src/chunk/choices/groups.ts';
import { parseYaml } from '../../../src/chunk/choices/yaml-subset.ts';

/** As plain objects. */
const read = (text: string): unknown => JSON.parse(JSON.stringify(parseYaml(text)));

const GROUPS = `# what clients may do without
groups:
  docs:            # manuals
    - dpkg/man-db
    - "user/the manuals"
  debug:
    components: [dpkg/gdb, 'dpkg/*-dbg']
    layers: 2
`;

test('a file of groups is the same in YAML and JSON', () => {
  const json = {
    groups: {
      docs: ['dpkg/man-db', 'user/the manuals'],
      debug: { components: ['dpkg/gdb', 'dpkg/*-dbg'], layers: 2 },
    },
  };
  expect(read(GROUPS)).toEqual(json);
  const parsed = parseGroups(Buffer.from(GROUPS));
  expect(parsed).toEqual(parseGroups(Buffer.from(JSON.stringify(json))));
  expect(parsed.map(({ name, layers }) => [name, layers])).toEqual([
    ['docs', 1],
    ['debug', 2],
  ]);
});

// What PyYAML 6.0 makes of the same texts.
test.each<[string, unknown]>([
  ['', null],
  ['# nothing\n', null],
  ['---\na: b\n', { a: 'b' }],
  ['a:\n- x\n- y\nb: 1\n', { a: ['x', 'y'], b: 1 }],
  ['a:\n  - x\n  -\n    k: v\n', { a: ['x', { k: 'v' }] }],
  ['a:\nb: ~\nc: null\n', { a: null, b: null, c: null }],
  ['a: true\nb: "true"\nc: -1.5\nd: 007x\n', { a: true, b: 'true', c: -1.5, d: '007x' }],
  ["a: it's # said\nb: x#y\n", { a: "it's", b: 'x#y' }],
  ["a: 'it''s'\n'b c' : \"x\\ty\\u00e9\"\n", { a: "it's", 'b c': 'x\tyé' }],
  ['a: {b: [1, "2, 3"], c: d e}\r\nf: []\r\ng: {}\r\n', { a: { b: [1, '2, 3'], c: 'd e' }, f: [], g: {} }],
  ['[a, b,\u0020]', ['a', 'b']],
  ['a: dpkg/x:amd64\nb: [dpkg/x:amd64]\n', { a: 'dpkg/x:amd64', b: ['dpkg/x:amd64'] }],
  ['- a b\n- -c\n- "-"\n', ['a b', '-c', '-']],
  ['a: x, y [z]\n', { a: 'x, y [z]' }],
])('%j is read', (text, expected) => {
  expect(read(text)).toEqual(expected);
});

test('__proto__ is a key like others', () => {
  expect(Object.keys(parseYaml('__proto__: x\n') as object)).toEqual(['__proto__']);
});

describe('refused is', () => {
  const bomb = ['a: &a [x, x]', 'b: &b [*a, *a]', 'c: [*b, *b]'].join('\n');

  test.each([
    [bomb, 'anchors, aliases and tags are not read, line 1'],
    ['a: *x\n', 'anchors, aliases and tags are not read, line 1'],
    ['a: !!python/object x\n', 'anchors, aliases and tags are not read, line 1'],
    ['a: 1\n<<: {b: 2}\n', 'merge keys are not read, line 2'],
    ['a: |\n  text\n', 'texts over several lines are not read, line 1'],
    ['a: 1\n---\nb: 2\n', 'there are several documents, or a directive, line 2'],
    ['%YAML 1.2\n', 'there are several documents, or a directive, line 1'],
    ['a:\n\tb: 1\n', 'a tab indents, line 2'],
    ['a: 1\na: 2\n', 'a stands twice, line 2'],
    ['a: {b: 1, b: 2}\n', 'b stands twice, line 1'],
    ['a: 1\n  b: 2\n', 'the indentation does not fit, line 2'],
    ['a:\n    b: 1\n  c: 2\n', 'the indentation does not fit, line 3'],
    ['a: [b\n', 'a list is not closed, line 1'],
    ['a: [b c: d]\n', 'a list is not closed, line 1'],
    ['a: {b}\n', 'a key has no value, line 1'],
    ['a: {b: c\n', 'a mapping is not closed, line 1'],
    ['a: "b\n', 'a value is not closed, line 1'],
    ['a: "b" c\n', 'something follows a value, line 1'],
    ['a: b: c\n', 'a text needs quotes, line 1'],
    ['a: @b\n', 'a text needs quotes, line 1'],
    ['a: "\\q"\n', '\\q is no escape, line 1'],
    ['- - a\n', 'blocks inside of a list stand on lines of their own, line 1'],
    [`a: ${'['.repeat(100_000)}\n`, 'the nesting is too deep, line 1'],
    [
      Array.from({ length: 100 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n'),
      'the nesting is too deep, line 34',
    ],
  ])('%.40j', (text, message) => {
    expect(() => parseYaml(text)).toThrow(message);
    expect(() => parseGroups(Buffer.from(`groups:\n${text}`))).toThrow(
      expect.objectContaining({ code: 'GROUPS_BAD' }),
    );
  });

  test('what is neither, with the reason', () => {
    const said = (bytes: Buffer): string => {
      try {
        parseGroups(bytes);
        return '';
      } catch (error) {
        return error instanceof Error ? error.message : '';
      }
    };
    expect(said(Buffer.from([0xff]))).toBe('the file of groups is no text in UTF-8');
    expect(said(Buffer.from('{"groups"'))).toBe('the file of groups is no JSON document');
    expect(said(Buffer.from('groups: [a'))).toBe(
      'the file of groups is no YAML document that is read: a list is not closed, line 1',
    );
    expect(said(Buffer.from('a: 1'))).toBe('groups: the file has the unknown field a');
  });

  test('nothing slowly', () => {
    const long = 100_000;
    for (const text of [
      `a${' '.repeat(long)}`,
      `a: [${'"'.repeat(long)}`,
      `a: ${'x '.repeat(long)}#`,
      '- '.repeat(long),
    ])
      expect(() => parseYaml(text), text.slice(0, 8)).not.toThrow(RangeError);
  });
});
