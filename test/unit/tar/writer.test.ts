/** Canonical headers, byte by byte. */
import { describe, expect, it } from 'vitest';
import { type ByteString, byteString } from '../../../src/bytes/byte-string.ts';
import { END_OF_ARCHIVE, encodeTarHeader, paddingLength, type TarRecord } from '../../../src/tar/index.ts';
import { failureOf } from './failure-of.ts';
import { archive, record, scan } from './support.ts';

const encode = (of: TarRecord): Buffer => Buffer.from(encodeTarHeader(of));
const field = (block: Buffer, at: number, length: number): string =>
  block.toString('latin1', at, at + length);
const blocksOf = (of: TarRecord): number => encode(of).length / 512;
const xattrs = (...pairs: (readonly [string, string])[]): ReadonlyMap<ByteString, Uint8Array> =>
  new Map(pairs.map(([name, value]) => [byteString(name), Buffer.from(value, 'latin1')]));
/** The records of the PAX header before an entry. */
const paxOf = (of: TarRecord): string => {
  const bytes = encode(of);
  return field(bytes, 512, Number.parseInt(field(bytes, 124, 11), 8));
};

describe('the ustar block', () => {
  it('has every byte where it belongs', () => {
    const block = encode(
      record({
        path: 'dir/file',
        mode: 0o4755,
        uid: 1000,
        gid: 8,
        mtime: { sec: 1_234_567_890, nsec: 0 },
        size: 700,
      }),
    );
    const expected = [
      'dir/file'.padEnd(100, '\0'),
      '0004755\x000001750\x000000010\x00',
      '00000001274\x00',
      '11145401322\x00',
      '010706\0 ',
      '0',
      '\0'.repeat(100),
      'ustar\x0000',
      '\0'.repeat(64),
      '0000000\x000000000\x00',
      '\0'.repeat(155 + 12),
    ].join('');
    expect(block.toString('latin1')).toBe(expected);
  });

  it.each([
    ['regular', '0'],
    ['hardlink', '1'],
    ['symlink', '2'],
    ['character', '3'],
    ['block', '4'],
    ['directory', '5'],
    ['fifo', '6'],
  ] as const)('%s is type %s', (type, flag) => {
    const linkTarget = type === 'hardlink' || type === 'symlink' ? 'to' : '';
    const block = encode(record({ type, linkTarget }));
    expect([block.length, field(block, 156, 4)]).toEqual([512, `${flag}${linkTarget.padEnd(3, '\0')}`]);
  });

  it('names of directories end in a slash, once', () => {
    for (const path of ['d', 'd/'])
      expect(field(encode(record({ type: 'directory', path })), 0, 4)).toBe('d/\0\0');
  });

  it('holds device numbers', () => {
    const block = encode(record({ type: 'block', major: 259, minor: 1_048_575 }));
    expect(field(block, 329, 16)).toBe('0000403\x003777777\x00');
  });

  it('holds names that are no UTF-8', () => {
    expect(field(encode(record({ path: 'caf\xe9' })), 0, 5)).toBe('caf\xe9\0');
  });
});

describe('long names', () => {
  const n = (count: number): string => 'n'.repeat(count);
  const parts = (path: string): [string, string] => {
    const block = encode(record({ path }));
    expect(block.length).toBe(512);
    const text = (at: number, length: number): string => field(block, at, length).replace(/\0*$/, '');
    return [text(345, 155), text(0, 100)];
  };

  it('are split at the last slash that lets the front fit', () => {
    expect(parts(n(100))).toEqual(['', n(100)]);
    expect(parts(`a/b/${n(97)}`)).toEqual(['a/b', n(97)]);
    expect(parts(`${n(155)}/${n(100)}`)).toEqual([n(155), n(100)]);
    expect(parts(`${n(150)}/${n(4)}/${n(95)}`)).toEqual([`${n(150)}/${n(4)}`, n(95)]);
    expect(parts(`${n(150)}/${n(5)}/${n(94)}`)).toEqual([n(150), `${n(5)}/${n(94)}`]);
  });

  it('of directories keep their last slash', () => {
    const block = encode(record({ type: 'directory', path: `${n(60)}/${n(60)}` }));
    expect([field(block, 345, 61), field(block, 0, 62)]).toEqual([`${n(60)}\0`, `${n(60)}/\0`]);
    expect(blocksOf(record({ type: 'directory', path: n(99) }))).toBe(1);
    expect(blocksOf(record({ type: 'directory', path: n(100) }))).toBe(3);
  });

  it.each([n(101), `/${n(100)}`, `${n(156)}/x`, `a/${n(101)}`, `${n(150)}/${n(5)}/${n(95)}`])(
    '%s needs PAX',
    (path) => {
      expect(blocksOf(record({ path }))).toBe(3);
      expect(paxOf(record({ path }))).toContain(` path=${path}\n`);
      expect(scan(archive(encode(record({ path })))).found[0]?.entry.path).toBe(path);
    },
  );

  it('link targets have no prefix', () => {
    expect(blocksOf(record({ type: 'symlink', linkTarget: n(100) }))).toBe(1);
    expect(paxOf(record({ type: 'symlink', linkTarget: `a/${n(99)}` }))).toBe(`115 linkpath=a/${n(99)}\n`);
  });
});

describe('the PAX header', () => {
  it('has every byte where it belongs', () => {
    const block = encode(record({ path: 'dir/file', uid: 2 ** 21, mtime: { sec: 77, nsec: 0 } })).subarray(
      0,
      512,
    );
    const expected = [
      'PaxHeaders/file'.padEnd(100, '\0'),
      '0000644\x000000000\x000000000\x00',
      '00000000017\x00',
      '00000000000\x00',
      '012201\0 ',
      'x',
      '\0'.repeat(100),
      'ustar\x0000',
      '\0'.repeat(64),
      '0000000\x000000000\x00',
      '\0'.repeat(155 + 12),
    ].join('');
    expect(block.toString('latin1')).toBe(expected);
    expect(paxOf(record({ uid: 2 ** 21 }))).toBe('15 uid=2097152\n');
  });

  it.each([
    ['dir/', 'PaxHeaders/dir'],
    ['./', 'PaxHeaders/.'],
    ['/', 'PaxHeaders/.'],
    [`a/${'n'.repeat(200)}/`, `PaxHeaders/${'n'.repeat(89)}`],
  ])('of %s is called %s', (path, name) => {
    const block = encode(record({ type: 'directory', path, uid: 2 ** 21 }));
    expect(field(block, 0, 100).replace(/\0*$/, '')).toBe(name);
  });

  it('takes over numbers that do not fit, and leaves 0', () => {
    const largest = {
      uid: 2 ** 21 - 1,
      gid: 2 ** 21 - 1,
      size: 2 ** 33 - 1,
      mtime: { sec: 2 ** 33 - 1, nsec: 0 },
    };
    expect(blocksOf(record(largest))).toBe(1);
    const beyond = record({
      uid: 2 ** 32 - 1,
      gid: 2 ** 21,
      size: 2 ** 33,
      mtime: { sec: 2 ** 33, nsec: 0 },
    });
    expect(paxOf(beyond)).toBe(
      '15 gid=2097152\n20 mtime=8589934592\n19 size=8589934592\n18 uid=4294967295\n',
    );
    expect(field(encode(beyond), 1024 + 108, 40)).toBe(
      '0000000\x000000000\x0000000000000\x0000000000000\x00',
    );
    expect(paxOf(record({ mtime: { sec: -1, nsec: 0 } }))).toBe('12 mtime=-1\n');
  });

  it('holds extended attributes as raw bytes, sorted with the rest', () => {
    const of = record({
      path: 'n'.repeat(101),
      xattrs: xattrs(['user.b', '\0\n=\xff'], ['user.a', ''], ['security.capability', '\x01\0']),
    });
    expect(paxOf(of)).toBe(
      `39 SCHILY.xattr.security.capability=\x01\0\n24 SCHILY.xattr.user.a=\n28 SCHILY.xattr.user.b=\0\n=\xff\n111 path=${'n'.repeat(101)}\n`,
    );
  });

  it('does not depend on the order of attributes', () => {
    const forth = record({ xattrs: xattrs(['user.a', '1'], ['user.b', '2'], ['user.\xff', '3']) });
    const back = record({ xattrs: xattrs(['user.\xff', '3'], ['user.b', '2'], ['user.a', '1']) });
    expect(encode(forth).equals(encode(back))).toBe(true);
  });
});

describe('what no tar can hold', () => {
  it.each<[string, Parameters<typeof record>[0]]>([
    ['an empty name', { path: '' }],
    ['a NUL in a name', { path: 'a\0b' }],
    ['a NUL in a target', { type: 'symlink', linkTarget: 'a\0b' }],
    ['a link without target', { type: 'symlink' }],
    ['a target without link', { linkTarget: 'x' }],
    ['a slash after a file', { path: 'a/' }],
    ['an owner beyond 32 bits', { uid: 2 ** 32 }],
    ['a negative owner', { gid: -1 }],
    ['a device number beyond its field', { type: 'block', major: 2 ** 21 }],
    ['an attribute with an equals sign', { xattrs: xattrs(['user.a=b', '']) }],
    ['an attribute with a NUL', { xattrs: xattrs(['user.a\0', '']) }],
    ['an attribute without name', { xattrs: xattrs(['', 'x']) }],
    ['more than hosts read', { xattrs: xattrs(['user.a', 'x'.repeat(2 ** 20)]) }],
  ])('%s', (_, fields) => {
    expect(failureOf(() => encodeTarHeader(record(fields)))).toBe('UNREPRESENTABLE');
  });

  it.each<[string, Parameters<typeof record>[0]]>([
    ['a fraction of a second', { mtime: { sec: 0, nsec: 1 } }],
    ['a mode with type bits', { mode: 0o100644 }],
    ['a directory with a size', { type: 'directory', size: 1 }],
    ['a file with a device number', { minor: 1 }],
    ['a size that is no integer', { size: 0.5 }],
    ['a time that is no integer', { mtime: { sec: 0.5, nsec: 0 } }],
  ])('%s is a defect of the caller', (_, fields) => {
    expect(failureOf(() => encodeTarHeader(record(fields)))).toBe('INVARIANT');
  });
});

describe('sizes', () => {
  it('paddingLength fills the block', () => {
    expect([0, 1, 511, 512, 513, 2 ** 33 + 1].map(paddingLength)).toEqual([0, 511, 1, 0, 511, 511]);
  });

  it('END_OF_ARCHIVE is two zero blocks', () => {
    expect(END_OF_ARCHIVE).toEqual(new Uint8Array(1024));
  });
});
