/** Whole images against the C tool: random dumpfiles from fixed seeds, every version setting, bit for bit. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseDumpfile } from '../../src/dumpfile/parse.ts';
import { automaticVersion } from '../../src/erofs/collect.ts';
import { imageDigest } from '../../src/erofs/image-digest.ts';
import { encodeImage, type FormatVersion } from '../../src/erofs/writer.ts';
import { hasTool, runTool } from '../support/composefs-tools.ts';
import { C_DOMAIN, randomDump } from '../support/random-dump.ts';

const FIRST_SEED = 1;
const BATCH = 50;
const BATCHES = 11;

const hasMkcomposefs = hasTool('mkcomposefs', 'images against the C tool');
const hasFsck = hasTool('fsck.erofs', 'images against fsck.erofs');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'planish-mkcomposefs-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function ours(dump: Uint8Array, version: FormatVersion | 'automatic'): Buffer {
  const { root, facts } = parseDumpfile(dump);
  const chosen = version === 'automatic' ? automaticVersion(root) : version;
  return Buffer.from(encodeImage(root, { version: chosen, algorithm: 'sha256', dialect: 'c', facts }));
}

function theirs(dump: Uint8Array, args: readonly string[]): Buffer {
  const { status, stdout, stderr } = runTool('mkcomposefs', [...args, '--from-file', '-', '-'], dump);
  if (status !== 0) throw new Error(`mkcomposefs refuses: ${stderr}`);
  return stdout;
}

/** First difference, small enough to read in a failure. */
function difference(a: Buffer, b: Buffer): string | undefined {
  if (a.equals(b)) return undefined;
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return `lengths ${a.length} and ${b.length}, first difference at ${at}`;
}

const SETTINGS = [
  ['automatic', []],
  [0, ['--max-version=0']],
  [1, ['--min-version=1']],
] as const;

/** Payloads that are, resemble or contradict the object path of a digest, and names on both sides of overlayfs' own. */
function objectPathDump(): Buffer {
  const digest = 'ab'.repeat(32);
  const path = `ab/${digest.slice(2)}`;
  const payloads = [
    `${path} - ${digest} trusted.overlay.x=1 trusted.a=2 user.z=3`,
    `${path} - -`,
    `x/y - ${digest}`,
    `x/y - ${digest}`,
    `${path.replace('/a', '/\\x2f')} - -`,
    `${path.replace('/a', '/\\x2f')} - -`,
    `${path.toUpperCase()} - ${digest}`,
    `${digest} - ${digest}`,
    `${digest} - -`,
  ];
  const files = payloads.map((payload, index) => `/${index} 100 100644 1 0 0 0 0.0 ${payload}\n`);
  return Buffer.from(`/ 0 40755 2 0 0 0 0.0 - - -\n${files.join('')}`);
}

describe.skipIf(!hasMkcomposefs)('redirects to objects, C tool', () => {
  it.each(SETTINGS)('version %s', (version, args) => {
    const dump = objectPathDump();
    expect(difference(ours(dump, version), theirs(dump, args))).toBeUndefined();
  });
});

describe.skipIf(!hasMkcomposefs)('random dumpfiles, C tool', () => {
  const batches = Array.from({ length: BATCHES }, (_, index) => FIRST_SEED + index * BATCH);
  it.each(batches)(`${BATCH} trees from seed %i give its images`, (first) => {
    for (let seed = first; seed < first + BATCH; seed++) {
      const dump = randomDump(seed, C_DOMAIN);
      for (const [version, args] of SETTINGS) {
        const found = difference(ours(dump, version), theirs(dump, args));
        expect(found, `seed ${seed}, version ${version}`).toBeUndefined();
      }
    }
  });
});

const ROOT = '/ 0 40755 2 0 0 0 0.0 - - -\n';
const WHITEOUT = Buffer.from(`${ROOT}/w 0 20644 1 0 0 0 0.0 - - -\n`);

describe.skipIf(!hasMkcomposefs)('version settings of the C tool', () => {
  it.each([
    ['none', [], 1],
    ['minimum 0', ['--min-version=0'], 0],
    ['maximum 0', ['--max-version=0'], 0],
    ['maximum 1', ['--max-version=1'], 1],
    ['minimum 1', ['--min-version=1'], 1],
  ] as const)('%s: a whiteout gives the version expected', (_, args, version) => {
    expect(difference(ours(WHITEOUT, version), theirs(WHITEOUT, args))).toBeUndefined();
  });

  it('has a digest equal to the fs-verity digest of our image', () => {
    const { stdout } = runTool('mkcomposefs', ['--print-digest-only', '--from-file', '-'], WHITEOUT);
    expect(imageDigest(ours(WHITEOUT, 'automatic'), 'sha256')).toBe(stdout.toString().trim());
  });
});

describe.skipIf(!hasMkcomposefs)('corners of the C tool', () => {
  const AB = 'ab'.repeat(32);
  const many = (count: number) => Array.from({ length: count }, (_, index) => ` user.m${index}=v`).join('');
  const manyFiles = (count: number) =>
    Array.from({ length: count }, (_, index) => `/d/${index}-${'n'.repeat(20)} 0 100644 1 0 0 0 0.0 - - -\n`);
  it.each([
    [
      '128 shared xattrs',
      `/a 0 100644 1 0 0 0 0.0 - - -${many(128)}\n/b 0 100644 1 0 0 0 0.0 - - -${many(128)}\n`,
    ],
    [
      '200 shared xattrs',
      `/a 0 100644 1 0 0 0 0.0 - - -${many(200)}\n/b 0 100644 1 0 0 0 0.0 - - -${many(200)}\n`,
    ],
    ['1024 chunks', `/a 9007199254740991 100644 1 0 0 0 0.0 - - ${AB}\n`],
    ['1016 chunks', `/a ${1016 * 2 ** 43} 100644 1 0 0 0 0.0 - - ${AB} user.a=b\n`],
    ['a directory of 20000', `/d 0 40755 2 0 0 0 0.0 - - -\n${manyFiles(20_000).join('')}`],
    ['a file whose payload is another digest', `/a 9 100644 1 0 0 0 0.0 cd/ef - ${AB}\n`],
    ['a payload with a slash first', `/a 9 100644 1 0 0 0 0.0 /cd/ef - ${AB}\n`],
    ['an empty external file', `/a 0 100644 1 0 0 0 0.0 ab/cd - ${AB}\n`],
    ['a fifo of 5 GB', '/a 5000000000 10644 1 0 0 0 0.0 - - -\n'],
    ['a primary name behind its link', '/a 0 @100644 1 0 0 0 0.0 /b - -\n/b 1 100644 7 0 0 0 0.0 - x -\n'],
  ])('%s', (_, lines) => {
    const dump = Buffer.from(ROOT + lines);
    for (const [version, args] of SETTINGS) {
      expect(difference(ours(dump, version), theirs(dump, args)), `version ${version}`).toBeUndefined();
    }
  });
});

describe.skipIf(!hasFsck)('fsck.erofs', () => {
  it('finds no fault in random images of any version', () => {
    const file = join(folder, 'image');
    for (let seed = 5000; seed < 5020; seed++) {
      const { root, facts } = parseDumpfile(
        randomDump(seed, { ...C_DOMAIN, contentMax: 512, targetMax: 1024 }),
      );
      for (const [version, dialect] of [
        [0, 'c'],
        [1, 'c'],
      ] as const) {
        writeFileSync(file, encodeImage(root, { version, algorithm: 'sha256', dialect, facts }));
        const { status, stderr } = runTool('fsck.erofs', [file]);
        expect(status, `seed ${seed}, version ${version}: ${stderr}`).toBe(0);
      }
    }
  });
});
