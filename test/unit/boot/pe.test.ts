import { describe, expect, test } from 'vitest';
import { decodePe, findSection, readTextSection } from '../../../src/boot/pe.ts';
import { readUki } from '../../../src/boot/uki.ts';
import { byteSource } from '../../../src/bytes/byte-source.ts';
import { isPlanishError } from '../../../src/errors.ts';
import { makePe, makeUki, SECTION_TABLE_AT } from '../../support/uki-maker.ts';

const pe = makePe([
  ['.text', 'code'],
  ['.long-nm', 'a name of eight bytes'],
  ['.bss', ''],
  ['.text', 'second'],
]);

/** The code and message of the error, or what was read. */
function outcome(bytes: Uint8Array): string {
  try {
    const uki = readUki(byteSource(bytes));
    return `${uki.image.sections.length} sections`;
  } catch (error) {
    if (isPlanishError(error)) return `${error.code} ${error.message} @${error.detail.offset}`;
    throw error;
  }
}

/** A copy with a little-endian number written at an offset. */
function patched(bytes: Uint8Array, at: number, value: number, width: 2 | 4 = 4): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUIntLE(value, at, width);
  return copy;
}

const row = (index: number, field: number): number => SECTION_TABLE_AT + 40 * index + field;

describe('section table', () => {
  test('is read as it stands', () => {
    const image = decodePe(byteSource(pe));
    expect(image.machine).toBe(0x8664);
    expect(image.sectionTable).toBe(SECTION_TABLE_AT);
    expect(image.sections).toEqual([
      {
        name: '.text',
        virtualSize: 4,
        virtualAddress: 0x1000,
        rawSize: 512,
        rawOffset: 1024,
        characteristics: 0x4000_0040,
      },
      {
        name: '.long-nm',
        virtualSize: 21,
        virtualAddress: 0x2000,
        rawSize: 512,
        rawOffset: 1536,
        characteristics: 0x4000_0040,
      },
      {
        name: '.bss',
        virtualSize: 0,
        virtualAddress: 0x3000,
        rawSize: 0,
        rawOffset: 0,
        characteristics: 0x4000_0040,
      },
      {
        name: '.text',
        virtualSize: 6,
        virtualAddress: 0x4000,
        rawSize: 512,
        rawOffset: 2048,
        characteristics: 0x4000_0040,
      },
    ]);
  });

  test('finds the first of a name, and its VirtualSize bytes', () => {
    const source = byteSource(pe);
    const image = decodePe(source);
    const text = findSection(image, '.text');
    expect(Buffer.from(readTextSection(source, text ?? expect.fail())).toString()).toBe('code');
    expect(findSection(image, '.data')).toBeUndefined();
  });
});

describe('hostile files', () => {
  const uki = makeUki({ uname: '6.12.1' });

  test.each<[string, Uint8Array, string]>([
    ['nothing', Buffer.alloc(0), 'PE_BAD_IMAGE the file ends within the DOS header @0'],
    ['no MZ', Buffer.alloc(4096), 'PE_BAD_IMAGE not a PE file: it does not begin with MZ @0'],
    [
      'a PE header beyond the end',
      patched(uki, 0x3c, 0xffff_fff0),
      'PE_BAD_IMAGE the file ends within the PE header @4294967280',
    ],
    ['a PE header elsewhere', patched(uki, 0x3c, 0x40), 'PE_BAD_IMAGE the PE signature is missing @64'],
    [
      '65535 sections',
      patched(uki, 0x86, 0xffff, 2),
      `LIMIT_EXCEEDED a PE file has too many sections @${SECTION_TABLE_AT}`,
    ],
    [
      '512 sections',
      patched(uki, 0x86, 512, 2),
      `PE_BAD_IMAGE the file ends within the section table @${SECTION_TABLE_AT}`,
    ],
    [
      'an optional header that fills the file',
      patched(uki, 0x94, 0xffff, 2),
      'PE_BAD_IMAGE the file ends within the section table @65687',
    ],
    [
      'a section beyond the end',
      patched(uki, row(0, 20), 0x7fff_fe00),
      'PE_BAD_IMAGE section ".osrel" ends beyond the file @2147483136',
    ],
    [
      'a section longer than the file',
      patched(uki, row(4, 16), 0xffff_ffff),
      'PE_BAD_IMAGE section ".initrd" ends beyond the file @3072',
    ],
    [
      'two sections in one place',
      patched(uki, row(1, 20), 1024),
      'PE_BAD_IMAGE section ".cmdline" overlaps what is before it @1024',
    ],
    [
      'a section within the headers',
      patched(uki, row(0, 20), 0),
      'PE_BAD_IMAGE section ".osrel" overlaps what is before it @0',
    ],
    [
      'a text longer than what is stored',
      patched(uki, row(1, 8), 513),
      'PE_BAD_IMAGE section ".cmdline" is longer than what the file stores of it @1536',
    ],
    [
      'a text of 4 GiB',
      patched(uki, row(1, 8), 0xffff_ffff),
      'PE_BAD_IMAGE section ".cmdline" is longer than what the file stores of it @1536',
    ],
    [
      'a text above the limit',
      makeUki({ cmdline: 'x'.repeat(2 ** 20 + 1) }),
      'LIMIT_EXCEEDED section ".cmdline" is too long for a text @undefined',
    ],
    [
      'a text that is not UTF-8',
      makePe([['.cmdline', Uint8Array.of(0x61, 0xff)]]),
      'PE_BAD_IMAGE section ".cmdline" of a UKI is not UTF-8 @512',
    ],
  ])('%s', (_, bytes, expected) => {
    expect(outcome(bytes)).toBe(expected);
  });

  test('cut anywhere are an error, or whole', () => {
    for (let length = 0; length < uki.length; length++) {
      expect(outcome(uki.subarray(0, length))).toMatch(/^PE_BAD_IMAGE /);
    }
    expect(outcome(uki)).toBe('5 sections');
  });

  test('with any byte flipped are an error or a table', () => {
    for (let at = 0; at < 1024; at++) {
      for (const mask of [0x01, 0x80, 0xff]) {
        const copy = Buffer.from(uki);
        copy.writeUInt8(copy.readUInt8(at) ^ mask, at);
        expect(outcome(copy)).toMatch(/^(?:PE_BAD_IMAGE|LIMIT_EXCEEDED|\d+ sections)/);
      }
    }
  });
});

describe('a UKI', () => {
  test('says what is in its sections, to the byte', () => {
    const uki = readUki(byteSource(makeUki({ cmdline: 'a=1 b\n\0', osrel: 'ID=é\n', uname: '6.12.1' })));
    expect(uki).toMatchObject({ missing: [], cmdline: 'a=1 b\n\0', osRelease: 'ID=é\n', uname: '6.12.1' });
  });

  test('names what it lacks', () => {
    const { missing, cmdline } = readUki(byteSource(makePe([['.linux', 'x']])));
    expect(missing).toEqual(['.cmdline', '.osrel', '.initrd']);
    expect(cmdline).toBeUndefined();
  });
});
