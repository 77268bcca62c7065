import { describe, expect, test } from 'vitest';
import { coverTree } from '../../../src/layer/coverage.ts';
import { dir, file, symlink } from '../../support/tree-builder.ts';

const cover = (root: ReturnType<typeof dir>, lower: ReturnType<typeof dir>): object => {
  const { paths, wrong, surplus, exact } = coverTree(root, lower);
  return { paths: [...paths].sort(), wrong: [...wrong].sort(), surplus, exact };
};

describe('coverTree', () => {
  test('covers what is the same', () => {
    const tree = () => dir({ a: dir({ f: file('f'), l: symlink('f') }) });
    expect(cover(tree(), tree())).toEqual({
      paths: ['/', '/a', '/a/f', '/a/l'],
      wrong: [],
      surplus: [],
      exact: true,
    });
  });

  test('tells what has changed, what is gone, and what stands in the place of something else', () => {
    const root = dir({ a: dir({ f: file('new'), g: file('g') }, { sec: 5 }), b: file('b'), c: dir() });
    const lower = dir({
      a: dir({ f: file('old'), g: file('g'), old: dir({ x: file('x') }) }),
      b: dir({ under: file('under') }),
      c: file('c'),
      gone: file('gone'),
    });
    expect(cover(root, lower)).toEqual({
      paths: ['/', '/a/g'],
      wrong: ['/a'],
      surplus: ['/a/old', '/gone'],
      exact: false,
    });
  });

  test('takes names of an inode together or not at all', () => {
    const one = file('same');
    const root = dir({ a: one, b: one });
    const apart = dir({ a: file('same'), b: file('same') });
    const inode = file('same');
    const more = dir({ a: inode, b: inode, c: inode });
    expect(cover(root, apart)).toMatchObject({ paths: ['/'], exact: false });
    expect(cover(root, dir({ a: file('same') }))).toMatchObject({ paths: ['/'], exact: false });
    expect(cover(root, more)).toMatchObject({ paths: ['/'], surplus: ['/c'], exact: false });
    expect(cover(apart, root)).toMatchObject({ paths: ['/'], exact: false });
    expect(cover(root, dir({ a: inode, b: inode }))).toMatchObject({ paths: ['/', '/a', '/b'], exact: true });
  });
});
