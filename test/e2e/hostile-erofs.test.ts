/** EROFS images that lie: absurd counts on the command line, and a real image with wrong bytes everywhere. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { byteString } from '../../src/bytes/byte-string.ts';
import { COMPACT_INODE, DIRENT, EXTENDED_INODE, SLOT_SIZE, SUPERBLOCK } from '../../src/erofs/format.ts';
import { ErofsImage } from '../../src/erofs/image.ts';
import { bufferView } from '../../src/erofs/image-view.ts';
import { decodeImage } from '../../src/erofs/reader.ts';
import { isPlanishError } from '../../src/errors.ts';
import { walk } from '../../src/tree/walk.ts';
import { DEMO, planish, planishJson } from '../support/cli.ts';
import { cpuSecondsSince } from '../support/cpu-time.ts';
import { Arena, errorLines, runPlanish } from '../support/refusal.ts';

const FORMATS = ['v0', 'v1', 'v2'] as const;
let arena: Arena;
const images = new Map<string, Buffer>();
beforeAll(async () => {
  arena = await Arena.create();
  for (const format of FORMATS) {
    const path = join(arena.root, `${format}.erofs`);
    planishJson(['mkfs', `oci-archive:${DEMO}`, '-o', path, '--format', format]);
    images.set(format, readFileSync(path));
  }
});
afterAll(() => arena.close());

const imageOf = (format: string): Buffer => images.get(format) as Buffer;

interface Spot {
  readonly at: number;
  readonly bytes: 1 | 2 | 4 | 8;
}

/** A field of the superblock. */
const superblock = (field: number, bytes: Spot['bytes']) => (): Spot => ({
  at: SUPERBLOCK.offset + field,
  bytes,
});

/** A field of the inode of a path, which has another offset in an extended inode than in a compact one. */
const inode =
  (path: string, field: 'fileSize' | 'nlink' | 'xattrCount' | 'format' | 'union', bytes: Spot['bytes']) =>
  (image: Buffer): Spot => {
    const start = nidOf(image, path) * SLOT_SIZE;
    const extended = (image.readUInt16LE(start) & 1) === 1;
    const narrow = field === 'fileSize' ? 4 : bytes;
    return {
      at: start + (extended ? EXTENDED_INODE : COMPACT_INODE)[field],
      bytes: extended ? bytes : narrow,
    };
  };

function nidOf(image: Buffer, path: string): number {
  const found = new ErofsImage(bufferView(image)).lookup(byteString(path));
  if (found === undefined) throw new Error(`the image has no ${path}`);
  return found.inode.nid;
}

/** The number in the only directory entry that names the inode of a path. */
const entryOf =
  (path: string) =>
  (image: Buffer): Spot => {
    const nid = nidOf(image, path);
    const pattern = Buffer.alloc(8);
    pattern.writeBigUInt64LE(BigInt(nid));
    for (let at = 1024; at < image.length; at += 4) {
      const isEntry = image.subarray(at, at + 8).equals(pattern) && image[at + DIRENT.fileType] === 2;
      if (isEntry) return { at: at + DIRENT.nid, bytes: 8 };
    }
    throw new Error(`no directory entry of ${path}`);
  };

const ALL_ONES = (1n << 64n) - 1n;

describe('an image with', () => {
  const cases: [string, (image: Buffer) => Spot, (image: Buffer) => bigint, string][] = [
    [
      '2^32-1 blocks',
      superblock(SUPERBLOCK.blocks, 4),
      () => ALL_ONES,
      'EROFS_BAD_SUPERBLOCK: the image says it has 17592186040320 bytes, but has 135168 (<root>/wrong.erofs, offset 1060)',
    ],
    [
      'no blocks',
      superblock(SUPERBLOCK.blocks, 4),
      () => 0n,
      'EROFS_BAD_SUPERBLOCK: the image says it has 0 bytes, but has 135168 (<root>/wrong.erofs, offset 1060)',
    ],
    [
      'a root that is out of reach',
      superblock(SUPERBLOCK.rootNid, 2),
      () => 0xfffen,
      'EROFS_BAD_INODE: an inode lies outside the image (<root>/wrong.erofs, offset 2097088, found 32)',
    ],
    [
      'a root inside the superblock',
      superblock(SUPERBLOCK.rootNid, 2),
      () => 1n,
      'EROFS_BAD_INODE: inode 1 lies before the first one (<root>/wrong.erofs, offset 32)',
    ],
    [
      'attributes beyond its end',
      superblock(SUPERBLOCK.xattrBlock, 4),
      () => ALL_ONES,
      'EROFS_BAD_SUPERBLOCK: the shared attributes lie outside the image (<root>/wrong.erofs, offset 1068)',
    ],
    [
      'a root of 2^62 bytes',
      inode('/', 'fileSize', 8),
      () => 1n << 62n,
      'EROFS_BAD_INODE: inode 36 has more content than the image (<root>/wrong.erofs, offset 1152)',
    ],
    [
      'a directory of 2^32-1 bytes',
      inode('/usr', 'fileSize', 4),
      () => ALL_ONES,
      'EROFS_BAD_INODE: inode 608 has more content than the image (<root>/wrong.erofs, offset 19456)',
    ],
    [
      '65535 attributes',
      inode('/usr', 'xattrCount', 2),
      () => ALL_ONES,
      'EROFS_BAD_INODE: inode 608 has attributes outside the image (<root>/wrong.erofs, offset 19456)',
    ],
    [
      'a link count of a directory that is wrong',
      inode('/usr', 'nlink', 2),
      () => 7n,
      'EROFS_BAD_INODE: inode 608 has a link count of 7, not 9 (<root>/wrong.erofs, offset 19456)',
    ],
    [
      'a layout that is unknown',
      inode('/etc', 'format', 2),
      () => ALL_ONES,
      'EROFS_BAD_INODE: inode 528 has an unknown format (<root>/wrong.erofs, offset 16896)',
    ],
    [
      'a directory that holds its parent',
      entryOf('/usr/bin'),
      (image) => BigInt(nidOf(image, '/usr')),
      'EROFS_BAD_INODE: inode 608 is a directory of several names (<root>/wrong.erofs, offset 19456)',
    ],
    [
      'a directory that holds the root',
      entryOf('/usr/bin'),
      (image) => BigInt(nidOf(image, '/')),
      'EROFS_BAD_INODE: inode 36 is a directory of several names (<root>/wrong.erofs, offset 1152)',
    ],
    [
      'an entry beyond its end',
      entryOf('/usr/bin'),
      () => ALL_ONES,
      'EROFS_BAD_INODE: an inode lies outside the image (<root>/wrong.erofs, offset 590295810358705700000, found 32)',
    ],
  ];

  test.each(cases)('%s', async (_, spot, value, line) => {
    const image = Buffer.from(imageOf('v1'));
    const { at, bytes } = spot(image);
    const number = Buffer.alloc(8);
    number.writeBigUInt64LE(value(image));
    number.copy(image, at, 0, bytes);
    const path = join(arena.root, 'wrong.erofs');
    writeFileSync(path, image);
    for (const args of [
      ['ls', '-R', path],
      ['dump', path],
      ['build', path, '-o', `oci:${arena.used}:x`],
    ]) {
      const before = arena.snapshot();
      const run = await runPlanish(args);
      const stderr = errorLines(arena.plain(run.stderr));
      expect({ status: run.status, stdout: run.stdout.toString(), stderr }).toEqual({
        status: 3,
        stdout: '',
        stderr: [`planish: ${line}`],
      });
      expect(arena.snapshot()).toEqual(before);
    }
  });

  test('a count of inodes that nobody reads: as good as any other', () => {
    const image = Buffer.from(imageOf('v1'));
    image.writeBigUInt64LE(ALL_ONES, SUPERBLOCK.offset + SUPERBLOCK.inodes);
    const path = join(arena.root, 'count.erofs');
    writeFileSync(path, image);
    expect(
      planish(['dump', path]).stdout.equals(planish(['dump', join(arena.root, 'v1.erofs')]).stdout),
    ).toBe(true);
  });
});

describe('a real image with wrong bytes', () => {
  const SAMPLES = process.env['CI'] === 'true' ? 4500 : 1500;
  /** What is done to a byte, by turns. */
  const MASKS = [0x01, 0x80, 0xff];
  /** Seconds of processor time that one decoding may take: far more than it does, far less than a loop would. */
  const LIMIT = 20;

  function decodes(bytes: Uint8Array): boolean {
    const since = process.cpuUsage();
    try {
      // Whatever comes out must be finite, and no more than the image has room for.
      const entries = [...walk(decodeImage(bytes).root)].length;
      expect(entries).toBeLessThan(bytes.length / DIRENT.size);
      return true;
    } catch (error) {
      if (!isPlanishError(error) || error.kind !== 'input') throw error;
      return false;
    } finally {
      expect(cpuSecondsSince(since)).toBeLessThan(LIMIT);
    }
  }

  test.each(FORMATS)('%s: one byte, all over it', (format) => {
    const image = Buffer.from(imageOf(format));
    // A step that is prime to all that is aligned, so that every kind of field is met.
    const step = Math.max(1, Math.floor(image.length / SAMPLES) | 1);
    let refused = 0;
    let samples = 0;
    for (let at = 0; at < image.length; at += step) {
      const original = image[at] as number;
      image[at] = original ^ (MASKS[samples % MASKS.length] as number);
      refused += decodes(image) ? 0 : 1;
      samples += 1;
      image[at] = original;
    }
    process.stderr.write(`EROFS ${format}: ${refused} of ${samples} refused\n`);
    expect(refused).toBeGreaterThan(samples / 20);
    expect(decodes(image)).toBe(true);
  });

  test.each(FORMATS)('%s: cut anywhere', (format) => {
    const image = imageOf(format);
    for (let length = 0; length < image.length; length += Math.ceil(image.length / 300)) {
      expect(decodes(image.subarray(0, length))).toBe(false);
    }
  });
});
