import { describe, expect, test } from 'vitest';
import { formatDumpfile } from '../../src/dumpfile/format.ts';
import { type DecodedImage, decodeImage } from '../../src/erofs/reader.ts';
import { encodeImage } from '../../src/erofs/writer.ts';
import { isPlanishError } from '../../src/errors.ts';
import type { Directory } from '../../src/tree/tree.ts';
import { arbitraryTree } from '../support/arbitraries.ts';
import { fc } from '../support/property.ts';
import { device, dir, external, fifo, file, symlink } from '../support/tree-builder.ts';

const CODES = [
  'EROFS_BAD_SUPERBLOCK',
  'EROFS_BAD_INODE',
  'EROFS_BAD_DIRECTORY',
  'EROFS_BAD_XATTR',
  'LIMIT_EXCEEDED',
];
const format = (root: Directory): Buffer => Buffer.concat([...formatDumpfile(root)]);

const leaf = file('linked');
const SMALL = dir({
  a: dir({ b: leaf }),
  c: device('character', 1, 3),
  e: file(external(5000, 'e', 'sha256'), { xattrs: { 'user.a': 'b', 'security.selinux': 'label' } }),
  f: file('hello', { sec: 5, xattrs: { 'security.selinux': 'label' } }),
  l: symlink('target'),
  p: fifo(),
  w: device('character', 0, 0),
  z: leaf,
});

/** Decodes and prints; what is thrown must be ours. */
function decodeOrRefuse(image: Uint8Array): DecodedImage | undefined {
  try {
    const decoded = decodeImage(image);
    format(decoded.root);
    return decoded;
  } catch (error) {
    if (!isPlanishError(error)) throw error;
    expect(CODES).toContain(error.code);
    return undefined;
  }
}

describe.each([0, 1, 2] as const)('version %i', (version) => {
  test('reading what was written gives the tree, and writing it again the image', () => {
    const trees = arbitraryTree({ sockets: true, nanoseconds: version !== 2, negativeTimes: version !== 2 });
    fc.assert(
      fc.property(trees, (root) => {
        const dialect = 'c';
        const image = encodeImage(root, { version, algorithm: 'sha512', dialect });
        const decoded = decodeImage(image, { strict: false });
        expect(format(decoded.root).equals(format(root))).toBe(true);
        const again = encodeImage(decoded.root, {
          version,
          algorithm: 'sha512',
          dialect,
          facts: decoded.facts,
        });
        expect(Buffer.compare(again, image)).toBe(0);
      }),
      { numRuns: 100 },
    );
  });
});

describe('changed images', () => {
  const encode = (version: 1 | 2): Buffer =>
    Buffer.from(encodeImage(SMALL, { version, algorithm: 'sha256' }));

  test('version 2: every bit, and every byte zeroed and filled', () => {
    const image = encode(2);
    for (let at = 0; at < image.length; at++) {
      const byte = image[at] ?? 0;
      const values = new Set([0, 0xff, ...Array.from({ length: 8 }, (_, bit) => byte ^ (1 << bit))]);
      if (at >= 1152 + 2048) values.delete(0xff);
      for (const value of values) {
        if (byte === 0 && value !== 0xff && value > 2) continue;
        image[at] = value;
        decodeOrRefuse(image);
      }
      image[at] = byte;
    }
    expect(decodeOrRefuse(image)?.root.children.size).toBe(8);
  });

  test('version 1: every byte that is not zero, flipped', () => {
    const image = encode(1);
    for (let at = 0; at < image.length; at++) {
      const byte = image[at] ?? 0;
      if (byte === 0) continue;
      image[at] = byte ^ (1 << (at % 8));
      decodeOrRefuse(image);
      image[at] = byte;
    }
    expect(decodeOrRefuse(image)?.root.children.size).toBe(8);
  });

  test('several fields at once, and truncations', () => {
    const image = encode(1);
    const edit = fc.tuple(fc.nat({ max: image.length - 1 }), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 12 }), (edits) => {
        const copy = Buffer.from(image);
        for (const [at, byte] of edits) copy[at] = byte;
        decodeOrRefuse(copy);
      }),
      { numRuns: 500 },
    );
    for (let length = 0; length < image.length; length += 7)
      expect(decodeOrRefuse(image.subarray(0, length))).toBeUndefined();
  });

  test('whole images of noise behind a good superblock', () => {
    const head = encode(2).subarray(0, 1152);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 2944, maxLength: 2944 }), (noise) => {
        decodeOrRefuse(Buffer.concat([head, noise]));
      }),
      { numRuns: 200 },
    );
  });
});
