/**
 * Reading gzip. Node's own gunzip ends silently at a zero byte after a member, whatever follows, and does not tell
 * members apart. So headers and trailers are read here, and only the deflate stream between them goes to the C helpers or,
 * without them, to `node:zlib`. That costs nothing: raw inflating and `crc32` of Node on what comes out take 0.95 to 1.0 times the CPU time of
 * `createGunzip` (both with chunks of 1 MiB; 128 MiB of a system root, 520 MB/s).
 */
import { crc32, inflateRawSync, constants as zlib } from 'node:zlib';
import type { Crc32Helpers, InflateHelpers } from '../native/contract.ts';
import { nativeHelpers } from '../native/load.ts';
import { type Crc32, fastestCrc32 } from './crc32.ts';
import type { DecompressStats } from './decompress.ts';
import { gzipError, readHeader, readTrailer } from './gzip-format.ts';
import { NativeInflater } from './inflate-native.ts';
import { ZlibInflater } from './inflate-zlib.ts';
import { INFLATED_BYTES, type MemberInflater } from './inflater.ts';
import { PieceReader } from './piece-reader.ts';

/** What of the C helpers reading gzip makes use of. */
export type GunzipHelpers = InflateHelpers & Crc32Helpers;

/** Compressed bytes up to which a member counts as small. */
const SMALL_MEMBER_BYTES = 16 * 1024;

/**
 * Inflates all members of a gzip stream. Zeros after the last member are ignored as gzip(1) does, for blobs that were
 * padded to a block of some medium; anything else there is garbage. Throws `GZIP_BAD_DATA`. `find` is for tests.
 */
export async function* gunzip(
  input: AsyncIterable<Uint8Array>,
  stats: DecompressStats,
  find: () => GunzipHelpers | undefined = nativeHelpers,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = new PieceReader(input);
  const inflate = memberReader(reader, find());
  try {
    do {
      await readHeader(reader);
      yield* inflate();
      stats.members += 1;
    } while (await anotherMember(reader));
  } finally {
    await reader.close();
  }
}

/** What reads the deflate stream and the trailer of one member. */
function memberReader(
  reader: PieceReader,
  helpers: GunzipHelpers | undefined,
): () => AsyncGenerator<Uint8Array, void, undefined> {
  if (helpers !== undefined) {
    const sum = fastestCrc32(helpers);
    const inflater = new NativeInflater(helpers, reader);
    return () => inflateMember(reader, inflater.begin(), sum);
  }
  // Streams of many small members (one a file in eStargz) would spend their time in setting up inflate streams.
  let small = false;
  return async function* () {
    const start = reader.offset;
    const whole = small ? inflateSmall(reader) : undefined;
    if (whole === undefined) yield* inflateMember(reader, new ZlibInflater(reader), crc32);
    else {
      await readTrailer(reader, crc32(whole), whole.length);
      if (whole.length > 0) yield whole;
    }
    small = reader.offset - start <= SMALL_MEMBER_BYTES;
  };
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
  const options = { info: true, finishFlush: zlib.Z_SYNC_FLUSH, maxOutputLength: INFLATED_BYTES };
  // The types know nothing of `info`, which Node documents since version 9.4.
  return inflateRawSync(source, options) as unknown as InflateInfo;
}

async function* inflateMember(
  reader: PieceReader,
  inflater: MemberInflater,
  sum: Crc32,
): AsyncGenerator<Uint8Array, void, undefined> {
  let crc = 0;
  let size = 0;
  try {
    for (let piece = await inflater.read(); piece !== undefined; piece = await inflater.read()) {
      crc = sum(piece, crc);
      size += piece.length;
      yield piece;
    }
  } finally {
    inflater.close();
  }
  await readTrailer(reader, crc, size);
}
