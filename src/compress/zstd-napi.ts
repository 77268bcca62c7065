/** libzstd by zstd-napi: its low-level binding, synchronous, with buffers that are used again. */
import { createRequire } from 'node:module';
import { LIMITS } from '../limits.ts';
import {
  ZSTD_PIECE_BOUND,
  type ZstdBackend,
  type ZstdCompressor,
  type ZstdDecompressor,
} from './zstd-backend.ts';

type StepResult = readonly [remaining: number, produced: number, consumed: number];

interface Context {
  setParameter(parameter: number, value: number): void;
}

interface DecompressContext extends Context {
  decompressStream(output: Uint8Array, input: Uint8Array): StepResult;
  reset(what: number): void;
}

interface Binding {
  readonly CCtx: new () => Context & {
    compressStream2(output: Uint8Array, input: Uint8Array, directive: number): StepResult;
  };
  readonly DCtx: new () => DecompressContext;
  readonly CParameter: {
    readonly compressionLevel: number;
    readonly nbWorkers: number;
    readonly checksumFlag: number;
  };
  readonly DParameter: { readonly windowLogMax: number };
  readonly ResetDirective: { readonly sessionOnly: number };
  readonly EndDirective: { readonly flush: number; readonly end: number };
  versionString(): string;
}

/** The package is optional: its types may be absent where this is compiled. It is CommonJS, for which no other loader need start. */
const PACKAGE = 'zstd-napi/binding.js';

const NO_BYTES = new Uint8Array(0);

/** Loads the binding; rejects where it is not installed, or its native part does not load. */
export async function openNapiZstd(): Promise<ZstdBackend> {
  const binding = createRequire(import.meta.url)(PACKAGE) as Binding;
  const idle: DecompressContext[] = [];
  const outputs: Uint8Array[] = [];
  return {
    name: 'napi',
    version: binding.versionString(),
    openCompressor: (level) => openCompressor(binding, level, outputs),
    openDecompressor: () => openDecompressor(binding, idle),
  };
}

/** Memory that compressors leave for others; more than so many are hardly open at once. */
const IDLE_OUTPUTS = 4;

/**
 * Everything but the level is as libzstd has it: no checksum (the digest of the blob covers every byte, and the
 * WebAssembly build cannot write one), no content size (it is not known), no workers (bytes would differ).
 */
function openCompressor(binding: Binding, level: number, outputs: Uint8Array[]): ZstdCompressor {
  const context = new binding.CCtx();
  context.setParameter(binding.CParameter.compressionLevel, level);
  context.setParameter(binding.CParameter.nbWorkers, 0);
  context.setParameter(binding.CParameter.checksumFlag, 0);
  const output = outputs.pop() ?? new Uint8Array(ZSTD_PIECE_BOUND);
  const run = (input: Uint8Array, directive: number): Uint8Array => {
    const [remaining, produced, consumed] = context.compressStream2(output, input, directive);
    if (remaining !== 0 || consumed !== input.length) throw new Error('libzstd outgrew its bound');
    return output.subarray(0, produced);
  };
  return {
    compress: (piece) => run(piece, binding.EndDirective.flush),
    finish: () => run(NO_BYTES, binding.EndDirective.end),
    close: () => {
      if (outputs.length < IDLE_OUTPUTS) outputs.push(output);
    },
  };
}

/** Windows up to this size are kept: those of all usual levels. */
const USUAL_WINDOW_BYTES = 8 * 1024 * 1024;

/**
 * A context that has read other frames before reads as a new one does, and its memory is at hand already. One that fails
 * is not used again.
 */
function openDecompressor(binding: Binding, idle: DecompressContext[]): ZstdDecompressor {
  const context = idle.pop() ?? newDecompressContext(binding);
  let failed = false;
  return {
    decompress(input, output) {
      failed = true;
      const [remaining, produced, consumed] = context.decompressStream(output, input);
      failed = false;
      return { consumed, produced, frameEnded: remaining === 0 };
    },
    close(window) {
      if (failed || window > USUAL_WINDOW_BYTES || idle.length > 0) return;
      context.reset(binding.ResetDirective.sessionOnly);
      idle.push(context);
    },
  };
}

function newDecompressContext(binding: Binding): DecompressContext {
  const context = new binding.DCtx();
  context.setParameter(binding.DParameter.windowLogMax, LIMITS.zstdWindowLog);
  return context;
}
