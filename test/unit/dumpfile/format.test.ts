import { describe, expect, test } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import { directoryDataSize } from '../../../src/dumpfile/directory-size.ts';
import { type FormatDumpOptions, formatDumpfile } from '../../../src/dumpfile/format.ts';
import { newDumpFacts } from '../../../src/tree/dump-facts.ts';
import type { Directory } from '../../../src/tree/tree.ts';
import { device, dir, external, fifo, file, socket, symlink } from '../../support/tree-builder.ts';

function lines(root: Directory, options?: FormatDumpOptions): string[] {
  const text = Buffer.concat([...formatDumpfile(root, options)]).toString('latin1');
  expect(text.endsWith('\n')).toBe(true);
  return text.slice(0, -1).split('\n');
}

const linked = file('x', { sec: 5 });
const sha512 = external(100, 'a');
const sha256 = external(100, 'a', 'sha256');
const object = (digest = ''): string => `${digest.slice(0, 2)}/${digest.slice(2)}`;

const TREE = dir({
  z: linked,
  'a b': linked,
  d: dir({ e: dir(), '-': symlink('-') }, { mode: 0o1777, uid: 1, gid: 2 }),
  'x=y': file(''),
  dash: file('-', { xattrs: { 'user.b=': '-', 'user.a': '=\0' } }),
  big: file(sha512, { sec: -1, nsec: 999_999_999 }),
  c: device('character', 0xfff, 0xfffff),
  p: fifo(),
  s: socket(),
});

describe('composefs-rs', () => {
  test('every kind of line', () => {
    expect(lines(TREE)).toEqual([
      '/ 0 40755 3 0 0 0 0.0 - - -',
      '/a\\x20b 1 100644 2 0 0 0 5.0 - x -',
      `/big 100 100644 1 0 0 0 -1.999999999 ${object(sha512.verity)} - ${sha512.verity}`,
      '/c 0 20600 1 0 0 4294967295 0.0 - - -',
      '/d 0 41777 3 1 2 0 0.0 - - -',
      '/d/- 1 120777 1 0 0 0 0.0 \\x2d - -',
      '/d/e 0 40755 2 0 0 0 0.0 - - -',
      '/dash 1 100644 1 0 0 0 0.0 - \\x2d - user.a=\\x3d\\x00 user.b\\x3d=-',
      '/p 0 10644 1 0 0 0 0.0 - - -',
      '/s 0 140755 1 0 0 0 0.0 - - -',
      '/x=y 0 100644 1 0 0 0 0.0 - - -',
      '/z 0 @120000 - - - - 0.0 /a\\x20b - -',
    ]);
  });
});

describe('composefs-info', () => {
  test('hard links repeat their target, directories have a size, attributes keep their order', () => {
    const all = lines(TREE, { style: 'composefs-info', version: 2 });
    expect(all[0]).toBe('/ 153 40755 3 0 0 0 0.0 - - -');
    expect(all[4]).toBe('/d 53 41777 3 1 2 0 0.0 - - -');
    expect(all[7]).toBe('/dash 1 100644 1 0 0 0 0.0 - \\x2d - user.b\\x3d=- user.a=\\x3d\\x00');
    expect(all[11]).toBe('/z 1 @100644 2 0 0 0 5.0 /a\\x20b x -');
  });

  test('a digest of SHA-512 is not shown, one of SHA-256 is, a payload is as given', () => {
    const root = dir({
      a: file(sha512),
      b: file(sha256),
      c: file({ ...sha256, payload: byteString('x y') }),
      d: file({ ...sha256, payload: byteString('') }),
      e: file({ ...sha256, verity: undefined }),
    });
    expect(lines(root, { style: 'composefs-info' }).slice(1)).toEqual([
      `/a 100 100644 1 0 0 0 0.0 ${object(sha512.verity)} - -`,
      `/b 100 100644 1 0 0 0 0.0 ${object(sha256.verity)} - ${sha256.verity}`,
      `/c 100 100644 1 0 0 0 0.0 x\\x20y - ${sha256.verity}`,
      `/d 100 100644 1 0 0 0 0.0 - - ${sha256.verity}`,
      '/e 100 100644 1 0 0 0 0.0 - - -',
    ]);
  });

  test('a given link count is shown', () => {
    const leaf = file();
    const facts = newDumpFacts();
    facts.nlink.set(leaf, 9);
    expect(lines(dir({ leaf }), { style: 'composefs-info', facts })[1]).toBe(
      '/leaf 0 100644 9 0 0 0 0.0 - - -',
    );
    expect(lines(dir({ leaf }), { facts })[1]).toBe('/leaf 0 100644 1 0 0 0 0.0 - - -');
  });
});

test('pieces are at most 64 KiB, but for a longer line', () => {
  const children = Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`file-${at}`, file()]));
  const long = file('', { xattrs: { 'user.long': 'x'.repeat(100_000) } });
  const pieces = [...formatDumpfile(dir({ ...children, long }))];
  const sizes = pieces.map((piece) => piece.length);
  expect(sizes.filter((size) => size > 65_536)).toEqual([100_044]);
  expect(Math.min(...sizes.slice(0, -2))).toBeGreaterThan(65_000);
});

describe('directoryDataSize', () => {
  const names = (count: number, length: number): ReturnType<typeof byteString>[] =>
    Array.from({ length: count }, (_, at) => byteString(String(at).padStart(length, '0')));

  test.each([
    ['nothing', 0, 1, 27],
    ['one name', 1, 1, 40],
    ['a tail of 2048 bytes', 47, 31, 2048],
    ['a full block and a tail', 94, 32, 4096 + 88],
  ])('%s', (_, count, length, size) => {
    expect(directoryDataSize(names(count, length), false)).toBe(size);
  });

  test('a tail above 2048 bytes is a block', () => {
    expect(directoryDataSize([...names(46, 31), byteString('x'.repeat(32))], false)).toBe(4096);
  });

  test('the stubs of a root', () => {
    expect(directoryDataSize([], true)).toBe(4096);
    expect(directoryDataSize([byteString('00')], true)).toBe(4096);
    expect(directoryDataSize(names(40, 20), true)).toBe(4096 + 798);
  });
});
