import { describe, expect, test } from 'vitest';
import { attachSignature, detachSignatures } from '../../../src/boot/authenticode.ts';
import { checkAuthenticode, verifyAuthenticode } from '../../../src/boot/authenticode-verify.ts';
import { encodeCertificateEntry } from '../../../src/boot/certificate-table.ts';
import { decodePeHeaders } from '../../../src/boot/pe-headers.ts';
import { buildUki } from '../../../src/boot/uki-writer.ts';
import { byteSource, concatSources, patchSource } from '../../../src/bytes/byte-source.ts';
import { isPlanishError } from '../../../src/errors.ts';
import { signPe } from '../../support/signed-pe.ts';
import { testCertificate } from '../../support/test-keys.ts';
import { makePe, makeStub, OPTIONAL_HEADER_AT, SECTION_TABLE_AT } from '../../support/uki-maker.ts';

const trusted = [testCertificate('db')];
const parts = { stub: makeStub(), osRelease: Buffer.from('ID=x\n'), cmdline: 'rw', uname: '1' };
const linux = byteSource(makePe([['.text', 'a kernel']]));

function whole(): Buffer {
  const { source } = buildUki({ ...parts, linux, initrds: [byteSource(Buffer.from('initrd'))] });
  return Buffer.from(source.read(0, source.size));
}

/** `ok`, or code and message of the error. */
function verdict(bytes: Uint8Array): string {
  try {
    verifyAuthenticode(byteSource(bytes), trusted);
    return 'ok';
  } catch (error) {
    if (isPlanishError(error)) return `${error.code} ${error.message}`;
    throw error;
  }
}

/** A copy with little-endian numbers written at offsets. */
function patched(bytes: Uint8Array, ...numbers: readonly [number, number][]): Buffer {
  const copy = Buffer.from(bytes);
  for (const [at, value] of numbers) copy.writeUInt32LE(value, at);
  return copy;
}

describe('a signed UKI', async () => {
  const uki = await signPe(whole());

  test('holds', () => {
    expect(verdict(uki)).toBe('ok');
    expect(checkAuthenticode(byteSource(uki), []).signatures).toEqual([
      {
        signer: 'CN=planish test db',
        anchor: undefined,
        fault: {
          code: 'SIGNATURE_UNTRUSTED',
          message: 'the certificate of CN=planish test db is not trusted',
        },
      },
    ]);
  });

  /** What is said of a copy with one bit of a byte changed. */
  const flippedAt = (bytes: Buffer, at: number): string => {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
    return verdict(changed);
  };

  test('with any byte changed it is refused', () => {
    for (let at = 0; at < uki.length; at += 1) {
      expect([at, flippedAt(uki, at)]).toEqual([
        at,
        expect.stringMatching(/^(PE_BAD_IMAGE|SIGNATURE_INVALID|LIMIT_EXCEEDED) /),
      ]);
    }
  });

  test('without a checksum as well, by what is wrong', () => {
    const table = decodePeHeaders(byteSource(uki)).certificateTable?.offset ?? 0;
    const bare = patched(uki, [OPTIONAL_HEADER_AT + 64, 0]);
    const said = new Map<string, number>();
    for (let at = table; at < bare.length; at += 1) {
      const [code = ''] = flippedAt(bare, at).split(' ');
      said.set(code, (said.get(code) ?? 0) + 1);
    }
    expect([...said.keys()].sort()).toEqual([
      'CERTIFICATE_BAD',
      'CMS_BAD_DATA',
      'PE_BAD_IMAGE',
      'SIGNATURE_INVALID',
      'SIGNATURE_UNTRUSTED',
      'ok',
    ]);
    expect(said.get('ok')).toBe(2); // the length of the entry, where it counts the fill, and a version that may be 3
  });

  test('cut anywhere it is refused', () => {
    for (let length = 0; length < uki.length; length += 7) {
      expect(verdict(uki.subarray(0, length))).toMatch(/^PE_BAD_IMAGE /);
    }
  });

  test('a signature of another file is said to be one', async () => {
    const other = await signPe(makePe([['.text', 'another program']]));
    const { certificateTable } = decodePeHeaders(byteSource(other));
    const pkcs7 = other.subarray((certificateTable?.offset ?? 0) + 8);
    const length = 4 + pkcs7.readUInt16BE(2);
    const moved = attachSignature(byteSource(whole()), pkcs7.subarray(0, length));
    expect(verdict(moved.read(0, moved.size))).toBe(
      'SIGNATURE_INVALID a signature is of other bytes than those of the file',
    );
  });

  test('without one, that is said', () => {
    expect(verdict(whole())).toBe('SIGNATURE_INVALID a PE file has no signature');
    const { size, read } = detachSignatures(byteSource(uki));
    expect(verdict(read(0, size))).toBe('SIGNATURE_INVALID a PE file has no signature');
  });

  test('a length that counts the fill is taken, as some signers write it', () => {
    const at = decodePeHeaders(byteSource(uki)).certificateTable?.offset ?? 0;
    const rounded = Math.ceil(uki.readUInt32LE(at) / 8) * 8;
    const checkSum = patched(uki, [at, rounded], [OPTIONAL_HEADER_AT + 64, 0]);
    expect(verdict(checkSum)).toBe('ok');
  });

  test('what is behind the table is refused', () => {
    const more = concatSources([byteSource(uki), byteSource(Buffer.alloc(8))]);
    expect(verdict(more.read(0, more.size))).toBe(
      'PE_BAD_IMAGE the certificate table is not at the end of the file',
    );
  });

  test.each<[string, (table: number) => [number, number][], string]>([
    ['no length', (table) => [[table, 0]], 'PE_BAD_IMAGE an entry of a certificate table has a wrong length'],
    [
      'a length beyond the file',
      (table) => [[table, 0xfffffff0]],
      'PE_BAD_IMAGE an entry of a certificate table has a wrong length',
    ],
    [
      'another revision',
      (table) => [[table + 4, 0x0002_0100]],
      'PE_BAD_IMAGE an entry of a certificate table is no PKCS #7 signature',
    ],
    [
      'another type',
      (table) => [[table + 4, 0x0001_0200]],
      'PE_BAD_IMAGE an entry of a certificate table is no PKCS #7 signature',
    ],
    ['no DER', (table) => [[table + 8, 0]], 'PE_BAD_IMAGE a signature is followed by something else'],
    [
      'another checksum',
      () => [[OPTIONAL_HEADER_AT + 64, 1]],
      'SIGNATURE_INVALID the checksum of a PE file is not that of its bytes',
    ],
  ])('a table entry with %s', (_, numbers, expected) => {
    const table = decodePeHeaders(byteSource(uki)).certificateTable?.offset ?? 0;
    const fields = numbers(table);
    const quiet: [number, number][] = fields.some(([at]) => at < 0x200) ? [] : [[OPTIONAL_HEADER_AT + 64, 0]];
    expect(verdict(patched(uki, ...fields, ...quiet))).toBe(expected);
  });

  test('a table entry that is empty space is refused', () => {
    const entry = encodeCertificateEntry(Buffer.from('3000', 'hex'));
    expect(entry.length).toBe(16);
    const source = attachSignature(byteSource(whole()), Buffer.from('3000', 'hex'));
    expect(verdict(source.read(0, source.size))).toMatch(/^CMS_BAD_DATA /);
  });
});

describe('malformed headers', () => {
  const pe = makePe([
    ['.text', 'code'],
    ['.data', 'data'],
  ]);
  const at = OPTIONAL_HEADER_AT;
  const row = (index: number, field: number): number => SECTION_TABLE_AT + 40 * index + field;

  test.each<[string, [number, number][], string]>([
    ['a file alignment of 3', [[at + 36, 3]], 'an alignment is not a power of two, or is too large'],
    ['no section alignment', [[at + 32, 0]], 'an alignment is not a power of two, or is too large'],
    ['a huge alignment', [[at + 32, 2 ** 31]], 'an alignment is not a power of two, or is too large'],
    ['headers within the section table', [[at + 60, 64]], 'the headers end within the section table'],
    ['another kind of optional header', [[at, 0x107]], 'the optional header is of an unknown kind'],
    ['four data directories', [[at + 108, 4]], 'the optional header has no room for a certificate table'],
    [
      'a certificate table in the sections',
      [
        [at + 144, 0x208],
        [at + 148, 8],
      ],
      'the certificate table is not at the end of the file',
    ],
    [
      'a certificate table without place',
      [
        [at + 144, 0],
        [at + 148, 8],
      ],
      'the certificate table is not at the end of the file',
    ],
    [
      'a gap between sections',
      [
        [row(1, 16), 0x100],
        [row(1, 20), 0x500],
      ],
      'section ".data" does not follow what is before it',
    ],
    [
      'headers that end in a section',
      [[at + 60, 0x300]],
      'section ".text" does not follow what is before it',
    ],
    ['sections over each other', [[row(1, 20), 0x200]], 'section ".data" overlaps what is before it'],
    ['a section beyond the file', [[row(1, 16), 0x10000]], 'section ".data" ends beyond the file'],
  ])('%s', (_, numbers, expected) => {
    expect(verdict(patched(pe, ...numbers))).toBe(`PE_BAD_IMAGE ${expected}`);
  });
});

describe('stubs', () => {
  const build = (stub: Uint8Array, kernel = linux): string => {
    try {
      return `merged ${buildUki({ ...parts, stub, linux: kernel }).sbatMerged}`;
    } catch (error) {
      if (isPlanishError(error)) return `${error.code} ${error.message}`;
      throw error;
    }
  };

  test('with room for revocation lines, and without', () => {
    expect(build(makeStub())).toBe('merged true');
    const full = `sbat,1,SBAT Version,sbat,1,-\n${'x,1,y,z,1,-\n'.repeat(40)}`;
    expect(
      build(
        makePe(
          [
            ['.text', 'code'],
            ['.sbat', full],
          ],
          16,
        ),
      ),
    ).toBe('merged false');
    expect(build(makePe([['.text', 'code']], 16))).toBe('merged true');
  });

  test.each<[string, () => Uint8Array | Promise<Uint8Array>, string]>([
    ['signed already', async () => await signPe(makeStub()), 'PE_BAD_IMAGE the stub is signed already'],
    [
      'without room for sections',
      () =>
        makePe([
          ['.text', 'code'],
          ['.sbat', 'sbat,1\n'],
        ]),
      'PE_BAD_IMAGE the stub has no room in its headers for section ".cmdline"',
    ],
    [
      'whose headers are said to end behind it',
      () => {
        const stub = Buffer.from(makeStub());
        stub.writeUInt32LE(0xffff_ffff, stub.readUInt32LE(60) + 24 + 60);
        return stub;
      },
      'PE_BAD_IMAGE the headers of the stub end behind it',
    ],
    [
      'with lines that are none',
      () =>
        makePe(
          [
            ['.text', 'code'],
            ['.sbat', 'other'],
          ],
          16,
        ),
      'PE_BAD_IMAGE the section ".sbat" is not SBAT',
    ],
    [
      'that is a text',
      () => Buffer.from('a script'.repeat(20)),
      'PE_BAD_IMAGE not a PE file: it does not begin with MZ',
    ],
  ])('%s', async (_, make, expected) => {
    expect(build(await make())).toBe(expected);
  });

  test('for another machine', () => {
    const arm = Buffer.from(makePe([['.text', 'a kernel']]));
    arm.writeUInt16LE(0xaa64, 0x84);
    expect(build(makeStub(), byteSource(arm))).toBe(
      'PE_BAD_IMAGE the stub is for another machine than the kernel',
    );
    expect(build(makeStub(), byteSource(Buffer.from('a script'.repeat(20))))).toBe(
      'PE_BAD_IMAGE the kernel is no EFI program: not a PE file: it does not begin with MZ',
    );
  });

  test('beyond 4 GiB', () => {
    const huge = { size: 2 ** 32, read: (_: number, length: number) => new Uint8Array(length) };
    const initrds = [huge];
    expect(() => buildUki({ ...parts, linux, initrds })).toThrow(
      expect.objectContaining({ code: 'LIMIT_EXCEEDED', message: 'a PE file cannot be larger than 4 GiB' }),
    );
  });
});

test('what is read of a buffer is a copy', () => {
  const bytes = Buffer.from('abc');
  byteSource(bytes).read(0, 3).fill(0);
  expect(bytes.toString()).toBe('abc');
});

test('a patched source reads the same in every way it is cut', () => {
  const bytes = Buffer.from(Array.from({ length: 64 }, (_, index) => index));
  const source = patchSource(byteSource(bytes), 10, Buffer.from('hello'));
  const expected = Buffer.concat([bytes.subarray(0, 10), Buffer.from('hello'), bytes.subarray(15)]);
  for (let start = 0; start < 64; start += 3) {
    for (let length = 0; start + length <= 64; length += 5) {
      expect(Buffer.from(source.read(start, length))).toEqual(expected.subarray(start, start + length));
    }
  }
});
