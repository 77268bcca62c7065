/** Files of optional groups, in JSON and in YAML: what is read, and what is refused. */
import { describe, expect, test } from 'vitest';
import { parseGroups } from '../../../src/chunk/choices/groups-file.ts';
import { isPlanishError } from '../../../src/errors.ts';

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
  const parsed = parseGroups(Buffer.from(GROUPS));
  expect(parsed).toEqual(parseGroups(Buffer.from(JSON.stringify(json))));
  expect(parsed.map(({ name, patterns, layers }) => [name, patterns.length, layers])).toEqual([
    ['docs', 2, 1],
    ['debug', 2, 2],
  ]);
});

/** The error of a file, in one line. */
function refusal(bytes: Uint8Array): string {
  try {
    parseGroups(bytes);
    return 'none';
  } catch (error) {
    if (!isPlanishError(error, 'GROUPS_BAD')) throw error;
    return error.message;
  }
}

describe('refused is', () => {
  const deep = 100_000;

  test.each<[string, string | Uint8Array, string]>([
    ['what is no text', Uint8Array.of(0xff), 'the file of groups is no text in UTF-8'],
    ['half a JSON document', '{"groups"', 'the file of groups is no JSON document'],
    ['nothing', '', 'groups: the file is no object'],
    ['another field', 'a: 1', 'groups: the file has the unknown field a'],
    [
      'a list that does not end',
      'groups: [a',
      'unexpected end of the stream within a flow collection, line 2',
    ],
    ['a tag', 'groups: !!js/function x', 'unknown tag !<tag:yaml.org,2002:js/function>, line 1'],
    ['a key twice', 'groups:\n  a: [x]\n  a: [y]\n', 'duplicated mapping key, line 3'],
    [
      'several documents',
      'groups: {}\n---\ngroups: {}\n',
      'expected a single document in the stream, but found more',
    ],
    ['a merge key', 'groups:\n  <<: {a: [x]}\n', 'groups: << cannot name a group'],
    ['a name of a prototype', 'groups:\n  __proto__: [x]\n', 'groups: __proto__ cannot name a group'],
    ['no list', 'groups: {docs: {layers: 2}}', 'groups: docs has no list of components'],
    [
      'half a layer',
      'groups: {docs: {components: [a], layers: 0.5}}',
      'the layers of docs are no whole number from 1',
    ],
    ['deep nesting', `groups: ${'['.repeat(deep)}`, 'nesting exceeded maxDepth (100)'],
  ])('%s', (_, text, message) => {
    expect(refusal(Buffer.from(text))).toContain(message);
  });

  test('a tree of aliases, before anything walks it', () => {
    const lines = Array.from({ length: 40 }, (_, at) => `  a${at}: &a${at} [*a${at - 1}, *a${at - 1}]`);
    lines[0] = '  a0: &a0 [x, x]';
    expect(refusal(Buffer.from(`groups:\n${lines.join('\n')}`))).toBe(
      'groups: a1 has a component that is no pattern',
    );
  });
});
