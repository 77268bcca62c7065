/** Numbers, checksums and text of one header block. */
import { describe, expect, it } from 'vitest';
import { archive, checksummed, failure, type RawFields, rawHeader, scan } from './support.ts';

const entryOf = (fields: RawFields) => scan(archive(rawHeader(fields))).found[0]?.entry;
const failureOf = (fields: RawFields) => failure(archive(rawHeader(fields)));
const bytes = (...values: number[]) => String.fromCharCode(...values);

describe('octal numbers', () => {
  it.each([
    ['0000644\0', 0o644],
    ['000644 \0', 0o644],
    ['   644 \0', 0o644],
    ['   644\0\0', 0o644],
    ['\x00\x00\x00644\x00\x00', 0o644],
    ['00000644', 0o644],
    ['644\0junk', 0o644],
    ['\0\0\0\0\0\0\0\0', 0],
    ['        ', 0],
    ['0100644\0', 0o644],
    ['7777777\0', 0o7777],
  ])('mode %j', (mode, expected) => {
    expect(entryOf({ mode })?.mode).toBe(expected);
  });

  it.each(['0000648\0', 'x000644\0', '000 644\0', '-000644\0', '+000644\0', '644 x\0\0\0'])(
    'refuses %j',
    (mode) => {
      expect(failureOf({ mode })).toMatchObject({ code: 'TAR_BAD_HEADER', offset: 0 });
    },
  );

  it('takes all eleven and twelve digits of a size', () => {
    expect(failureOf({ size: '77777777777' })).toMatchObject({ code: 'TAR_TRUNCATED' });
    expect(failureOf({ size: '777777777777' })).toMatchObject({ code: 'TAR_TRUNCATED' });
  });
});

describe('base-256 numbers', () => {
  it('takes owners up to 2^32-1', () => {
    const entry = entryOf({
      uid: bytes(0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff),
      gid: bytes(0x80, 0, 0, 0, 0, 0x20, 0, 0),
    });
    expect([entry?.uid, entry?.gid]).toEqual([4_294_967_295, 2 ** 21]);
  });

  it('refuses owners beyond, and negative ones', () => {
    const beyond = bytes(0x80, 0, 0, 1, 0, 0, 0, 0);
    const negative = bytes(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe);
    for (const uid of [beyond, negative]) expect(failureOf({ uid })?.code).toBe('TAR_BAD_HEADER');
    for (const gid of [beyond, negative]) expect(failureOf({ gid })?.code).toBe('TAR_BAD_HEADER');
  });

  it('takes negative times', () => {
    const ff = '\xff'.repeat(8);
    expect(entryOf({ mtime: `\xff\xff${ff}\xff\xff` })?.mtime).toEqual({ sec: -1, nsec: 0 });
    expect(entryOf({ mtime: `\xff\xff${ff}\xfe\x00` })?.mtime).toEqual({ sec: -512, nsec: 0 });
    expect(entryOf({ mtime: `\x80${'\0'.repeat(6)}\x02\0\0\0\0` })?.mtime).toEqual({ sec: 2 ** 33, nsec: 0 });
  });

  it('refuses what is no safe integer', () => {
    const size = bytes(0x80, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0);
    expect(failureOf({ size })).toMatchObject({ code: 'TAR_BAD_HEADER', offset: 0 });
    expect(failureOf({ mtime: bytes(0x80, ...new Array<number>(11).fill(0xff)) })?.code).toBe(
      'TAR_BAD_HEADER',
    );
    expect(failureOf({ size: '\xff'.repeat(12) })?.code).toBe('TAR_BAD_HEADER');
  });
});

describe('checksum', () => {
  it('may be a sum of signed bytes', () => {
    const block = checksummed(rawHeader({ name: 'caf\xe9' }), true);
    expect(scan(archive(block)).found[0]?.entry.path).toBe('caf\xe9');
  });

  it('is checked', () => {
    const block = rawHeader({});
    block[0] = (block[0] ?? 0) + 1;
    expect(failure(archive(rawHeader({}), block))).toMatchObject({ code: 'TAR_BAD_CHECKSUM', offset: 512 });
  });

  it('must be a number', () => {
    const block = rawHeader({});
    block.write('99999', 148);
    expect(failure(archive(block))).toMatchObject({ code: 'TAR_BAD_CHECKSUM', expected: 'an octal number' });
  });
});

describe('names', () => {
  it('fill their field without a NUL', () => {
    const name = 'n'.repeat(100);
    const linkname = 'l'.repeat(100);
    const entry = entryOf({ name, linkname, type: '2' });
    expect([entry?.path, entry?.linkTarget]).toEqual([name, linkname]);
  });

  it('take the prefix in ustar and star, not in GNU and v7', () => {
    const prefix = 'p'.repeat(155);
    expect(entryOf({ prefix })?.path).toBe(`${prefix}/file`);
    expect(
      entryOf({
        prefix: 'p'.repeat(131),
        more: [
          [476, '0'],
          [508, 'tar\0'],
        ],
      })?.path,
    ).toBe(`${'p'.repeat(131)}/file`);
    expect(entryOf({ prefix: 'prefix', magic: 'ustar  \0' })?.path).toBe('file');
    expect(entryOf({ prefix: 'prefix', magic: '' })?.path).toBe('file');
    expect(entryOf({ prefix: 'prefix', magic: 'ustar\x0001' })?.path).toBe('file');
  });

  it('keep every byte but NUL', () => {
    const name = Array.from({ length: 99 }, (_, index) => String.fromCharCode(index + 1)).join('');
    expect(entryOf({ name })?.path).toBe(name);
    const high = Array.from({ length: 99 }, (_, index) => String.fromCharCode(index + 157)).join('');
    expect(entryOf({ name: high })?.path).toBe(high);
  });

  it('are not normalised', () => {
    for (const name of ['/', './', '../x', '/abs', 'a//b/', '.']) {
      expect(entryOf({ name, type: '5' })?.path).toBe(name);
    }
  });

  it('are not empty', () => {
    expect(failureOf({ name: '' })).toMatchObject({ code: 'PATH_INVALID', offset: 0 });
    expect(failureOf({ type: '2' })).toMatchObject({ code: 'PATH_INVALID', offset: 0 });
    expect(failureOf({ type: '1' })).toMatchObject({ code: 'PATH_INVALID', offset: 0 });
  });
});

describe('types', () => {
  it.each([
    ['0', 'regular'],
    ['\0', 'regular'],
    ['7', 'regular'],
    ['1', 'hardlink'],
    ['2', 'symlink'],
    ['3', 'character'],
    ['4', 'block'],
    ['5', 'directory'],
    ['6', 'fifo'],
  ])('%j is a %s', (type, expected) => {
    expect(entryOf({ type, linkname: 'x' })).toMatchObject({ type: expected });
  });

  it('a slash makes a directory of an old file only', () => {
    expect(entryOf({ type: '\0', name: 'd/' })).toMatchObject({ type: 'directory', path: 'd/' });
    expect(entryOf({ type: '0', name: 'd/' })).toMatchObject({ type: 'regular', path: 'd/' });
  });

  it.each('ADEIMNVXZ89z'.split(''))('refuses %s by name', (type) => {
    expect(failureOf({ type })).toMatchObject({ code: 'TAR_UNSUPPORTED', offset: 0 });
  });

  it('reads device numbers of devices only', () => {
    const numbers = { major: '0000403', minor: '0000454' };
    expect(entryOf({ type: '4', ...numbers })).toMatchObject({ major: 259, minor: 300 });
    expect(entryOf({ type: '0', ...numbers })).toMatchObject({ major: 0, minor: 0 });
    expect(entryOf({ type: '6', major: 'garbage', minor: 'garbage' })).toMatchObject({ major: 0, minor: 0 });
    expect(failureOf({ type: '3', major: 'garbage' })?.code).toBe('TAR_BAD_HEADER');
    expect(failureOf({ type: '3', magic: '' })?.code).toBe('TAR_BAD_HEADER');
  });
});
