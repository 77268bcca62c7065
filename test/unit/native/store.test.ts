/** Objects that the C helpers write: what becomes of each, and what they refuse to try. */
import { createHash } from 'node:crypto';
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type VerityDigest, verityDigest } from '../../../src/bytes/digest.ts';
import { computeVerityDigest } from '../../../src/fsverity/digest.ts';
import { VerityHasher } from '../../../src/fsverity/verity-hasher.ts';
import { sizeMany, storeMany } from '../../../src/kernel/store-objects.ts';
import { type NativeHelpers, NO_FILE, STORE_OUTCOME, UNSEEN } from '../../../src/native/contract.ts';
import { freshDirectory, raw } from '../io/rootfs-fixture.ts';
import { freshHelpers } from './build-helpers.ts';

const helpers = freshHelpers() as NativeHelpers;
const { left, written, present } = STORE_OUTCOME;
const EINVAL = -22;
const ENOENT = -2;
const EBADF = -9;

const named = (digit: string): VerityDigest => verityDigest(digit.repeat(64));
const WINDOW = Buffer.from('--first--second');
const FIRST = { start: 2, size: 5, digest: named('a') };
const SECOND = { start: 9, size: 6, digest: named('b') };
const pathIn = (directory: string, digit: string): string =>
  join(directory, digit.repeat(2), digit.repeat(62));

describe.skipIf(helpers === undefined)('storing objects', () => {
  it('writes what is missing, once, and finds what is there', () => {
    const directory = freshDirectory();
    const store = storeMany(directory, helpers);
    mkdirSync(join(directory, 'bb'));
    expect(store?.(WINDOW, [FIRST, SECOND, FIRST])).toEqual([written, written, present]);
    expect(readFileSync(pathIn(directory, 'a'), 'utf8')).toBe('first');
    expect(readFileSync(pathIn(directory, 'b'), 'utf8')).toBe('second');
    expect(statSync(pathIn(directory, 'a')).mode & 0o777).toBe(0o644 & ~process.umask());
    expect(readdirSync(directory).sort()).toEqual(['aa', 'bb']);
    expect(store?.(WINDOW, [SECOND, { ...FIRST, size: 0, digest: named('c') }])).toEqual([present, written]);
    expect(readFileSync(pathIn(directory, 'c'))).toHaveLength(0);
  });

  it('leaves what is in the way to the caller', () => {
    const directory = freshDirectory();
    const store = storeMany(directory, helpers);
    for (const digit of ['a', 'b', 'c']) mkdirSync(join(directory, digit.repeat(2)));
    writeFileSync(pathIn(directory, 'a'), 'firs');
    symlinkSync('/dev/null', pathIn(directory, 'b'));
    mkdirSync(pathIn(directory, 'c'));
    writeFileSync(join(directory, 'dd'), '');
    const contents = ['a', 'b', 'c', 'd'].map((digit) => ({ ...FIRST, digest: named(digit) }));
    expect(store?.(WINDOW, contents)).toEqual([left, left, left, left]);
    expect(readFileSync(pathIn(directory, 'a'), 'utf8')).toBe('firs');
    expect(storeMany(join(directory, 'none'), helpers)?.(WINDOW, [FIRST])).toEqual([left]);
  });

  it('refuses ranges outside of the window, names that are none, and other types', () => {
    const directory = raw(freshDirectory());
    const names = raw('a'.repeat(64));
    const call = (ranges: number[], text: Uint8Array = names, space = 1): number =>
      helpers.storeObjects(directory, WINDOW, Float64Array.from(ranges), text, new Uint8Array(space));
    for (const ranges of [[10, 6], [-1, 1], [0.5, 1], [16, 0], [0, Number.NaN], []])
      expect(call(ranges)).toBe(EINVAL);
    for (const text of ['a'.repeat(63), 'A'.repeat(64), `../${'a'.repeat(61)}`, ''])
      expect(call([0, 1], raw(text))).toBe(EINVAL);
    expect(call([0, 1], names, 0)).toBe(EINVAL);
    const missing = raw('/none');
    expect(helpers.storeObjects(missing, WINDOW, Float64Array.of(0, 1), names, new Uint8Array(1))).toBe(
      ENOENT,
    );
    expect(() => helpers.storeObjects('x' as never, WINDOW, Float64Array.of(0, 1), names, names)).toThrow(
      'storeObjects takes bytes, bytes, ranges, names, space for outcomes',
    );
    expect(() => storeMany('/', helpers)?.(WINDOW, [{ ...FIRST, size: 99 }])).toThrow('refused to store');
  });

  it('is not to be had without the helpers', () => {
    expect(storeMany('/', undefined)).toBe(undefined);
  });
});

describe.skipIf(helpers === undefined)('storing windows', () => {
  const SHA256 = 1;
  const digestOf = (content: string): VerityDigest => computeVerityDigest(Buffer.from(content), 'sha256');

  it('measures contents and writes them, and hashes a stream beside', async () => {
    const directory = freshDirectory();
    const [digests, outcomes] = [Buffer.alloc(64), new Uint8Array(2)];
    const ranges = Float64Array.of(2, 5, 9, 6);
    const streams = helpers.streamStateBytes() > 0;
    const state = new Uint8Array(helpers.streamStateBytes());
    if (streams) helpers.beginStream(state);
    const stream: [Uint8Array, Uint8Array] | [] = streams ? [state, WINDOW] : [];
    const store = (): Promise<number> =>
      helpers.storeWindowLater(raw(directory), WINDOW, ranges, SHA256, digests, outcomes, ...stream);
    expect(await store()).toBe(0);
    expect([...outcomes]).toEqual([written, written]);
    const names = ['first', 'second'].map(digestOf);
    expect(digests.toString('hex')).toBe(names.join(''));
    for (const [index, name] of names.entries())
      expect(readFileSync(join(directory, name.slice(0, 2), name.slice(2)), 'utf8')).toBe(
        ['first', 'second'][index],
      );
    expect(await store()).toBe(0);
    expect([...outcomes]).toEqual([present, present]);
    if (!streams) return;
    const digest = Buffer.alloc(32);
    helpers.endStream(state, digest);
    expect(digest.toString('hex')).toBe(createHash('sha256').update(WINDOW).update(WINDOW).digest('hex'));
  });

  it('leaves all where there is no directory, but measures it', async () => {
    const [digests, outcomes] = [Buffer.alloc(32), new Uint8Array(1)];
    const ranges = Float64Array.of(2, 5);
    expect(await helpers.storeWindowLater(raw('/none'), WINDOW, ranges, SHA256, digests, outcomes)).toBe(
      ENOENT,
    );
    expect([...outcomes]).toEqual([left]);
    expect(digests.toString('hex')).toBe(digestOf('first'));
    const none = new Float64Array(0);
    expect(await helpers.storeWindowLater(raw('/none'), WINDOW, none, SHA256, digests, outcomes)).toBe(0);
  });

  it('appends parts, and gives the digests of their blocks', async () => {
    const path = join(freshDirectory(), 'object');
    const fd = openSync(path, 'w+');
    const content = Buffer.alloc(3 * 4096 + 100, 'part');
    const digests = Buffer.alloc(2 * 32);
    const hasher = new VerityHasher('sha256');
    for (const part of [content.subarray(0, 8192), content.subarray(8192)]) {
      expect(await helpers.storePartLater(fd, part, SHA256, digests)).toBe(0);
      hasher.updateHashed(digests, part.length);
    }
    closeSync(fd);
    expect(readFileSync(path).equals(content)).toBe(true);
    expect(hasher.digest()).toBe(computeVerityDigest(content, 'sha256'));
    const readOnly = openSync(path, 'r');
    expect(await helpers.storePartLater(readOnly, content.subarray(0, 10), SHA256, digests)).toBe(EBADF);
    closeSync(readOnly);
    expect(() => hasher.reset().update(content, 0, 10).updateHashed(digests, 4096)).toThrow('middle of one');
  });

  it('refuses ranges outside of the window, and too little space', () => {
    const [digests, outcomes] = [Buffer.alloc(32), new Uint8Array(1)];
    const store = (ranges: number[]): Promise<number> =>
      helpers.storeWindowLater(raw('/'), WINDOW, Float64Array.from(ranges), SHA256, digests, outcomes);
    for (const ranges of [
      [10, 6],
      [-1, 1],
      [0.5, 1],
      [16, 0],
      [0, Number.NaN],
    ])
      expect(() => store(ranges)).toThrow('storeWindowLater takes ranges of the window');
    expect(() => store([0, 1, 0, 1])).toThrow('storeWindowLater takes space for all contents');
    expect(() => helpers.storePartLater(0, Buffer.alloc(4097), SHA256, digests)).toThrow(
      'space for all blocks',
    );
    expect(() => helpers.storePartLater(0, 'x' as never, SHA256, digests)).toThrow(
      'takes a descriptor, bytes',
    );
  });
});

describe.skipIf(helpers === undefined)('sizes of objects', () => {
  it('are those of files, and of nothing else', async () => {
    const directory = freshDirectory();
    for (const digit of ['a', 'b', 'c', 'd']) mkdirSync(join(directory, digit.repeat(2)));
    writeFileSync(pathIn(directory, 'a'), 'first');
    writeFileSync(pathIn(directory, 'b'), '');
    symlinkSync(pathIn(directory, 'a'), pathIn(directory, 'c'));
    mkdirSync(pathIn(directory, 'd'));
    writeFileSync(join(directory, 'ee'), 'in the way');
    const digests = ['a', 'b', 'c', 'd', 'e', 'f'].map(named);
    const sizes = await sizeMany(directory, helpers)?.(digests);
    expect([...(sizes ?? [])]).toEqual([5, 0, NO_FILE, NO_FILE, NO_FILE, NO_FILE]);
    expect(await sizeMany(directory, helpers)?.([])).toEqual(new Float64Array(0));
  });

  it('are for the caller to find where nothing can be looked at', async () => {
    const directory = join(freshDirectory(), 'none');
    expect(await sizeMany(directory, helpers)?.([named('a')])).toEqual(Float64Array.of(UNSEEN));
    expect(sizeMany(directory, undefined)).toBe(undefined);
  });

  it('are not asked for by names that are none', () => {
    const size = (names: string, count = 1): Promise<number> =>
      helpers.sizeObjectsLater(raw('/'), raw(names), new Float64Array(count));
    for (const names of ['a'.repeat(63), 'A'.repeat(64), `../${'a'.repeat(61)}`, ''])
      expect(() => size(names)).toThrow('sizeObjectsLater takes a path and names of objects');
    expect(() => size('a'.repeat(64), 0)).toThrow('names of objects');
    expect(() => helpers.sizeObjectsLater('/' as never, raw(''), new Float64Array(1))).toThrow('takes bytes');
  });
});
