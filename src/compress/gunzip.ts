/**
 * Reading gzip. Node's own gunzip ends silently at a zero byte after a member, whatever follows, and does not tell
 * members apart. So headers and trailers are read here, and only the deflate stream between them goes to `node:zlib`.
 * This costs nothing: raw inflating and `crc32` on what comes out take 0.95 to 1.0 times the CPU time of
 * `createGunzip` (both with chunks of 1 MiB; 128 MiB of a system root, 520 MB/s).
 */
import { crc32, createInflateRaw, type InflateRaw, inflateRawSync, constants as zlib } from 'node:zlib';
import type { DecompressStats } from './decompress.ts';
import { gzipError, readHeader, readTrailer } from './gzip-format.ts';
import { PieceReader } from './piece-reader.ts';

/** Bytes that inflate writes into one buffer; with the default of 16 KiB it is three times slower. */
const OUTPUT_BYTES = 1024 * 1024;

/** Compressed bytes up to which a member counts as small. */
const SMALL_MEMBER_BYTES = 16 * 1024;

/**
 * Inflates all members of a gzip stream. Zeros after the last member are ignored as gzip(1) does, for blobs that were
 * padded to a block of some medium; anything else there is garbage. Throws `GZIP_BAD_DATA`.
 */
export async function* gunzip(
  input: AsyncIterable<Uint8Array>,
  stats: DecompressStats,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = new PieceReader(input);
  // Streams of many small members (one a file in eStargz) would spend their time in setting up inflate streams.
  let small = false;
  try {
    do {
      await readHeader(reader);
      const start = reader.offset;
      const whole = small ? inflateSmall(reader) : undefined;
      if (whole === undefined) yield* inflateMember(reader);
      else {
        await readTrailer(reader, crc32(whole), whole.length);
        if (whole.length > 0) yield whole;
      }
      stats.members += 1;
      small = reader.offset - start <= SMALL_MEMBER_BYTES;
    } while (await anotherMember(reader));
  } finally {
    await reader.close();
  }
}

async function anotherMember(reader: PieceReader): Promise<boolean> {
  if (!(await reader.fill(1))) return false;
  if (reader.rest[0] !== 0) return true;
  while (await reader.fill(1)) {
    const garbage = reader.rest.findIndex((byte) => byte !== 0);
    if (garbage >= 0) throw gzipError('garbage follows the gzip data', reader.offset + garbage);
    reader.take(reader.rest.length);
  }
  return false;
}

/**
 * Inflates a member in one call if its deflate stream ends well within the bytes at hand; `undefined`, and nothing
 * taken, where it does not, or where it is wrong: the ordinary way will say so.
 */
function inflateSmall(reader: PieceReader): Uint8Array | undefined {
  const source = reader.rest.subarray(0, SMALL_MEMBER_BYTES);
  try {
    const { buffer, engine } = inflateWithInfo(source);
    if (engine.bytesWritten >= source.length) return undefined;
    reader.take(engine.bytesWritten);
    return buffer;
  } catch {
    return undefined;
  }
}

interface InflateInfo {
  readonly buffer: Uint8Array;
  readonly engine: { readonly bytesWritten: number };
}

function inflateWithInfo(source: Uint8Array): InflateInfo {
  const options = { info: true, finishFlush: zlib.Z_SYNC_FLUSH, maxOutputLength: OUTPUT_BYTES };
  // The types know nothing of `info`, which Node documents since version 9.4.
  return inflateRawSync(source, options) as unknown as InflateInfo;
}

async function* inflateMember(reader: PieceReader): AsyncGenerator<Uint8Array, void, undefined> {
  const inflater = new Inflater(reader);
  let crc = 0;
  let size = 0;
  try {
    for (let piece = await inflater.read(); piece !== undefined; piece = await inflater.read()) {
      crc = crc32(piece, crc);
      size += piece.length;
      yield piece;
    }
  } finally {
    inflater.close();
  }
  await readTrailer(reader, crc, size);
}

/**
 * One deflate stream, fed one piece at a time: a piece is its producer's again when the next is asked for. The stream
 * ends itself when bytes are left over after its last block, which the trailer of a member sees to.
 */
class Inflater {
  readonly #reader: PieceReader;
  readonly #stream: InflateRaw = createInflateRaw({ chunkSize: OUTPUT_BYTES });
  #busy = false;
  #ended = false;
  #error: unknown;
  /** What the stream had consumed before the piece it has now. */
  #consumed = 0;
  #wake: () => void = () => {};

  constructor(reader: PieceReader) {
    this.#reader = reader;
    this.#stream.on('readable', () => this.#wake());
    this.#stream.on('end', () => {
      this.#ended = true;
      this.#wake();
    });
    this.#stream.on('error', (error) => {
      this.#error = error;
      this.#wake();
    });
  }

  /** The next piece, or `undefined` after the last, when the reader stands right behind the deflate stream. */
  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      const piece = this.#next();
      if (piece !== null) {
        await this.#readAhead();
        return piece;
      }
      if (this.#error !== undefined) throw this.#failure();
      if (this.#ended) {
        this.#settle();
        return undefined;
      }
      if (!this.#busy) await this.#feed();
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  close(): void {
    this.#stream.destroy();
  }

  #next(): Uint8Array | null {
    const length = this.#stream.readableLength;
    // Without a length all buffers that are ready would be joined by a copy.
    return length > OUTPUT_BYTES ? this.#stream.read(OUTPUT_BYTES) : this.#stream.read();
  }

  /**
   * Gives the stream its next piece before the receiver works on what came out of the last one: it inflates on a thread
   * of its own, so that both go on at once. Bytes that are left over belong to the trailer.
   */
  async #readAhead(): Promise<void> {
    if (this.#busy || this.#ended || this.#error !== undefined) return;
    this.#settle();
    if (this.#reader.rest.length === 0 && (await this.#reader.fill(1))) this.#write();
  }

  async #feed(): Promise<void> {
    this.#settle();
    if (!(await this.#reader.fill(1))) throw gzipError('the gzip data is truncated', this.#reader.offset);
    this.#write();
  }

  #write(): void {
    this.#busy = true;
    this.#stream.write(this.#reader.rest, () => {
      this.#busy = false;
      this.#wake();
    });
  }

  /** Takes from the reader what the stream has consumed by now. */
  #settle(): void {
    this.#reader.take(this.#stream.bytesWritten - this.#consumed);
    this.#consumed = this.#stream.bytesWritten;
  }

  #failure(): unknown {
    this.#settle();
    return gzipError('the gzip data is malformed', this.#reader.offset, this.#error);
  }
}
