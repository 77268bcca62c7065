/** Numbers, strings and bytes behind one another. */
import { describe, expect, test } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import { VarintReader, VarintWriter } from '../../../src/bytes/varint.ts';

const NUMBERS = [0, 1, 127, 128, 16_383, 16_384, 2 ** 31, 2 ** 32, 2 ** 49, Number.MAX_SAFE_INTEGER];

function written(write: (out: VarintWriter) => void): Buffer {
  const out = new VarintWriter();
  write(out);
  return Buffer.from(out.written());
}

describe('numbers', () => {
  test.each([
    [0, '00'],
    [127, '7f'],
    [128, '8001'],
    [300, 'ac02'],
    [Number.MAX_SAFE_INTEGER, 'ffffffffffffff0f'],
  ])('%d is %s', (value, hex) => {
    expect(written((out) => out.number(value)).toString('hex')).toBe(hex);
  });

  test.each(NUMBERS)('%d comes back, with either sign', (value) => {
    const bytes = written((out) => {
      out.number(value);
      out.signed(value);
      out.signed(-value);
    });
    const reader = new VarintReader(bytes);
    expect([reader.number(), reader.signed(), reader.signed()]).toEqual([value, value, 0 - value]);
    expect(reader.left).toBe(0);
  });

  test.each([
    ['', 'a number is cut short'],
    ['80', 'a number is cut short'],
    ['ffffffffffffffff01', 'a number is too long'],
    ['ffffffffffffff7f', 'a number is too large'],
  ])('%j is refused', (hex, message) => {
    expect(() => new VarintReader(Buffer.from(hex, 'hex')).number()).toThrow(new RangeError(message));
  });
});

describe('strings and bytes', () => {
  test('come back, also when the buffer has to grow', () => {
    const long = byteString('\xff'.repeat(200_000));
    const bytes = written((out) => {
      out.string(byteString('a\0\xe9'));
      out.string(long);
      out.bytes(Uint8Array.of(1, 2));
    });
    const reader = new VarintReader(bytes);
    expect(reader.string(10)).toBe('a\0\xe9');
    expect(reader.string(200_000)).toBe(long);
    expect(reader.bytes(2)).toEqual(Uint8Array.of(1, 2));
  });

  test('are refused above their limit, and when they are cut short', () => {
    const bytes = Buffer.from('03616263', 'hex');
    expect(() => new VarintReader(bytes).string(2)).toThrow('a length is above its limit');
    expect(() => new VarintReader(bytes.subarray(0, 3)).bytes(3)).toThrow('bytes are cut short');
  });
});

describe('a writer', () => {
  test('keeps what it wrote in pieces', () => {
    const out = new VarintWriter();
    const texts = [40_000, 40_000, 10_000_000, 3].map((length) => byteString('x'.repeat(length)));
    for (const text of texts) out.string(text);
    expect(out.parts().map(({ length }) => length)).toEqual([40_006, 40_004, 10_000_000, 4]);
    const reader = new VarintReader(out.written());
    expect(texts.map(() => reader.string(10_000_000).length)).toEqual(texts.map(({ length }) => length));
    expect(reader.left).toBe(0);
  });

  test('begins anew once cleared', () => {
    const bytes = written((out) => {
      out.string(byteString('y'.repeat(100_000)));
      out.clear();
      out.number(7);
    });
    expect([...bytes]).toEqual([7]);
  });

  test('takes hexadecimal digits for the bytes that they spell, and nothing else', () => {
    expect([...written((out) => out.hex('00ff7f'))]).toEqual([0, 255, 127]);
    expect(() => written((out) => out.hex('00fg'))).toThrow(new RangeError('not hexadecimal'));
  });
});
