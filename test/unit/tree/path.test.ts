import { describe, expect, test } from 'vitest';
import { type ByteString, byteString } from '../../../src/bytes/byte-string.ts';
import type { ErrorCode, PlanishError } from '../../../src/errors.ts';
import {
  baseName,
  checkSymlinkTarget,
  normalizePath,
  parentPath,
  quotePath,
  splitPath,
} from '../../../src/tree/path.ts';

function failure(action: () => unknown): PlanishError {
  try {
    action();
  } catch (error) {
    return error as PlanishError;
  }
  throw new Error('nothing was thrown');
}

const long = 'n'.repeat(255);
/** 15 components of 255 bytes and one of 254: with all slashes exactly 4095 bytes. */
const longest = `${`${long}/`.repeat(15)}${'n'.repeat(254)}`;

describe('normalizePath', () => {
  test.each<[string, string]>([
    ['a', '/a'],
    ['a/b/c', '/a/b/c'],
    ['/a/b', '/a/b'],
    ['./a/b', '/a/b'],
    ['a/b/', '/a/b'],
    ['./a/b/', '/a/b'],
    ['//a///b//', '/a/b'],
    ['././a', '/a'],
    ['/./a', '/a'],
    ['.//a', '/a'],
    ['a/./b', '/a/b'],
    ['a/.', '/a'],
    ['.', '/'],
    ['./', '/'],
    ['/', '/'],
    ['//', '/'],
    ['/.', '/'],
    ['././', '/'],
    ['..a', '/..a'],
    ['a..', '/a..'],
    ['...', '/...'],
    ['.a/.b', '/.a/.b'],
    ['a/..b/c', '/a/..b/c'],
    ['\xff/\xc3', '/\xff/\xc3'],
    ['a\nb', '/a\nb'],
    [long, `/${long}`],
    [longest, `/${longest}`],
    [`d/.wh.${long}`, `/d/.wh.${long}`],
  ])('%j is %j', (name, expected) => {
    expect(normalizePath(byteString(name))).toBe(expected);
  });

  test.each<[string, ErrorCode, string | undefined]>([
    ['', 'PATH_INVALID', undefined],
    ['a\0b', 'PATH_INVALID', undefined],
    ['\0', 'PATH_INVALID', undefined],
    ['a/\0', 'PATH_INVALID', undefined],
    ['..', 'PATH_ESCAPES_ROOT', undefined],
    ['../a', 'PATH_ESCAPES_ROOT', undefined],
    ['/..', 'PATH_ESCAPES_ROOT', undefined],
    ['a/../b', 'PATH_ESCAPES_ROOT', undefined],
    ['a/..', 'PATH_ESCAPES_ROOT', undefined],
    ['a/../', 'PATH_ESCAPES_ROOT', undefined],
    ['./../a', 'PATH_ESCAPES_ROOT', undefined],
    [`${long}n`, 'LIMIT_EXCEEDED', 'nameBytes'],
    [`a/${long}n/b`, 'LIMIT_EXCEEDED', 'nameBytes'],
    [`.//${long}n`, 'LIMIT_EXCEEDED', 'nameBytes'],
    [`.wh.${long}n`, 'LIMIT_EXCEEDED', 'nameBytes'],
    [`${longest}n`, 'LIMIT_EXCEEDED', 'pathBytes'],
    [`.//${longest}n`, 'LIMIT_EXCEEDED', 'pathBytes'],
    ['a/'.repeat(2048), 'LIMIT_EXCEEDED', 'pathBytes'],
  ])('refuses case %#', (name, code, limit) => {
    const error = failure(() => normalizePath(byteString(name)));
    expect([error.code, error.detail.limit]).toEqual([code, limit]);
  });

  test('quotes a hostile path cut and escaped', () => {
    const error = failure(() => normalizePath(byteString(`\x1b[2J${'a'.repeat(5000)}`)));
    expect(error.detail).toEqual({
      path: `\\x1b[2J${'a'.repeat(252)}…`,
      limit: 'pathBytes',
      expected: 4095,
      actual: 5005,
    });
  });
});

describe('parts of a path', () => {
  test.each<[string, string, string, string[]]>([
    ['/a', '/', 'a', ['a']],
    ['/a/b', '/a', 'b', ['a', 'b']],
    ['/a/b/c', '/a/b', 'c', ['a', 'b', 'c']],
  ])('of %s', (path, parent, base, components) => {
    const bytes = byteString(path);
    expect([parentPath(bytes), baseName(bytes), splitPath(bytes)]).toEqual([parent, base, components]);
  });

  test('the root has neither name nor components', () => {
    expect([baseName(byteString('/')), splitPath(byteString('/'))]).toEqual(['', []]);
  });
});

describe('checkSymlinkTarget', () => {
  const at = byteString('/link');

  test.each(['x', '..', '/etc/../etc', '\xff', 't'.repeat(4095)])('takes case %#', (target) => {
    expect(checkSymlinkTarget(byteString(target), at)).toBeUndefined();
  });

  test.each<[string, ErrorCode]>([
    ['', 'PATH_INVALID'],
    ['a\0', 'PATH_INVALID'],
    ['t'.repeat(4096), 'LIMIT_EXCEEDED'],
  ])('refuses case %#', (target, code) => {
    const error = failure(() => checkSymlinkTarget(byteString(target), at));
    expect([error.code, error.detail.path]).toEqual([code, '/link']);
  });
});

test('quotePath cuts after 256 bytes', () => {
  const path = '/\xff'.padEnd(256, 'x');
  expect(quotePath(path)).toBe(`/\\xff${'x'.repeat(254)}`);
  expect(quotePath(`${path}x` as ByteString)).toBe(`/\\xff${'x'.repeat(254)}…`);
});
