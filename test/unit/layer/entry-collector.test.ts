/** Digests of contents do not depend on how the tar is cut, nor on which contents are measured together. */

import { expect, test } from 'vitest';
import type { HashAlgorithm, VerityDigest } from '../../../src/bytes/digest.ts';
import { computeVerityDigest } from '../../../src/fsverity/digest.ts';
import { CRYPTO_BACKEND } from '../../../src/fsverity/hash.ts';
import { EntryCollector } from '../../../src/layer/entry-collector.ts';
import { type IngestRequest, ingestLayer } from '../../../src/layer/ingest.ts';
import type { LayerParts, WholeContent } from '../../../src/layer/layer-parts.ts';
import { measureBy } from '../../../src/layer/measuring.ts';
import { TarScanner } from '../../../src/tar/scanner.ts';
import { fc } from '../../support/property.ts';
import { pieces, sample } from '../compress/streams.ts';
import { archive, padded, rawHeader } from '../tar/support.ts';

const SIZES = [0, 64, 65, 100, 4095, 4096, 4097, 70_000, 66, 5000, 600_000, 512, 8192];
const CONTENTS = SIZES.map((size, index) => sample(size, index + 1));
const TAR = archive(
  ...CONTENTS.flatMap((content, index) => [
    rawHeader({ name: `f${index}`, size: content.length }),
    padded(content.toString('latin1')),
  ]),
);
const LARGE = CONTENTS.filter((content) => content.length > 64);

function request(algorithm: HashAlgorithm): IngestRequest {
  const unknown = { digest: undefined, size: undefined, diffId: undefined, claimed: undefined };
  return { enforce: true, ...unknown, ordinal: 0, source: 0, algorithm, globalHeaders: 'ignore' };
}

async function digests(algorithm: HashAlgorithm, cuts: number[]): Promise<unknown[]> {
  const { index } = await ingestLayer(pieces(TAR, ...cuts), request(algorithm));
  return index.entries.flatMap(({ content }) => (content?.kind === 'external' ? [content.verity] : []));
}

const expected = (algorithm: HashAlgorithm): string[] =>
  LARGE.map((content) => computeVerityDigest(content, algorithm, CRYPTO_BACKEND));

test('digests are the same however the tar is cut', async () => {
  const cut = fc.oneof(fc.integer({ min: 1, max: 800_000 }), fc.integer({ min: 200, max: 9000 }));
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom<HashAlgorithm>('sha256', 'sha512'),
      fc.array(cut, { maxLength: 12 }),
      async (algorithm, cuts) => {
        expect(await digests(algorithm, [...cuts, 1_000_000])).toEqual(expected(algorithm));
      },
    ),
    { numRuns: 60 },
  );
});

test('a layer that is taken apart is whole again, however it is cut', async () => {
  const digests = expected('sha256');
  const large = LARGE.map((content, index) => [digests[index], content.length]);
  const cut = fc.oneof(fc.integer({ min: 1, max: 800_000 }), fc.integer({ min: 200, max: 9000 }));
  await fc.assert(
    fc.asyncProperty(fc.array(cut, { maxLength: 12 }), async (cuts) => {
      const taken = new Taken();
      await ingestLayer(pieces(TAR, ...cuts, 1_000_000), request('sha256'), { parts: taken });
      expect(taken.order).toEqual(large);
      expect(Buffer.concat(taken.stream.map((part) => taken.bytesOf(part))).equals(TAR)).toBe(true);
    }),
    { numRuns: 20 },
  );
});

test('contents that lie whole in a piece come together', async () => {
  const taken = new Taken();
  await ingestLayer(pieces(TAR, TAR.length), request('sha256'), { parts: taken });
  expect(taken.batches).toEqual([LARGE.length]);
});

/** Keeps what a layer is taken apart into. */
class Taken implements LayerParts {
  readonly stream: (Buffer | VerityDigest)[] = [];
  readonly order: [VerityDigest, number][] = [];
  readonly batches: number[] = [];
  readonly #contents = new Map<VerityDigest, Buffer>();
  readonly #parts: Buffer[] = [];

  inline(bytes: Uint8Array, start: number, end: number): void {
    this.stream.push(Buffer.from(bytes.slice(start, end)));
  }

  external(digest: VerityDigest, size: number): void {
    this.stream.push(digest);
    this.order.push([digest, size]);
  }

  wholes(piece: Uint8Array, contents: readonly WholeContent[]): void {
    this.batches.push(contents.length);
    for (const { start, size, digest } of contents)
      this.#contents.set(digest, Buffer.from(piece.slice(start, start + size)));
  }

  part(bytes: Uint8Array, start: number, end: number): void {
    this.#parts.push(Buffer.from(bytes.slice(start, end)));
  }

  endOfParts(digest: VerityDigest): void {
    this.#contents.set(digest, Buffer.concat(this.#parts.splice(0)));
  }

  bytesOf(part: Buffer | VerityDigest): Buffer {
    return typeof part === 'string' ? (this.#contents.get(part) ?? Buffer.alloc(0)) : part;
  }
}

test('an owner who does not tell the end of a piece is refused, not given wrong digests', () => {
  const scanner = new TarScanner(new EntryCollector({ source: 0, measuring: measureBy('sha256') }));
  const half = TAR.subarray(0, 512 + 512 + 64 + 448 + 4096);
  scanner.push(half);
  expect(() => scanner.push(TAR.subarray(half.length))).toThrow('ended before its contents were measured');
});
