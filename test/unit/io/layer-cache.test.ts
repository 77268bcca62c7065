/** Files of the layer cache: what is believed, what goes first, and what is left of killed runs. */
import {
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LayerCache } from '../../../src/io/layer-cache.ts';
import { asRoot } from '../../support/root.ts';

/** Of the line at the beginning and the digest. */
const HEAD_BYTES = 22 + 32;

let directory = '';
let cache: LayerCache;

beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), 'planish-cache-')), 'a', 'b');
  cache = new LayerCache(directory, 10_000);
});

afterEach(() => {
  rmSync(join(directory, '..', '..'), { recursive: true });
});

const bytes = (length: number, value = 1): Uint8Array => new Uint8Array(length).fill(value);
const pathOf = (name: string): string => join(directory, `${name}.layer`);
const usedAt = (name: string, seconds: number): void => utimesSync(pathOf(name), seconds, seconds);
const names = (): string[] => cache.list().map(({ name }) => name);

describe('a cache', () => {
  test('gives what it was given, and nothing where it has nothing', () => {
    expect(cache.load('x')).toBeUndefined();
    expect(cache.list()).toEqual([]);
    cache.store('x', bytes(100));
    cache.store('x', bytes(200, 2));
    expect(Uint8Array.from(cache.load('x') ?? [])).toEqual(bytes(200, 2));
    expect(readdirSync(directory)).toEqual(['x.layer']);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
  });

  test('lets go of what was used longest ago', () => {
    for (const [ordinal, name] of ['a', 'b', 'c'].entries()) {
      cache.store(name, bytes(3000));
      usedAt(name, 1000 + ordinal);
    }
    expect(names()).toEqual(['c', 'b', 'a']);
    cache.load('a');
    expect(cache.list()[0]?.used).toBeGreaterThan(1_700_000_000_000);
    usedAt('a', 2000);
    expect(names()).toEqual(['a', 'c', 'b']);
    cache.store('d', bytes(3000));
    expect(names()).toEqual(['d', 'a', 'c']);
    expect(cache.prune(HEAD_BYTES + 3000).map(({ name }) => name)).toEqual(['a', 'c']);
    expect(cache.prune(0).map(({ name }) => name)).toEqual(['d']);
    expect(readdirSync(directory)).toEqual([]);
  });

  test('does not take what it has no room for', () => {
    cache.store('small', bytes(10));
    cache.store('large', bytes(10_000));
    expect(names()).toEqual(['small']);
  });

  test('removes what a killed run left, once it is old', () => {
    cache.store('x', bytes(10));
    writeFileSync(join(directory, '.aside-1-new'), 'x');
    writeFileSync(join(directory, '.aside-1-old'), 'x');
    utimesSync(join(directory, '.aside-1-old'), 1000, 1000);
    cache.prune(10_000);
    expect(readdirSync(directory).sort()).toEqual(['.aside-1-new', 'x.layer']);
  });
});

describe('what is not believed', () => {
  const refusal = (message: string): unknown =>
    expect.objectContaining({ code: 'CACHE_BAD_ENTRY', message: `a file of the layer cache ${message}` });

  test('any changed byte', () => {
    cache.store('x', bytes(40));
    const sound = readFileSync(pathOf('x'));
    for (let at = 0; at < sound.length; at++) {
      const changed = Buffer.from(sound);
      changed[at] = (changed[at] as number) ^ 1;
      writeFileSync(pathOf('x'), changed);
      const what = at < 22 ? 'does not begin as such files do' : 'does not have its own digest';
      expect(() => cache.load('x')).toThrow(refusal(what));
    }
  });

  test('any shorter or longer file', () => {
    cache.store('x', bytes(40));
    const sound = readFileSync(pathOf('x'));
    for (let length = 0; length < sound.length; length++) {
      writeFileSync(pathOf('x'), sound.subarray(0, length));
      const what = length < HEAD_BYTES ? 'has an impossible size' : 'does not have its own digest';
      expect(() => cache.load('x')).toThrow(refusal(what));
    }
    writeFileSync(pathOf('x'), Buffer.concat([sound, bytes(1)]));
    expect(() => cache.load('x')).toThrow(refusal('does not have its own digest'));
  });

  test('a file of another name', () => {
    cache.store('x', bytes(40));
    renameSync(pathOf('x'), pathOf('y'));
    expect(() => cache.load('y')).toThrow(refusal('does not have its own digest'));
  });

  test('links and directories', () => {
    cache.store('x', bytes(40));
    symlinkSync(pathOf('x'), pathOf('link'));
    mkdirSync(pathOf('directory'));
    expect(() => cache.load('link')).toThrow(refusal('is a symbolic link'));
    expect(() => cache.load('directory')).toThrow(refusal('is not a plain file'));
  });

  test.skipIf(!asRoot('files of other users in a cache'))('files of other users', () => {
    cache.store('x', bytes(40));
    chownSync(pathOf('x'), 12_345, 0);
    expect(() => cache.load('x')).toThrow(refusal('belongs to another user'));
  });
});
