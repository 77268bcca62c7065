/** Streams that other programs wrote, or damaged, against what is expected of them. */
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DecompressStats, decompress } from '../../../src/compress/decompress.ts';
import { detectCompression } from '../../../src/compress/detect.ts';
import type { CompressionKind } from '../../../src/compress/kind.ts';
import { loadZstd } from '../../../src/compress/zstd-load.ts';
import { backends } from './backends.ts';
import { failure, gather, pieces } from './streams.ts';

interface Expected {
  readonly kind?: CompressionKind;
  readonly members?: number;
  readonly content?: string;
  readonly error?: string;
  readonly message?: string;
  readonly offset?: number;
}

const folder = new URL('../../../fixtures/compress/', import.meta.url).pathname;
const text = readFileSync(`${folder}text`);
const cases = readdirSync(folder).filter((name) => /\.(gz|zst|bin)$/.test(name));

async function read(bytes: Uint8Array, size: number): Promise<Expected> {
  const stats: DecompressStats = { members: 0 };
  const kind = detectCompression(bytes.subarray(0, 512));
  const content = await gather(decompress(pieces(bytes, size), kind, stats));
  return {
    kind,
    members: stats.members,
    content: content.equals(text) ? 'text' : content.toString('latin1'),
  };
}

describe.each(await backends())('with zstd by %s', (backend) => {
  beforeAll(() => loadZstd(backend));
  it.each(cases)('%s', async (name) => {
    const expected: Expected = JSON.parse(
      readFileSync(folder + name.replace(/\.\w+$/, '.expect.json'), 'utf8'),
    );
    const bytes = readFileSync(folder + name);
    for (const size of [1, 7, 64, 1 << 20]) {
      if (expected.error === undefined) {
        expect(await read(bytes, size), `pieces of ${size}`).toEqual(expected);
        continue;
      }
      const { code, message, detail } = await failure(read(bytes, size));
      expect({ code, message }).toEqual({ code: expected.error, message: expected.message });
      if (expected.offset !== undefined) expect(detail.offset).toBe(expected.offset);
      if (expected.kind !== undefined) expect(detectCompression(bytes)).toBe(expected.kind);
    }
  });
});

it('looks at all of them', () => expect(cases.length).toBe(25));

afterAll(() => loadZstd());
