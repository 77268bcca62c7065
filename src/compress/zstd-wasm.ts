/**
 * libzstd in WebAssembly, of two packages: @hpcc-js/wasm-zstd carries the encoder (libzstd 1.5.7, as zstd-napi does),
 * zstddec a streaming decoder with libzstd's own functions. The former cannot decode safely, since its streaming call
 * drops error codes. Both carry the program inside a script, so nothing is fetched.
 *
 * Both are reached below their public faces, which know one stream at a time, or swallow errors: their versions are
 * pinned exactly, and what is used is checked when it is loaded.
 */
import {
  ZSTD_PIECE_BOUND,
  ZSTD_PIECE_BYTES,
  type ZstdBackend,
  type ZstdCompressor,
  type ZstdDecompressor,
} from './zstd-backend.ts';

/** Loads both programs; rejects where the packages are absent or not as expected. */
export async function openWasmZstd(): Promise<ZstdBackend> {
  const [encoder, decoder] = await Promise.all([loadEncoder(), loadDecoder()]);
  return {
    name: 'wasm',
    version: encoder.stream.version(),
    openCompressor: (level) => openCompressor(encoder, level),
    openDecompressor: () => openDecompressor(decoder),
  };
}

/** An object of the encoder's C++ class: one stream. Sizes and addresses are of WebAssembly memory. */
interface EncoderStream {
  setCompressionLevel(level: number): void;
  /** Compresses and flushes; does not return when the output has too little room. */
  compressChunk(output: number, capacity: number, input: number, size: number): number;
  compressEnd(output: number, capacity: number): number;
  delete(): void;
}

interface Encoder {
  readonly stream: (new () => EncoderStream) & {
    malloc(size: number): number;
    free(address: number): void;
    isError(code: number): number;
    version(): string;
  };
  /** Its `HEAPU8` is replaced when memory grows, so it is looked up for every use. */
  readonly memory: { readonly HEAPU8: Uint8Array };
}

async function loadEncoder(): Promise<Encoder> {
  const { Zstd } = await import('@hpcc-js/wasm-zstd');
  const loaded = (await Zstd.load()) as unknown as {
    readonly _zstdClass?: Encoder['stream'];
    readonly _mainModule?: { readonly _module?: Encoder['memory'] };
  };
  const stream = loaded._zstdClass;
  const memory = loaded._mainModule?._module;
  if (stream?.prototype.compressChunk === undefined || memory?.HEAPU8 === undefined) {
    throw new Error('@hpcc-js/wasm-zstd is not of the version that planish was made for');
  }
  return { stream, memory };
}

function openCompressor(encoder: Encoder, level: number): ZstdCompressor {
  const { stream: Stream, memory } = encoder;
  const stream = new Stream();
  stream.setCompressionLevel(level);
  const input = allocate(Stream.malloc, ZSTD_PIECE_BYTES);
  const output = allocate(Stream.malloc, ZSTD_PIECE_BOUND);
  const written = (size: number): Uint8Array => {
    if (Stream.isError(size) !== 0) throw new Error('libzstd failed to compress');
    // A copy: another stream of this thread may make memory grow, which detaches every view of it.
    return memory.HEAPU8.slice(output, output + size);
  };
  return {
    compress(piece) {
      memory.HEAPU8.set(piece, input);
      return written(stream.compressChunk(output, ZSTD_PIECE_BOUND, input, piece.length));
    },
    finish: () => written(stream.compressEnd(output, ZSTD_PIECE_BOUND)),
    close() {
      Stream.free(input);
      Stream.free(output);
      stream.delete();
    },
  };
}

interface DecoderExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  malloc(size: number): number;
  free(address: number): void;
  ZSTD_createDCtx(): number;
  ZSTD_freeDCtx(context: number): number;
  ZSTD_decompressStream(context: number, output: number, input: number): number;
}

const DECODER_FUNCTIONS = [
  'malloc',
  'free',
  'ZSTD_createDCtx',
  'ZSTD_freeDCtx',
  'ZSTD_decompressStream',
] as const;

let decoderExports: Promise<DecoderExports> | undefined;

/** The package makes one instance a thread, and shows it when that is made: so it is kept here. */
function loadDecoder(): Promise<DecoderExports> {
  decoderExports ??= instantiateDecoder();
  return decoderExports;
}

async function instantiateDecoder(): Promise<DecoderExports> {
  const { ZSTDDecoder } = await import('zstddec/stream');
  const decoder = new ZSTDDecoder();
  const keep = decoder._init;
  let found: Partial<DecoderExports> = {};
  decoder._init = (result) => {
    found = (result as unknown as { instance: { exports: Partial<DecoderExports> } }).instance.exports;
    keep.call(decoder, result);
  };
  await decoder.init();
  if (found.memory === undefined || DECODER_FUNCTIONS.some((name) => typeof found[name] !== 'function')) {
    throw new Error('zstddec is not of the version that planish was made for');
  }
  return found as DecoderExports;
}

const DECODER_INPUT_BYTES = 128 * 1024;
const DECODER_OUTPUT_BYTES = 256 * 1024;

/** Bytes of `ZSTD_inBuffer` and of `ZSTD_outBuffer`: address, size, position, each of 32 bits. */
const BUFFER_STRUCT_BYTES = 12;

/** Error codes are small negative numbers (`ZSTD_isError`: above minus `ZSTD_error_maxCode`, which is 120). */
const ERROR_CODES = -120;

/** No window limit is set: libzstd's own for streams is 2^27 bytes, and frame headers are checked before. */
function openDecompressor(zstd: DecoderExports): ZstdDecompressor {
  const context = zstd.ZSTD_createDCtx();
  if (context === 0) throw new Error('no memory for a zstd decoder');
  const size = 2 * BUFFER_STRUCT_BYTES + DECODER_INPUT_BYTES + DECODER_OUTPUT_BYTES;
  const structs = allocate((bytes) => zstd.malloc(bytes), size);
  const inputAt = structs + 2 * BUFFER_STRUCT_BYTES;
  const outputAt = inputAt + DECODER_INPUT_BYTES;
  return {
    decompress(input, output) {
      const given = input.subarray(0, DECODER_INPUT_BYTES);
      new Uint8Array(zstd.memory.buffer).set(given, inputAt);
      const room = Math.min(output.length, DECODER_OUTPUT_BYTES);
      const before = new Uint32Array(zstd.memory.buffer, structs, 6);
      before.set([inputAt, given.length, 0, outputAt, room, 0]);
      const remaining = zstd.ZSTD_decompressStream(context, structs + BUFFER_STRUCT_BYTES, structs) | 0;
      if (remaining < 0 && remaining > ERROR_CODES) throw new Error(`zstd error ${-remaining}`);
      // Memory may have grown, which detaches every view of it.
      const after = new Uint32Array(zstd.memory.buffer, structs, 6);
      const [, , consumed = 0, , , produced = 0] = after;
      output.set(new Uint8Array(zstd.memory.buffer, outputAt, produced));
      return { consumed, produced, frameEnded: remaining === 0 };
    },
    close() {
      zstd.free(structs);
      zstd.ZSTD_freeDCtx(context);
    },
  };
}

function allocate(malloc: (size: number) => number, size: number): number {
  const address = malloc(size);
  if (address === 0) throw new Error('no memory for zstd buffers');
  return address;
}
