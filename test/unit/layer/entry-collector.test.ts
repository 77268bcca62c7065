/** Digests of contents do not depend on how the tar is cut, nor on which contents are measured together. */

import { expect, test } from 'vitest';
import type { HashAlgorithm } from '../../../src/bytes/digest.ts';
import { computeVerityDigest } from '../../../src/fsverity/digest.ts';
import { CRYPTO_BACKEND } from '../../../src/fsverity/hash.ts';
import { EntryCollector } from '../../../src/layer/entry-collector.ts';
import { type IngestRequest, ingestLayer } from '../../../src/layer/ingest.ts';
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

test.each([[65_536], [1_000_000], [513]])(
  'whoever takes the layer apart has them at once, cut by %i',
  async (cut) => {
    const told: [string, number][] = [];
    const parts = {
      inline: () => undefined,
      content: () => undefined,
      endOfContent: (digest: string, size: number) => void told.push([digest, size]),
    };
    await ingestLayer(pieces(TAR, cut), request('sha256'), { parts });
    expect(told).toEqual(expected('sha256').map((digest, index) => [digest, LARGE[index]?.length]));
  },
);

test('an owner who does not tell the end of a piece is refused, not given wrong digests', () => {
  const scanner = new TarScanner(new EntryCollector(0, 'sha256'));
  const half = TAR.subarray(0, 512 + 512 + 64 + 448 + 4096);
  scanner.push(half);
  expect(() => scanner.push(TAR.subarray(half.length))).toThrow('ended before its contents were measured');
});
