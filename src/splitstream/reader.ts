/** Reading a splitstream that may be anything. Bounds come from the bytes that are there, never from what they claim. */
import type { HashAlgorithm, VerityDigest } from '../bytes/digest.ts';
import { PieceReader } from '../compress/piece-reader.ts';
import { unzstd } from '../compress/unzstd.ts';
import { PlanishError, withDetail } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import {
  CHUNK_HEADER_BYTES,
  decodeDigests,
  decodeHeader,
  type Range,
  type SplitstreamInfo,
  splitstreamError,
} from './format.ts';

/** Part of a file that a splitstream describes. */
export type SplitstreamChunk =
  /** Bytes that stand in the stream, valid until the next batch is asked for. A long run comes in several. */
  | { readonly kind: 'inline'; readonly bytes: Uint8Array }
  | { readonly kind: 'external'; readonly digest: VerityDigest };

/** A splitstream, its lists decoded. */
export interface Splitstream {
  readonly contentType: string;
  /** Bytes of the file that it describes, as it claims. */
  readonly size: number;
  /** Every object that it may refer to. */
  readonly objects: readonly VerityDigest[];
  /** Streams by name. */
  readonly namedRefs: ReadonlyMap<string, VerityDigest>;
  /**
   * The file in order, as many chunks at a time as are at hand. Throws
   * as {@link decodeSplitstream}; an inline part beyond the claimed size is refused.
   */
  batches(): AsyncGenerator<readonly SplitstreamChunk[], void, undefined>;
}

/**
 * Decodes all but the chunks. Throws `SPLITSTREAM_BAD`, `LIMIT_EXCEEDED`, and `ZSTD_BAD_DATA` for frames that are none.
 */
export async function decodeSplitstream(file: Uint8Array, algorithm: HashAlgorithm): Promise<Splitstream> {
  const info = decodeHeader(file, algorithm);
  const streams = decodeDigests(file, info.streamRefs, algorithm);
  const objects = decodeDigests(file, info.objectRefs, algorithm);
  const namedRefs = parseNames(await readNames(file, info.namedRefs), streams, info.namedRefs.start);
  const { contentType, size } = info;
  return { contentType, size, objects, namedRefs, batches: () => readBatches(file, info, objects) };
}

/** The content of a section that is one zstd frame. */
async function* inflate(file: Uint8Array, range: Range): AsyncGenerator<Uint8Array, void, undefined> {
  if (range.start === range.end) return;
  try {
    yield* unzstd(once(file.subarray(range.start, range.end)), { members: 0 });
  } catch (error) {
    throw withDetail(error, { offset: range.start });
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}

async function readNames(file: Uint8Array, range: Range): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of inflate(file, range)) {
    length += piece.length;
    if (length > LIMITS.splitstreamNameBytes) {
      throw new PlanishError('LIMIT_EXCEEDED', 'names of streams take too much room', {
        limit: 'splitstreamNameBytes',
        expected: LIMITS.splitstreamNameBytes,
      });
    }
    pieces.push(Uint8Array.from(piece));
  }
  return Buffer.concat(pieces);
}

const NAME = /^(\d{1,10}):(.*)$/s;

function parseNames(
  bytes: Buffer,
  streams: readonly VerityDigest[],
  offset: number,
): Map<string, VerityDigest> {
  const names = new Map<string, VerityDigest>();
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(0, at);
    if (end < 0) throw splitstreamError('the last name of a stream does not end', offset);
    const match = NAME.exec(bytes.toString('utf8', at, end));
    const digest = match === null ? undefined : streams[Number(match[1])];
    if (digest === undefined) throw splitstreamError('a name stands for no stream of the list', offset);
    names.set(match?.[2] ?? '', digest);
    at = end + 1;
  }
  return names;
}

async function* readBatches(
  file: Uint8Array,
  info: SplitstreamInfo,
  objects: readonly VerityDigest[],
): AsyncGenerator<readonly SplitstreamChunk[], void, undefined> {
  const reader = new PieceReader(inflate(file, info.stream));
  const chunks = new Chunks(reader, info, objects);
  try {
    while (await reader.fill(chunks.wanted)) yield chunks.take();
    chunks.finish();
  } finally {
    await reader.close();
  }
}

/** Chunks out of the bytes that are at hand. */
class Chunks {
  readonly #reader: PieceReader;
  readonly #info: SplitstreamInfo;
  readonly #objects: readonly VerityDigest[];
  /** Bytes of the present chunk that are still to come, and how many the others may have. */
  #inline = 0;
  #allowed: number;

  constructor(reader: PieceReader, info: SplitstreamInfo, objects: readonly VerityDigest[]) {
    this.#reader = reader;
    this.#info = info;
    this.#objects = objects;
    this.#allowed = Math.min(info.size, LIMITS.splitstreamInlineBytes);
  }

  /** Bytes that must be at hand before anything can be taken. */
  get wanted(): number {
    return this.#inline === 0 && this.#reader.rest.length > 0 ? CHUNK_HEADER_BYTES : 1;
  }

  /** Those that are at hand. */
  take(): SplitstreamChunk[] {
    const chunks: SplitstreamChunk[] = [];
    const { rest: bytes } = this.#reader;
    const rest = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    while (rest.length - at >= (this.#inline > 0 ? 1 : CHUNK_HEADER_BYTES)) {
      const count = Math.min(this.#inline, rest.length - at);
      if (count > 0) chunks.push({ kind: 'inline', bytes: rest.subarray(at, at + count) });
      else {
        const value = rest.readInt32LE(at + 4) * 2 ** 32 + rest.readUInt32LE(at);
        if (value < 0) this.#begin(-value);
        else
          chunks.push({ kind: 'external', digest: objectAt(this.#objects, value, this.#info.stream.start) });
      }
      at += count > 0 ? count : CHUNK_HEADER_BYTES;
      this.#inline -= count;
    }
    this.#reader.take(at);
    return chunks;
  }

  /** Throws where the stream ends within a chunk. */
  finish(): void {
    const { start } = this.#info.stream;
    if (this.#inline > 0) throw splitstreamError('bytes of a chunk are missing', start);
    if (this.#reader.rest.length > 0) throw splitstreamError('a chunk is truncated', start);
  }

  #begin(length: number): void {
    if (length > this.#allowed) throw tooLong(this.#info, this.#info.stream.start);
    this.#allowed -= length;
    this.#inline = length;
  }
}

function tooLong(info: SplitstreamInfo, offset: number): PlanishError {
  if (info.size <= LIMITS.splitstreamInlineBytes) {
    return splitstreamError('more bytes stand in the stream than it claims to be of', offset, {
      expected: info.size,
    });
  }
  return new PlanishError('LIMIT_EXCEEDED', 'more bytes stand in the stream than splitstreamInlineBytes', {
    offset,
    limit: 'splitstreamInlineBytes',
    expected: LIMITS.splitstreamInlineBytes,
  });
}

function objectAt(objects: readonly VerityDigest[], index: number, offset: number): VerityDigest {
  const digest = objects[index];
  if (digest !== undefined) return digest;
  throw splitstreamError('a chunk is an object that is not in the list', offset, {
    expected: `0 to ${objects.length - 1}`,
    actual: index,
  });
}
