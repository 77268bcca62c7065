/** Whole images against composefs-rs: random dumpfiles (v0, v1), and random directories (all versions, both hashes). */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { byteString } from '../../src/bytes/byte-string.ts';
import { verityDigest } from '../../src/bytes/digest.ts';
import { parseDumpfile } from '../../src/dumpfile/parse.ts';
import { imageDigest } from '../../src/erofs/image-digest.ts';
import { encodeImage, type FormatVersion } from '../../src/erofs/writer.ts';
import { isPlanishError } from '../../src/errors.ts';
import type { Directory } from '../../src/tree/tree.ts';
import { hasTool, runTool } from '../support/composefs-tools.ts';
import { fillRandomDirectory } from '../support/random-directory.ts';
import { RS_DOMAIN, randomDump } from '../support/random-dump.ts';
import { dir, file } from '../support/tree-builder.ts';

const hasCfsctl = hasTool('cfsctl', 'images against composefs-rs');
const hasFsck = hasTool('fsck.erofs', 'version 2 images against fsck.erofs');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'planish-cfsctl-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SETTINGS = [
  [0, '--max-version=0'],
  [1, '--min-version=1'],
] as const;

/** The image of composefs-rs; `undefined` when it refuses a whiteout of several names. */
function theirs(dump: Uint8Array, setting: string): Buffer | undefined {
  const { status, stdout, stderr } = runTool(
    'cfsctl',
    ['mkcomposefs', setting, '--from-file', '-', '-'],
    dump,
  );
  if (status === 0) return stdout;
  if (stderr.includes('whiteout inode has nlink > 1')) return undefined;
  throw new Error(`cfsctl refuses: ${stderr}`);
}

function ours(root: Directory, version: FormatVersion): Buffer | undefined {
  try {
    return Buffer.from(encodeImage(root, { version, algorithm: 'sha256', dialect: 'rs' }));
  } catch (error) {
    if (isPlanishError(error, 'UNREPRESENTABLE') && error.message === 'a whiteout has several names') return;
    throw error;
  }
}

function equal(a: Buffer | undefined, b: Buffer | undefined): boolean {
  return a === undefined || b === undefined ? a === b : a.equals(b);
}

describe.skipIf(!hasCfsctl)('random dumpfiles, composefs-rs', () => {
  it.each([1, 61, 121])('60 trees from seed %i give its images', (first) => {
    let refused = 0;
    for (let seed = first; seed < first + 60; seed++) {
      const dump = randomDump(seed, RS_DOMAIN);
      const { root } = parseDumpfile(dump);
      for (const [version, setting] of SETTINGS) {
        const wanted = theirs(dump, setting);
        expect(equal(ours(root, version), wanted), `seed ${seed}, version ${version}`).toBe(true);
        if (wanted === undefined) refused++;
      }
    }
    expect(refused).toBeLessThan(20);
  });
});

const ROOT = '/ 0 40755 2 0 0 0 0.0 - - -';
const AB = 'ab'.repeat(32);
const PATH_AB = `ab/${'ab'.repeat(31)}`;
const STUB = '0 20644 1 0 0 0 0.0 - - -';
const many = Array.from({ length: 150 }, (_, index) => ` user.m${index}=v`).join('');

/** Where composefs-rs leaves the C tool. */
const CORNERS: Readonly<Record<string, readonly string[]>> = {
  'marks that are there already, both kept': [
    ROOT,
    '/d 0 40755 2 0 0 0 0.0 - - - user.overlay.opaque=y trusted.overlay.opaque=abc user.overlay.whiteouts=a',
    '/d/w 0 20644 1 0 0 0 0.0 - - - user.overlay.whiteout=y',
  ],
  'marks that are there already with the same value': [
    ROOT,
    '/d 0 40755 2 0 0 0 0.0 - - - user.overlay.whiteouts= trusted.overlay.whiteouts=',
    '/d/w 0 20644 1 0 0 0 0.0 - - -',
  ],
  'a whiteout of root that equals a stub': [ROOT, `/00 ${STUB}`],
  'the same with a label': [`${ROOT} security.selinux=x`, `/00 ${STUB} security.selinux=x`],
  'without the label': [`${ROOT} security.selinux=x`, `/00 ${STUB}`],
  'with another xattr': [ROOT, `/00 ${STUB} user.a=b`],
  'with another time': [ROOT, '/00 0 20644 1 0 0 0 1.0 - - -'],
  'beside another whiteout': [ROOT, `/00 ${STUB}`, `/zz ${STUB}`],
  'below root': [ROOT, '/d 0 40755 2 0 0 0 0.0 - - -', `/d/00 ${STUB}`],
  'more than 128 shared xattrs': [
    ROOT,
    `/a 0 100644 1 0 0 0 0.0 - - -${many}`,
    `/b 0 100644 1 0 0 0 0.0 - - -${many}`,
  ],
  'a name that starts as an ACL': [ROOT, '/a 0 100644 1 0 0 0 0.0 - - - system.posix_acl_accessX=1'],
  'a payload without digest': [ROOT, `/a 10 100644 1 0 0 0 0.0 /x/y/${PATH_AB} - -`],
  'a payload in upper case': [ROOT, `/a 10 100644 1 0 0 0 0.0 AB/${'AB'.repeat(31)} - -`],
};

describe.skipIf(!hasCfsctl)('corners of composefs-rs', () => {
  it.each(Object.entries(CORNERS))('%s', (_, lines) => {
    const dump = Buffer.from(`${lines.join('\n')}\n`);
    const { root } = parseDumpfile(dump);
    for (const [version, setting] of SETTINGS) {
      expect(ours(root, version)?.equals(theirs(dump, setting) ?? Buffer.alloc(0))).toBe(true);
    }
  });

  it('times before 1970 are never the least', () => {
    const dump = Buffer.from(`${ROOT}\n/a 0 100644 1 0 0 0 18446744073709551615.0 - - -\n`);
    const root = dir({ a: file('', { sec: -1 }) });
    for (const [version, setting] of SETTINGS) {
      expect(ours(root, version)?.equals(theirs(dump, setting) ?? Buffer.alloc(0))).toBe(true);
    }
  });

  it('an external file of no bytes is external', () => {
    const dump = Buffer.from(`${ROOT}\n/a 0 100644 1 0 0 0 0.0 ${PATH_AB} - ${AB}\n`);
    const verity = verityDigest(AB);
    const content = {
      kind: 'external',
      size: 0,
      verity,
      payload: byteString(PATH_AB),
      location: undefined,
    } as const;
    const root = dir({ a: file(content) });
    for (const [version, setting] of SETTINGS) {
      expect(ours(root, version)?.equals(theirs(dump, setting) ?? Buffer.alloc(0))).toBe(true);
    }
  });
});

describe.skipIf(!hasCfsctl)('random directories, composefs-rs', () => {
  const seeds = Array.from({ length: 25 }, (_, index) => 100 + index);
  it.each(seeds)('seed %i: the digests of all versions and both algorithms', (seed) => {
    const path = join(folder, String(seed));
    mkdirSync(path);
    fillRandomDirectory(path, seed);
    for (const algorithm of ['sha256', 'sha512'] as const) {
      const base = ['--no-repo', '--hash', algorithm];
      const dump = runTool('cfsctl', [...base, 'create-dumpfile', '--no-propagate-usr-to-root', path]);
      expect(dump.stderr).toBe('');
      const { root } = parseDumpfile(dump.stdout);
      for (const version of [0, 1, 2] as const) {
        const args = [
          ...base,
          '--erofs-version',
          String(version),
          'compute-id',
          '--no-propagate-usr-to-root',
          path,
        ];
        const wanted = runTool('cfsctl', args).stdout.toString().trim();
        expect(imageDigest(encodeImage(root, { version, algorithm }), algorithm), `version ${version}`).toBe(
          wanted,
        );
      }
    }
  });
});

describe.skipIf(!hasFsck)('fsck.erofs', () => {
  it('finds no fault in random images of version 2', () => {
    const path = join(folder, 'image');
    for (let seed = 6000; seed < 6020; seed++) {
      const { root } = parseDumpfile(randomDump(seed, RS_DOMAIN));
      const image = ours(root, 2);
      if (image === undefined) continue;
      writeFileSync(path, image);
      const { status, stderr } = runTool('fsck.erofs', [path]);
      expect(status, `seed ${seed}: ${stderr}`).toBe(0);
    }
  });
});
