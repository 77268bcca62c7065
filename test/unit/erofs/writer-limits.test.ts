/** What an image cannot hold is refused by code; what only one of the two programs writes depends on the dialect. */
import { describe, expect, it } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import { verityDigest } from '../../../src/bytes/digest.ts';
import { automaticVersion } from '../../../src/erofs/collect.ts';
import type { Dialect } from '../../../src/erofs/rewrite.ts';
import { encodeImage, type FormatVersion } from '../../../src/erofs/writer.ts';
import { PlanishError } from '../../../src/errors.ts';
import { newDumpFacts } from '../../../src/tree/dump-facts.ts';
import type { Content, Directory, Node } from '../../../src/tree/tree.ts';
import { device, dir, fifo, file, symlink } from '../../support/tree-builder.ts';

function encode(root: Directory, version: FormatVersion = 1, dialect: Dialect = 'rs'): Buffer {
  return Buffer.from(encodeImage(root, { version, algorithm: 'sha256', dialect }));
}

/** The code and path with which a tree is refused. */
function refusal(
  root: Directory,
  version: FormatVersion = 1,
  dialect: Dialect = 'rs',
): readonly [string, string | undefined] {
  try {
    encode(root, version, dialect);
  } catch (error) {
    if (error instanceof PlanishError) return [error.code, error.detail.path];
    throw error;
  }
  return ['accepted', undefined];
}

function inImage(length: number): Content {
  return { kind: 'inline', bytes: new Uint8Array(length).fill(0x61) };
}

function outside(size: number, verity = 'ab'.repeat(32)): Content {
  return { kind: 'external', size, verity: verityDigest(verity), payload: undefined, location: undefined };
}

describe('names', () => {
  it.each(['', '.', '..', 'a/b', 'a\0b', 'n'.repeat(256)])('%j is refused', (name) => {
    const root = dir();
    root.children.set(byteString(name), file());
    expect(refusal(root)[0]).toBe('UNREPRESENTABLE');
  });

  it('of 255 bytes are written', () => {
    expect(refusal(dir({ ['n'.repeat(255)]: file() }))[0]).toBe('accepted');
  });
});

describe('sizes', () => {
  it.each<[string, Node, FormatVersion, boolean]>([
    ['5000 bytes of content', file(inImage(5000)), 1, true],
    ['5001 bytes of content', file(inImage(5001)), 1, false],
    ['512 bytes of content', file(inImage(512)), 2, true],
    ['513 bytes of content', file(inImage(513)), 2, false],
    ['a target of 4095 bytes', symlink('t'.repeat(4095)), 1, true],
    ['a target of 4096 bytes', symlink('t'.repeat(4096)), 1, false],
    ['no target', symlink(''), 1, false],
    ['the largest safe size', file(outside(Number.MAX_SAFE_INTEGER)), 1, true],
    ['a size that is no safe integer', file(outside(2 ** 53)), 1, false],
    ['the last device', device('block', 0xfff, 0xfffff), 1, true],
    ['a major number of 13 bits', device('block', 0x1000, 0), 1, false],
    ['a minor number of 21 bits', device('character', 1, 0x100000), 1, false],
  ])('%s', (_, node, version, accepted) => {
    const expected = accepted ? ['accepted', undefined] : ['UNREPRESENTABLE', 'f'];
    expect(refusal(dir({ f: node }), version)).toEqual(expected);
  });

  it('a digest of the other algorithm is refused', () => {
    expect(refusal(dir({ f: file(outside(100, 'cd'.repeat(64))) }))).toEqual(['UNREPRESENTABLE', 'f']);
  });

  it('a time that is no safe integer is refused', () => {
    expect(refusal(dir({ f: file('', { sec: 2 ** 53 }) }))[0]).toBe('UNREPRESENTABLE');
    expect(refusal(dir({}, { sec: Number.NaN }))[0]).toBe('UNREPRESENTABLE');
    expect(refusal(dir({}, { sec: 2 ** 53 }), 2)[0]).toBe('UNREPRESENTABLE');
    expect(refusal(dir({}, { sec: 2 ** 53 - 1 }), 2)[0]).toBe('accepted');
  });

  it.each([{ uid: 2 ** 32 }, { gid: -1 }, { mode: 0o10000 }, { nsec: Number.NaN }])(
    '%j is refused',
    (meta) => {
      expect(refusal(dir({ f: file('', meta) }))[0]).toBe('UNREPRESENTABLE');
    },
  );

  it('an image above 1 GiB is refused before it is made', () => {
    // One value in memory, an own entry of 64 KiB in each of 20000 inodes: names that no two files share.
    const value = new Uint8Array(65_535);
    const names = Array.from({ length: 20_000 }, (_, index) => `f${index}`);
    const children = names.map((name): [string, Node] => [
      name,
      file('', { xattrs: { [`user.${name}`]: value } }),
    ]);
    expect(refusal(dir(Object.fromEntries(children)))[0]).toBe('LIMIT_EXCEEDED');
  });
});

describe('extended attributes', () => {
  const many = (count: number, length: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`user.${index}`, 'v'.repeat(length)]));

  it('a name of 255 bytes is written, a longer one refused', () => {
    expect(refusal(dir({ f: file('', { xattrs: { [`user.${'n'.repeat(250)}`]: '' } }) }))[0]).toBe(
      'accepted',
    );
    expect(refusal(dir({ f: file('', { xattrs: { [`user.${'n'.repeat(251)}`]: '' } }) }))).toEqual([
      'UNREPRESENTABLE',
      'f',
    ]);
  });

  it('a value of 65535 bytes is written, a longer one refused', () => {
    expect(refusal(dir({ f: file('', { xattrs: many(1, 65_535) }) }))[0]).toBe('accepted');
    expect(refusal(dir({ f: file('', { xattrs: many(1, 65_536) }) }))[0]).toBe('UNREPRESENTABLE');
  });

  it('a body beyond what its count can say is refused', () => {
    expect(refusal(dir({ f: file('', { xattrs: many(4, 60_000) }) }))[0]).toBe('accepted');
    expect(refusal(dir({ f: file('', { xattrs: many(5, 60_000) }) }))[0]).toBe('UNREPRESENTABLE');
  });

  it('C takes 32767 bytes in all, counting 12 and 7 for each', () => {
    const exact = 32_767 - 12 - 7 - 'user.0'.length;
    expect(refusal(dir({ f: file('', { xattrs: many(1, exact) }) }), 0, 'c')[0]).toBe('accepted');
    expect(refusal(dir({ f: file('', { xattrs: many(1, exact + 1) }) }), 0, 'c')[0]).toBe('UNREPRESENTABLE');
  });

  it('C goes on with own entries after 128 shared ones; above 255 composefs-rs has no count', () => {
    const tree = (count: number) =>
      dir({ a: file('', { xattrs: many(count, 1) }), b: file('', { xattrs: many(count, 1) }) });
    expect(refusal(tree(300), 1, 'c')[0]).toBe('accepted');
    expect(refusal(tree(255), 1, 'rs')[0]).toBe('accepted');
    expect(refusal(tree(256), 1, 'rs')[0]).toBe('UNREPRESENTABLE');
  });
});

describe('dialects', () => {
  it('composefs-rs refuses a whiteout of two names, C writes it', () => {
    const whiteout = device('character', 0, 0);
    const root = dir({ a: whiteout, b: whiteout });
    expect(refusal(root)).toEqual(['UNREPRESENTABLE', 'b']);
    expect(refusal(root, 2)).toEqual(['UNREPRESENTABLE', 'b']);
    expect(refusal(root, 1, 'c')[0]).toBe('accepted');
  });

  it('facts of a dumpfile count in C only', () => {
    const leaf = fifo();
    const root = dir({ p: leaf });
    const facts = newDumpFacts();
    facts.nlink.set(leaf, 70_000);
    const plain = encode(root, 1, 'c');
    const options = { version: 1, algorithm: 'sha256', facts } as const;
    expect(plain.equals(encodeImage(root, { ...options, dialect: 'rs' }))).toBe(true);
    expect(plain.equals(encodeImage(root, { ...options, dialect: 'c' }))).toBe(false);
  });

  it('a primary name that the tree lacks is a contradiction', () => {
    const leaf = file();
    const root = dir({ a: leaf });
    const facts = newDumpFacts();
    facts.primaryName.set(leaf, { parent: root, name: byteString('b') });
    expect(() => encodeImage(root, { version: 0, algorithm: 'sha256', dialect: 'c', facts })).toThrow(
      expect.objectContaining({ code: 'INVARIANT' }),
    );
  });

  it('version 2 is the same in both', () => {
    const root = dir({ a: file('x'), w: device('character', 0, 0) });
    expect(encode(root, 2, 'c').equals(encode(root, 2, 'rs'))).toBe(true);
  });
});

describe('automaticVersion', () => {
  it('is 1 for a tree with a whiteout anywhere, else 0', () => {
    expect(automaticVersion(dir({ a: file(), b: dir() }))).toBe(0);
    expect(automaticVersion(dir({ a: device('block', 0, 0) }))).toBe(0);
    expect(automaticVersion(dir({ a: dir({ b: dir({ w: device('character', 0, 0) }) }) }))).toBe(1);
  });
});

describe('the order of the map', () => {
  it('changes nothing', () => {
    const a = file('a', { xattrs: { 'user.b': '1', 'user.a': '2' } });
    const same = file('a', { xattrs: { 'user.a': '2', 'user.b': '1' } });
    for (const version of [0, 1, 2] as const) {
      const one = encode(dir({ a, b: dir(), c: symlink('a') }), version);
      expect(one.equals(encode(dir({ c: symlink('a'), b: dir(), a: same }), version))).toBe(true);
    }
  });
});
