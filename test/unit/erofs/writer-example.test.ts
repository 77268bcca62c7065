/** One small image, byte by byte where bytes matter: two files, a shared label, inline and external content. */
import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import { verityDigest } from '../../../src/bytes/digest.ts';
import { imageDigest } from '../../../src/erofs/image-digest.ts';
import { encodeImage } from '../../../src/erofs/writer.ts';
import { dir, file, inline } from '../../support/tree-builder.ts';

const LABEL = { 'security.selinux': 'ctx\0' };
let image: Buffer;

function hex(at: number, length: number): string {
  return image.toString('hex', at, at + length);
}

beforeAll(() => {
  const x = file(
    {
      kind: 'external',
      size: 100_000,
      verity: verityDigest('ab'.repeat(32)),
      payload: undefined,
      location: undefined,
    },
    { xattrs: { 'user.k': 'v' } },
  );
  const f = file(inline('hello'), { sec: 9, nsec: 25, xattrs: LABEL });
  const root = dir({ x, f }, { xattrs: LABEL });
  image = Buffer.from(encodeImage(root, { version: 0, algorithm: 'sha256', dialect: 'c' }));
});

describe('the worked example', () => {
  it('is the image that mkcomposefs writes', () => {
    expect(image.length).toBe(24_576);
    expect(createHash('sha256').update(image).digest('hex')).toBe(
      'a4a8289db353ea5a8ca55a0c467709f2ecd37125232e3336f981977779d61591',
    );
    expect(imageDigest(image, 'sha256')).toBe(
      '6b588adc66afe3198ba243e16a3a8714337744cc39857e2280544d4837ebdee7',
    );
  });

  it('has header and superblock', () => {
    expect(hex(0, 16)).toBe('9a6278d0010000000000000000000000');
    expect(hex(0x40e, 2)).toBe('2400');
    expect(hex(0x410, 8)).toBe('0301000000000000');
    expect(hex(0x424, 4)).toBe('06000000');
    expect(hex(0x42c, 4)).toBe('04000000');
  });

  it('has a compact root with one shared and one own xattr', () => {
    expect(hex(0x480, 24)).toBe('00000700ed410200001000000000000005000000' + '00000000');
    expect(hex(0x4a0, 16)).toBe('fff7efff010000000000000088010000');
    expect(image.toString('latin1', 0x4b0, 0x4c4)).toBe('\x0e\x04\x01\0overlay.opaquey\0');
    expect(hex(0x4e0, 8)).toBe('00000200a4210100');
  });

  it('has an extended inode with inline content', () => {
    expect(hex(0x40e0, 12)).toBe('05000200a481000005000000');
    expect(hex(0x40f4, 4)).toBe('f1000000');
    expect(hex(0x4100, 16)).toBe('09000000000000001900000001000000');
    expect(image.toString('latin1', 0x4130, 0x4135)).toBe('hello');
  });

  it('has a chunk-based file with metacopy and redirect', () => {
    expect(hex(0x4540, 24)).toBe('08002700a4810100a08601000000000005000000' + '02010000');
    expect(hex(0x4560, 12)).toBe('ffbffd7f0000000000000000');
    expect(hex(0x456c, 4)).toBe('10042400');
    expect(hex(0x4580, 36)).toBe(`00240001${'ab'.repeat(32)}`);
    expect(image.toString('latin1', 0x45a4, 0x45fa)).toBe(
      `\x10\x04\x42\0overlay.redirect/ab/${'ab'.repeat(31)}`,
    );
    expect(hex(0x45fc, 8)).toBe('01010100' + '6b760000');
    expect(hex(0x4604, 4)).toBe('ffffffff');
  });

  it('has the shared table and the directory block', () => {
    expect(image.toString('latin1', 0x4620, 0x462f)).toBe('\x07\x06\x04\0selinuxctx\0');
    expect(image.readUInt16LE(0x5008)).toBe(3120);
    expect(image.readUInt32LE(0x5000 + 242 * 12)).toBe(0x40e0 / 32);
    expect(image.readUInt32LE(0x5000 + 259 * 12)).toBe(0x4540 / 32);
  });
});

describe('names', () => {
  it('of directories stay in byte order around "." and ".."', () => {
    const tree = dir({ d: dir({ '!': file(inline('')), '\xff': file(inline('')), a: file(inline('')) }) });
    const small = Buffer.from(encodeImage(tree, { version: 2, algorithm: 'sha256' }));
    // The directory's tail: `!`, `.`, `..`, `a`, 0xff in one run of names.
    expect(small.indexOf('!...a\xff', 0, 'latin1')).toBeGreaterThan(1152);
    expect(byteString('!') < byteString('.')).toBe(true);
  });
});
