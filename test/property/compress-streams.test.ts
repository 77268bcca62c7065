/** Laws of compressed streams: any content, any split, any build, any damage. */

import { afterAll, describe, expect, it } from 'vitest';
import { compress } from '../../src/compress/compress.ts';
import { type DecompressStats, decompress } from '../../src/compress/decompress.ts';
import { detectCompression } from '../../src/compress/detect.ts';
import type { CompressionKind } from '../../src/compress/kind.ts';
import { loadZstd } from '../../src/compress/zstd-load.ts';
import { PlanishError } from '../../src/errors.ts';
import { fc, place } from '../support/property.ts';
import { backends } from '../unit/compress/backends.ts';
import { gather, pieces, sample } from '../unit/compress/streams.ts';

const available = await backends();
afterAll(() => loadZstd(available[0]));

const content = fc
  .tuple(fc.integer({ min: 0, max: 400_000 }), fc.integer({ min: 1, max: 2 ** 31 }))
  .map(([length, seed]) => sample(length, seed));
const sizes = fc.array(fc.integer({ min: 1, max: 150_000 }), { minLength: 1, maxLength: 8 });
const method = fc.oneof(
  fc.record({ kind: fc.constant<CompressionKind>('gzip'), level: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ kind: fc.constant<CompressionKind>('zstd'), level: fc.integer({ min: 1, max: 19 }) }),
);
const backend = fc.constantFrom(...available);

async function read(bytes: Uint8Array, kind: CompressionKind, split: number[]): Promise<[Buffer, number]> {
  const stats: DecompressStats = { members: 0 };
  return [await gather(decompress(pieces(bytes, ...split), kind, stats)), stats.members];
}

describe('compressed streams', () => {
  it('give back what went in, however both are split, and say what they are', async () => {
    await fc.assert(
      fc.asyncProperty(
        content,
        method,
        sizes,
        sizes,
        backend,
        async (bytes, options, before, after, build) => {
          await loadZstd(build);
          const packed = await gather(compress(pieces(bytes, ...before), options));
          expect(detectCompression(packed.subarray(0, 512))).toBe(options.kind);
          const [back, members] = await read(packed, options.kind, after);
          expect([back.equals(bytes), members]).toEqual([true, 1]);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('do not depend on the split or the build', async () => {
    await fc.assert(
      fc.asyncProperty(content, method, sizes, backend, async (bytes, options, split, build) => {
        await loadZstd(available[0]);
        const whole = await gather(compress(pieces(bytes), options));
        await loadZstd(build);
        expect((await gather(compress(pieces(bytes, ...split), options))).equals(whole)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('are one stream when joined', async () => {
    const parts = fc.array(content, { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(parts, method, sizes, backend, async (bytes, options, split, build) => {
        await loadZstd(build);
        const packed = await Promise.all(bytes.map((part) => gather(compress(pieces(part), options))));
        const [back, members] = await read(Buffer.concat(packed), options.kind, split);
        expect([back.equals(Buffer.concat(bytes)), members]).toEqual([true, bytes.length]);
      }),
      { numRuns: 30 },
    );
  });

  it('never fail otherwise than by saying so', async () => {
    const damage = fc.array(fc.tuple(place, fc.integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 4,
    });
    await fc.assert(
      fc.asyncProperty(
        content,
        method,
        damage,
        sizes,
        backend,
        async (bytes, options, hits, split, build) => {
          await loadZstd(build);
          const packed = await gather(compress(pieces(bytes), options));
          for (const [where, mask] of hits) {
            const at = Math.floor(where * packed.length);
            packed[at] = (packed[at] ?? 0) ^ mask;
          }
          const outcome = await read(packed, options.kind, split).catch((error: unknown) => error);
          if (outcome instanceof PlanishError) expect(outcome.kind).toBe('input');
          // gzip has a CRC; a zstd frame of ours leaves that to the digest of the blob.
          else if (options.kind === 'gzip') expect(outcome).toEqual([bytes, 1]);
          else expect(outcome).toBeInstanceOf(Array);
        },
      ),
      { numRuns: 120 },
    );
  });

  it('survive noise instead of a stream', async () => {
    const magic = fc
      .constantFrom('', '1f8b08', '28b52ffd', '502a4d18')
      .map((text) => Buffer.from(text, 'hex'));
    const noise = fc.uint8Array({ maxLength: 300 });
    const kinds = fc.constantFrom<CompressionKind>('gzip', 'zstd');
    await fc.assert(
      fc.asyncProperty(magic, noise, kinds, sizes, backend, async (start, rest, kind, split, build) => {
        await loadZstd(build);
        const outcome = await read(Buffer.concat([start, rest]), kind, split).catch(
          (error: unknown) => error,
        );
        if (!Array.isArray(outcome)) expect(outcome).toBeInstanceOf(PlanishError);
      }),
      { numRuns: 500 },
    );
  });
});
