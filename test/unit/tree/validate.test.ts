import { describe, expect, test } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import { verityDigest } from '../../../src/bytes/digest.ts';
import type { ErrorCode, PlanishError } from '../../../src/errors.ts';
import type { Content, Directory } from '../../../src/tree/tree.ts';
import { validateTree } from '../../../src/tree/validate.ts';
import { device, dir, external, fifo, file, type Meta, socket, symlink } from '../../support/tree-builder.ts';

function failure(root: Directory): PlanishError {
  try {
    validateTree(root);
  } catch (error) {
    return error as PlanishError;
  }
  throw new Error('nothing was thrown');
}

const big = (change: Partial<Extract<Content, { kind: 'external' }>>): Directory =>
  dir({ f: file({ ...external(100, 'x'), ...change }) });
const withMeta = (meta: Meta): Directory => dir({ d: dir({ f: file('', meta) }) });

function chain(depth: number, leaf: Directory): Directory {
  let root = leaf;
  for (let level = 0; level < depth; level++) root = dir({ d: root });
  return root;
}

test('everything at its limit is valid', () => {
  const most: Meta = {
    mode: 0o7777,
    uid: 2 ** 32 - 1,
    gid: 2 ** 32 - 1,
    sec: Number.MAX_SAFE_INTEGER,
    nsec: 999_999_999,
  };
  const least: Meta = { mode: 0, sec: Number.MIN_SAFE_INTEGER };
  const children = {
    ['n'.repeat(255)]: file('', most),
    '\xff': file('', least),
    '...': symlink('t'.repeat(4095)),
    '.wh.x': fifo(),
    s: socket(),
    c: device('character', 4095, 1_048_575),
    b: device('block', 0, 0),
    x: file('', { xattrs: { ['x'.repeat(255)]: new Uint8Array(65_536), 'a=b': '' } }),
    big: file(external(2 ** 43, 'x')),
    none: file({ ...external(0, 'x'), verity: undefined, payload: byteString('a/b') }),
    short: file(external(65, 'x', 'sha256')),
  };
  expect(validateTree(dir(children, most))).toBeUndefined();
  expect(validateTree(chain(2048, dir()))).toBeUndefined();
  const shared = file();
  expect(validateTree(dir({ a: shared, b: shared }))).toBeUndefined();
});

describe('refused', () => {
  test.each<[string, Directory, ErrorCode, string]>([
    ['an empty name', dir({ d: dir({ '': file() }) }), 'PATH_INVALID', '/d/'],
    ['the name .', dir({ '.': file() }), 'PATH_INVALID', '/.'],
    ['the name ..', dir({ '..': dir() }), 'PATH_INVALID', '/..'],
    ['a name with a slash', dir({ 'a/b': file() }), 'PATH_INVALID', '/a/b'],
    ['a name with NUL', dir({ 'a\0': file() }), 'PATH_INVALID', '/a\\x00'],
    ['a name that is text', dir({ '\u0101': file() }), 'PATH_INVALID', '/\\x01'],
    ['a name of 256 bytes', dir({ ['n'.repeat(256)]: file() }), 'PATH_INVALID', `/${'n'.repeat(255)}…`],
    ['an empty target', dir({ s: symlink('') }), 'PATH_INVALID', '/s'],
    ['a target with NUL', dir({ s: symlink('a\0') }), 'PATH_INVALID', '/s'],
    ['a target of 4096 bytes', dir({ s: symlink('t'.repeat(4096)) }), 'PATH_INVALID', '/s'],
    ['a negative size', big({ size: -1 }), 'UNREPRESENTABLE', '/f'],
    ['a fractional size', big({ size: 1.5 }), 'UNREPRESENTABLE', '/f'],
    ['a size above 8 TiB', big({ size: 2 ** 43 + 1 }), 'UNREPRESENTABLE', '/f'],
    ['an infinite size', big({ size: Infinity }), 'UNREPRESENTABLE', '/f'],
    ['a short digest', big({ verity: verityDigest('ab') }), 'UNREPRESENTABLE', '/f'],
    ['an upper-case digest', big({ verity: verityDigest('AB'.repeat(32)) }), 'UNREPRESENTABLE', '/f'],
    ['an empty backing path', big({ payload: byteString('') }), 'UNREPRESENTABLE', '/f'],
    ['a backing path with NUL', big({ payload: byteString('a\0') }), 'UNREPRESENTABLE', '/f'],
    ['a long backing path', big({ payload: byteString('p'.repeat(4096)) }), 'UNREPRESENTABLE', '/f'],
    ['a major number above 12 bits', dir({ c: device('character', 4096, 0) }), 'UNREPRESENTABLE', '/c'],
    ['a minor number above 20 bits', dir({ c: device('block', 0, 2 ** 20) }), 'UNREPRESENTABLE', '/c'],
    ['a negative device number', dir({ c: device('block', -1, 0) }), 'UNREPRESENTABLE', '/c'],
    ['type bits in a mode', withMeta({ mode: 0o100644 }), 'UNREPRESENTABLE', '/d/f'],
    ['a negative mode', withMeta({ mode: -1 }), 'UNREPRESENTABLE', '/d/f'],
    ['a uid above 32 bits', withMeta({ uid: 2 ** 32 }), 'UNREPRESENTABLE', '/d/f'],
    ['a negative gid', withMeta({ gid: -1 }), 'UNREPRESENTABLE', '/d/f'],
    ['a fractional time', withMeta({ sec: 0.5 }), 'UNREPRESENTABLE', '/d/f'],
    ['a time that is no number', withMeta({ sec: Number.NaN }), 'UNREPRESENTABLE', '/d/f'],
    ['a time beyond safe integers', withMeta({ sec: 2 ** 53 }), 'UNREPRESENTABLE', '/d/f'],
    ['a billion nanoseconds', withMeta({ nsec: 1_000_000_000 }), 'UNREPRESENTABLE', '/d/f'],
    ['negative nanoseconds', withMeta({ nsec: -1 }), 'UNREPRESENTABLE', '/d/f'],
    ['an attribute without a name', withMeta({ xattrs: { '': '' } }), 'UNREPRESENTABLE', '/d/f'],
    ['an attribute name with NUL', withMeta({ xattrs: { 'user.\0': '' } }), 'UNREPRESENTABLE', '/d/f'],
    [
      'an attribute name of 256 bytes',
      withMeta({ xattrs: { ['x'.repeat(256)]: '' } }),
      'UNREPRESENTABLE',
      '/d/f',
    ],
    [
      'an attribute value of 65,537 bytes',
      withMeta({ xattrs: { 'user.a': new Uint8Array(65_537) } }),
      'UNREPRESENTABLE',
      '/d/f',
    ],
    ['a bad root', dir({}, { mode: 0o10000 }), 'UNREPRESENTABLE', '/'],
  ])('%s', (_name, root, code, path) => {
    const error = failure(root);
    expect([error.code, error.detail]).toEqual([code, { path }]);
  });

  test('directories below depth 2048', () => {
    const error = failure(chain(2049, dir()));
    expect([error.code, error.message.endsWith('lies deeper than the limit pathDepth')]).toEqual([
      'UNREPRESENTABLE',
      true,
    ]);
  });

  test('a directory with two names, and one inside itself', () => {
    const twice = dir();
    expect(failure(dir({ a: twice, b: twice })).message).toBe('/b is a directory that has another name too');
    const cycle = dir();
    cycle.children.set(byteString('self'), cycle);
    expect(failure(dir({ c: cycle })).message).toBe('/c/self is a directory that has another name too');
    expect(failure(cycle).code).toBe('UNREPRESENTABLE');
  });
});
