import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compress } from '../../../src/compress/compress.ts';
import { type DecompressStats, decompress } from '../../../src/compress/decompress.ts';
import { loadZstd, zstdBackendName } from '../../../src/compress/zstd-load.ts';
import { backends } from './backends.ts';
import { failure, gather, pieces, sample } from './streams.ts';

const MIB = 1024 * 1024;
const content = sample(2 * MIB + 4321);
const available = await backends();

async function zstdOf(bytes: Uint8Array, level: number, ...sizes: number[]): Promise<Buffer> {
  return gather(compress(pieces(bytes, ...sizes), { kind: 'zstd', level }));
}

async function unzstdOf(bytes: Uint8Array, ...sizes: number[]): Promise<[Buffer, number]> {
  const stats: DecompressStats = { members: 0 };
  return [await gather(decompress(pieces(bytes, ...sizes), 'zstd', stats)), stats.members];
}

/** One frame by hand: raw blocks, no checksum. `header` is what follows the magic. */
function rawFrame(header: string, ...blocks: Uint8Array[]): Buffer {
  const parts = [Buffer.from(`28b52ffd${header}`, 'hex')];
  for (const [index, block] of blocks.entries()) {
    const head = Buffer.alloc(3);
    head.writeUIntLE((block.length << 3) | (index === blocks.length - 1 ? 1 : 0), 0, 3);
    parts.push(head, Buffer.from(block));
  }
  return Buffer.concat(parts);
}

/** A block that repeats one byte: four bytes for up to 128 KiB. */
function rleBlock(byte: number, length: number, last: boolean): Buffer {
  const block = Buffer.alloc(4, byte);
  block.writeUIntLE((length << 3) | 2 | (last ? 1 : 0), 0, 3);
  return block;
}

const text = Buffer.from('content');
/** No content size, window of 1 KiB. */
const SMALL = '0000';

describe.each(available)('%s', (backend) => {
  beforeAll(() => loadZstd(backend));

  it('is what is loaded', async () => {
    expect(zstdBackendName()).toBe(backend);
    const loaded = await loadZstd();
    expect([loaded.name, loaded.version]).toEqual([backend, '1.5.7']);
    expect(await loadZstd(backend)).toBe(loaded);
  });

  // Digests of what the libzstd 1.5.7 inside Node 24.21 makes of the same content, flushed after every MiB. Any change
  // changes digests of layers everywhere: it must be meant.
  it.each([
    [1, '349b4721a763232cc5df1bd56a8bc7e2732e294199f4128443cf58116f5bc026'],
    [3, '18133565e6ba516c931e1d35765e692c9aff12fc9769b1f58665f5014266b7ea'],
    [9, '1b6b37022ae1989adff98f0d9fe36c95e127a18cd780cda6a20b53e1148b9e3a'],
    [19, '3b75c75a19bcdfb798074b711047441ceaed723b1dce094b8451ced317acfbda'],
  ])('gives the bytes of libzstd in Node 24 at level %i', async (level, digest) => {
    const bytes = await zstdOf(content, level, 100_000);
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(digest);
  });

  it('writes one frame without content size and checksum', async () => {
    const bytes = await zstdOf(content, 3);
    expect(bytes.subarray(0, 6).toString('hex')).toBe('28b52ffd0058');
    expect(bytes.subarray(-3).toString('hex')).toBe('010000');
    const [back, frames] = await unzstdOf(bytes, 65536);
    expect([back.equals(content), frames]).toEqual([true, 1]);
  });

  it('writes nothing as a frame too', async () => {
    const bytes = await zstdOf(new Uint8Array(0), 3);
    expect(bytes.toString('hex')).toBe('28b52ffd2000010000');
    expect(await unzstdOf(bytes)).toEqual([Buffer.alloc(0), 1]);
  });

  it('does not care how the input is split', async () => {
    const whole = await zstdOf(content, 3);
    expect((await zstdOf(content, 3, 1, MIB, 2, 65536)).equals(whole)).toBe(true);
    expect((await zstdOf(content, 3, 131071)).equals(whole)).toBe(true);
    expect((await unzstdOf(whole, 1, 2, 3, 1000))[0].equals(content)).toBe(true);
  });

  it('keeps streams apart that run at the same time', async () => {
    const inputs = [1, 2, 3].map((seed) => sample(MIB + seed, seed));
    const alone: Buffer[] = [];
    for (const [index, input] of inputs.entries()) alone.push(await zstdOf(input, 3 + index * 8, 4096));
    const together = await Promise.all(inputs.map((input, index) => zstdOf(input, 3 + index * 8, 4096)));
    for (const [index, bytes] of together.entries()) expect(bytes.equals(alone[index] ?? text)).toBe(true);
    const back = await Promise.all(together.map((bytes) => unzstdOf(bytes, 1000)));
    for (const [index, [bytes]] of back.entries()) expect(bytes.equals(inputs[index] ?? text)).toBe(true);
  });

  it('reads frames and skippable frames as one stream, and counts frames', async () => {
    const skippable = Buffer.from('532a4d1805000000aabbccddee', 'hex');
    const empty = Buffer.from('502a4d1800000000', 'hex');
    const frame = rawFrame(SMALL, text);
    const parts = [skippable, frame, empty, empty, frame, rawFrame('2007', text), skippable];
    for (const size of [1, 5, 1000]) {
      const [bytes, frames] = await unzstdOf(Buffer.concat(parts), size);
      expect([bytes.toString(), frames]).toEqual(['contentcontentcontent', 3]);
    }
    expect(await unzstdOf(Buffer.concat([skippable, empty]))).toEqual([Buffer.alloc(0), 0]);
    expect((await unzstdOf(Buffer.concat(Array<Buffer>(3000).fill(frame)), 100))[1]).toBe(3000);
  });

  it('refuses every truncation', async () => {
    const skippable = Buffer.from('532a4d1805000000aabbccddee', 'hex');
    const bytes = Buffer.concat([skippable, await zstdOf(sample(3000), 3), skippable]);
    const ends = [skippable.length, bytes.length - skippable.length];
    for (let length = 0; length < bytes.length; length++) {
      if (ends.includes(length)) continue;
      const error = await failure(unzstdOf(bytes.subarray(0, length), 512));
      expect(error.code, `${length} bytes`).toBe('ZSTD_BAD_DATA');
      expect(error.detail.offset).toBeLessThanOrEqual(length);
    }
  });

  it('refuses every flipped bit of a frame with a checksum, or is not led astray by it', async () => {
    const folder = new URL('../../../fixtures/compress/', import.meta.url);
    const bytes = readFileSync(new URL('zstd-checksum.zst', folder));
    const plain = readFileSync(new URL('text', folder));
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const bad = Buffer.from(bytes);
      bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const outcome = await unzstdOf(bad).catch((error: unknown) => error);
      if (Array.isArray(outcome)) expect(outcome[0].equals(plain), `bit ${bit}`).toBe(true);
      else
        expect(outcome, `bit ${bit}`).toMatchObject({
          code: expect.stringMatching(/^(ZSTD_BAD_DATA|LIMIT_EXCEEDED)$/),
        });
    }
  });

  it.each([
    ['window of 128 MiB', '0088', undefined],
    ['window of 144 MiB', '0089', 150_994_944],
    ['window of 3.75 TiB', '00ff', 15 * 2 ** 38],
    ['single segment of 128 MiB', 'a000000008', undefined],
    ['single segment of 128 MiB and a byte', 'a001000008', 134_217_729],
    ['single segment of 2^63 bytes', 'e00000000000000080', 2 ** 63],
  ])('%s', async (_, header, asked) => {
    const outcome = await unzstdOf(rawFrame(header, text)).catch((error: unknown) => error);
    // What passes the limit is read, or found to hold less than it says.
    if (asked === undefined) return expect(outcome).not.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    expect(outcome).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      detail: { offset: 0, limit: 'zstdWindowLog', expected: 2 ** 27, actual: asked },
    });
  });

  it('refuses dictionaries and old formats', async () => {
    const needs = await failure(unzstdOf(rawFrame('010007', text)));
    expect([needs.code, needs.message]).toEqual(['ZSTD_BAD_DATA', 'a zstd frame needs a dictionary']);
    const nothing = await unzstdOf(rawFrame('010000', text));
    expect(nothing).toEqual([text, 1]);
    for (const magic of ['1eb52ffd', '22b52ffd', '27b52ffd', '602a4d18']) {
      const error = await failure(unzstdOf(Buffer.from(`${magic}0000000000`, 'hex')));
      expect([error.code, error.message]).toEqual(['ZSTD_BAD_DATA', 'no zstd frame begins here']);
    }
  });

  it('decompresses a bomb in small pieces', async () => {
    const blocks = Array.from({ length: 1024 }, (_, index) => rleBlock(7, 128 * 1024, index === 1023));
    const bomb = Buffer.concat([Buffer.from('28b52ffd0038', 'hex'), ...blocks]);
    let total = 0;
    let largest = 0;
    for await (const piece of decompress(pieces(bomb), 'zstd', { members: 0 })) {
      total += piece.length;
      largest = Math.max(largest, piece.length);
    }
    expect([bomb.length, total, largest]).toEqual([4102, 128 * MIB, MIB]);
  });

  it('lets go of its input when the receiver stops', async () => {
    const bytes = await zstdOf(content, 1);
    let closed = false;
    async function* input(): AsyncGenerator<Uint8Array> {
      try {
        yield* pieces(bytes, 1000);
      } finally {
        closed = true;
      }
    }
    for await (const piece of decompress(input(), 'zstd', { members: 0 })) {
      expect(piece.length).toBe(MIB);
      break;
    }
    expect(closed).toBe(true);
  });
});

describe.skipIf(available.length < 2)('the builds of libzstd', () => {
  it('give the same bytes at every level', async () => {
    for (let level = 1; level <= 19; level++) {
      await loadZstd('napi');
      const native = await zstdOf(content, level);
      await loadZstd('wasm');
      const portable = await zstdOf(content, level);
      expect(portable.equals(native), `level ${level}`).toBe(true);
    }
  });
});

describe('loadZstd', () => {
  it('keeps what was asked for last', async () => {
    const before = await loadZstd('wasm');
    expect([await loadZstd(), zstdBackendName()]).toEqual([before, 'wasm']);
  });
});

afterAll(() => loadZstd(available[0]));
