/** Images that lie, made by changing a good one in one place. */
import { describe, expect, test } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import { ErofsImage } from '../../../src/erofs/image.ts';
import { bufferView } from '../../../src/erofs/image-view.ts';
import { decodeImage } from '../../../src/erofs/reader.ts';
import { encodeImage } from '../../../src/erofs/writer.ts';
import type { ErrorCode } from '../../../src/errors.ts';
import { LIMITS } from '../../../src/limits.ts';
import { dir, external, file, symlink } from '../../support/tree-builder.ts';

const TREE = dir({
  d: dir({ e: dir() }),
  big: file(external(100_000, 'e')),
  f: file('hello', { xattrs: { 'user.a': 'b' }, sec: 5 }),
  g: file('', { xattrs: { 'user.shared': 'value' } }),
  h: file('', { xattrs: { 'user.shared': 'value' } }),
  l: symlink('target', { sec: 5 }),
});
const V1 = encodeImage(TREE, { version: 1, algorithm: 'sha512' });
const V2 = encodeImage(TREE, { version: 2, algorithm: 'sha512' });

/** Where the inode of a path starts. */
function inodeAt(image: Uint8Array, path: string): number {
  const entry = new ErofsImage(bufferView(image)).lookup(byteString(path));
  if (entry === undefined) throw new Error(`no ${path}`);
  return entry.inode.nid * 32;
}

/** A copy with a little-endian number written into it. */
function patched(image: Uint8Array, offset: number, value: number, length = 1): Uint8Array {
  const copy = Buffer.from(image);
  let rest = value;
  for (let at = 0; at < length; at++) {
    copy[offset + at] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return copy;
}

function refused(image: Uint8Array, code: ErrorCode, message: string): void {
  expect(() => decodeImage(image)).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(message) }),
  );
}

test('the images are good', () => {
  expect([decodeImage(V1).root.children.size, decodeImage(V2).root.children.size]).toEqual([6, 6]);
});

describe('superblock', () => {
  test.each([
    ['magic of the header', 0, 'no composefs image'],
    ['version of the header', 4, 'header version'],
    ['flags', 9, 'flags'],
    ['version', 12, 'not 0, 1 or 2'],
    ['magic of EROFS', 1024, 'no EROFS image'],
    ['compatible features', 1024 + 9, 'compatible features'],
    ['block size', 1024 + 12, 'block size'],
    ['extension', 1024 + 13, 'extended'],
    ['blocks', 1024 + 36, 'says it has'],
    ['first inode', 1024 + 40, 'do not count from the start'],
    ['shared attributes', 1024 + 46, 'outside the image'],
    ['incompatible features', 1024 + 80, 'needs features'],
    ['compression', 1024 + 84, 'compressed'],
    ['devices', 1024 + 86, 'several devices'],
    ['size of directory blocks', 1024 + 90, 'directory blocks'],
    ['prefixes', 1024 + 91, 'prefixes'],
    ['packed inode', 1024 + 96, 'packed'],
  ])('%s', (_, offset, message) => {
    refused(patched(V1, offset, 99), 'EROFS_BAD_SUPERBLOCK', message);
  });

  test('no root', () => refused(patched(V1, 1024 + 14, 0xffff, 2), 'EROFS_BAD_SUPERBLOCK', 'root'));
  test('a build time beyond 2^53', () =>
    refused(patched(V1, 1024 + 30, 0x70, 1), 'EROFS_BAD_SUPERBLOCK', 'build time'));

  test('every truncation', () => {
    for (let length = 0; length < V2.length; length++)
      expect(() => decodeImage(V2.subarray(0, length))).toThrow(
        expect.objectContaining({ code: 'EROFS_BAD_SUPERBLOCK' }),
      );
  });

  test('an image above 1 GiB is not looked at', () => {
    const view = { size: LIMITS.erofsBytes + 1, bytes: () => new Uint8Array(0) };
    expect(() => new ErofsImage(view)).toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }));
  });
});

describe('inodes', () => {
  const root = inodeAt(V2, '/');
  const f = inodeAt(V2, '/f');
  const big = inodeAt(V2, '/big');
  const l = inodeAt(V2, '/l');

  test.each([
    ['an unknown format', f + 1, 1, 1, 'unknown format'],
    ['a compressed layout', f, 3, 1, 'layout'],
    ['no type', f + 4, 0, 2, 'no known type'],
    ['a time beyond 2^53', f + 39, 0x70, 1, '2^53'],
    ['more attributes than image', f + 2, 0xffff, 2, 'outside'],
    ['more content than image', f + 8, 0xffffffff, 4, 'more content'],
    ['content that starts in the superblock', f, 1, 1, 'outside the image'],
    ['blocks outside the image', f + 8, 4096, 2, 'outside the image'],
    ['a directory in chunks', root, 9, 1, 'no regular file'],
    ['a symlink without length', l + 8, 0, 1, 'valid length'],
    ['a file of 2^60 bytes', big + 15, 0x10, 1, 'below 2^53'],
    ['chunk indexes', big + 16, 0x20 + 31, 1, 'chunk indexes'],
    ['a link count of a directory', root + 44, 9, 1, 'link count of 9'],
  ])('%s', (_, offset, value, length, message) => {
    refused(patched(V2, offset, value, length), 'EROFS_BAD_INODE', message);
  });

  test('a root that is a file', () =>
    refused(patched(V2, root + 5, 0x81, 1), 'EROFS_BAD_INODE', 'no directory'));
  test('a root before the first inode', () =>
    refused(patched(V2, 1024 + 14, 35, 1), 'EROFS_BAD_INODE', 'before'));
  test('a root behind the end', () =>
    refused(patched(V2, 1024 + 14, 0x7fff, 2), 'EROFS_BAD_INODE', 'outside'));

  test('a chunk with an address', () => {
    const entry = new ErofsImage(bufferView(V2)).inode(big / 32).tailOffset;
    refused(patched(V2, entry, 1, 4), 'EROFS_BAD_INODE', 'no hole');
  });

  test('content both inside and outside', () => {
    refused(patched(V2, big, 5, 1), 'EROFS_BAD_INODE', 'more content than');
    refused(patched(patched(V2, big, 5, 1), big + 8, 4, 4), 'EROFS_BAD_INODE', 'both');
  });

  test('content that overlaps', () => {
    const files = Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`f${at}`, file()]));
    let image = encodeImage(dir(files), { version: 1, algorithm: 'sha512' });
    for (let at = 0; at < 40; at++) {
      const inode = inodeAt(image, `/f${at}`);
      image = patched(patched(image, inode + 16, 1, 4), inode + 8, 8192, 4);
    }
    refused(image, 'EROFS_BAD_INODE', 'overlap');
  });
});

describe('directories', () => {
  const root = inodeAt(V2, '/');
  const d = inodeAt(V2, '/d');
  const data = new ErofsImage(bufferView(V2)).inode(root / 32).tailOffset;
  const dData = new ErofsImage(bufferView(V2)).inode(d / 32).tailOffset;
  const nid = (path: string): number => inodeAt(V2, path) / 32;
  /** Entries of the root: . .. big d f g h l */
  const entry = (index: number): number => data + 12 * index;
  const names = data + 12 * 8;

  test.each([
    ['no entries', data + 8, 0, 2, 'without valid entries'],
    ['half an entry', data + 8, 13, 2, 'without valid entries'],
    ['more entries than data', data + 8, 12 * 300, 2, 'without valid entries'],
    ['a name that ends before it starts', entry(2) + 8, 200, 2, 'without a valid name'],
    ['a name inside the entries', entry(2) + 8, 12, 2, 'without a valid name'],
    ['a slash', names + 3, 0x2f, 1, 'no file can have'],
    ['a NUL', names + 4, 0, 1, 'no file can have'],
    ['names out of order', names + 3, 0x7a, 1, 'ascending'],
    ['a name twice', names + 8, 0x66, 1, 'ascending'],
    ['no "."', names, 0x2d, 1, 'lacks'],
    ['"." elsewhere', entry(0), nid('/d'), 8, '"."'],
    ['".." elsewhere', dData + 12, nid('/d'), 8, '".."'],
    ['an entry of another type', entry(3) + 10, 1, 1, 'wrong type'],
  ])('%s', (_, offset, value, length, message) => {
    refused(patched(V2, offset, value, length), 'EROFS_BAD_DIRECTORY', message);
  });

  test('a directory of two names', () => {
    const twice = patched(patched(V2, entry(4), nid('/d'), 8), entry(4) + 10, 2);
    refused(twice, 'EROFS_BAD_INODE', 'several names');
  });

  test('a directory inside itself', () => {
    refused(patched(V2, dData + 24, nid('/d'), 8), 'EROFS_BAD_INODE', 'several names');
    refused(patched(V2, dData + 24, root / 32, 8), 'EROFS_BAD_INODE', 'several names');
  });

  test('an entry behind the end, and one beyond all numbers', () => {
    refused(patched(V2, entry(4), 0xffff, 2), 'EROFS_BAD_INODE', 'outside');
    refused(patched(V2, entry(4) + 7, 0xff, 1), 'EROFS_BAD_INODE', 'outside');
  });
});

describe('attributes', () => {
  const at = (path: string): number =>
    new ErofsImage(bufferView(V2)).inode(inodeAt(V2, path) / 32).xattrOffset;
  const own = at('/f') + 12;
  const metacopy = at('/big') + 12;

  test.each([
    ['more shared ones than fit', at('/f') + 4, 200, 1, 'than their list holds'],
    ['an entry that is too long', own + 2, 100, 2, 'passes the end'],
    ['an unknown prefix', own + 1, 7, 1, 'unknown name prefix'],
    ['a name with a NUL', own + 4, 0, 1, 'no attribute can have'],
    ['a metacopy of another version', metacopy + 4 + 16, 1, 1, 'metacopy'],
    ['a metacopy of another length', metacopy + 4 + 17, 36, 1, 'metacopy'],
    ['a metacopy with flags', metacopy + 4 + 18, 1, 1, 'metacopy'],
    ['a metacopy of another hash', metacopy + 4 + 19, 1, 1, 'metacopy'],
    ['a shared one outside the image', at('/g') + 12, 0xffffffff, 4, 'outside the image'],
  ])('%s', (_, offset, value, length, message) => {
    refused(patched(V2, offset, value, length), 'EROFS_BAD_XATTR', message);
  });

  test('a name of no bytes', () => {
    const image = patched(patched(V2, own, 0, 1), own + 1, 0, 1);
    refused(image, 'EROFS_BAD_XATTR', '');
  });

  test('digests of two algorithms', () => {
    const value = Buffer.alloc(36, 7);
    value.set([0, 36, 0, 1]);
    const bare = { ...external(100, 'b'), verity: undefined };
    const tree = dir({
      a: file(external(100, 'a')),
      b: file(bare, { xattrs: { 'user.overlay.metacopy': value } }),
    });
    const image = encodeImage(tree, { version: 2, algorithm: 'sha512' });
    const second = new ErofsImage(bufferView(image)).inode(inodeAt(image, '/b') / 32).xattrOffset + 12 + 20;
    expect([image[second], image[second + 1]]).toEqual([16, 1]);
    refused(patched(image, second + 1, 4), 'EROFS_BAD_XATTR', 'another algorithm');
  });
});
