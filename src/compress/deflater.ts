/**
 * Deflating in chunks of 1 MiB, each a function of its bytes, of the 32 KiB before it, of the level, and of whether it
 * is the last. One C source does it, as native helpers or as WebAssembly: integer arithmetic, the same bytes on every
 * machine. Changing it changes digests of layers.
 */
import { PlanishError } from '../errors.ts';
import type { DeflateHelpers } from '../native/contract.ts';
import { nativeHelpers } from '../native/load.ts';
import { DEFLATE_WASM } from './deflate-wasm-bytes.ts';

/** Bytes of a chunk; all but the last have so many. */
export const CHUNK_BYTES: number = 1024 * 1024;

/** Bytes before a chunk that it may refer to. */
export const HISTORY_BYTES: number = 32 * 1024;

/** More than any chunk comes to. */
const OUTPUT_BYTES = CHUNK_BYTES + CHUNK_BYTES / 16;

/** Deflates chunks. */
export interface ChunkDeflater {
  /** `data` is `history` bytes that were deflated before, and the chunk. The result is valid until the next call. */
  deflate(data: Uint8Array, history: number, level: number, isLast: boolean): Uint8Array;
}

/** Deflates several chunks at once, on threads of libuv's pool. */
export interface LaterDeflater {
  /** Chunks at once; the bytes of each are to be left alone until it is done. */
  readonly width: number;
  /** As {@link ChunkDeflater.deflate}, but the result is valid until `width` more calls. */
  deflate(data: Uint8Array, history: number, level: number, isLast: boolean): Promise<Uint8Array>;
}

/** By the helpers where they are built, else by WebAssembly. */
export function openDeflater(helpers: DeflateHelpers | undefined = nativeHelpers()): ChunkDeflater {
  return helpers === undefined ? openWasmDeflater() : openNativeDeflater(helpers);
}

/** By the helpers. */
export function openNativeDeflater(helpers: DeflateHelpers): ChunkDeflater {
  const work = new Uint8Array(helpers.deflateWorkBytes);
  const output = new Uint8Array(OUTPUT_BYTES);
  return {
    deflate(data, history, level, isLast): Uint8Array {
      return output.subarray(
        0,
        checkLength(helpers.deflate(work, data, history, level, isLast ? 1 : 0, output)),
      );
    },
  };
}

/** By the helpers, on threads. */
export function openLaterDeflater(helpers: DeflateHelpers, width: number): LaterDeflater {
  const lanes = Array.from({ length: width + 1 }, () => ({
    work: new Uint8Array(helpers.deflateWorkBytes),
    output: new Uint8Array(OUTPUT_BYTES),
  }));
  let calls = 0;
  return {
    width,
    async deflate(data, history, level, isLast): Promise<Uint8Array> {
      const { work, output } = lanes[calls++ % lanes.length] as (typeof lanes)[0];
      const length = await helpers.deflateLater(work, data, history, level, isLast ? 1 : 0, output);
      return output.subarray(0, checkLength(length));
    },
  };
}

interface DeflateModule {
  readonly memory: { readonly buffer: ArrayBuffer };
  input(): number;
  output(): number;
  deflate(history: number, length: number, level: number, isLast: number): number;
}

interface WebAssemblyLike {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
}

let compiled: object | undefined;

/** By WebAssembly. Its memory is of one size and starts as zeros. */
export function openWasmDeflater(): ChunkDeflater {
  const { Module, Instance } = (globalThis as unknown as { WebAssembly: WebAssemblyLike }).WebAssembly;
  compiled ??= new Module(Buffer.from(DEFLATE_WASM, 'base64'));
  const module = new Instance(compiled).exports as DeflateModule;
  const memory = new Uint8Array(module.memory.buffer);
  const [input, output] = [module.input(), module.output()];
  return {
    deflate(data, history, level, isLast): Uint8Array {
      memory.set(data, input);
      const length = module.deflate(history, data.length - history, level, isLast ? 1 : 0);
      return memory.subarray(output, output + checkLength(length));
    },
  };
}

function checkLength(length: number): number {
  if (length > 0) return length;
  throw new PlanishError('INVARIANT', 'a chunk could not be deflated', { actual: length });
}
