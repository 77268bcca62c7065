/** Objects that the C helpers write: what becomes of each, and what they refuse to try. */
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type VerityDigest, verityDigest } from '../../../src/bytes/digest.ts';
import { storeMany } from '../../../src/kernel/store-objects.ts';
import { type NativeHelpers, STORE_OUTCOME } from '../../../src/native/contract.ts';
import { freshDirectory, raw } from '../io/rootfs-fixture.ts';
import { freshHelpers } from './build-helpers.ts';

const helpers = freshHelpers() as NativeHelpers;
const { left, written, present } = STORE_OUTCOME;
const EINVAL = -22;
const ENOENT = -2;

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
