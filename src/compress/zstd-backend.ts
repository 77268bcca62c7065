/**
 * The door to libzstd. Two builds of the same version stand behind it: the native binding, and WebAssembly for machines
 * where that could be neither fetched nor compiled. Both give the same bytes, which tests prove at every level.
 */
/** Which build of libzstd. */
export type ZstdBackendName = 'napi' | 'wasm';

/** One frame being written. */
export interface ZstdCompressor {
  /**
   * Compresses and flushes a piece of at most {@link ZSTD_PIECE_BYTES}. What is returned is valid until the next call.
   */
  compress(piece: Uint8Array): Uint8Array;
  /** Ends the frame. */
  finish(): Uint8Array;
  /** Gives memory back; nothing may follow. */
  close(): void;
}

/** What one step of decompression did. */
export interface ZstdStep {
  readonly consumed: number;
  readonly produced: number;
  /** Whether a frame has ended, all of it being written out. */
  readonly frameEnded: boolean;
}

/** Frames being read, one after another. */
export interface ZstdDecompressor {
  /** Reads from `input`, writes to `output`, each as far as it goes. Throws anything for malformed data. */
  decompress(input: Uint8Array, output: Uint8Array): ZstdStep;
  /** Gives memory back, or keeps it for the next stream where the largest window of this one was usual; nothing may follow. */
  close(window: number): void;
}

/** A build of libzstd. */
export interface ZstdBackend {
  readonly name: ZstdBackendName;
  /** Version of libzstd that compresses: `1.5.7`. */
  readonly version: string;
  openCompressor(level: number): ZstdCompressor;
  openDecompressor(): ZstdDecompressor;
}

/**
 * Bytes that are compressed between two flushes. A flush ends a block, and a multiple of the largest block (128 KiB)
 * ends where one ends anyway, so nothing is lost; the WebAssembly build can do no other. Changing this changes digests.
 */
export const ZSTD_PIECE_BYTES = 1024 * 1024;

/** Room for a compressed piece: `ZSTD_compressBound` adds 1/256, block and frame headers are a few hundred bytes. */
export const ZSTD_PIECE_BOUND: number = ZSTD_PIECE_BYTES + ZSTD_PIECE_BYTES / 256 + 64 * 1024;
