import { execFileSync } from 'node:child_process';
import {
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, describe, expect, it } from 'vitest';
import { isPlanishError } from '../../../src/errors.ts';
import { FAILURE_BYTES, type NativeHelpers, SCAN_WITHOUT_XATTRS } from '../../../src/native/contract.ts';
import { decodeListing, decodeXattrs } from '../../../src/native/records.ts';
import { fc } from '../../support/property.ts';
import {
  freshDirectory,
  holdsAttributes,
  raw,
  removeDirectories,
  setAttribute,
  setTime,
} from '../io/rootfs-fixture.ts';
import { freshHelpers } from './build-helpers.ts';

afterAll(removeDirectories);

const helpers = freshHelpers() as NativeHelpers;
const attributes = holdsAttributes();
const LIMIT = 1 << 20;

function scan(
  path: string,
  flags = 0,
  limit = LIMIT,
): Buffer | { errno: number; step: number; name: string } {
  const failure = Buffer.alloc(FAILURE_BYTES);
  const packed = helpers.scanDirectory(raw(path), flags, limit, failure);
  if (typeof packed !== 'number') return packed;
  const name = failure.toString('latin1', 2, 2 + (failure[1] as number));
  return { errno: packed, step: failure[0] as number, name };
}

function listing(path: string, flags = 0): ReturnType<typeof decodeListing> {
  const packed = scan(path, flags);
  if (!Buffer.isBuffer(packed)) throw new Error(JSON.stringify(packed));
  return decodeListing(packed, new Map());
}

describe.skipIf(helpers === undefined)('scanDirectory', () => {
  it('tells what stat(1) tells', () => {
    const top = freshDirectory();
    writeFileSync(raw(`${top}/f\xff`), 'abc', { mode: 0o640 });
    linkSync(raw(`${top}/f\xff`), raw(`${top}/g`));
    mkdirSync(raw(`${top}/d`));
    symlinkSync(raw('t\xfe'), raw(`${top}/l`));
    setTime(`${top}/f\xff`, '-1.5');
    const { self, children } = listing(top);
    expect(self).toMatchObject({ name: '', target: '', nlink: 3, mode: 0o040755 });
    const byName = new Map(children.map((child) => [child.name as string, child]));
    expect([...byName.keys()].sort()).toEqual(['d', 'f\xff', 'g', 'l']);
    const stat = statSync(raw(`${top}/g`), { bigint: true });
    const identity = Buffer.alloc(16);
    identity.writeBigUInt64LE(stat.dev, 0);
    identity.writeBigUInt64LE(stat.ino, 8);
    expect(byName.get('f\xff')).toEqual({
      name: 'f\xff',
      mode: 0o100640,
      uid: process.getuid?.(),
      gid: Number(stat.gid),
      size: 3,
      mtime: { sec: -2, nsec: 500_000_000 },
      nlink: 2,
      major: 0,
      minor: 0,
      identity: identity.toString('latin1'),
      target: '',
      xattrs: new Map(),
    });
    expect(byName.get('g')?.identity).toBe(byName.get('f\xff')?.identity);
    expect(byName.get('l')).toMatchObject({ mode: 0o120777, target: 't\xfe' });
    const shell = execFileSync('stat', ['-c', '%d %i', top], { encoding: 'utf8' }).trim().split(' ');
    expect(Buffer.from(self.identity, 'latin1').readBigUInt64LE(0)).toBe(BigInt(shell[0] as string));
    expect(Buffer.from(self.identity, 'latin1').readBigUInt64LE(8)).toBe(BigInt(shell[1] as string));
  });

  it('returns errors with the step and the child', () => {
    const top = freshDirectory();
    writeFileSync(`${top}/file`, '');
    symlinkSync('/', `${top}/link`);
    expect(scan(`${top}/none`)).toEqual({ errno: -2, step: 1, name: '' });
    expect(scan(`${top}/file`)).toEqual({ errno: -20, step: 1, name: '' });
    expect(scan(`${top}/link`)).toEqual({ errno: -20, step: 1, name: '' });
    expect(scan(`${top}/\0`)).toEqual({ errno: -22, step: 1, name: '' });
    expect(scan('')).toEqual({ errno: -2, step: 1, name: '' });
    expect(scan(`/${'n/'.repeat(2047)}n`)).toEqual({ errno: -36, step: 1, name: '' });
    expect(scan(top, SCAN_WITHOUT_XATTRS, 71)).toEqual({ errno: -75, step: 2, name: '' });
    const first = scan(top, SCAN_WITHOUT_XATTRS, 72);
    expect(first).toMatchObject({ errno: -75, step: 2, name: expect.stringMatching(/^(file|link)$/) });
  });

  it('throws on arguments of the wrong type, and only then', () => {
    const failure = Buffer.alloc(FAILURE_BYTES);
    const call =
      (...args: unknown[]) =>
      () =>
        (helpers.scanDirectory as (...args: unknown[]) => unknown)(...args);
    for (const args of [
      [],
      ['/', 0, LIMIT, failure],
      [new Uint16Array(4), 0, LIMIT, failure],
      [raw('/'), '0', LIMIT, failure],
      [raw('/'), 0, undefined, failure],
      [raw('/'), 0, LIMIT, failure.subarray(1)],
      [raw('/'), 0, LIMIT, undefined],
    ]) {
      expect(call(...args)).toThrow(TypeError);
    }
    expect(() => helpers.listXattrs('/' as never, 1)).toThrow('listXattrs takes a Uint8Array and a number');
    expect(() => helpers.setXattr(raw('/'), raw('a'), 'b' as never)).toThrow(
      'setXattr takes three Uint8Arrays',
    );
  });

  it('takes an array on shared memory', () => {
    const path = new Uint8Array(new SharedArrayBuffer(4));
    path.set(raw('/etc'));
    const result = helpers.scanDirectory(path, SCAN_WITHOUT_XATTRS, 1 << 28, Buffer.alloc(FAILURE_BYTES));
    expect(result).toBeInstanceOf(Buffer);
  });

  it('keeps no memory, whether it works or fails', async () => {
    const top = freshDirectory();
    for (let index = 0; index < 200; index++) writeFileSync(`${top}/${'n'.repeat(200)}${index}`, '');
    const rounds = (count: number): void => {
      for (let index = 0; index < count; index++) {
        scan(top, 0, 30_000);
        scan(top, SCAN_WITHOUT_XATTRS);
        scan(`${top}/none`);
      }
    };
    rounds(300);
    const descriptors = openDescriptors();
    const growths: number[] = [];
    for (let window = 0; window < 5; window++) {
      const before = await resident();
      rounds(300);
      growths.push((await resident()) - before);
    }
    // Leaking one result of 64 KiB a round would make each of the five windows grow by 19 MB; an allocator that keeps
    // what it was given back makes only some of them grow.
    expect(Math.min(...growths)).toBeLessThan(8 << 20);
    expect(openDescriptors() - descriptors).toBeLessThan(100);
  });
});

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

/** Bytes, after the collector ran and Node gave back what it had collected. */
async function resident(): Promise<number> {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  await nextTurn();
  const pages = readFileSync('/proc/self/statm', 'latin1').split(' ')[1];
  return Number(pages) * 4096;
}

describe.skipIf(helpers === undefined || !attributes)('attributes', () => {
  it('round trip, also those that need a second offer', () => {
    const top = freshDirectory();
    const path = raw(`${top}/f`);
    writeFileSync(path, '');
    const values: [string, Buffer][] = [
      ['user.empty', Buffer.alloc(0)],
      ['user.\xff\xfe', Buffer.from([0, 10, 255])],
      ['user.large', Buffer.alloc(1500, 7)],
    ];
    // Together more than 1024 bytes of names.
    for (let index = 0; index < 6; index++)
      values.push([`user.${'n'.repeat(200)}${index}`, Buffer.from([index])]);
    for (const [name, value] of values) expect(helpers.setXattr(path, raw(name), value)).toBe(0);
    const packed = helpers.listXattrs(path, LIMIT) as Buffer;
    const sorted = [...values].sort(([a], [b]) => (a < b ? -1 : 1));
    expect([...decodeXattrs(packed)]).toEqual(sorted);
    expect(listing(top).children[0]?.xattrs).toEqual(new Map(sorted));
    expect(listing(top, SCAN_WITHOUT_XATTRS).children[0]?.xattrs).toEqual(new Map());
    expect(helpers.setXattr(path, raw('user.empty'), Buffer.from('full'))).toBe(0);
    expect(
      execFileSync('getfattr', ['--absolute-names', '--only-values', '-n', 'user.empty', `${top}/f`], {
        encoding: 'latin1',
      }),
    ).toBe('full');
  });

  it('of a directory come with its own record', () => {
    const top = freshDirectory();
    mkdirSync(`${top}/d`);
    setAttribute(top, 'user.top', '01');
    setAttribute(`${top}/d`, 'user.d', '02');
    expect([...(listing(top).self.xattrs ?? [])]).toEqual([['user.top', Buffer.from([1])]]);
    expect(listing(top).children[0]?.xattrs).toEqual(new Map());
    expect([...(listing(`${top}/d`).self.xattrs ?? [])]).toEqual([['user.d', Buffer.from([2])]]);
  });

  it('are not those of the target of a link', () => {
    const top = freshDirectory();
    writeFileSync(`${top}/f`, '');
    symlinkSync('f', `${top}/l`);
    setAttribute(`${top}/f`, 'user.f', '01');
    expect(helpers.listXattrs(raw(`${top}/l`), LIMIT)).toEqual(Buffer.alloc(0));
    // user.* on a link is refused by Linux itself: had it been followed, this would be 0.
    expect(helpers.setXattr(raw(`${top}/l`), raw('user.l'), raw('1'))).toBe(-1);
  });

  it('fail by errno', () => {
    const top = freshDirectory();
    writeFileSync(`${top}/f`, '');
    setAttribute(`${top}/f`, 'user.f', '01');
    const path = raw(`${top}/f`);
    expect(helpers.listXattrs(raw(`${top}/none`), LIMIT)).toBe(-2);
    expect(helpers.listXattrs(path, 1035)).toBe(-75);
    expect(helpers.listXattrs(path, 6 + 6 + 1024)).toEqual(raw('\x06\0\x01\0\0\0user.f\x01'));
    expect(helpers.setXattr(path, raw('nonsense.x'), raw(''))).toBe(-95);
    expect(helpers.setXattr(path, raw('user.a\0b'), raw(''))).toBe(-22);
    expect(helpers.setXattr(path, raw(`user.${'n'.repeat(251)}`), raw(''))).toBe(-36);
  });
});

/** The two records of a directory with one file, by hand from the table in scan.c. */
function packed(): Buffer {
  const self = Buffer.alloc(72);
  self.writeUInt32LE(72, 0);
  const child = Buffer.alloc(72 + 1 + 2 + 13);
  child.writeUInt32LE(child.length, 0);
  child.writeUInt32LE(0o120777, 4);
  child.writeUInt32LE(1, 8);
  child.writeUInt32LE(2, 12);
  child.writeBigUInt64LE(2n ** 40n + 3n, 16);
  child.writeBigInt64LE(-(2n ** 33n), 24);
  child.writeUInt32LE(999_999_999, 32);
  child.writeUInt32LE(4, 36);
  child.writeUInt32LE(5, 40);
  child.writeUInt32LE(6, 44);
  child.fill('ABCDEFGHIJKLMNOP', 48, 64, 'latin1');
  child.writeUInt16LE(1, 64);
  child.writeUInt16LE(2, 66);
  child.writeUInt32LE(13, 68);
  child.write('n\xff\xfe', 72, 'latin1');
  child.writeUInt16LE(6, 75);
  child.writeUInt32LE(1, 77);
  child.write('user.a\x09', 81, 'latin1');
  return Buffer.concat([self, child]);
}

describe('decodeListing', () => {
  it('reads every field', () => {
    const { self, children } = decodeListing(packed(), new Map());
    expect(self).toMatchObject({ name: '', mode: 0, xattrs: new Map() });
    expect(children).toEqual([
      {
        name: 'n',
        mode: 0o120777,
        uid: 1,
        gid: 2,
        size: 2 ** 40 + 3,
        mtime: { sec: -(2 ** 33), nsec: 999_999_999 },
        nlink: 4,
        major: 5,
        minor: 6,
        identity: 'ABCDEFGHIJKLMNOP',
        target: '\xff\xfe',
        xattrs: new Map([['user.a', Buffer.from([9])]]),
      },
    ]);
  });

  it('shares equal sets of attributes', () => {
    const cache = new Map();
    const twice = Buffer.concat([packed(), packed().subarray(72)]);
    const { children } = decodeListing(twice, cache);
    expect(children[0]?.xattrs).toBe(children[1]?.xattrs);
    expect(decodeListing(packed(), cache).children[0]?.xattrs).toBe(children[0]?.xattrs);
  });

  it('gives INVARIANT for every cut', () => {
    const whole = packed();
    for (let length = 0; length < whole.length; length++) {
      if (length !== 72) expect(outcome(whole.subarray(0, length)), `${length}`).toBe('INVARIANT');
    }
  });

  it('gives INVARIANT or records for every flip', () => {
    fc.assert(
      fc.property(fc.nat(packed().length - 1), fc.nat(255), (at, byte) => {
        const bytes = packed();
        bytes[at] = byte;
        expect(['records', 'INVARIANT']).toContain(outcome(bytes));
      }),
      { numRuns: 2000 },
    );
  });
});

function outcome(bytes: Buffer): string {
  try {
    decodeListing(bytes, new Map());
    return 'records';
  } catch (error) {
    if (!isPlanishError(error)) throw error;
    return error.code;
  }
}
