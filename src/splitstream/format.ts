/**
 * The splitstream file of composefs-rs, version 0 (composefs-rs 0.9.4, `doc/splitstream.md`): a file as a list of
 * chunks, each either bytes that stand here or the digest of an object that is the bytes.
 *
 * A header of 32 bytes names an info section of at least 80; that names four more: digests of streams and of objects
 * (both plain arrays, without repetition), chunks, and names of streams (both one zstd frame). Everything is
 * little-endian, all ranges are offsets in the file. Chunks: a signed 64-bit number n; below zero, -n bytes follow;
 * else the chunk is object n, whole.
 */
import { DIGEST_BYTES, type HashAlgorithm, type VerityDigest, verityDigest } from '../bytes/digest.ts';
import { PlanishError } from '../errors.ts';

/** Bytes of the header. */
export const HEADER_BYTES = 32;

/** Bytes of the info section as it is written; readers take longer ones. */
export const INFO_BYTES = 80;

/** Bytes before each chunk. */
export const CHUNK_HEADER_BYTES = 8;

const MAGIC = 'SplitStream';
const VERSION = 0;
const BLOCK_LOG = 12;
const ALGORITHM_ID: Readonly<Record<HashAlgorithm, number>> = { sha256: 1, sha512: 2 };

/** Offsets of fields of the header: as written today, and by bootc up to 1.15, which is only read. */
const LAYOUTS = [
  { magic: 0, version: 11, algorithm: 14, block: 15, info: 16 },
  { magic: 18, version: 29, algorithm: 30, block: 31, info: 0 },
] as const;

/** A stretch `[start, end)` of the file. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** What the info section says. */
export interface SplitstreamInfo {
  readonly streamRefs: Range;
  readonly objectRefs: Range;
  readonly stream: Range;
  readonly namedRefs: Range;
  /** Eight ASCII characters. */
  readonly contentType: string;
  /** Bytes of the file that the chunks make. */
  readonly size: number;
}

/** Header and info section as one buffer; the info section right after the header. */
export function encodeHeader(algorithm: HashAlgorithm, info: SplitstreamInfo): Uint8Array {
  const bytes = Buffer.alloc(HEADER_BYTES + INFO_BYTES);
  bytes.write(MAGIC, 0, 'latin1');
  bytes[14] = ALGORITHM_ID[algorithm];
  bytes[15] = BLOCK_LOG;
  writeRange(bytes, 16, { start: HEADER_BYTES, end: HEADER_BYTES + INFO_BYTES });
  const ranges = [info.streamRefs, info.objectRefs, info.stream, info.namedRefs];
  for (const [index, range] of ranges.entries()) writeRange(bytes, HEADER_BYTES + 16 * index, range);
  bytes.write(info.contentType.padEnd(8, '\0').slice(0, 8), HEADER_BYTES + 64, 'latin1');
  bytes.writeBigUInt64LE(BigInt(info.size), HEADER_BYTES + 72);
  return bytes;
}

/** Reads header and info section. Throws `SPLITSTREAM_BAD`. */
export function decodeHeader(file: Uint8Array, algorithm: HashAlgorithm): SplitstreamInfo {
  const view = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  if (view.length < HEADER_BYTES) throw splitstreamError('the file is shorter than a header', view.length);
  const layout = LAYOUTS.find(({ magic }) => view.toString('latin1', magic, magic + MAGIC.length) === MAGIC);
  if (layout === undefined) throw splitstreamError('no splitstream begins here', 0);
  checkField(view, layout.version, VERSION, 'version');
  checkField(view, layout.algorithm, ALGORITHM_ID[algorithm], 'fs-verity algorithm');
  checkField(view, layout.block, BLOCK_LOG, 'fs-verity block size');
  const info = readRange(view, layout.info, 'info section');
  if (info.end - info.start < INFO_BYTES) throw splitstreamError('the info section is too short', info.start);
  return decodeInfo(view, info.start);
}

function decodeInfo(view: Buffer, at: number): SplitstreamInfo {
  return {
    streamRefs: readRange(view, at, 'list of streams'),
    objectRefs: readRange(view, at + 16, 'list of objects'),
    stream: readRange(view, at + 32, 'stream'),
    namedRefs: readRange(view, at + 48, 'list of names'),
    contentType: view.toString('latin1', at + 64, at + 72).replace(/\0+$/, ''),
    size: readSafe(view, at + 72, 'size'),
  };
}

function checkField(view: Buffer, at: number, expected: number, what: string): void {
  const actual = view[at];
  if (actual === expected) return;
  throw splitstreamError(`the ${what} is not the expected one`, at, { expected, actual });
}

function writeRange(bytes: Buffer, at: number, { start, end }: Range): void {
  bytes.writeBigUInt64LE(BigInt(start), at);
  bytes.writeBigUInt64LE(BigInt(end), at + 8);
}

function readRange(view: Buffer, at: number, what: string): Range {
  const start = readSafe(view, at, what);
  const end = readSafe(view, at + 8, what);
  if (start <= end && end <= view.length) return { start, end };
  throw splitstreamError(`the ${what} lies outside of the file`, at, { actual: `${start} to ${end}` });
}

function readSafe(view: Buffer, at: number, what: string): number {
  const value = Number(view.readBigUInt64LE(at));
  if (Number.isSafeInteger(value)) return value;
  throw splitstreamError(`a number of the ${what} is absurd`, at, { actual: String(value) });
}

/** The digests of an array section. Throws `SPLITSTREAM_BAD` where it does not hold whole ones. */
export function decodeDigests(
  file: Uint8Array,
  { start, end }: Range,
  algorithm: HashAlgorithm,
): VerityDigest[] {
  const size = DIGEST_BYTES[algorithm];
  if ((end - start) % size !== 0) throw splitstreamError('a list of digests ends within one', end);
  const view = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const digests: VerityDigest[] = [];
  for (let at = start; at < end; at += size) digests.push(verityDigest(view.toString('hex', at, at + size)));
  return digests;
}

/** `SPLITSTREAM_BAD` at an offset of the file. */
export function splitstreamError(
  message: string,
  offset: number,
  detail: { readonly expected?: number | string; readonly actual?: number | string | undefined } = {},
): PlanishError {
  return new PlanishError('SPLITSTREAM_BAD', message, { offset, ...detail });
}
