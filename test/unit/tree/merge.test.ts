import { describe, expect, test } from 'vitest';
import { mergeTree } from '../../../src/tree/merge.ts';
import { walk } from '../../../src/tree/walk.ts';
import { dir, external, file, symlink } from '../../support/tree-builder.ts';

const paths = (root: ReturnType<typeof dir>): string[] => [...walk(root)].map(({ path }) => path);

describe('mergeTree', () => {
  test('lays files over files, keeps directories, and tells what it hid', () => {
    const root = dir({
      etc: dir({ a: file('a'), same: file('same') }, { mode: 0o750 }),
      d: dir({ x: file('x') }),
      f: file('f'),
    });
    const upper = dir({
      etc: dir({ a: file('A'), same: file('same'), b: file('b') }, { sec: 9 }),
      d: symlink('etc'),
      f: dir({ y: file('y') }),
      empty: dir(),
    });
    const { added, conflicts } = mergeTree(root, upper, 0);
    expect(paths(root)).toEqual(['/', '/d', '/empty', '/etc', '/etc/a', '/etc/b', '/etc/same', '/f', '/f/y']);
    expect(added).toEqual(['/d', '/empty', '/etc/a', '/etc/b', '/etc/same', '/f/y']);
    expect(conflicts).toEqual([
      { path: '/d', kind: 'type' },
      { path: '/etc', kind: 'directory' },
      { path: '/etc/a', kind: 'file' },
      { path: '/f', kind: 'type' },
    ]);
    expect(root.children.get('etc' as never)?.metadata.mode).toBe(0o750);
  });

  test('finds contents again behind those of the first tree, and keeps hard links', () => {
    const inode = file({ ...external(4096, 'x'), location: { source: 1, extents: [] } });
    const root = dir();
    mergeTree(root, dir({ a: inode, b: inode }), 10);
    const [a, b] = ['a', 'b'].map((name) => root.children.get(name as never));
    expect(a).toBe(b);
    expect(a).not.toBe(inode);
    expect(a).toMatchObject({ content: { location: { source: 11 } } });
  });
});
