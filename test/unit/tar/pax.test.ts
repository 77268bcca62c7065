/** PAX records: form, values, precedence, limits. */
import { describe, expect, it } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import { encodePaxRecords } from '../../../src/tar/pax.ts';
import { archive, extension, failure, pax, type RawFields, rawHeader, scan } from './support.ts';

type Records = (readonly [string, string])[];

const tarOf = (records: Records, fields: RawFields = {}) =>
  archive(extension('x', pax(...records)), rawHeader(fields));
const entryOf = (records: Records, fields: RawFields = {}) => scan(tarOf(records, fields)).found[0]?.entry;
const failureOf = (records: Records, fields: RawFields = {}) => failure(tarOf(records, fields));
const rawFailure = (content: string) => failure(archive(extension('x', content), rawHeader({})));
const xattrsOf = (records: Records) =>
  [...(entryOf(records)?.xattrs ?? [])].map(([name, value]) => [name, Buffer.from(value).toString('latin1')]);

describe('values', () => {
  it('replace those of the header', () => {
    const records: Records = [
      ['path', 'dir/\xe9=\n'],
      ['linkpath', 'target\xff'],
      ['uid', '4294967295'],
      ['gid', '2097152'],
      ['mtime', '12.5'],
    ];
    expect(entryOf(records, { type: '2', linkname: 'x' })).toMatchObject({
      path: 'dir/\xe9=\n',
      linkTarget: 'target\xff',
      uid: 4_294_967_295,
      gid: 2_097_152,
      mtime: { sec: 12, nsec: 500_000_000 },
      offset: 0,
      dataOffset: 1536,
    });
  });

  it('the size is that of the content, whatever the header says', () => {
    const tar = archive(
      extension('x', pax(['size', '3'])),
      rawHeader({ size: 1024 }),
      Buffer.alloc(512, 'abc'),
    );
    expect(scan(tar).found.map(({ stored }) => stored.toString())).toEqual(['abc']);
  });

  it('the size does not count for a long name between header and entry', () => {
    const tar = archive(
      extension('x', pax(['size', '1'])),
      extension('L', 'long\0'),
      rawHeader({ size: 0 }),
      Buffer.alloc(512, 'a'),
    );
    expect(scan(tar).found.map(({ entry, stored }) => [entry.path, stored.toString()])).toEqual([
      ['long', 'a'],
    ]);
  });

  it.each([
    ['0', 0, 0],
    ['-0', 0, 0],
    ['-0.0', 0, 0],
    ['1.', 1, 0],
    ['1.000000001', 1, 1],
    ['1.0000000019', 1, 1],
    ['1.9999999999', 1, 999_999_999],
    ['-1', -1, 0],
    ['-1.5', -2, 500_000_000],
    ['-0.25', -1, 750_000_000],
    ['-1.9999999999', -2, 1],
    ['-1.0000000009', -1, 0],
    ['8589934592', 8_589_934_592, 0],
  ])('mtime %s', (text, sec, nsec) => {
    expect(entryOf([['mtime', text]])?.mtime).toStrictEqual({ sec, nsec });
  });

  it.each([
    'x',
    '.5',
    '--1',
    '+1',
    '1e3',
    ' 1',
    '1.5x',
    '0x10',
    '99999999999999999',
    '9007199254740992',
    '-',
    '1.-5',
  ])('mtime %j is refused', (text) => {
    expect(failureOf([['mtime', text]])).toMatchObject({ code: 'PAX_BAD_RECORD', offset: 512 });
  });

  it.each(['4294967296', '-1', '1.5', 'root', ' 0', '0x1', '+1'])('uid %j is refused', (text) => {
    expect(
      failureOf([
        ['comment', 'x'],
        ['uid', text],
      ]),
    ).toMatchObject({ code: 'PAX_BAD_RECORD', offset: 525 });
  });

  it('a NUL in a name is refused', () => {
    expect(failureOf([['path', 'a\0b']])?.code).toBe('PAX_BAD_RECORD');
    expect(failureOf([['linkpath', 'a\0b']], { type: '2' })?.code).toBe('PAX_BAD_RECORD');
  });

  it('device numbers', () => {
    const records: Records = [
      ['SCHILY.devmajor', '4095'],
      ['SCHILY.devminor', '1048575'],
    ];
    expect(entryOf(records, { type: '3', magic: '' })).toMatchObject({ major: 4095, minor: 1_048_575 });
    expect(entryOf(records)).toMatchObject({ major: 0, minor: 0 });
  });

  it('the last of equal keys counts', () => {
    expect(
      entryOf([
        ['path', 'a'],
        ['uid', '1'],
        ['path', 'b'],
      ]),
    ).toMatchObject({ path: 'b', uid: 1 });
  });

  it('PAX wins over GNU long names, in either order', () => {
    const x = extension('x', pax(['path', 'pax'], ['linkpath', 'pax-link']));
    const long = Buffer.concat([extension('L', 'gnu\0'), extension('K', 'gnu-link\0')]);
    for (const parts of [
      [x, long],
      [long, x],
    ]) {
      const entry = scan(archive(...parts, rawHeader({ type: '2' }))).found[0]?.entry;
      expect(entry).toMatchObject({ path: 'pax', linkTarget: 'pax-link' });
    }
  });
});

describe('extended attributes', () => {
  it('are raw bytes', () => {
    const all = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte)).join('');
    expect(
      xattrsOf([
        ['SCHILY.xattr.user.a', all],
        ['SCHILY.xattr.user.\xff', ''],
        ['other', 'x'],
      ]),
    ).toEqual([
      ['user.a', all],
      ['user.\xff', ''],
    ]);
  });

  it('LIBARCHIVE: name URL-encoded, value base64 with or without padding', () => {
    expect(
      xattrsOf([
        ['LIBARCHIVE.xattr.user.a%3Db%zz', 'AP+A'],
        ['LIBARCHIVE.xattr.user.b', 'aGVsbG8'],
        ['LIBARCHIVE.xattr.user.c', 'aGVsbG8='],
        ['LIBARCHIVE.xattr.user.d', ''],
      ]),
    ).toEqual([
      ['user.a=b%zz', '\x00\xff\x80'],
      ['user.b', 'hello'],
      ['user.c', 'hello'],
      ['user.d', ''],
    ]);
  });

  it('SCHILY wins over LIBARCHIVE, in either order', () => {
    const schily = ['SCHILY.xattr.user.a', 's'] as const;
    const libarchive = ['LIBARCHIVE.xattr.user.a', 'bA'] as const;
    expect(xattrsOf([schily, libarchive])).toEqual([['user.a', 's']]);
    expect(xattrsOf([libarchive, schily])).toEqual([['user.a', 's']]);
  });

  it('values do not share memory with the input', () => {
    const tar = tarOf([['SCHILY.xattr.user.a', 'value']]);
    const entry = scan(tar).found[0]?.entry;
    tar.fill(0);
    const value = entry?.xattrs.get(byteString('user.a'));
    expect(value).toEqual(Uint8Array.from(Buffer.from('value')));
    expect(value?.buffer.byteLength).toBe(5);
  });

  it.each([
    ['SCHILY.xattr.', 'x'],
    ['LIBARCHIVE.xattr.', 'eA'],
    ['LIBARCHIVE.xattr.user.%00', 'eA'],
    ['LIBARCHIVE.xattr.user.a', 'a'],
    ['LIBARCHIVE.xattr.user.a', 'eA===='],
    ['LIBARCHIVE.xattr.user.a', 'e-A_'],
  ])('%s=%s is refused', (key, value) => {
    expect(failureOf([[key, value]])).toMatchObject({ code: 'PAX_BAD_RECORD', offset: 512 });
  });

  it('keep to the limits of Linux', () => {
    const longest = `SCHILY.xattr.${'n'.repeat(255)}`;
    expect(entryOf([[longest, 'v'.repeat(65_536)]])?.xattrs.size).toBe(1);
    expect(failureOf([[`${longest}n`, 'v']])).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      limit: 'xattrNameBytes',
    });
    expect(failureOf([[longest, 'v'.repeat(65_537)]])).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      limit: 'xattrValueBytes',
    });
  });
});

describe('form', () => {
  it.each([
    ['no length', 'path=x\n'],
    ['no space', '9'],
    ['space first', ' 9 path=x\n'],
    ['sign', '+9 path=x\n'],
    ['length 0', '0 path=x\n'],
    ['too short by one', '9 path=xx\n'],
    ['too long by one', '12 path=xx\n'],
    ['length of the length only', '2 '],
    ['far too long', '99999999 path=x\n'],
    ['too many digits', '000000017 path=x\n'],
    ['no equals sign', '7 path\n'],
    ['empty key', '5 =x\n'],
    ['equals sign of the next record', '7 path\n9 path=x\n'],
    ['no newline', '9 path=xy'],
    ['NUL in the key', '11 pa\0th=x\n'],
    ['cut', '9 path='],
  ])('%s is refused', (_, content) => {
    expect(rawFailure(content)).toMatchObject({ code: 'PAX_BAD_RECORD', offset: 512 });
  });

  it('leading zeros and empty headers are fine', () => {
    expect(scan(archive(extension('x', '011 path=x\n'), rawHeader({}))).found[0]?.entry.path).toBe('x');
    expect(scan(archive(extension('x', ''), rawHeader({}))).found[0]?.entry.path).toBe('file');
  });

  it('names the record that is wrong', () => {
    expect(rawFailure('9 path=x\n\0\0')).toMatchObject({ code: 'PAX_BAD_RECORD', offset: 521 });
    expect(rawFailure(`${pax(['a', 'b'], ['c', 'd'])}x`)).toMatchObject({
      code: 'PAX_BAD_RECORD',
      offset: 524,
    });
  });

  it('100 000 records are too many', () => {
    const content = '6 a=b\n'.repeat(100_000);
    expect(rawFailure(content)).toMatchObject({ code: 'LIMIT_EXCEEDED', limit: 'paxRecords' });
    expect(rawFailure('6 a=b\n'.repeat(65_536))).toBeUndefined();
  });
});

describe('global headers', () => {
  const g = (...records: Records) => extension('g', pax(...records));
  const pathsAndOwners = (tar: Buffer, globalHeaders?: 'apply' | 'ignore') =>
    scan(tar, { globalHeaders }).found.map(({ entry }) => [entry.path, entry.uid, entry.gid]);

  it('count for all entries after them, below their own', () => {
    const tar = archive(
      rawHeader({ name: 'a' }),
      g(['uid', '1'], ['gid', '1']),
      rawHeader({ name: 'b' }),
      extension('x', pax(['uid', '2'])),
      rawHeader({ name: 'c' }),
      g(['uid', '3']),
      rawHeader({ name: 'd' }),
      extension('x', pax(['uid', ''])),
      rawHeader({ name: 'e', uid: '0000007' }),
      g(['gid', '']),
      rawHeader({ name: 'f', gid: '0000010' }),
    );
    expect(pathsAndOwners(tar)).toEqual([
      ['a', 0, 0],
      ['b', 1, 1],
      ['c', 2, 1],
      ['d', 3, 1],
      ['e', 7, 1],
      ['f', 3, 8],
    ]);
    expect(pathsAndOwners(tar, 'ignore').map(([, uid]) => uid)).toEqual([0, 0, 2, 0, 7, 0]);
  });

  it('count between an x header and its entry', () => {
    const tar = archive(
      extension('x', pax(['uid', '2'])),
      g(['uid', '1'], ['gid', '1']),
      rawHeader({ name: 'a' }),
    );
    expect(pathsAndOwners(tar)).toEqual([['a', 2, 1]]);
  });

  it('carry extended attributes', () => {
    const tar = archive(
      g(['SCHILY.xattr.user.a', 'global'], ['SCHILY.xattr.user.b', 'global']),
      extension('x', pax(['LIBARCHIVE.xattr.user.a', 'bA'])),
      rawHeader({}),
    );
    const values = [...(scan(tar).found[0]?.entry.xattrs ?? [])].map(
      ([name, value]) => `${name}=${Buffer.from(value)}`,
    );
    expect(values).toEqual(['user.a=l', 'user.b=global']);
  });

  it('may stand alone at the end', () => {
    expect(scan(archive(g(['comment', 'x']))).end.endOfArchive).toBe(true);
    expect(scan(g(['comment', 'x'])).end.endOfArchive).toBe(false);
  });

  it('are bounded all together', () => {
    const parts: Buffer[] = [];
    for (let index = 0; index < 20; index++) {
      parts.push(g([`key${index}`, 'v'.repeat(60_000)]), rawHeader({ name: `f${index}` }));
    }
    expect(failure(archive(...parts))).toMatchObject({ code: 'LIMIT_EXCEEDED', limit: 'tarMetadataBytes' });
  });

  it('are not read when passed over', () => {
    const tar = archive(extension('g', 'rubbish'), rawHeader({}));
    expect(failure(tar)?.code).toBe('PAX_BAD_RECORD');
    expect(scan(tar, { globalHeaders: 'ignore' }).found.length).toBe(1);
  });
});

describe('encodePaxRecords', () => {
  const encode = (...records: Records) =>
    Buffer.from(
      encodePaxRecords(
        new Map(records.map(([key, value]) => [byteString(key), Buffer.from(value, 'latin1')])),
      ),
    ).toString('latin1');

  it('sorts by bytes and counts its own length', () => {
    expect(encode(['path', 'x'], ['SCHILY.xattr.user.b', '\0\n='], ['SCHILY.xattr.user.a', ''])).toBe(
      '24 SCHILY.xattr.user.a=\n27 SCHILY.xattr.user.b=\0\n=\n9 path=x\n',
    );
  });

  it.each([1, 2, 3, 4, 5, 89, 90, 91, 92, 93, 94, 985, 986, 987, 988, 989, 990, 9_990])(
    'a value of %i bytes',
    (length) => {
      const text = encode(['k', 'v'.repeat(length)]);
      expect(text.length).toBe(Number.parseInt(text, 10));
    },
  );
});
