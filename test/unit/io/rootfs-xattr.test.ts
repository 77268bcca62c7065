import { rmSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { type ByteString, byteString } from '../../../src/bytes/byte-string.ts';
import { isPlanishError } from '../../../src/errors.ts';
import { fsXattrSource, nativeXattrSource, type XattrSource } from '../../../src/io/xattr.ts';
import { findGetfattr, parseGetfattr } from '../../../src/io/xattr-getfattr.ts';
import { fsXattr } from '../../support/fs-xattr.ts';
import { fc } from '../../support/property.ts';
import { asRoot } from '../../support/root.ts';
import { freshHelpers } from '../native/build-helpers.ts';
import { freshDirectory, holdsAttributes, raw, removeDirectories, setAttribute } from './rootfs-fixture.ts';

const parse = (text: string): [string, [string, string][]][] =>
  [...parseGetfattr(byteString(text))].map(([path, xattrs]) => [
    path,
    [...xattrs].map(([name, value]): [string, string] => [name, Buffer.from(value).toString('hex')]),
  ]);

function code(run: () => unknown): unknown {
  try {
    run();
    return undefined;
  } catch (error) {
    if (!isPlanishError(error)) throw error;
    return error.code;
  }
}

const GOOD = '# file: /a\\012b\\134\xff\nuser.z=0x00ff\nuser.a\\075=0x\n\n# file: /c\nsecurity.x=0x01\n\n';

describe('parseGetfattr', () => {
  it('reads names, escapes and values', () => {
    expect(parse(GOOD)).toEqual([
      [
        '/a\nb\\\xff',
        [
          ['user.a=', ''],
          ['user.z', '00ff'],
        ],
      ],
      ['/c', [['security.x', '01']]],
    ]);
    expect(parse('')).toEqual([]);
  });

  it.each([
    'user.a=0x00\n',
    '# file: /a\nuser.a=0x0\n\n',
    '# file: /a\nuser.a="text"\n\n',
    '# file: /a\nuser.a\n\n',
    '# file: /a\nuser.a=0sAA==\n\n',
    '# file: /a\nuser.a=0x00\n',
    'garbage\n',
  ])('refuses %j', (text) => {
    expect(code(() => parse(text))).toBe('SYSCALL_FAILED');
  });

  it('refuses or reads whatever is cut or flipped', () => {
    fc.assert(
      fc.property(fc.nat(GOOD.length), fc.nat(GOOD.length - 1), fc.nat(255), (cut, at, byte) => {
        const flipped = GOOD.slice(0, at) + String.fromCharCode(byte) + GOOD.slice(at + 1);
        for (const text of [GOOD.slice(0, cut), flipped])
          expect([undefined, 'SYSCALL_FAILED']).toContain(code(() => parse(text)));
      }),
    );
  });
});

afterAll(removeDirectories);

const helpers = freshHelpers();
const getfattr = findGetfattr();
const blind: XattrSource = { name: 'none', read: () => [] };
const sources: [string, XattrSource][] = [];
if (fsXattr !== undefined) sources.push(['fs-xattr', fsXattrSource(fsXattr, blind)]);
if (helpers !== undefined) sources.push(['native', nativeXattrSource(helpers)]);
if (getfattr !== undefined) sources.push(['getfattr', getfattr]);

describe.skipIf(!holdsAttributes()).each(sources)('attributes by %s', (_, source) => {
  it('are those of each request, in order, in more than one batch', () => {
    const top = freshDirectory();
    const requests = ['a', 'b', 'c'].map((name) => ({
      path: byteString(`${top}/${name}`) as ByteString,
      type: 'regular' as const,
    }));
    for (const { path } of requests) writeFileSync(raw(path), '');
    setAttribute(`${top}/a`, 'user.name', '61');
    setAttribute(`${top}/c`, 'user.name', '63');
    const values = (many: typeof requests): (string | undefined)[] =>
      source.read(many).map((xattrs) => {
        expect([...xattrs.keys()].every((name) => name === 'user.name')).toBe(true);
        const value = xattrs.get(byteString('user.name'));
        return value && Buffer.from(value).toString('latin1');
      });
    expect(values(requests)).toEqual(['a', undefined, 'c']);
    expect(values([])).toEqual([]);
    const many = Array.from(
      { length: 4100 },
      (_unused, index) => requests[index % 3] as (typeof requests)[0],
    );
    const expected = ['a', undefined, 'c'];
    expect(values(many)).toEqual(many.map((_unused, index) => expected[index % 3]));
  });

  it('of a file that is gone are CONTENT_CHANGED', () => {
    const top = freshDirectory();
    writeFileSync(raw(`${top}/gone`), '');
    rmSync(`${top}/gone`);
    const request = { path: byteString(`${top}/gone`), type: 'regular' as const };
    expect(code(() => source.read([request]))).toBe('CONTENT_CHANGED');
  });

  it.skipIf(!asRoot('EACCES of attributes'))('of a file that may not be read are SYSCALL_FAILED', () => {
    const top = freshDirectory();
    writeFileSync(raw(`${top}/secret`), '', { mode: 0o600 });
    setAttribute(`${top}/secret`, 'user.name', '61');
    process.seteuid?.(65534);
    try {
      const request = { path: byteString(`${top}/secret`), type: 'regular' as const };
      expect(code(() => source.read([request]))).toBe('SYSCALL_FAILED');
    } finally {
      process.seteuid?.(0);
    }
  });
});
