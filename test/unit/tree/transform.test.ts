import { describe, expect, test } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import type { PlanishError } from '../../../src/errors.ts';
import { type TransformReport, transformForContainer, type XattrMode } from '../../../src/tree/transform.ts';
import type { Directory } from '../../../src/tree/tree.ts';
import { lookup } from '../../../src/tree/walk.ts';
import { dir, file, type Meta, render, symlink } from '../../support/tree-builder.ts';

const xattrs = { 'security.capability': '\x01\0', 'user.a': '1', 'security.selinux': 's', 'trusted.t': 't' };
const usr: Meta = { mode: 0o1711, uid: 3, gid: 4, sec: 1000, nsec: 77, xattrs };
const kept = { 'security.capability': '\x01\0' };
const UNCHANGED: TransformReport = {
  rootChanged: false,
  runEntriesRemoved: 0,
  runTimeChanged: false,
  xattrsFiltered: 0,
};

describe('the root', () => {
  test('takes all of /usr, to the nanosecond', () => {
    const { root, report } = transformForContainer(dir({ usr: dir({}, usr) }, { uid: 9, sec: 5 }));
    const expected: Meta = { ...usr, xattrs: kept };
    expect(render(root)).toEqual(render(dir({ usr: dir({}, expected) }, expected)));
    expect(report).toEqual({ ...UNCHANGED, rootChanged: true, xattrsFiltered: 2 });
  });

  test('that is as /usr already counts as unchanged', () => {
    expect(transformForContainer(dir({ usr: dir() })).report).toEqual(UNCHANGED);
  });
});

describe('/run', () => {
  test('is emptied and takes the time of /usr alone', () => {
    const runMeta: Meta = { mode: 0o700, uid: 1, gid: 2, sec: 5, nsec: 6, xattrs: kept };
    const tree = dir({
      run: dir({ a: file(), d: dir({ e: file() }) }, runMeta),
      usr: dir({}, { sec: 10, nsec: 20 }),
    });
    const { root, report } = transformForContainer(tree);
    const meta: Meta = { sec: 10, nsec: 20 };
    expect(render(root)).toEqual(
      render(dir({ run: dir({}, { ...runMeta, ...meta }), usr: dir({}, meta) }, meta)),
    );
    expect(report).toEqual({
      rootChanged: true,
      runEntriesRemoved: 2,
      runTimeChanged: true,
      xattrsFiltered: 0,
    });
  });

  test('need not be there', () => {
    expect(transformForContainer(dir({ usr: dir(), var: dir() })).report).toEqual(UNCHANGED);
  });

  test('below another directory stays as it is', () => {
    const tree = dir({ usr: dir({ run: dir({ f: file() }, { sec: 5 }) }) });
    expect(render(transformForContainer(tree).root)).toEqual(render(tree));
  });

  test('gives up its names of a file that has others', () => {
    const shared = file('x');
    const { root } = transformForContainer(
      dir({ run: dir({ f: shared }), usr: dir({ f: shared, g: shared }) }),
    );
    expect(render(root)).toEqual(
      render(
        (() => {
          const f = file('x');
          return dir({ run: dir(), usr: dir({ f, g: f }) });
        })(),
      ),
    );
  });
});

describe('extended attributes', () => {
  test.each<[XattrMode | undefined, readonly string[]]>([
    [undefined, ['security.capability']],
    ['allowlist-only', ['security.capability']],
    ['keep-user-xattrs', ['security.capability', 'user.', 'user.a']],
  ])('%s', (mode, names) => {
    const all = {
      'security.capability': '1',
      'security.capability2': '2',
      'security.ima': '3',
      'security.selinux': '4',
      'system.posix_acl_access': '5',
      'trusted.overlay.opaque': '6',
      'user.': '7',
      'user.a': '8',
      username: '9',
    };
    const tree = dir({ usr: dir({ f: file('', { xattrs: all }), s: symlink('x', { xattrs: all }) }) });
    const { root, report } = transformForContainer(tree, { xattrs: mode });
    for (const path of ['/usr/f', '/usr/s']) {
      expect([...(lookup(root, byteString(path))?.metadata.xattrs.keys() ?? [])].sort()).toEqual(names);
    }
    expect(report.xattrsFiltered).toBe(2);
  });

  test('of a hard link are filtered, and counted, once', () => {
    const shared = file('', { xattrs: { 'user.a': '1' } });
    const { root, report } = transformForContainer(dir({ usr: dir({ a: shared, b: shared }) }));
    expect(report.xattrsFiltered).toBe(1);
    expect(lookup(root, byteString('/usr/a'))).toBe(lookup(root, byteString('/usr/b')));
  });
});

test('the input is left alone', () => {
  const shared = file('', usr);
  const tree = dir({ run: dir({ f: shared }), usr: dir({ f: shared }, usr) }, { uid: 9 });
  const before = render(tree);
  transformForContainer(tree);
  expect(render(tree)).toEqual(before);
});

const NO_DIRECTORY = 'not a directory, so hosts compute no digest of the tree';

test.each<[string, Directory, string, string]>([
  ['no /usr', dir({ bin: dir() }), '/usr', 'the tree has no /usr, so hosts compute no digest of it'],
  ['a symlink /usr', dir({ usr: symlink('x') }), '/usr', `/usr is of type symlink, ${NO_DIRECTORY}`],
  ['a file /usr', dir({ usr: file() }), '/usr', `/usr is of type regular, ${NO_DIRECTORY}`],
  [
    'a symlink /run',
    dir({ usr: dir(), run: symlink('x') }),
    '/run',
    `/run is of type symlink, ${NO_DIRECTORY}`,
  ],
  ['a file /run', dir({ usr: dir(), run: file() }), '/run', `/run is of type regular, ${NO_DIRECTORY}`],
])('refuses a tree with %s', (_name, tree, path, message) => {
  try {
    transformForContainer(tree);
    expect.unreachable();
  } catch (error) {
    const { code, message: text, detail } = error as PlanishError;
    expect([code, text, detail]).toEqual(['HOST_TREE_INVALID', message, { path }]);
  }
});
