import { describe, expect, test } from 'vitest';
import type { PlanishError } from '../../../src/errors.ts';
import { emptyBootDirectories, stripLabels } from '../../../src/tree/boot-transform.ts';
import { dropFractions, separateLinks } from '../../../src/tree/reductions.ts';
import type { Directory } from '../../../src/tree/tree.ts';
import { dir, file, type Meta, render, symlink } from '../../support/tree-builder.ts';

const usr: Meta = { sec: 1000, nsec: 77 };
const boot: Meta = { mode: 0o700, uid: 3, gid: 4, sec: 5, nsec: 6, xattrs: { 'user.a': 'b' } };

const bootable = (): Directory =>
  dir({ usr: dir({}, usr), boot: dir({ k: file(), EFI: dir({ l: file() }) }, boot), sysroot: dir({}, usr) });

describe('emptying /boot and /sysroot', () => {
  test('takes the seconds of /usr alone, as before composefs-rs pull request 396', () => {
    const tree = bootable();
    expect(emptyBootDirectories(tree, 'seconds')).toEqual([
      { path: '/boot', entriesRemoved: 2, timeChanged: true },
      { path: '/sysroot', entriesRemoved: 0, timeChanged: false },
    ]);
    const expected = dir({
      usr: dir({}, usr),
      boot: dir({}, { ...boot, sec: 1000, nsec: 6 }),
      sysroot: dir({}, usr),
    });
    expect(render(tree)).toEqual(render(expected));
  });

  test('takes the nanoseconds as well, as since then', () => {
    const tree = bootable();
    emptyBootDirectories(tree, 'nanoseconds');
    const expected = dir({ usr: dir({}, usr), boot: dir({}, { ...boot, ...usr }), sysroot: dir({}, usr) });
    expect(render(tree)).toEqual(render(expected));
  });

  test.each<[string, Directory, string]>([
    ['no /usr', dir({ boot: dir(), sysroot: dir() }), '/usr'],
    ['no /boot', dir({ usr: dir(), sysroot: dir() }), '/boot'],
    ['no /sysroot', dir({ usr: dir(), boot: dir() }), '/sysroot'],
    ['a link for /boot', dir({ usr: dir(), boot: symlink('x'), sysroot: dir() }), '/boot'],
    ['a file for /sysroot', dir({ usr: dir(), boot: dir(), sysroot: file() }), '/sysroot'],
  ])('is refused: %s', (_, tree, path) => {
    expect(() => emptyBootDirectories(tree, 'seconds')).toThrow(
      expect.objectContaining<Partial<PlanishError>>({ code: 'HOST_TREE_INVALID', detail: { path } }),
    );
  });
});

test('labels are dropped everywhere, and nothing else', () => {
  const labelled = { 'security.selinux': 'l', 'user.a': 'b' };
  const shared = file('x', { xattrs: labelled });
  const tree = dir(
    { d: dir({ a: shared, b: shared }, { xattrs: labelled }), c: file() },
    { xattrs: labelled },
  );
  expect(stripLabels(tree)).toBe(3);
  const kept: Meta = { xattrs: { 'user.a': 'b' } };
  const left = file('x', kept);
  expect(render(tree)).toEqual(render(dir({ d: dir({ a: left, b: left }, kept), c: file() }, kept)));
  expect(stripLabels(tree)).toBe(0);
});

test('names of one inode become inodes', () => {
  const shared = file('x', { uid: 7 });
  const tree = dir({ a: shared, d: dir({ b: shared, c: shared }) });
  expect(separateLinks(tree)).toBe(2);
  const own = (): ReturnType<typeof file> => file('x', { uid: 7 });
  expect(render(tree)).toEqual(render(dir({ a: own(), d: dir({ b: own(), c: own() }) })));
  expect(separateLinks(tree)).toBe(0);
});

test('fractions of seconds are dropped', () => {
  const tree = dir(
    { a: file('', { sec: -1, nsec: 5 }), b: file('', { sec: 3 }) },
    { sec: 2, nsec: 999_999_999 },
  );
  expect(dropFractions(tree)).toBe(2);
  expect(render(tree)).toEqual(
    render(dir({ a: file('', { sec: -1 }), b: file('', { sec: 3 }) }, { sec: 2 })),
  );
});
