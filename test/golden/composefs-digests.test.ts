/** Digests of small trees as mkcomposefs and composefs-rs make them: each tree shows one rule of the format. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseDumpfile } from '../../src/dumpfile/parse.ts';
import { imageDigest } from '../../src/erofs/image-digest.ts';
import type { Dialect } from '../../src/erofs/rewrite.ts';
import { encodeImage, type FormatVersion } from '../../src/erofs/writer.ts';

interface Expected {
  readonly sha256: Readonly<Record<string, Readonly<Record<'v0' | 'v1' | 'v2', string>>>>;
  readonly sha512: Readonly<Record<string, Readonly<Record<'v1' | 'v2', string>>>>;
}

const EXPECTED: Expected = JSON.parse(
  readFileSync(new URL('../../fixtures/composefs/small.expect.json', import.meta.url), 'utf8'),
);

const ROOT = '/ 0 40755 2 0 0 0 0.0 - - -';
const entries = Array.from({ length: 300 }, (_, index) => String(index).padStart(3, '0'));

function file(path: string, rest = ''): string {
  return `${path} 0 100644 1 0 0 0 0.0 - - -${rest}`;
}

function directory(path: string, rest = ''): string {
  return `${path} 0 40755 2 0 0 0 0.0 - - -${rest}`;
}

function external(path: string, size: number, digest: string): string {
  return `${path} ${size} 100644 1 0 0 0 0.0 ${digest.slice(0, 2)}/${digest.slice(2)} - ${digest}`;
}

/** The lines of each tree; `digest` is that of its external file. */
function trees(digest: string): Readonly<Record<string, readonly string[]>> {
  return {
    empty: [ROOT],
    simple: [
      ROOT,
      '/blkdev 0 60000 1 0 0 123 0.0 - - -',
      '/chrdev 0 20000 1 0 0 123 0.0 - - -',
      '/fifo 0 10000 1 0 0 0 0.0 - - -',
      external('/regular-external', 1234, digest).replace('100644', '100000'),
      '/regular-inline 4 100000 1 0 0 0 0.0 - hihi -',
      '/socket 0 140000 1 0 0 0 0.0 - - -',
      '/symlink 7 120000 1 0 0 0 0.0 /target - -',
    ],
    'mtime-root': ['/ 0 40755 2 0 0 0 1700000000.123456789 - - -'],
    inline5: [ROOT, '/hello 5 100644 1 0 0 0 0.0 - hello -'],
    external: [ROOT, external('/big', 100_000, digest)],
    symlink: [ROOT, '/l 7 120777 1 0 0 0 0.0 target7 - -'],
    'selinux-shared': [`${ROOT} security.selinux=ctx\\x00`, file('/f', ' security.selinux=ctx\\x00')],
    whiteout: [ROOT, directory('/d'), '/d/wh 0 20644 1 0 0 0 0.0 - - -'],
    'hardlink-dfs': [
      ROOT,
      directory('/a'),
      '/a/x 1 100644 2 0 0 0 0.0 - q -',
      '/b 1 @100644 1 0 0 0 0.0 /a/x - -',
    ],
    'mixed-mtime': [
      ROOT,
      '/a 0 100644 1 0 0 0 5.0 - - -',
      '/b 0 100644 1 65536 0 0 0.0 - - -',
      external('/c', 4_294_967_296, digest),
    ],
    acl: [ROOT, file('/f', ' system.posix_acl_access=\\x02\\x00')],
    'overlay-escape': [ROOT, directory('/d', ' trusted.overlay.opaque=y')],
    devs: [
      ROOT,
      '/blk 0 60600 1 0 0 259 0.0 - - -',
      '/chr 0 20600 1 0 0 1281 0.0 - - -',
      '/fifo 0 10600 1 0 0 0 0.0 - - -',
      '/sock 0 140600 1 0 0 0 0.0 - - -',
    ],
    bigdir300: [ROOT, directory('/d'), ...entries.map((index) => file(`/d/entry-with-longer-name-${index}`))],
    'names-before-dot': [ROOT, directory('/d'), file('/d/!x'), file('/d/-y'), file('/d/\\xff')],
    lustre: [ROOT, file('/f', ' lustre.lov=1 foo=2')],
  };
}

function digestOf(
  lines: readonly string[],
  version: FormatVersion,
  algorithm: 'sha256' | 'sha512',
  dialect: Dialect,
): string {
  const { root, facts } = parseDumpfile(Buffer.from(`${lines.join('\n')}\n`));
  return imageDigest(encodeImage(root, { version, algorithm, dialect, facts }), algorithm);
}

const EXTERNAL_DIGEST: Readonly<Record<string, string>> = { simple: '5a'.repeat(32) };

describe.each(Object.entries(EXPECTED.sha256))('SHA-256 of %s', (name, wanted) => {
  const lines = trees(EXTERNAL_DIGEST[name] ?? 'ab'.repeat(32))[name] ?? [];

  it.each(['c', 'rs'] as const)('v0 and v1 in the dialect %s', (dialect) => {
    expect(digestOf(lines, 0, 'sha256', dialect)).toBe(wanted.v0);
    expect(digestOf(lines, 1, 'sha256', dialect)).toBe(wanted.v1);
  });

  it('version 2', () => {
    expect(digestOf(lines, 2, 'sha256', 'rs')).toBe(wanted.v2);
  });
});

describe.each(Object.entries(EXPECTED.sha512))('SHA-512 of %s', (name, wanted) => {
  const lines = trees('cd'.repeat(64))[name] ?? [];

  it('v1 and version 2', () => {
    expect(digestOf(lines, 1, 'sha512', 'rs')).toBe(wanted.v1);
    expect(digestOf(lines, 2, 'sha512', 'rs')).toBe(wanted.v2);
  });
});

describe('the table', () => {
  it('has every tree and no other', () => {
    expect(Object.keys(EXPECTED.sha256).sort()).toEqual(Object.keys(trees('')).sort());
    expect(Object.keys(EXPECTED.sha512)).toHaveLength(4);
  });
});
