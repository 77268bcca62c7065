/** Streams of ours in the hands of gzip, pigz and zstd, and theirs in ours. */
import { afterAll, describe, expect, it } from 'vitest';
import { compress } from '../../src/compress/compress.ts';
import { type DecompressStats, decompress } from '../../src/compress/decompress.ts';
import { detectCompression } from '../../src/compress/detect.ts';
import type { CompressionKind } from '../../src/compress/kind.ts';
import { loadZstd } from '../../src/compress/zstd-load.ts';
import { PlanishError } from '../../src/errors.ts';
import { hasTool, runTool } from '../support/composefs-tools.ts';
import { backends } from '../unit/compress/backends.ts';
import { gather, pieces, sample } from '../unit/compress/streams.ts';

const available = await backends();
afterAll(() => loadZstd(available[0]));

const contents: [string, Buffer][] = [
  ['nothing', Buffer.alloc(0)],
  ['one byte', Buffer.from('x')],
  ['a text', Buffer.from('hello world\n'.repeat(500))],
  ['128 KiB', sample(128 * 1024)],
  ['a MiB', sample(1024 * 1024)],
  ['more than windows hold', sample(5_000_003)],
  ['zeros', Buffer.alloc(3_000_000)],
];

async function packed(bytes: Uint8Array, kind: CompressionKind, level: number): Promise<Buffer> {
  return gather(compress(pieces(bytes, 300_000), { kind, level }));
}

async function unpacked(bytes: Uint8Array, kind: CompressionKind): Promise<[Buffer, number]> {
  const stats: DecompressStats = { members: 0 };
  return [await gather(decompress(pieces(bytes, 65536), kind, stats)), stats.members];
}

function written(tool: string, args: string[], input: Uint8Array): Buffer {
  const { status, stdout, stderr } = runTool(tool, args, input);
  expect([tool, status, stderr]).toEqual([tool, 0, '']);
  return stdout;
}

/** What a tool made is detected, and comes back whole. */
async function expectRead(
  made: Buffer,
  kind: CompressionKind,
  content: Buffer,
  members: number,
): Promise<void> {
  expect(detectCompression(made.subarray(0, 512))).toBe(kind);
  const [back, count] = await unpacked(made, kind);
  expect([back.equals(content), count]).toEqual([true, members]);
}

for (const tool of ['gzip', 'pigz']) {
  describe.skipIf(!hasTool(tool, `gzip streams by ${tool}`))(tool, () => {
    it.each(contents)('reads ours: %s', async (_, content) => {
      for (const level of [1, 6, 9]) {
        const bytes = await packed(content, 'gzip', level);
        expect(written(tool, ['-dc'], bytes).equals(content)).toBe(true);
        expect(runTool(tool, ['-t'], bytes).status).toBe(0);
      }
    });

    it.each(contents)('is read: %s', async (_, content) => {
      for (const level of ['-1', '-6', '-9']) {
        const made = written(tool, ['-c', level], content);
        await expectRead(made, 'gzip', content, 1);
        await expectRead(Buffer.concat([made, made]), 'gzip', Buffer.concat([content, content]), 2);
      }
    });
  });
}

describe.skipIf(!hasTool('gzip', 'what gzip says of padding and garbage'))('gzip and we', () => {
  it('agree on zeros and garbage after a member', async () => {
    const good = await packed(Buffer.from('content'), 'gzip', 6);
    const cases: [string, Buffer, boolean][] = [
      ['zeros', Buffer.alloc(1000), true],
      ['garbage', Buffer.from('garbage'), false],
      ['zeros and garbage', Buffer.from('\0\0\0garbage'), false],
    ];
    for (const [name, tail, fine] of cases) {
      const bytes = Buffer.concat([good, tail]);
      expect([name, runTool('gzip', ['-t'], bytes).status === 0]).toEqual([name, fine]);
      const outcome = await unpacked(bytes, 'gzip').catch((error: unknown) => error);
      expect([name, Array.isArray(outcome)]).toEqual([name, fine]);
    }
  });
});

describe.skipIf(!hasTool('zstd', 'zstd streams by zstd(1)')).each(available)(
  'zstd(1) and the %s build',
  (build) => {
    it.each(contents)('reads ours: %s', async (_, content) => {
      await loadZstd(build);
      for (const level of [1, 3, 12, 19]) {
        const bytes = await packed(content, 'zstd', level);
        expect(written('zstd', ['-dcq'], bytes).equals(content)).toBe(true);
      }
    });

    it.each(contents)('is read: %s', async (_, content) => {
      await loadZstd(build);
      const ways = [
        ['-1'],
        ['-3', '--no-check'],
        ['-12', '-T2'],
        ['--ultra', '-22'],
        ['--long=27'],
        ['--fast=5'],
      ];
      for (const way of ways) {
        const made = written('zstd', ['-cq', ...way], content);
        await expectRead(made, 'zstd', content, 1);
        await expectRead(Buffer.concat([made, made]), 'zstd', Buffer.concat([content, content]), 2);
      }
    });

    it('both refuse what is damaged', async () => {
      await loadZstd(build);
      const made = written('zstd', ['-cq', '--check'], sample(300_000));
      for (let at = 0; at < made.length; at += 997) {
        const bad = Buffer.from(made);
        bad[at] = (bad[at] ?? 0) ^ 0x10;
        const outcome = await unpacked(bad, 'zstd').catch((error: unknown) => error);
        expect([at, outcome instanceof PlanishError]).toEqual([
          at,
          runTool('zstd', ['-tq'], bad).status !== 0,
        ]);
      }
    });
  },
);

describe.skipIf(!hasTool('gzip', 'sizes of gzip output'))('the size of ours', () => {
  it.each([1, 6, 9])('is not above that of gzip at level %i', async (level) => {
    const content = sample(5_000_003);
    const ours = await packed(content, 'gzip', level);
    expect(ours.length).toBeLessThanOrEqual(written('gzip', ['-c', `-${level}`], content).length);
  });
});
