import { describe, expect, test } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import { type DiffOptions, diffTrees, type TreeDifference } from '../../../src/tree/diff.ts';
import type { Directory, Node } from '../../../src/tree/tree.ts';
import { device, dir, external, fifo, file, type Meta, socket, symlink } from '../../support/tree-builder.ts';

function differences(a: Directory, b: Directory, options?: DiffOptions): TreeDifference[] {
  return [...diffTrees(a, b, options)];
}

/** `KIND PATH` lines. */
function summary(a: Directory, b: Directory): string[] {
  return differences(a, b).map(({ kind, path }) => `${kind} ${path}`);
}

/** `FIELD[NAME] A B` lines of two nodes under one name. */
function fields(a: Node, b: Node, options?: DiffOptions): string[] {
  return differences(dir({ x: a }), dir({ x: b }), options).flatMap((difference) =>
    difference.fields.map(({ field, name, a: left, b: right }) => {
      expect([difference.kind, difference.path]).toEqual(['changed', '/x']);
      return `${field}${name === undefined ? '' : `[${name}]`} ${left} ${right}`;
    }),
  );
}

describe('paths', () => {
  test('equal trees do not differ, nor does a tree from itself', () => {
    const make = (): Directory =>
      dir({ a: file('x'), d: dir({ s: symlink('t'), c: device('block', 1, 2) }) });
    const one = make();
    expect(differences(one, make())).toEqual([]);
    expect(differences(one, one)).toEqual([]);
  });

  test('order of children and of attributes does not count', () => {
    const a = dir({ a: file(), b: file() }, { xattrs: { 'user.a': '1', 'user.b': '2' } });
    const b = dir({ b: file(), a: file() }, { xattrs: { 'user.b': '2', 'user.a': '1' } });
    expect(differences(a, b)).toEqual([]);
  });

  test('come as a walk meets them, subtrees in full', () => {
    const a = dir({
      a: dir({ '\xff': file(), z: file() }),
      'a-b': file(),
      only: dir({ x: dir({ y: file() }) }),
    });
    const b = dir({ a: dir({ z: file('1') }, { uid: 1 }), 'a-c': file(), zz: dir({ x: file() }) });
    expect(summary(a, b)).toEqual([
      'changed /a',
      'changed /a/z',
      'removed /a/\xff',
      'removed /a-b',
      'added /a-c',
      'removed /only',
      'removed /only/x',
      'removed /only/x/y',
      'added /zz',
      'added /zz/x',
    ]);
    expect(differences(a, b)[2]).toEqual({ path: '/a/\xff', kind: 'removed', fields: [] });
  });

  test('a directory that became a file', () => {
    expect(differences(dir({ x: dir({ y: file() }) }), dir({ x: file('', { mode: 0o755 }) }))).toEqual([
      { path: '/x', kind: 'changed', fields: [{ field: 'type', a: 'directory', b: 'regular' }] },
      { path: '/x/y', kind: 'removed', fields: [] },
    ]);
  });

  test('the root', () => {
    expect(summary(dir(), dir({}, { sec: 1 }))).toEqual(['changed /']);
  });
});

describe('fields', () => {
  const meta = (value: Meta): Node => file('', value);
  const one = external(100, 'one');
  const two = external(100, 'two');
  const path = (payload: string | undefined): Node =>
    file({ ...one, verity: undefined, payload: payload === undefined ? undefined : byteString(payload) });

  test.each<[string, Node, Node, string[]]>([
    ['mode', meta({ mode: 0o4755 }), meta({ mode: 5 }), ['mode 4755 0005']],
    ['uid', meta({ uid: 1 }), meta({ uid: 2 }), ['uid 1 2']],
    ['gid', meta({ gid: 0 }), meta({ gid: 2 ** 32 - 1 }), ['gid 0 4294967295']],
    ['seconds', meta({ sec: -1 }), meta({ sec: 1 }), ['mtime -1 s 1 s']],
    ['nanoseconds', meta({ sec: 1, nsec: 2 }), meta({ sec: 1 }), ['mtime 1 s + 2 ns 1 s']],
    [
      'attributes',
      meta({ xattrs: { 'user.a': '1', 'user.b': '' } }),
      meta({ xattrs: { 'user.a': '2', 'user.\xff': '3' } }),
      ['xattr[user.a] 31 32', 'xattr[user.b]  undefined', 'xattr[user.\\xff] undefined 33'],
    ],
    ['target', symlink('a\xff'), symlink('b'), ['target a\\xff b']],
    ['device', device('block', 1, 2), device('block', 1, 3), ['device 1:2 1:3']],
    ['device type', device('block', 1, 2), device('character', 1, 2), ['type block character']],
    ['special type', fifo({ mode: 0 }), socket({ mode: 0 }), ['type fifo socket']],
    ['inline content', file('ab'), file('ac'), ['content inline 6162 inline 6163']],
    ['inline size', file(''), file('a'), ['size 0 1', 'content inline  inline 61']],
    ['external content', file(one), file(two), [`content verity ${one.verity} verity ${two.verity}`]],
    ['external size', file(one), file({ ...one, size: 101 }), ['size 100 101']],
    ['inline or external', file('a'), file({ ...one, size: 1 }), [`content inline 61 verity ${one.verity}`]],
    ['an absent digest', file(one), path(undefined), [`content verity ${one.verity} unknown`]],
    ['a backing path without digest', path('a/b'), path('a/c'), ['content payload a/b payload a/c']],
    ['equal backing paths', path('a/b'), path('a/b'), []],
    ['a backing path beside a digest', file(one), file({ ...one, payload: byteString('x') }), []],
    ['where content is kept', file(one), file({ ...one, location: { source: 1, extents: [] } }), []],
    [
      'several',
      file('a', { mode: 0, uid: 1 }),
      symlink('a'),
      ['type regular symlink', 'mode 0000 0777', 'uid 1 0'],
    ],
  ])('%s', (_name, a, b, expected) => {
    expect(fields(a, b)).toEqual(expected);
  });

  test.each<[string, Node, Node, DiffOptions, string[]]>([
    ['nanoseconds', meta({ sec: 1, nsec: 2 }), meta({ sec: 1 }), { nanoseconds: false }, []],
    [
      'only nanoseconds',
      meta({ sec: 1, nsec: 2 }),
      meta({ sec: 2 }),
      { nanoseconds: false },
      ['mtime 1 s 2 s'],
    ],
    ['attributes', meta({ xattrs: { a: '1' } }), meta({ xattrs: { b: '1' } }), { xattrs: false }, []],
    [
      'some attributes',
      meta({ xattrs: { a: '1' } }),
      meta({ xattrs: { b: '1' } }),
      { xattrs: (name) => name === 'b' },
      ['xattr[b] undefined 31'],
    ],
    ['content', file(one), file(two), { content: false }, []],
    ['content but not size', file('a'), file('ab'), { content: false }, ['size 1 2']],
  ])('left out: %s', (_name, a, b, options, expected) => {
    expect(fields(a, b, options)).toEqual(expected);
  });
});

describe('hard links', () => {
  const grouped = (...groups: string[]): Directory => {
    const children: Record<string, Node> = {};
    for (const group of groups) {
      const node = file('x');
      for (const name of group) children[name] = node;
    }
    return dir(children);
  };

  test.each<[string[], string[], string[]]>([
    [['abc'], ['abc'], []],
    [['ab'], ['a', 'b'], ['/b /a /b']],
    [['a', 'b'], ['ab'], ['/b /b /a']],
    [
      ['ab', 'cd'],
      ['ac', 'bd'],
      ['/b /a /b', '/c /c /a', '/d /c /b'],
    ],
    [['abc'], ['a', 'bc'], ['/b /a /b', '/c /a /b']],
  ])('%j and %j', (a, b, expected) => {
    const found = differences(grouped(...a), grouped(...b));
    expect(found.map(({ path, fields: list }) => `${path} ${list[0]?.a} ${list[0]?.b}`)).toEqual(expected);
    expect(found.every(({ fields: list }) => list.length === 1 && list[0]?.field === 'links')).toBe(true);
    expect(differences(grouped(...a), grouped(...b), { hardLinks: false })).toEqual([]);
  });

  test('the same objects in both trees are compared by their groups too', () => {
    const node = file('x');
    const a = dir({ a: node, b: node });
    expect(summary(a, dir({ a: node, b: file('x') }))).toEqual(['changed /b']);
  });
});
