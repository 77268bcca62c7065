/** A layer's index as bytes: it comes back as it was, and nothing else is taken for one. */

import { describe, expect, test } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import { isPlanishError } from '../../../src/errors.ts';
import { decodeIndex, decodeListing, encodeIndex } from '../../../src/layer/index-codec.ts';
import { EntryEncoder } from '../../../src/layer/index-entries.ts';
import { type IngestRequest, type IngestResult, ingestLayer } from '../../../src/layer/ingest.ts';
import { listLayer } from '../../../src/layer/list-layer.ts';
import type { LayerEntry } from '../../../src/tree/entry.ts';
import { fc } from '../../support/property.ts';
import { archive, extension, padded, pax, type RawFields, rawHeader } from '../tar/support.ts';

const REQUEST: IngestRequest = {
  enforce: true,
  digest: undefined,
  size: undefined,
  diffId: undefined,
  claimed: 'gzip',
  ordinal: 3,
  source: 3,
  algorithm: 'sha256',
  globalHeaders: 'ignore',
  keep: /config$/,
};

function entry(fields: RawFields, content = ''): Buffer {
  return Buffer.concat([rawHeader({ name: 'f', size: content.length, ...fields }), padded(content)]);
}

/** Of every type and form of content, with what only some entries have. */
const TAR = archive(
  rawHeader({ name: 'd/', type: '5', mode: '0000755' }),
  // A directory of a tar before ustar, which hosts read as a file.
  rawHeader({ name: 'old/', type: '\0' }),
  extension('x', pax(['SCHILY.xattr.user.a', '\xff\0'], ['mtime', '-5.25'], ['path', 'd/\xff'])),
  entry({}, 'small'),
  extension('x', pax(['SCHILY.xattr.user.a', '\xff\0'])),
  entry({ name: 'd/big' }, 'x'.repeat(5000)),
  entry({ name: 'd/config' }, 'y'.repeat(100)),
  entry({ name: 'd/empty' }),
  entry({ name: 'l', type: '2', linkname: 'd/big' }),
  entry({ name: 'h', type: '1', linkname: 'd/big' }),
  entry({ name: 'c', type: '3' }),
  entry({ name: 'p', type: '6' }),
  extension(
    'x',
    pax(
      ['GNU.sparse.major', '0'],
      ['GNU.sparse.minor', '1'],
      ['GNU.sparse.size', '9000'],
      ['GNU.sparse.map', '0,100,8000,50'],
    ),
  ),
  entry({ name: 's' }, 'z'.repeat(150)),
);

async function* input(tar: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(tar);
}

async function* inPieces(tar: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < tar.length; at += size) yield await Promise.resolve(tar.subarray(at, at + size));
}

async function ingest(tar: Uint8Array = TAR): Promise<IngestResult> {
  return await ingestLayer(input(tar), REQUEST);
}

describe('an index', () => {
  test('comes back as it was', async () => {
    const result = await ingest();
    expect(result.index.entries.map(({ type }) => type)).toEqual(
      'directory directory regular regular regular regular symlink hardlink character fifo regular'.split(
        ' ',
      ),
    );
    expect(result.index.entries.filter(({ hostReading }) => hostReading !== undefined)).toHaveLength(2);
    expect(result.index.kept.size).toBe(1);
    expect(result.warnings.map(({ code }) => code)).toEqual(['MEDIA_TYPE_WRONG', 'SPARSE_ENTRY']);
    expect(decodeIndex(encodeIndex(result), { source: 3, ordinal: 3 })).toEqual(result);
  });

  test('names another source and layer where it is used', async () => {
    const { index, warnings } = decodeIndex(encodeIndex(await ingest()), { source: 7, ordinal: 8 });
    const sources = index.entries.flatMap(({ content }) =>
      content?.kind === 'external' ? [content.location?.source] : [],
    );
    expect(new Set(sources)).toEqual(new Set([7]));
    expect(warnings.map(({ layer }) => layer)).toEqual([8, 8]);
  });

  test('shares equal attributes and times', async () => {
    const { index } = decodeIndex(encodeIndex(await ingest()), { source: 0, ordinal: 0 });
    const [first, second] = index.entries.filter(({ xattrs }) => xattrs.size > 0);
    expect(first?.xattrs.get(byteString('user.a'))).toEqual(Uint8Array.of(255, 0));
    expect(second?.xattrs).toBe(first?.xattrs);
  });

  test('without digests is one, but not of a layer that was measured', async () => {
    const listed = await listLayer(input(TAR), REQUEST);
    expect(listed.index.entries.map(({ path }) => path)).toEqual(
      (await ingest()).index.entries.map(({ path }) => path),
    );
    const bytes = encodeIndex(listed);
    expect(decodeListing(bytes, { source: 3, ordinal: 3 })).toEqual(listed);
    expect(() => decodeIndex(bytes, { source: 3, ordinal: 3 })).toThrow(
      expect.objectContaining({ code: 'CACHE_BAD_ENTRY' }),
    );
  });

  test('with digests serves who asks for none', async () => {
    const { index, warnings } = await ingest();
    const { diffId, algorithm, ...listing } = index;
    expect([diffId, algorithm]).toEqual([expect.stringMatching(/^sha256:/), 'sha256']);
    const decoded = decodeListing(encodeIndex({ index, warnings }), { source: 3, ordinal: 3 });
    expect(decoded).toEqual({ index: listing, warnings });
  });

  test.each([100, 512, 1000, 5000])(
    'is the same encoded as it is read, in pieces of %d bytes',
    async (size) => {
      const encoder = new EntryEncoder('sha256');
      const counts: number[] = [];
      const add = (entries: readonly LayerEntry[]): void => {
        counts.push(entries.length);
        encoder.add(entries);
      };
      const read = await ingestLayer(inPieces(TAR, size), REQUEST, { entries: add });
      expect(read.index.entries).toEqual([]);
      expect(counts.reduce((a, b) => a + b)).toBe(11);
      expect(Math.max(...counts)).toBeLessThan(size < 5000 ? 3 : 11);
      expect(encodeIndex(read, encoder)).toEqual(encodeIndex(await ingest()));
    },
  );

  test('does not depend on what was encoded before it', async () => {
    const result = await ingest();
    expect(encodeIndex(result)).toEqual(encodeIndex(await ingest()));
  });
});

describe('what is no index', () => {
  test('is refused wherever it is cut', async () => {
    const bytes = encodeIndex(await ingest());
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeIndex(bytes.subarray(0, length), { source: 0, ordinal: 0 })).toThrow(
        expect.objectContaining({ code: 'CACHE_BAD_ENTRY' }),
      );
    }
  });

  test('is refused or read as another index when bytes are changed, and never anything else', async () => {
    const bytes = encodeIndex(await ingest());
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = Uint8Array.from(bytes);
        changed[at] = (changed[at] as number) ^ change;
        try {
          const { index } = decodeIndex(changed, { source: 0, ordinal: 0 });
          for (const { content } of index.entries) {
            if (content?.kind !== 'external') continue;
            for (const { at: start, offset, length } of content.location?.extents ?? []) {
              expect(start + length).toBeLessThanOrEqual(content.size);
              expect(offset + length).toBeLessThanOrEqual(index.tarSize);
            }
          }
        } catch (error) {
          expect(isPlanishError(error, 'CACHE_BAD_ENTRY')).toBe(true);
        }
      }),
      { numRuns: 3000 },
    );
  });

  test('is refused when another version wrote it', async () => {
    const bytes = Buffer.from(encodeIndex(await ingest()));
    bytes.write('"version":9', bytes.indexOf('"version":1'));
    expect(() => decodeIndex(bytes, { source: 0, ordinal: 0 })).toThrow('the index of a layer is malformed');
  });
});
