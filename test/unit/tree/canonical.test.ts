import { describe, expect, test } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import type { PlanishError } from '../../../src/errors.ts';
import { type CanonicalOptions, canonicalize } from '../../../src/tree/canonical.ts';
import { flatten } from '../../../src/tree/flatten.ts';
import type { Directory, RegularFile } from '../../../src/tree/tree.ts';
import { lookup } from '../../../src/tree/walk.ts';
import type { Warning } from '../../../src/warnings.ts';
import {
  device,
  dir,
  external,
  fifo,
  file,
  layers,
  put,
  render,
  socket,
  symlink,
} from '../../support/tree-builder.ts';

function run(root: Directory, options: CanonicalOptions = {}): { tree: string[]; warnings: Warning[] } {
  const warnings: Warning[] = [];
  const onWarning = (warning: Warning): void => {
    warnings.push(warning);
  };
  return { tree: render(canonicalize(root, { ...options, onWarning })), warnings };
}

function failure(root: Directory): PlanishError {
  try {
    canonicalize(root);
  } catch (error) {
    return error as PlanishError;
  }
  throw new Error('nothing was thrown');
}

describe('what stays', () => {
  const meta = { mode: 0o6711, uid: 7, gid: 2 ** 32 - 1, sec: 5, xattrs: { 'security.selinux': 'l\0' } };
  const shared = file(external(1000, 'x'), meta);
  const root = dir(
    {
      z: shared,
      d: dir({ link: shared, s: symlink('a', meta) }, meta),
      c: device('character', 0, 0, meta),
      p: fifo(meta),
      '\xff': file('inline', meta),
    },
    meta,
  );

  test('everything, without a warning', () => {
    const { tree, warnings } = run(root);
    expect(tree).toEqual(render(root));
    expect(warnings).toEqual([]);
  });

  test('hard links and content; the input is left alone', () => {
    const before = render(root);
    const copy = canonicalize(root, { clampMtime: { sec: 1, nsec: 0 } });
    const [z, link] = [lookup(copy, byteString('/z')), lookup(copy, byteString('/d/link'))];
    expect(z).toBe(link);
    expect(z).not.toBe(shared);
    expect((z as RegularFile).content).toBe(shared.content);
    expect(render(root)).toEqual(before);
  });

  test('children stand in byte order', () => {
    expect([...canonicalize(root).children.keys()]).toEqual(['c', 'd', 'p', 'z', '\xff']);
  });

  test('attributes stand in byte order', () => {
    const copy = canonicalize(dir({}, { xattrs: { 'user.b': '1', 'user.a': '2', 'user.B': '3' } }));
    expect([...copy.metadata.xattrs.keys()]).toEqual(['user.B', 'user.a', 'user.b']);
  });
});

describe('times', () => {
  test('are rounded down, raised to 1970, and counted by inode', () => {
    const shared = file('', { sec: 9, nsec: 999_999_999 });
    const root = dir(
      { a: shared, b: shared, c: file('', { sec: -5, nsec: 5 }), d: file('', { sec: 3 }) },
      { sec: -1 },
    );
    const { tree, warnings } = run(root);
    const rounded = file('', { sec: 9 });
    expect(tree).toEqual(render(dir({ a: rounded, b: rounded, c: file(), d: file('', { sec: 3 }) })));
    expect(warnings).toEqual([
      { code: 'TIME_ADJUSTED', message: '3 times were rounded to a whole second from 1970 on' },
    ]);
  });

  test('one adjusted time is told in the singular', () => {
    expect(run(dir({}, { nsec: 1 })).warnings).toEqual([
      { code: 'TIME_ADJUSTED', message: '1 time was rounded to a whole second from 1970 on' },
    ]);
  });

  test('are clamped all alike', () => {
    const root = dir(
      { a: file('', { sec: 99 }), b: file('', { sec: 100 }), c: file('', { sec: 101 }) },
      { sec: 500 },
    );
    const { tree, warnings } = run(root, { clampMtime: { sec: 100, nsec: 5 } });
    expect(tree).toEqual(
      render(
        dir({ a: file('', { sec: 99 }), b: file('', { sec: 100 }), c: file('', { sec: 100 }) }, { sec: 100 }),
      ),
    );
    expect(warnings).toEqual([]);
  });

  test('are clamped by path, of a hard link by its first path', () => {
    const shared = file('', { sec: 50 });
    const root = dir({ a: dir({ f: shared }, { sec: 50 }), b: shared, c: file('', { sec: 50 }) });
    const asked: string[] = [];
    const { tree } = run(root, {
      clampMtime: (path) => {
        asked.push(path);
        return path === '/a/f' ? { sec: 7, nsec: 0 } : undefined;
      },
    });
    const clamped = file('', { sec: 7 });
    expect(tree).toEqual(
      render(dir({ a: dir({ f: clamped }, { sec: 50 }), b: clamped, c: file('', { sec: 50 }) })),
    );
    expect(asked).toEqual(['/', '/a', '/a/f', '/c']);
  });

  test('are never clamped below 1970', () => {
    expect(run(dir({}, { sec: 5 }), { clampMtime: { sec: -3, nsec: 0 } }).tree).toEqual(render(dir()));
  });
});

describe('what goes', () => {
  test('sockets, each told, also under several names', () => {
    const s = socket();
    const { tree, warnings } = run(dir({ a: s, d: dir({ b: s }) }));
    expect(tree).toEqual(render(dir({ d: dir() })));
    expect(warnings).toEqual([
      { code: 'SOCKET_SKIPPED', message: '/a is a socket and was left out', path: '/a' },
      { code: 'SOCKET_SKIPPED', message: '/d/b is a socket and was left out', path: '/d/b' },
    ]);
  });

  test('attributes that the caller drops, even unrepresentable ones', () => {
    const root = dir({ f: file('', { xattrs: { 'user.a=b': '1', 'user.c': '2' } }) });
    const { tree } = run(root, { dropXattr: (name) => name.includes('=') });
    expect(tree).toEqual(render(dir({ f: file('', { xattrs: { 'user.c': '2' } }) })));
  });
});

describe('what cannot be shipped', () => {
  test.each<[string, Directory, string]>([
    [
      'a whiteout',
      dir({ d: dir({ '.wh.x': file() }) }),
      '/d/.wh.x has a name that layers reserve for whiteouts',
    ],
    ['a directory named so', dir({ '.wh.': dir() }), '/.wh. has a name that layers reserve for whiteouts'],
    [
      'an attribute with =',
      dir({ f: file('', { xattrs: { 'user.a=b': '' } }) }),
      '/f has an extended attribute named "user.a=b", which no tar can carry',
    ],
    [
      'an attribute with NUL',
      dir({}, { xattrs: { 'user.\0': '' } }),
      '/ has an extended attribute named "user.\\x00", which no tar can carry',
    ],
    [
      'an attribute without a name',
      dir({}, { xattrs: { '': 'x' } }),
      '/ has an extended attribute named "", which no tar can carry',
    ],
  ])('%s', (_name, root, message) => {
    const error = failure(root);
    expect([error.code, error.message]).toEqual(['UNREPRESENTABLE', message]);
    expect(error.detail).toEqual({ path: message.split(' ')[0] });
  });
});

test('the canonical form of a flattened image', () => {
  const { root } = flatten(layers([put.dir('./', { nsec: 1 }), put.file('f', 'x', { sec: -1, uid: 3 })]));
  expect(run(root).tree).toEqual(render(dir({ f: file('x', { uid: 3 }) })));
});

test('attributes that are in order are shared, others are put in order', () => {
  const attributes = (...names: string[]) =>
    new Map(names.map((name) => [byteString(name), Uint8Array.of(1)]));
  const [sorted, unsorted] = [
    attributes('security.selinux', 'user.a'),
    attributes('user.a', 'security.selinux'),
  ];
  const root = dir({ f: file('x'), g: file('y') });
  const nodes = ['/f', '/g'].map((path) => lookup(root, byteString(path)) as RegularFile);
  for (const [index, node] of nodes.entries()) {
    node.metadata = { ...node.metadata, xattrs: index === 0 ? sorted : unsorted };
  }
  const shipped = canonicalize(root);
  const [f, g] = ['/f', '/g'].map((path) => lookup(shipped, byteString(path))?.metadata.xattrs);
  expect(f).toBe(sorted);
  expect([...(g?.keys() ?? [])]).toEqual(['security.selinux', 'user.a']);
});
