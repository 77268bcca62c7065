import { createHash } from 'node:crypto';
import { crc32, deflateRawSync, gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compress } from '../../../src/compress/compress.ts';
import { type DecompressStats, decompress } from '../../../src/compress/decompress.ts';
import {
  CHUNK_BYTES,
  type ChunkDeflater,
  openLaterDeflater,
  openNativeDeflater,
  openWasmDeflater,
} from '../../../src/compress/deflater.ts';
import { type GunzipHelpers, gunzip } from '../../../src/compress/gunzip.ts';
import { gzip, gzipOnThreads } from '../../../src/compress/gzip.ts';
import type { NativeHelpers } from '../../../src/native/contract.ts';
import { removeDirectories } from '../io/rootfs-fixture.ts';
import { freshHelpers } from '../native/build-helpers.ts';
import { failure, gather, pieces, sample } from './streams.ts';

afterAll(removeDirectories);

const native = freshHelpers();
const WAYS = [
  { name: 'the helpers', find: (): GunzipHelpers | undefined => native, present: native !== undefined },
  { name: 'node:zlib', find: (): GunzipHelpers | undefined => undefined, present: true },
].filter(({ present }) => present);

const content = sample(700_001);

async function gzipOf(bytes: Uint8Array, level: number, ...sizes: number[]): Promise<Buffer> {
  return gather(compress(pieces(bytes, ...sizes), { kind: 'gzip', level }));
}

/** The way to inflate that is tested: the C helpers or none of them. */
let find: () => GunzipHelpers | undefined = () => undefined;

async function gunzipOf(bytes: Uint8Array, ...sizes: number[]): Promise<[Buffer, number]> {
  const stats: DecompressStats = { members: 0 };
  return [await gather(gunzip(pieces(bytes, ...sizes), stats, find)), stats.members];
}

/** Every way to deflate. */
function deflaters(): ChunkDeflater[] {
  return [openWasmDeflater(), ...(native === undefined ? [] : [openNativeDeflater(native)])];
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** A member by hand, so that every header field can be there. */
function member(data: Uint8Array, flags = 0, fields: Uint8Array = new Uint8Array(0)): Buffer {
  const header = Buffer.concat([Buffer.from([0x1f, 0x8b, 8, flags, 1, 2, 3, 4, 2, 3]), fields]);
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(data), 0);
  trailer.writeUInt32LE(data.length, 4);
  return Buffer.concat([header, deflateRawSync(data), trailer]);
}

const EXTRA = Buffer.from([5, 0, 1, 2, 3, 4, 5]);
const NAME = Buffer.from('a name\0');
const COMMENT = Buffer.from('a comment\0');

function withHeaderCrc(flags: number, fields: Uint8Array): Buffer {
  const header = Buffer.concat([Buffer.from([0x1f, 0x8b, 8, flags, 1, 2, 3, 4, 2, 3]), fields]);
  const crc = Buffer.alloc(2);
  crc.writeUInt16LE(crc32(header) & 0xffff);
  return Buffer.concat([fields, crc]);
}

describe.skipIf(native === undefined)('gzip on threads', () => {
  it.each([1, 2, 3])('writes the same bytes with %i chunks at once', async (width) => {
    const helpers = native as NativeHelpers;
    for (const length of [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 5 * CHUNK_BYTES + 12_345]) {
      const bytes = sample(length, 9);
      const expected = await gather(gzip(pieces(bytes, 300_000), 1, openNativeDeflater(helpers)));
      const threaded = gzipOnThreads(pieces(bytes, 70_001), 1, openLaterDeflater(helpers, width));
      expect((await gather(threaded)).equals(expected)).toBe(true);
    }
  });

  it('can be given up in the middle', async () => {
    const bytes = sample(4 * CHUNK_BYTES, 9);
    const threaded = gzipOnThreads(pieces(bytes, 300_000), 1, openLaterDeflater(native as NativeHelpers, 2));
    for await (const piece of threaded) if (piece.length > 10) break;
  });
});

describe('compress to gzip', () => {
  it('has the same bytes however many threads it may use', async () => {
    const bytes = sample(2 * CHUNK_BYTES + 5, 9);
    const expected = await gzipOf(bytes, 6, 500_000);
    const threaded = compress(pieces(bytes, 500_000), { kind: 'gzip', level: 6, threads: 64 });
    expect((await gather(threaded)).equals(expected)).toBe(true);
  });

  it('writes one member with a header that says nothing', async () => {
    const bytes = await gzipOf(content, 6);
    expect(bytes.subarray(0, 10).toString('hex')).toBe('1f8b08000000000000ff');
    expect(bytes.readUInt32LE(bytes.length - 8)).toBe(crc32(content));
    expect(bytes.readUInt32LE(bytes.length - 4)).toBe(content.length);
    expect(await gunzipOf(bytes)).toEqual([content, 1]);
    expect(gunzipSync(bytes).equals(content)).toBe(true);
  });

  // Written down when our deflate was made: what changes them changes digests of layers. The helpers and WebAssembly
  // are one source, so it is zlib that says what the bytes mean.
  it.each([
    [1, '0aff3b15473e7e856094b360b7174935d21da6baf3cb2a664686b014715984fd'],
    [2, 'e7017b2a19b64f64cc00c26da95a50366051131730474e4158119bcd5b7e3f7a'],
    [3, '149eff22ad2cf555811766bbe4ae45f4441ae09a36fef8a4a03eeba25474f8a0'],
    [4, '4aa4a19214666739622a1a83199b3f160b85254cc8117c045bd8805fa3af7e6c'],
    [5, 'fc68eabe2fc84a09758151aa11dfdaf30d1c45fc214112f98c3a8520008a4104'],
    [6, '2040bcdd89df17731d9eae2075d8a1414da48ee0af43a0908f6cf681f65845ef'],
    [7, 'a467fb449fb04a31a457e798f1bfaef6513745fd50c5e6ebb6e0c646bbbf9156'],
    [8, '8887a667c8fee2f4c08a3dad8d0dee140f4750ee9bb34e97e8522d97a4be134e'],
    [9, 'aafd83e895ffc91330ba9db54bfc119f94c81a48adebcf3071a5c526c3e6ac68'],
  ])('gives the same bytes everywhere at level %i', async (level, digest) => {
    for (const deflater of deflaters()) {
      const bytes = await gather(gzip(pieces(content, 99_999), level, deflater));
      expect(sha256(bytes)).toBe(digest);
      expect(gunzipSync(bytes).equals(content)).toBe(true);
      expect(bytes.length).toBeLessThan(gzipSync(content, { level }).length);
    }
  });

  it('finds a copy of bytes that hold no matches themselves, though it looks at few of them', async () => {
    const noise = Buffer.concat(
      Array.from({ length: 640 }, (_, index) => createHash('sha256').update(`${index}`).digest()),
    );
    const alone = await gzipOf(noise, 6);
    const twice = await gzipOf(Buffer.concat([noise, noise]), 6);
    expect([alone.length, twice.length]).toEqual([20_503, 20_791]);
    expect(gunzipSync(twice).equals(Buffer.concat([noise, noise]))).toBe(true);
  });

  it('joins chunks to one member', async () => {
    const large = sample(2_200_000, 3);
    for (const deflater of deflaters()) {
      const bytes = await gather(gzip(pieces(large, 70_001), 6, deflater));
      expect(sha256(bytes)).toBe('e004b8feed5d7a01198e8d2457ae51e6a97f994452e421cc461b425113afc547');
      expect(gunzipSync(bytes).equals(large)).toBe(true);
      const [back, members] = await gunzipOf(bytes);
      expect([back.equals(large), members]).toEqual([true, 1]);
    }
  });

  it.each([0, 1, 3, 4, 5, 4096, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 2 << 20])(
    'gives %i bytes back',
    async (size) => {
      const part = sample(size, 9);
      for (const deflater of deflaters()) {
        expect(gunzipSync(await gather(gzip(pieces(part), 6, deflater))).equals(part)).toBe(true);
      }
    },
  );

  it('writes nothing as a member too', async () => {
    const bytes = await gzipOf(new Uint8Array(0), 6);
    expect(bytes.toString('hex')).toBe('1f8b08000000000000ff03000000000000000000');
    expect(await gunzipOf(bytes)).toEqual([Buffer.alloc(0), 1]);
  });

  it('does not care how the input is split', async () => {
    const whole = await gzipOf(content, 6);
    expect((await gzipOf(content, 6, 1, 262143, 2, 4096)).equals(whole)).toBe(true);
    expect((await gzipOf(content, 6, 65536)).equals(whole)).toBe(true);
  });

  it('gives noise back that deflate cannot shrink', async () => {
    const noise = Buffer.alloc(300_000);
    for (let at = 0, state = 7; at < noise.length; at++) {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      noise[at] = state >>> 24;
    }
    const bytes = await gzipOf(noise, 9, 1000);
    expect(bytes.length).toBeLessThan(noise.length + 500);
    expect((await gunzipOf(bytes, 4096))[0].equals(noise)).toBe(true);
  });
});

describe.each(WAYS)('decompress gzip by $name', (way) => {
  beforeAll(() => {
    find = way.find;
  });

  it('reads every header field', async () => {
    const data = Buffer.from('content');
    const all = Buffer.concat([EXTRA, NAME, COMMENT]);
    for (const bytes of [
      member(data, 0x01),
      member(data, 0x04, EXTRA),
      member(data, 0x08, NAME),
      member(data, 0x10, COMMENT),
      member(data, 0x1c, all),
      member(data, 0x02, withHeaderCrc(0x02, new Uint8Array(0))),
      member(data, 0x1e, withHeaderCrc(0x1e, all)),
      member(data, 0x04, Buffer.concat([Buffer.from([0xff, 0xff]), Buffer.alloc(0xffff, 7)])),
      member(data, 0x08, Buffer.concat([Buffer.alloc(200_000, 7), Buffer.alloc(1)])),
    ]) {
      expect(await gunzipOf(bytes)).toEqual([data, 1]);
      expect(await gunzipOf(bytes, 3)).toEqual([data, 1]);
    }
  });

  it('refuses headers that are wrong', async () => {
    const data = Buffer.from('content');
    const fields = withHeaderCrc(0x0a, NAME);
    fields[fields.length - 1] = (fields.at(-1) ?? 0) ^ 1;
    const wrong: [Buffer, string, number][] = [
      [member(data, 0x20), 'a gzip header has reserved flags', 0],
      [member(data, 0x80), 'a gzip header has reserved flags', 0],
      [member(data, 0x0a, fields), 'a gzip header fails its CRC', 0],
      [
        Buffer.concat([member(data), Buffer.from('1f8b07000000000000ff', 'hex')]),
        'a gzip member is not compressed by deflate',
        member(data).length,
      ],
      [Buffer.from('1f9b08000000000000ff', 'hex'), 'no gzip member begins here', 0],
      [Buffer.alloc(0), 'the gzip header is truncated', 0],
    ];
    for (const [bytes, message, offset] of wrong) {
      const error = await failure(gunzipOf(bytes, 5));
      expect({ code: error.code, message: error.message, offset: error.detail.offset }).toEqual({
        code: 'GZIP_BAD_DATA',
        message,
        offset,
      });
    }
  });

  it('reads any number of members of any size as one stream', async () => {
    const parts: Buffer[] = [];
    const members: Buffer[] = [];
    for (let index = 0; index < 400; index++) {
      const part = sample(index % 50 === 0 ? 200_000 : (index * 37) % 3000, index + 1);
      parts.push(part);
      members.push(member(part));
    }
    const whole = Buffer.concat(parts);
    for (const size of [997, 65536, 1 << 22]) {
      const [bytes, count] = await gunzipOf(Buffer.concat(members), size);
      expect(count).toBe(400);
      expect(bytes.equals(whole)).toBe(true);
    }
  });

  it('finds a wrong CRC or length in any member', async () => {
    const members = [1, 2, 3, 4].map((seed) => member(sample(1000, seed)));
    for (let index = 0; index < members.length; index++) {
      for (const fromEnd of [8, 4]) {
        const bad = members.map((bytes) => Buffer.from(bytes));
        const hurt = bad[index] ?? Buffer.alloc(0);
        hurt[hurt.length - fromEnd] = (hurt[hurt.length - fromEnd] ?? 0) ^ 0x80;
        const error = await failure(gunzipOf(Buffer.concat(bad)));
        const offset = Buffer.concat(bad.slice(0, index + 1)).length - fromEnd;
        expect([error.code, error.detail.offset]).toEqual(['GZIP_BAD_DATA', offset]);
      }
    }
  });

  it('refuses every truncation', async () => {
    const bytes = Buffer.concat([member(sample(3000)), member(sample(2000, 5), 0x08, NAME)]);
    const first = member(sample(3000)).length;
    for (let length = 0; length < bytes.length; length++) {
      if (length === first) continue;
      const error = await failure(gunzipOf(bytes.subarray(0, length), 512));
      expect(error.code).toBe('GZIP_BAD_DATA');
      expect(error.detail.offset).toBeLessThanOrEqual(length);
    }
  });

  it('refuses every flipped bit, or is not led astray by it', async () => {
    const data = sample(300);
    const bytes = member(data);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const bad = Buffer.from(bytes);
      bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const outcome = await gunzipOf(bad).catch((error: unknown) => error);
      if (Array.isArray(outcome)) expect(outcome[0].equals(data), `bit ${bit}`).toBe(true);
      else expect(outcome, `bit ${bit}`).toMatchObject({ code: 'GZIP_BAD_DATA' });
    }
  });

  it('finds garbage after zeros wherever pieces end', async () => {
    const good = member(Buffer.from('content'));
    const bytes = Buffer.concat([good, Buffer.alloc(700), Buffer.from([1])]);
    for (const size of [1, 33, 512, 4096]) {
      const error = await failure(gunzipOf(bytes, size));
      expect([error.message, error.detail.offset]).toEqual([
        'garbage follows the gzip data',
        good.length + 700,
      ]);
    }
    expect((await gunzipOf(Buffer.concat([good, Buffer.alloc(700)]), 33))[1]).toBe(1);
  });

  it('inflates a bomb in small pieces', async () => {
    const bomb = deflateRawSync(Buffer.alloc(64 << 20), { level: 9 });
    const header = Buffer.from('1f8b08000000000000ff', 'hex');
    let total = 0;
    let largest = 0;
    const stream = gunzip(pieces(Buffer.concat([header, bomb])), { members: 0 }, find);
    const error = await failure(
      (async () => {
        for await (const piece of stream) {
          total += piece.length;
          largest = Math.max(largest, piece.length);
        }
      })(),
    );
    expect(total).toBe(64 << 20);
    expect(largest).toBeLessThanOrEqual(1 << 20);
    expect(error.message).toBe('the gzip data is truncated');
  });

  it('lets go of its input when the receiver stops', async () => {
    let closed = false;
    async function* input(): AsyncGenerator<Uint8Array> {
      try {
        yield* pieces(Buffer.concat([member(content), member(content)]), 1000);
      } finally {
        closed = true;
      }
    }
    for await (const piece of gunzip(input(), { members: 0 }, find)) {
      expect(piece.length).toBeGreaterThan(0);
      break;
    }
    expect(closed).toBe(true);
  });

  it('hands on what its input throws', async () => {
    async function* input(): AsyncGenerator<Uint8Array> {
      yield member(content).subarray(0, 5000);
      throw new RangeError('from below');
    }
    await expect(gather(gunzip(input(), { members: 0 }, find))).rejects.toThrow(RangeError);
  });
});

it('passes on what is not compressed', async () => {
  const stats: DecompressStats = { members: 0 };
  expect((await gather(decompress(pieces(content, 1000), 'none', stats))).equals(content)).toBe(true);
  expect((await gather(compress(pieces(content, 1000), { kind: 'none', level: 0 }))).equals(content)).toBe(
    true,
  );
  expect(stats.members).toBe(0);
});
