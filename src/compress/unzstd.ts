/**
 * Reading zstd (RFC 8878). Frame headers are looked at here, so that frames are counted, skippable ones passed over,
 * and windows refused before any memory is asked for; what is inside a frame is libzstd's business.
 */
import { PlanishError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import type { DecompressStats, MakeRoom } from './decompress.ts';
import { PieceReader } from './piece-reader.ts';
import type { ZstdDecompressor, ZstdStep } from './zstd-backend.ts';
import { loadZstd } from './zstd-load.ts';

/** Bytes of the buffer that pieces are views of. */
const OUTPUT_BYTES = 1024 * 1024;

const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const SKIPPABLE_HEADER_BYTES = 8;
/** Bytes of the longest frame header, magic included. */
const MAX_HEADER_BYTES = 18;
const MAX_WINDOW_BYTES = 2 ** LIMITS.zstdWindowLog;

/**
 * Decompresses all frames of a stream. Pieces are views of one buffer, each valid until the next is asked for, or of what
 * `makeRoom` gives for each. Throws
 * `ZSTD_BAD_DATA`, and `LIMIT_EXCEEDED` for a frame that asks for a window above `zstdWindowLog`.
 */
export async function* unzstd(
  input: AsyncIterable<Uint8Array>,
  stats: DecompressStats,
  makeRoom?: MakeRoom,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = new PieceReader(input);
  const decompressor = (await loadZstd()).openDecompressor();
  const output = makeRoom === undefined ? new OutputPieces() : new OutputRooms(makeRoom);
  let window = 0;
  try {
    do {
      if (await skipFrame(reader)) continue;
      window = Math.max(window, checkHeader(reader.rest, reader.offset));
      yield* readFrame(reader, decompressor, output);
      stats.members += 1;
    } while (await reader.fill(1));
    yield* output.flush();
  } finally {
    decompressor.close(window);
    output.close();
    await reader.close();
  }
}

/** A buffer that nobody uses: hundreds of small streams, one after another, would each ask for a new one. */
let idleBuffer: Uint8Array | undefined;

/** Gathers what small steps produce, so that pieces are large. */
class OutputPieces {
  readonly #buffer = idleBuffer ?? new Uint8Array(OUTPUT_BYTES);
  #used = 0;

  constructor() {
    idleBuffer = undefined;
  }

  /** To be called once no piece is used any more. */
  close(): void {
    idleBuffer = this.#buffer;
  }

  /** Room for the next step; never empty. */
  get room(): Uint8Array {
    return this.#buffer.subarray(this.#used);
  }

  /** Notes that bytes were written; the whole buffer as a piece once it is full. */
  *advance(count: number): Generator<Uint8Array, void, undefined> {
    this.#used += count;
    if (this.#used === OUTPUT_BYTES) yield* this.flush();
  }

  *flush(): Generator<Uint8Array, void, undefined> {
    const used = this.#used;
    this.#used = 0;
    if (used > 0) yield this.#buffer.subarray(0, used);
  }
}

/** The same in memory of the caller's, which is asked for when there is something to put there. */
class OutputRooms {
  readonly #makeRoom: MakeRoom;
  #room: Uint8Array | undefined;
  #used = 0;

  constructor(makeRoom: MakeRoom) {
    this.#makeRoom = makeRoom;
  }

  close(): void {
    this.#room = undefined;
  }

  get room(): Uint8Array {
    this.#room ??= this.#makeRoom();
    return this.#room.subarray(this.#used);
  }

  *advance(count: number): Generator<Uint8Array, void, undefined> {
    this.#used += count;
    if (this.#used === this.#room?.length) yield* this.flush();
  }

  *flush(): Generator<Uint8Array, void, undefined> {
    const piece = this.#room?.subarray(0, this.#used);
    this.#room = undefined;
    this.#used = 0;
    if (piece !== undefined && piece.length > 0) yield piece;
  }
}

async function* readFrame(
  reader: PieceReader,
  decompressor: ZstdDecompressor,
  output: OutputPieces | OutputRooms,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let filled = false; ; ) {
    // After a step that filled its room, more may be waiting inside: that comes out before more input goes in.
    if (reader.rest.length === 0 && !filled && !(await reader.fill(1))) {
      throw zstdError('the zstd data is truncated', reader.offset);
    }
    const { room } = output;
    const step = runStep(decompressor, reader, room);
    filled = step.produced > 0;
    reader.take(step.consumed);
    yield* output.advance(step.produced);
    if (step.frameEnded) return;
  }
}

function runStep(decompressor: ZstdDecompressor, reader: PieceReader, room: Uint8Array): ZstdStep {
  try {
    return decompressor.decompress(reader.rest, room);
  } catch (cause) {
    throw zstdError('the zstd data is malformed', reader.offset, cause);
  }
}

/** Brings a header to hand; passes over it, and says true, if it is that of a skippable frame. */
async function skipFrame(reader: PieceReader): Promise<boolean> {
  const start = reader.offset;
  await reader.fill(MAX_HEADER_BYTES);
  const { rest } = reader;
  if (rest.length < 4) throw zstdError('the zstd data is truncated', start + rest.length);
  const magic = uint32(rest, 0);
  if ((magic & 0xfffffff0) >>> 0 !== SKIPPABLE_MAGIC) {
    if (magic === MAGIC) return false;
    throw zstdError(start === 0 ? 'no zstd frame begins here' : 'garbage follows the zstd data', start);
  }
  const length = rest.length < SKIPPABLE_HEADER_BYTES ? Number.NaN : uint32(rest, 4);
  if (await skipExactly(reader, SKIPPABLE_HEADER_BYTES + length)) return true;
  throw zstdError('a skippable frame is truncated', reader.offset);
}

async function skipExactly(reader: PieceReader, count: number): Promise<boolean> {
  return !Number.isNaN(count) && (await reader.passOver(count));
}

/**
 * RFC 8878, 3.1.1.1: descriptor byte, then window, dictionary and content size, each perhaps absent. Gives the bytes of the
 * window.
 */
function checkHeader(header: Uint8Array, offset: number): number {
  const descriptor = header[4] ?? 0;
  const singleSegment = (descriptor & 0x20) !== 0;
  const dictionaryAt = singleSegment ? 5 : 6;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const sizeAt = dictionaryAt + dictionaryBytes;
  const sizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  if (header.length < sizeAt + sizeBytes) throw zstdError('the zstd frame header is truncated', offset);
  if (header.subarray(dictionaryAt, sizeAt).some((byte) => byte !== 0)) {
    throw zstdError('a zstd frame needs a dictionary', offset);
  }
  const window = singleSegment ? contentSize(header, sizeAt, sizeBytes) : windowSize(header[5] ?? 0);
  if (window > MAX_WINDOW_BYTES) {
    throw new PlanishError('LIMIT_EXCEEDED', 'a zstd frame asks for too large a window', {
      offset,
      limit: 'zstdWindowLog',
      expected: MAX_WINDOW_BYTES,
      actual: window,
    });
  }
  return window;
}

function windowSize(byte: number): number {
  const base = 2 ** (10 + (byte >> 3));
  return base + (base / 8) * (byte & 7);
}

function contentSize(header: Uint8Array, at: number, bytes: number): number {
  let size = 0;
  for (let index = bytes - 1; index >= 0; index--) size = size * 0x100 + (header[at + index] ?? 0);
  return bytes === 2 ? size + 0x100 : size;
}

function uint32(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at, true);
}

function zstdError(message: string, offset: number, cause?: unknown): PlanishError {
  return new PlanishError('ZSTD_BAD_DATA', message, { offset }, cause);
}
