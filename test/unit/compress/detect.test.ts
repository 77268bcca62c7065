import { describe, expect, it } from 'vitest';
import { DETECT_BYTES, detectCompression } from '../../../src/compress/detect.ts';

const hex = (digits: string): Uint8Array => Buffer.from(digits, 'hex');

/** A tar block of an empty file of this name, with a right checksum. */
function tarBlock(name: Uint8Array): Uint8Array {
  const block = Buffer.alloc(DETECT_BYTES);
  block.set(name);
  block.write('0000644\0', 100, 'latin1');
  block.write('        ', 148, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

const SUPPORTED: [string, string][] = [
  ['1f8b08', 'gzip'],
  ['1f8b0800000000000003', 'gzip'],
  ['28b52ffd', 'zstd'],
  ['502a4d18', 'zstd'],
  ['5f2a4d1804000000', 'zstd'],
];

const UNSUPPORTED: [string, string][] = [
  ['fd377a585a00', 'xz'],
  ['425a6839314159265359', 'bzip2'],
  ['425a6831177245385090', 'bzip2'],
  ['04224d18', 'lz4'],
  ['02214c18', 'lz4 (legacy)'],
  ['1f9d90', 'compress(1)'],
  ['4c5a495001', 'lzip'],
];

describe('detectCompression', () => {
  it.each(SUPPORTED)('%s is %s', (digits, kind) => expect(detectCompression(hex(digits))).toBe(kind));

  it.each(UNSUPPORTED)('%s is refused as %s', (digits, name) => {
    expect(() => detectCompression(hex(digits))).toThrow(
      expect.objectContaining({
        code: 'COMPRESSION_UNSUPPORTED',
        message: `the layer is compressed with ${name}`,
        detail: expect.objectContaining({ offset: 0, actual: name }),
      }),
    );
  });

  it.each([
    '',
    '1f',
    '1f8b',
    '1f8b00',
    '28b52f',
    '28b52ffe',
    '602a4d18',
    '4f2a4d18',
    '425a68',
    '425a6830314159265359',
  ])('"%s" is no compression', (digits) => expect(detectCompression(hex(digits))).toBe('none'));

  it.each([...SUPPORTED, ...UNSUPPORTED])('a tar whose first name begins with %s is a tar', (digits) => {
    expect(detectCompression(tarBlock(hex(digits)))).toBe('none');
  });

  it('trusts magic over a block that is no tar', () => {
    const block = tarBlock(hex('1f8b08'));
    block[0x10] = 1;
    expect(detectCompression(block)).toBe('gzip');
    expect(detectCompression(tarBlock(hex('1f8b08')).subarray(0, 511))).toBe('gzip');
  });

  it('takes checksums as old tars write them', () => {
    const block = Buffer.from(tarBlock(hex('28b52ffd')));
    const digits = block.toString('latin1', 148, 154);
    block.write(`${String(Number(digits)).padStart(6, ' ')}\0 `, 148, 'latin1');
    expect(detectCompression(block)).toBe('none');
  });
});
