/** Scripts say the bytes of the tar that writing it in one go would give, however their literals are cut. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import { selectMembers } from '../../../src/layer/members.ts';
import { buildTarScript, LITERAL_PIECE_BYTES, STEP, STEP_WIDTH } from '../../../src/layer/tar-script.ts';
import { type ReadContent, writeLayer } from '../../../src/layer/write.ts';
import type { Directory, ExternalContent } from '../../../src/tree/tree.ts';
import { walk } from '../../../src/tree/walk.ts';
import { dir, file } from '../../support/tree-builder.ts';
import { archive, entryBytes, record } from '../tar/support.ts';

/** Content of source `source` at an offset: every byte says where it is from. */
const byteAt = (source: number, offset: number): number => (source * 31 + offset) % 251;

function contentAt(source: number, offset: number, length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, index) => byteAt(source, offset + index)));
}

function external(
  size: number,
  source: number,
  ...extents: [at: number, offset: number, length: number][]
): ExternalContent {
  const listed = extents.map(([at, offset, length]) => ({ at, offset, length }));
  return {
    kind: 'external',
    size,
    verity: undefined,
    payload: undefined,
    location: { source, extents: listed },
  };
}

async function tarOf(root: Directory): Promise<Buffer> {
  const paths = [...walk(root)].map(({ path }) => path).filter((path) => path !== '/');
  const script = buildTarScript(selectMembers(root, paths));
  expect(script.literals.slice(0, -1).every(({ length }) => length === LITERAL_PIECE_BYTES)).toBe(true);
  const read: ReadContent = (source, offset, target) => target.set(contentAt(source, offset, target.length));
  const pieces: Buffer[] = [];
  const sink = (piece: Uint8Array): number => pieces.push(Buffer.from(piece));
  const { tarSize, diffId } = await writeLayer(script, read, { kind: 'none', level: 0 }, sink);
  const tar = Buffer.concat(pieces);
  expect([tarSize, script.size]).toEqual([tar.length, tar.length]);
  expect(diffId).toBe(`sha256:${createHash('sha256').update(tar).digest('hex')}`);
  return tar;
}

const ROOT = entryBytes(record({ type: 'directory', path: './', mode: 0o755 }));

describe('a tar script', () => {
  test('of literals over several pieces', async () => {
    const names = Array.from({ length: 1500 }, (_, index) => `file-${String(index).padStart(5, '0')}`);
    const root = dir(Object.fromEntries(names.map((name, index) => [name, file(name.repeat(index % 5))])));
    const entries = names.map((name, index) => {
      const content = Buffer.from(name.repeat(index % 5));
      return entryBytes(record({ path: name, size: content.length }), content);
    });
    expect((await tarOf(root)).equals(archive(ROOT, ...entries))).toBe(true);
  });

  test('of a header that is longer than what is left of a piece', async () => {
    const value = new Uint8Array(60_000).fill(0x61);
    const names = Array.from({ length: 12 }, (_, index) => `file-${String(index).padStart(2, '0')}`);
    const root = dir(
      Object.fromEntries(names.map((name) => [name, file('', { xattrs: { 'user.a': value } })])),
    );
    const xattrs = new Map([[byteString('user.a'), value]]);
    const entries = names.map((name) => entryBytes(record({ path: name, xattrs })));
    expect((await tarOf(root)).equals(archive(ROOT, ...entries))).toBe(true);
  });

  test.each([0, 1, 63, 64, 65, 447, 448, 511])('with a padding of %i bytes', async (padding) => {
    const size = 1024 - padding;
    const root = dir({ a: file(external(size, 3, [0, 100, size])), b: file('end') });
    const b = Buffer.from('end');
    expect(
      (await tarOf(root)).equals(
        archive(
          ROOT,
          entryBytes(record({ path: 'a', size }), contentAt(3, 100, size)),
          entryBytes(record({ path: 'b', size: 3 }), b),
        ),
      ),
    ).toBe(true);
  });

  test('of a sparse file, holes at both ends', async () => {
    const root = dir({ a: file(external(700_000, 2, [10, 0, 100], [600_000, 100, 50_000])) });
    const content = Buffer.alloc(700_000);
    contentAt(2, 0, 100).copy(content, 10);
    contentAt(2, 100, 50_000).copy(content, 600_000);
    expect(
      (await tarOf(root)).equals(archive(ROOT, entryBytes(record({ path: 'a', size: 700_000 }), content))),
    ).toBe(true);
  });

  test('keeps long padding out of the literals', () => {
    const root = dir({ a: file(external(513, 0, [0, 0, 513])) });
    const { steps, literals } = buildTarScript(selectMembers(root, [byteString('/a')]));
    const operations = Array.from({ length: steps.length / STEP_WIDTH }, (_, row) => [
      ...steps.slice(row * STEP_WIDTH, (row + 1) * STEP_WIDTH),
    ]);
    expect(operations).toEqual([
      [STEP.literal, 1024, 0, 0],
      [STEP.copy, 0, 0, 513],
      [STEP.zeros, 511, 0, 0],
      [STEP.literal, 1024, 0, 0],
    ]);
    expect(literals.map(({ length }) => length)).toEqual([2048]);
  });
});
