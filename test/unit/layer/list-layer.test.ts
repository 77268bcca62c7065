/** Entries read without measuring are those of the layer as it is measured, whichever way they are read. */

import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { blobDigest } from '../../../src/bytes/digest.ts';
import { PlanishError } from '../../../src/errors.ts';
import { type IngestRequest, ingestLayer } from '../../../src/layer/ingest.ts';
import type { LayerListing, ReadLayer } from '../../../src/layer/layer-index.ts';
import { listLayer } from '../../../src/layer/list-layer.ts';
import { listTar } from '../../../src/layer/list-tar.ts';
import type { TarPlace } from '../../../src/tar/scan-place.ts';
import type { LayerEntry } from '../../../src/tree/entry.ts';
import { fc } from '../../support/property.ts';
import { pieces, sample } from '../compress/streams.ts';
import { archive, extension, padded, pax, type RawFields, rawHeader } from '../tar/support.ts';

const REQUEST: IngestRequest = {
  ...{ digest: undefined, size: undefined, diffId: undefined, claimed: undefined },
  ...{ enforce: true, ordinal: 2, source: 2, algorithm: 'sha256', globalHeaders: 'ignore', keep: /kept$/ },
};

const file = (name: string, content: Buffer | string, fields: RawFields = {}): Buffer =>
  Buffer.concat([rawHeader({ name, size: content.length, ...fields }), padded(content)]);

const sparse = (content: string, size: number, map: string): Buffer =>
  Buffer.concat([
    extension(
      'x',
      pax(
        ['GNU.sparse.major', '0'],
        ['GNU.sparse.minor', '1'],
        ['GNU.sparse.size', `${size}`],
        ['GNU.sparse.map', map],
      ),
    ),
    file('sparse', content),
  ]);

/** Contents of every kind, so that some are passed over and those between are not. */
const PARTS: readonly Buffer[] = [
  file('small', 'abc'),
  file('empty', ''),
  file('inline', 'x'.repeat(64)),
  file('large', sample(70_000, 1)),
  file('exact', sample(4096, 2)),
  file('kept', sample(9000, 3)),
  file('huge', sample(700_000, 4)),
  sparse('z'.repeat(150), 9000, '0,100,8000,50'),
  sparse('z', 50, '7,1'),
  Buffer.concat([extension('x', pax(['SCHILY.xattr.user.a', 'b'])), file('labelled', sample(2000, 5))]),
  Buffer.concat([extension('L', `${'long/'.repeat(40)}name\0`), file('short', sample(600, 6))]),
  rawHeader({ name: 'directory/', type: '5', size: 999 }),
  rawHeader({ name: 'link', type: '2', linkname: 'large' }),
  rawHeader({ name: 'hard', type: '1', linkname: 'large' }),
];

const place = (tar: Uint8Array): TarPlace & { bytes: number } => {
  const counted = { size: tar.length, bytes: 0, read: (_: number, __: Uint8Array): void => undefined };
  counted.read = (position, target) => {
    expect(position + target.length).toBeLessThanOrEqual(tar.length);
    counted.bytes += target.length;
    target.set(tar.subarray(position, position + target.length));
  };
  return counted;
};

async function outcome(work: () => Promise<ReadLayer<LayerListing>>): Promise<unknown> {
  try {
    const { index, warnings } = await work();
    const { entries, tarSize, endOfArchive, compression, members, kept } = index;
    return { tarSize, endOfArchive, compression, members, kept, warnings, entries: entries.map(unmeasured) };
  } catch (error) {
    if (error instanceof PlanishError) return { code: error.code, message: error.message, ...error.detail };
    throw error;
  }
}

function unmeasured(entry: LayerEntry): LayerEntry {
  const { content } = entry;
  return content?.kind === 'external' ? { ...entry, content: { ...content, verity: undefined } } : entry;
}

const byPosition = (tar: Uint8Array): Promise<unknown> => outcome(() => listTar(place(tar), REQUEST));
const asStream = (tar: Uint8Array, ...cuts: number[]): Promise<unknown> =>
  outcome(() => listLayer(pieces(tar, ...cuts, 2_000_000), REQUEST));
const measured = (tar: Uint8Array): Promise<unknown> =>
  outcome(() => ingestLayer(pieces(tar, tar.length + 1), REQUEST));

describe('the entries of a tar', () => {
  test('are the same by position, as a stream, and measured', async () => {
    const parts = fc.array(fc.constantFrom(...PARTS), { maxLength: 12 });
    const cuts = fc.array(fc.integer({ min: 1, max: 900_000 }), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(parts, cuts, async (chosen, cut) => {
        const tar = archive(...chosen);
        const expected = await measured(tar);
        expect(await byPosition(tar)).toEqual(expected);
        expect(await asStream(tar, ...cut)).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  test('and so is what is wrong with one that is cut or damaged', async () => {
    const tar = archive(...PARTS);
    const length = fc.integer({ min: 1, max: tar.length });
    const flip = fc.option(fc.tuple(fc.nat({ max: tar.length - 1 }), fc.integer({ min: 1, max: 255 })));
    await fc.assert(
      fc.asyncProperty(length, flip, async (cut, damage) => {
        const bytes = Buffer.from(tar.subarray(0, cut));
        if (damage !== null) bytes[damage[0] % cut] = (bytes[damage[0] % cut] ?? 0) ^ damage[1];
        const expected = await measured(bytes);
        expect(await byPosition(bytes)).toEqual(expected);
        expect(await asStream(bytes)).toEqual(expected);
      }),
      { numRuns: 150 },
    );
  });

  test('a content that claims more than there is is cut short, and nothing behind the end is asked for', async () => {
    const lie = Buffer.concat([
      file('a', ''),
      rawHeader({ name: 'liar', size: '\x80\0\0\0\0\0\x01\0\0\0\0\0' }),
    ]);
    const tar = Buffer.concat([lie, sample(100_000, 7)]);
    const expected = { code: 'TAR_TRUNCATED', offset: tar.length, path: 'liar', layer: '2' };
    expect(await byPosition(tar)).toMatchObject(expected);
    expect(await byPosition(tar)).toEqual(await measured(tar));
  });

  test('are all that is read by position', async () => {
    const tar = archive(...Array.from({ length: 40 }, (_, at) => file(`f${at}`, sample(1_000_000, at))));
    const counted = place(tar);
    const { index } = await listTar(counted, REQUEST);
    expect(index).toMatchObject({ tarSize: tar.length, endOfArchive: true, digest: undefined });
    expect(index.entries).toHaveLength(40);
    expect(counted.bytes).toBe(40 * 16_384 + 1024);
  });

  test('may be millions: others have a word between', async () => {
    let pauses = 0;
    const tar = archive(...Array.from({ length: 2000 }, (_, at) => file(`f${at}`, sample(50_000, 1))));
    const pause = async (): Promise<void> => void pauses++;
    await listTar(place(tar), REQUEST, { pause });
    expect(pauses).toBe(3);
  });
});

describe('a blob that is named', () => {
  const tar = archive(...PARTS);
  const blob = gzipSync(tar);
  const digest = blobDigest('sha256', createHash('sha256').update(blob).digest('hex'));
  const named = { ...REQUEST, digest, size: blob.length };

  test('is held to its digest', async () => {
    const { index } = await listLayer(pieces(blob, 1000, 2_000_000), named);
    expect(index).toMatchObject({ digest, size: blob.length, compression: 'gzip', members: 1 });
    for (const at of [20, blob.length - 1]) {
      const damaged = Buffer.from(blob);
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      await expect(listLayer(pieces(damaged, 2_000_000), named)).rejects.toMatchObject({
        code: 'DIGEST_MISMATCH',
        detail: { layer: digest, expected: digest },
      });
    }
  });

  test('is held to its size', async () => {
    const size = blob.length + 1;
    await expect(listLayer(pieces(blob, 2_000_000), { ...named, size })).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
      detail: { expected: size, actual: blob.length },
    });
  });
});
