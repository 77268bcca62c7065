import { constants, crc32, deflateRawSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { type GunzipHelpers, gunzip } from '../../../src/compress/gunzip.ts';
import { isPlanishError } from '../../../src/errors.ts';
import { INFLATE_HISTORY_BYTES, type NativeHelpers } from '../../../src/native/contract.ts';
import { fc, place } from '../../support/property.ts';
import { gather, pieces, sample } from '../compress/streams.ts';
import { removeDirectories } from '../io/rootfs-fixture.ts';
import { findCompiler, freshHelpers } from './build-helpers.ts';

afterAll(removeDirectories);

const helpers = freshHelpers() as NativeHelpers;
const content = sample(400_000);

const HEADER = Buffer.from('1f8b08000000000000ff', 'hex');

function member(data: Uint8Array, level: number, strategy: number): Buffer {
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(data), 0);
  trailer.writeUInt32LE(data.length, 4);
  return Buffer.concat([HEADER, deflateRawSync(data, { level, strategy }), trailer]);
}

/** What comes of a stream: its content, or the whole error. */
async function outcome(
  bytes: Uint8Array,
  size: number,
  find: () => GunzipHelpers | undefined,
): Promise<string> {
  const stats = { members: 0 };
  try {
    const content = await gather(gunzip(pieces(bytes, size), stats, find));
    return `${stats.members} ${content.toString('latin1')}`;
  } catch (error) {
    if (!isPlanishError(error)) throw error;
    return `${error.code} ${error.message} ${error.detail.offset}`;
  }
}

const arbitraryMember = fc
  .record({
    offset: fc.nat(300_000),
    size: fc.oneof(fc.nat(600), fc.nat(100_000)),
    level: fc.nat(9),
    strategy: fc.constantFrom(constants.Z_DEFAULT_STRATEGY, constants.Z_FIXED, constants.Z_HUFFMAN_ONLY),
  })
  .map(({ offset, size, level, strategy }) =>
    member(content.subarray(offset, offset + size), level, strategy),
  );

describe.skipIf(findCompiler() === undefined)('inflate', () => {
  it('equals its twin, however the stream is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(arbitraryMember, { maxLength: 3 }),
        fc.integer({ min: 1, max: 5000 }),
        async (members, size) => {
          const bytes = Buffer.concat(members);
          const twin = await outcome(bytes, 1 << 20, () => undefined);
          expect(await outcome(bytes, size, () => helpers)).toBe(twin);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('equals its twin in what it refuses, and in where', async () => {
    const damage = fc.array(fc.tuple(place, fc.nat(255)), {
      minLength: 1,
      maxLength: 4,
    });
    const small = fc.tuple(fc.nat(300_000), fc.integer({ min: 1, max: 500 }), fc.constantFrom(1, 6, 9));
    await fc.assert(
      fc.asyncProperty(
        small,
        damage,
        fc.integer({ min: 1, max: 300 }),
        async ([offset, length, level], hurts, size) => {
          const bytes = member(content.subarray(offset, offset + length), level, 0);
          for (const [where, value] of hurts) {
            const at = HEADER.length + Math.floor(where * (bytes.length - HEADER.length));
            bytes[at] = (bytes[at] as number) ^ value;
          }
          const twin = await outcome(bytes, 1 << 20, () => undefined);
          expect(await outcome(bytes, size, () => helpers)).toBe(twin);
        },
      ),
      { numRuns: 400 },
    );
  });

  it('refuses what is no state, and too little room', () => {
    const state = new Uint8Array(helpers.inflateStateBytes);
    const output = new Uint8Array(INFLATE_HISTORY_BYTES + 258);
    const counts = new Float64Array(2);
    expect(helpers.inflate(state, HEADER, output, counts)).toBe(-22);
    expect(helpers.beginInflate(state)).toBe(0);
    expect(helpers.inflate(state, HEADER, output.subarray(1), counts)).toBe(-22);
    expect(helpers.inflate(state, HEADER, output, counts.subarray(1))).toBe(-22);
    expect(helpers.inflate(state, HEADER.subarray(0, 0), output, counts)).toBe(0);
    expect([...counts]).toEqual([0, 0]);
    expect(() => helpers.beginInflate(state.subarray(1))).toThrow(TypeError);
    expect(() =>
      helpers.inflate(new Uint8Array(state.length + 1).subarray(1), HEADER, output, counts),
    ).toThrow(TypeError);
  });
});
