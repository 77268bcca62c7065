import { spawnSync } from 'node:child_process';
import { inflateRawSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { openLaterDeflater, openNativeDeflater, openWasmDeflater } from '../../../src/compress/deflater.ts';
import type { NativeHelpers } from '../../../src/native/contract.ts';
import { fc } from '../../support/property.ts';
import { sample } from '../compress/streams.ts';
import { removeDirectories } from '../io/rootfs-fixture.ts';
import { findCompiler, freshHelpers } from './build-helpers.ts';

afterAll(removeDirectories);

const helpers = freshHelpers() as NativeHelpers;
const content = sample(1_500_000, 4);

const arbitraryBytes = fc.oneof(
  fc.tuple(fc.nat(400_000), fc.nat(90_000)).map(([at, size]) => content.subarray(at, at + size)),
  fc.uint8Array({ maxLength: 3000 }),
  fc
    .tuple(fc.uint8Array({ minLength: 1, maxLength: 20 }), fc.nat(70_000))
    .map(([part, size]) => Buffer.alloc(size, part)),
);

describe.skipIf(findCompiler() === undefined)('deflate', () => {
  it('gives the bytes of its twin, which zlib understands', () => {
    const native = openNativeDeflater(helpers);
    const twin = openWasmDeflater();
    fc.assert(
      fc.property(arbitraryBytes, fc.integer({ min: 1, max: 9 }), fc.nat(32_768), (bytes, level, before) => {
        const history = Math.min(before, bytes.length);
        const first = Buffer.from(native.deflate(bytes.subarray(0, history), 0, level, false));
        const second = Buffer.from(native.deflate(bytes, history, level, true));
        expect(first.equals(twin.deflate(bytes.subarray(0, history), 0, level, false))).toBe(true);
        expect(second.equals(twin.deflate(bytes, history, level, true))).toBe(true);
        expect(inflateRawSync(Buffer.concat([first, second])).equals(bytes)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('gives the same bytes later, several chunks at once', async () => {
    const later = openLaterDeflater(helpers, 3);
    const native = openNativeDeflater(helpers);
    const starts = [0, 100_000, 777_777, 1_000_000, 1_400_000, 1_499_999];
    const chunks = starts.map((start, index) => content.subarray(start, start + 30_000 * index));
    for (const group of [chunks.slice(0, 3), chunks.slice(3)]) {
      const promised = await Promise.all(
        group.map((chunk, index) =>
          later.deflate(chunk, Math.min(chunk.length, 9000), 1 + index, index === 2),
        ),
      );
      for (const [index, bytes] of promised.entries()) {
        const chunk = group[index] as Uint8Array;
        const history = Math.min(chunk.length, 9000);
        expect(Buffer.from(bytes).equals(native.deflate(chunk, history, 1 + index, index === 2))).toBe(true);
      }
    }
  });

  it('refuses at once what it could only refuse later', () => {
    const work = new Uint8Array(helpers.deflateWorkBytes);
    const output = new Uint8Array(1000);
    const chunk = content.subarray(0, 100);
    expect(() => helpers.deflateLater(work, chunk, 101, 6, 1, output)).toThrow(TypeError);
    expect(() => helpers.deflateLater(work, chunk, 0, 6, 1, output.subarray(0, 100))).toThrow(TypeError);
    expect(() => helpers.deflateLater(work, chunk, 0, 6, 1, 'x' as never)).toThrow(TypeError);
  });

  it('refuses what does not fit', () => {
    const work = new Uint8Array(helpers.deflateWorkBytes);
    const output = new Uint8Array(1000);
    const deflate = (size: number, history: number, level: number, room = output, memory = work): number =>
      helpers.deflate(memory, content.subarray(0, size), history, level, 1, room);
    expect(deflate(100, 0, 6)).toBeGreaterThan(0);
    for (const refused of [
      deflate(100, 101, 6),
      deflate(40_000, 32_769, 6),
      deflate(100, 0, 0),
      deflate(100, 0, 10),
      deflate(100, 0, 6, output.subarray(0, 100)),
      deflate(100, 0, 6, output, work.subarray(1)),
    ]) {
      expect(refused).toBe(-22);
    }
    expect(() => helpers.deflate(work, content, 0, 6, 1, 'x' as never)).toThrow(TypeError);
  });
});

function hasWasmCompiler(): boolean {
  const version = spawnSync('clang', ['--version'], { encoding: 'utf8' }).stdout ?? '';
  if (version.includes('clang version 14.') && spawnSync('wasm-ld', ['--version']).status === 0) return true;
  process.stderr.write('SKIPPED: WebAssembly of deflate: there is no clang 14 with wasm-ld\n');
  return false;
}

it.skipIf(!hasWasmCompiler())('the committed WebAssembly is what clang makes of the source', () => {
  const script = new URL('../../../native-helpers/build-wasm.mjs', import.meta.url).pathname;
  const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
});
