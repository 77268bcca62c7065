import { describe, expect, test } from 'vitest';
import { decodeOidContent } from '../../../src/der/oid.ts';
import { type DerValue, decodeDer, decodeDerPrefix } from '../../../src/der/reader.ts';
import { contextTag, TAG } from '../../../src/der/tags.ts';
import {
  DER_NULL,
  encodeBitString,
  encodeContext,
  encodeContextPrimitive,
  encodeElement,
  encodeOctets,
  encodeOid,
  encodeSequence,
  encodeSetOf,
  encodeSmallInteger,
  encodeUnsigned,
} from '../../../src/der/writer.ts';
import { isPlanishError } from '../../../src/errors.ts';

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');
const hex = (value: Uint8Array): string => Buffer.from(value).toString('hex');

/** What is wrong with bytes, by the code, message and offset. */
function fault(input: string, use: (value: DerValue) => unknown = () => undefined): string {
  try {
    use(decodeDer(bytes(input)));
    return 'none';
  } catch (error) {
    if (isPlanishError(error)) return `${error.code} ${error.message} @${error.detail.offset}`;
    throw error;
  }
}

describe('writing', () => {
  test.each([
    ['NULL', DER_NULL, '0500'],
    ['a version', encodeSmallInteger(1), '020101'],
    ['zero', encodeUnsigned(bytes('0000')), '020100'],
    ['a number with its top bit set', encodeUnsigned(bytes('0080ff')), '02030080ff'],
    ['a number without', encodeUnsigned(bytes('7f')), '02017f'],
    ['octets', encodeOctets(bytes('abcd')), '0402abcd'],
    ['bits', encodeBitString(bytes('abcd')), '030300abcd'],
    ['an OID', encodeOid('1.2.840.113549.1.7.2'), '06092a864886f70d010702'],
    ['an OID with a large first pair', encodeOid('2.999.3'), '0603883703'],
    ['a sequence', encodeSequence(DER_NULL, encodeSmallInteger(2)), '30050500020102'],
    [
      'a set, sorted',
      encodeSetOf(encodeSmallInteger(2), DER_NULL, encodeSmallInteger(1)),
      '31080201010201020500',
    ],
    ['a tag around', encodeContext(3, DER_NULL), 'a3020500'],
    ['a tag instead', encodeContextPrimitive(0, bytes('61')), '800161'],
  ])('%s', (_, value, expected) => {
    expect(hex(value)).toBe(expected);
  });

  test.each([
    [127, '047f'],
    [128, '048180'],
    [255, '0481ff'],
    [256, '04820100'],
    [65_536, '0483010000'],
  ])('a length of %i', (length, header) => {
    expect(hex(encodeElement(TAG.octetString, Buffer.alloc(length))).slice(0, header.length)).toBe(header);
  });
});

describe('reading', () => {
  test('gives what was written, with offsets in the whole', () => {
    const der = encodeSequence(encodeSmallInteger(5), encodeContext(1, encodeOctets(Buffer.alloc(200, 7))));
    const fields = decodeDer(der).fields(TAG.sequence, 'a test');
    expect(fields.take('a number').smallInteger('a number')).toBe(5);
    expect(fields.takeIf(TAG.null)).toBeUndefined();
    const inner = fields.take('a tag', contextTag(1, true));
    expect(inner.offset).toBe(6);
    expect(inner.children()[0]?.offset).toBe(9);
    expect(hex(inner.children()[0]?.octets('octets') ?? Buffer.of())).toBe('07'.repeat(200));
    fields.end();
  });

  test('stops at the end of the first element where more may follow', () => {
    expect(decodeDerPrefix(bytes('0500 00 00')).bytes.length).toBe(2);
  });

  test.each([
    ['nothing', '', 'DER_BAD_DATA DER data ends within an element @0'],
    ['a tag alone', '30', 'DER_BAD_DATA DER data ends within an element @0'],
    ['a length too many', '0402ff', 'DER_BAD_DATA DER data ends within an element @0'],
    ['a cut length', '0482', 'DER_BAD_DATA DER data ends within an element @0'],
    ['bytes after it', '050000', 'DER_BAD_DATA DER data is followed by something else @2'],
    ['an indefinite length', '30800000', 'DER_BAD_DATA a length is indefinite or too large @0'],
    ['a length of five bytes', '30850000000000', 'DER_BAD_DATA a length is indefinite or too large @0'],
    ['a long length for a short one', '04817f', 'DER_BAD_DATA a length is not in its shortest form @0'],
    [
      'a length with a leading zero',
      `04820080${'00'.repeat(128)}`,
      'DER_BAD_DATA a length is not in its shortest form @0',
    ],
    ['a high tag number', '1f8100', 'DER_BAD_DATA a tag number does not fit in one octet @0'],
  ])('refuses %s', (_, input, expected) => {
    expect(fault(input)).toBe(expected);
  });

  test.each<[string, string, (value: DerValue) => unknown, string]>([
    ['children of a primitive', '0500', (v) => v.children(), 'a constructed element was expected @0'],
    ['a broken child', '3003 0500 04', (v) => v.children(), 'DER data ends within an element @4'],
    [
      'a child that leaves its parent',
      '3002 0401 ff'.slice(0, -3),
      (v) => v.children(),
      'DER data ends within an element @2',
    ],
    ['an empty integer', '0200', (v) => v.integerBytes('n'), 'n is not an INTEGER in its shortest form @0'],
    [
      'a padded integer',
      '0202007f',
      (v) => v.integerBytes('n'),
      'n is not an INTEGER in its shortest form @0',
    ],
    [
      'a padded negative one',
      '0202ff80',
      (v) => v.integerBytes('n'),
      'n is not an INTEGER in its shortest form @0',
    ],
    ['a negative number', '0201ff', (v) => v.smallInteger('n'), 'n is out of range @0'],
    ['a large number', '02050100000000', (v) => v.smallInteger('n'), 'n is out of range @0'],
    ['an empty OID', '0600', (v) => v.oid('o'), 'o is not an OBJECT IDENTIFIER @0'],
    ['an unfinished OID', '06022a86', (v) => v.oid('o'), 'o is not an OBJECT IDENTIFIER @0'],
    ['a padded OID', '0603 2a 80 01', (v) => v.oid('o'), 'o is not an OBJECT IDENTIFIER @0'],
    ['an OID of huge numbers', '06062a8fffffff7f', (v) => v.oid('o'), 'o is not an OBJECT IDENTIFIER @0'],
    [
      'bits that are not bytes',
      '030204f0',
      (v) => v.bitStringBytes('b'),
      'b is not a BIT STRING of whole bytes @0',
    ],
    ['another tag', '0500', (v) => v.octets('x'), 'x has another tag than it must @0'],
    ['a field that is missing', '3000', (v) => v.fields(TAG.sequence, 'x').take('y'), 'x ends before y @0'],
    ['a field too many', '30020500', (v) => v.fields(TAG.sequence, 'x').end(), 'x holds more than it may @2'],
  ])('refuses %s', (_, input, use, expected) => {
    expect(fault(input, use)).toBe(`DER_BAD_DATA ${expected}`);
  });

  test('does not follow nesting without end', () => {
    const nested = Array.from({ length: 64 }).reduce<Uint8Array>((inner) => encodeSequence(inner), DER_NULL);
    const descend = (value: DerValue): void => {
      for (const child of value.children()) descend(child);
    };
    expect(fault(hex(nested), descend)).toBe('LIMIT_EXCEEDED DER data is nested too deeply @65');
  });

  test.each(['0.9', '1.2.840.113549.1.1.1', '1.39', '2.5.29.15', '2.999.1'])('an OID: %s', (oid) => {
    expect(decodeOidContent(encodeOid(oid).subarray(2))).toBe(oid);
  });
});
