import { describe, expect, test } from 'vitest';
import { verityDigest } from '../../../src/bytes/digest.ts';
import { loadZstd } from '../../../src/compress/zstd-load.ts';
import { PlanishError } from '../../../src/errors.ts';
import { decodeSplitstream } from '../../../src/splitstream/reader.ts';
import { SPLITSTREAM_ZSTD_LEVEL, SplitstreamWriter } from '../../../src/splitstream/writer.ts';

const zstd = await loadZstd();
const A = verityDigest('aa'.repeat(64));
const B = verityDigest('bb'.repeat(64));
const C = verityDigest('cc'.repeat(64));

function writer(contentType = 'ocilayer'): SplitstreamWriter {
  return new SplitstreamWriter({
    algorithm: 'sha512',
    contentType,
    openCompressor: () => zstd.openCompressor(SPLITSTREAM_ZSTD_LEVEL),
  });
}

function sample(): Uint8Array {
  const stream = writer();
  stream.addInline(Buffer.from('head'));
  stream.addInline(Buffer.from('xer!x'), 1, 4);
  stream.addExternal(A, 100);
  stream.addExternal(B, 200);
  stream.addInline(Buffer.from('mid'));
  stream.addExternal(A, 100);
  stream.addInline(Buffer.from('end'));
  stream.addNamedRef('zeta', C);
  stream.addNamedRef('config:sha256:é', B);
  return stream.finish();
}

async function chunksOf(file: Uint8Array): Promise<string[]> {
  const found: string[] = [];
  for await (const chunks of (await decodeSplitstream(file, 'sha512')).batches()) {
    for (const chunk of chunks)
      found.push(chunk.kind === 'inline' ? Buffer.from(chunk.bytes).toString() : chunk.digest.slice(0, 2));
  }
  return found;
}

describe('a splitstream', () => {
  test('has the layout of composefs-rs', () => {
    const file = Buffer.from(sample());
    expect(file.toString('latin1', 0, 11)).toBe('SplitStream');
    expect([...file.subarray(11, 16)]).toEqual([0, 0, 0, 2, 12]);
    const words = (at: number, count: number): number[] =>
      Array.from({ length: count }, (_, index) => Number(file.readBigUInt64LE(at + 8 * index)));
    // Info section, then streams (two), objects (two), chunks last, names before them.
    expect(words(16, 2)).toEqual([32, 112]);
    const [streamRefs, streamEnd, objectRefs, objectEnd, stream, end, names, namesEnd] = words(32, 8);
    expect([streamRefs, streamEnd, objectRefs, objectEnd]).toEqual([112, 240, 240, 368]);
    expect([names, namesEnd, end]).toEqual([368, stream, file.length]);
    expect(file.toString('latin1', 96, 104)).toBe('ocilayer');
    expect(words(104, 1)).toEqual([413]);
    expect(file.toString('hex', 112, 240)).toBe(C + B);
    expect(file.toString('hex', 240, 368)).toBe(A + B);
  });

  test('has an empty frame where no names are, the same that a compressor writes', () => {
    const file = Buffer.from(writer().finish());
    const [start, end] = [file.readBigUInt64LE(80), file.readBigUInt64LE(88)].map(Number);
    const frame = Buffer.from(zstd.openCompressor(SPLITSTREAM_ZSTD_LEVEL).finish());
    expect(file.subarray(start, end)).toEqual(frame);
  });

  test('is read as it was written', async () => {
    const decoded = await decodeSplitstream(sample(), 'sha512');
    expect(decoded.contentType).toBe('ocilayer');
    expect(decoded.size).toBe(413);
    expect(decoded.objects).toEqual([A, B]);
    expect([...decoded.namedRefs]).toEqual([
      ['config:sha256:é', B],
      ['zeta', C],
    ]);
    expect(await chunksOf(sample())).toEqual(['header!', 'aa', 'bb', 'mid', 'aa', 'end']);
  });

  test('of bootc up to 1.15 is read as well', async () => {
    const file = Buffer.from(sample());
    const header = Buffer.alloc(32);
    file.copy(header, 0, 16, 32);
    file.copy(header, 18, 0, 11);
    file.copy(header, 29, 11, 12);
    file.copy(header, 30, 14, 16);
    header.copy(file);
    expect(await chunksOf(file)).toEqual(['header!', 'aa', 'bb', 'mid', 'aa', 'end']);
  });

  test('may have a longer info section, elsewhere', async () => {
    const file = sample();
    const info = Buffer.concat([file.subarray(32, 112), Buffer.from('more to come')]);
    const moved = Buffer.concat([file, info]);
    moved.writeBigUInt64LE(BigInt(file.length), 16);
    moved.writeBigUInt64LE(BigInt(moved.length), 24);
    expect(await chunksOf(moved)).toEqual(['header!', 'aa', 'bb', 'mid', 'aa', 'end']);
  });

  test('of nothing has frames all the same', async () => {
    const file = writer('ociconfg').finish();
    expect(await chunksOf(file)).toEqual([]);
    expect((await decodeSplitstream(file, 'sha512')).size).toBe(0);
  });

  test('has the same bytes however its inline parts came', () => {
    const bytes = Buffer.alloc(3_000_000, 'abcdefg');
    const whole = writer();
    whole.addInline(bytes);
    const parts = writer();
    for (let at = 0; at < bytes.length; at += 1000)
      parts.addInline(bytes, at, Math.min(at + 1000, bytes.length));
    expect(Buffer.from(parts.finish()).equals(Buffer.from(whole.finish()))).toBe(true);
  });
});

/** The code with which a file is refused, or what it holds. */
async function refusal(file: Uint8Array): Promise<string> {
  try {
    return (await chunksOf(file)).join(' ');
  } catch (error) {
    if (error instanceof PlanishError) return error.code;
    throw error;
  }
}

function edited(edit: (file: Buffer) => void): Uint8Array {
  const file = Buffer.from(sample());
  edit(file);
  return file;
}

describe('a splitstream that lies', () => {
  const cases: [string, (file: Buffer) => void, string][] = [
    ['magic', (file) => file.write('Split_tream', 0), 'SPLITSTREAM_BAD'],
    ['version', (file) => file.writeUInt8(1, 11), 'SPLITSTREAM_BAD'],
    ['algorithm', (file) => file.writeUInt8(1, 14), 'SPLITSTREAM_BAD'],
    ['block size', (file) => file.writeUInt8(16, 15), 'SPLITSTREAM_BAD'],
    ['an info section beyond the end', (file) => file.writeBigUInt64LE(2n ** 40n, 24), 'SPLITSTREAM_BAD'],
    [
      'an info section that ends before it starts',
      (file) => file.writeBigUInt64LE(10n, 24),
      'SPLITSTREAM_BAD',
    ],
    ['an info section too short', (file) => file.writeBigUInt64LE(111n, 24), 'SPLITSTREAM_BAD'],
    ['a range beyond 2^53', (file) => file.writeBigUInt64LE(2n ** 63n, 56), 'SPLITSTREAM_BAD'],
    ['objects beyond the end', (file) => file.writeBigUInt64LE(2n ** 30n, 56), 'SPLITSTREAM_BAD'],
    ['half a digest', (file) => file.writeBigUInt64LE(367n, 56), 'SPLITSTREAM_BAD'],
    ['fewer objects than chunks name', (file) => file.writeBigUInt64LE(304n, 56), 'SPLITSTREAM_BAD'],
    ['fewer streams than are named', (file) => file.writeBigUInt64LE(176n, 40), 'SPLITSTREAM_BAD'],
    ['a size that the inline bytes exceed', (file) => file.writeBigUInt64LE(5n, 104), 'SPLITSTREAM_BAD'],
    ['names that are no frame', (file) => file.writeBigUInt64LE(112n, 80), 'ZSTD_BAD_DATA'],
    ['a stream that is no frame', (file) => file.writeBigUInt64LE(112n, 64), 'ZSTD_BAD_DATA'],
  ];
  test.each(cases)('about %s', async (_, edit, code) => {
    expect(await refusal(edited(edit))).toBe(code);
  });

  test('by chunks', async () => {
    const stream = async (chunks: Buffer): Promise<string> => {
      const compressor = zstd.openCompressor(3);
      const frame = Buffer.concat([
        Buffer.from(compressor.compress(chunks)),
        Buffer.from(compressor.finish()),
      ]);
      const file = Buffer.concat([edited(() => undefined), frame]);
      file.writeBigUInt64LE(BigInt(file.length - frame.length), 64);
      file.writeBigUInt64LE(BigInt(file.length), 72);
      return await refusal(file);
    };
    const number = (value: bigint): Buffer => {
      const bytes = Buffer.alloc(8);
      bytes.writeBigInt64LE(value);
      return bytes;
    };
    expect(await stream(Buffer.concat([number(-2n), Buffer.from('ok'), number(1n)]))).toBe('ok bb');
    expect(await stream(number(2n))).toBe('SPLITSTREAM_BAD');
    expect(await stream(number(2n ** 62n))).toBe('SPLITSTREAM_BAD');
    expect(await stream(number(-(2n ** 63n)))).toBe('SPLITSTREAM_BAD');
    expect(await stream(number(-414n))).toBe('SPLITSTREAM_BAD');
    expect(await stream(Buffer.concat([number(-3n), Buffer.from('ab')]))).toBe('SPLITSTREAM_BAD');
    expect(await stream(Buffer.from('1234'))).toBe('SPLITSTREAM_BAD');
  });

  test('never causes another error, whatever byte is flipped or wherever it ends', async () => {
    const file = Buffer.from(sample());
    for (let at = 0; at < file.length; at += 1) {
      const flipped = Buffer.from(file);
      flipped[at] = (flipped[at] as number) ^ (1 << (at % 8));
      await refusal(flipped);
      await refusal(file.subarray(0, at));
    }
  });

  test('cannot make much of little', async () => {
    const compressor = zstd.openCompressor(3);
    const zeros = Buffer.alloc(1024 * 1024);
    const pieces = Array.from({ length: 20 }, () => Buffer.from(compressor.compress(zeros)));
    const frame = Buffer.concat([...pieces, Buffer.from(compressor.finish())]);
    const file = Buffer.concat([Buffer.from(sample()), frame]);
    file.writeBigUInt64LE(BigInt(file.length - frame.length), 80);
    file.writeBigUInt64LE(BigInt(file.length), 88);
    expect(await refusal(file)).toBe('LIMIT_EXCEEDED');
  });
});
