/**
 * How a blob is compressed, told by its first bytes. Media types are hints and often wrong (an image may be pushed
 * with any), so bytes decide.
 */
import { PlanishError } from '../errors.ts';
import type { CompressionKind } from './kind.ts';

/** Bytes that {@link detectCompression} wants to see: one tar block. Fewer only where the blob is shorter. */
export const DETECT_BYTES = 512;

interface Magic {
  readonly name: string;
  /** What the bytes mean here; `undefined` for methods that are recognised only to be refused by name. */
  readonly kind: CompressionKind | undefined;
  readonly matches: (prefix: Uint8Array) => boolean;
}

/** The two block magics that may follow a bzip2 stream header: of a block, and of the end of an empty stream. */
const BZIP2_BLOCK = [0x31, 0x41, 0x59, 0x26, 0x53, 0x59];
const BZIP2_END = [0x17, 0x72, 0x45, 0x38, 0x50, 0x90];

const MAGICS: readonly Magic[] = [
  { name: 'gzip', kind: 'gzip', matches: startsWith([0x1f, 0x8b, 0x08]) },
  { name: 'zstd', kind: 'zstd', matches: startsWith([0x28, 0xb5, 0x2f, 0xfd]) },
  { name: 'zstd', kind: 'zstd', matches: isSkippableFrame },
  { name: 'xz', kind: undefined, matches: startsWith([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]) },
  { name: 'bzip2', kind: undefined, matches: isBzip2 },
  { name: 'lz4', kind: undefined, matches: startsWith([0x04, 0x22, 0x4d, 0x18]) },
  { name: 'lz4 (legacy)', kind: undefined, matches: startsWith([0x02, 0x21, 0x4c, 0x18]) },
  { name: 'compress(1)', kind: undefined, matches: startsWith([0x1f, 0x9d]) },
  { name: 'lzip', kind: undefined, matches: startsWith([0x4c, 0x5a, 0x49, 0x50, 0x01]) },
];

/**
 * Tells gzip, zstd and uncompressed apart by the first {@link DETECT_BYTES} bytes of a blob. A name in a tar may begin
 * with any magic, so a block whose tar checksum is right is a tar whatever it begins with. Throws
 * `COMPRESSION_UNSUPPORTED` for xz, bzip2, lz4, compress(1) and lzip.
 */
export function detectCompression(prefix: Uint8Array): CompressionKind {
  const magic = MAGICS.find((candidate) => candidate.matches(prefix));
  if (magic === undefined || isTarHeader(prefix)) return 'none';
  if (magic.kind !== undefined) return magic.kind;
  throw new PlanishError('COMPRESSION_UNSUPPORTED', `the layer is compressed with ${magic.name}`, {
    offset: 0,
    actual: magic.name,
    hint: 'recompress the layer with gzip or zstd',
  });
}

function startsWith(bytes: readonly number[], at = 0): (prefix: Uint8Array) => boolean {
  return (prefix) => bytes.every((byte, index) => prefix[at + index] === byte);
}

/** RFC 8878, 3.1.2: magics 0x184D2A50 to 0x184D2A5F. */
function isSkippableFrame(prefix: Uint8Array): boolean {
  return ((prefix[0] ?? 0) & 0xf0) === 0x50 && startsWith([0x2a, 0x4d, 0x18], 1)(prefix);
}

function isBzip2(prefix: Uint8Array): boolean {
  const level = prefix[3] ?? 0;
  if (!startsWith([0x42, 0x5a, 0x68])(prefix) || level < 0x31 || level > 0x39) return false;
  return startsWith(BZIP2_BLOCK, 4)(prefix) || startsWith(BZIP2_END, 4)(prefix);
}

const CHECKSUM_OFFSET = 148;
const CHECKSUM_BYTES = 8;

/** Whether the first 512 bytes carry a right tar checksum (POSIX ustar: octal sum of all bytes, its own field as spaces). */
function isTarHeader(prefix: Uint8Array): boolean {
  if (prefix.length < DETECT_BYTES) return false;
  const field = String.fromCharCode(...prefix.subarray(CHECKSUM_OFFSET, CHECKSUM_OFFSET + CHECKSUM_BYTES));
  const digits = /^ *([0-7]{1,7})[ \0]/.exec(field)?.[1];
  if (digits === undefined) return false;
  let sum = CHECKSUM_BYTES * 0x20;
  for (let at = 0; at < DETECT_BYTES; at++) {
    const inField = at >= CHECKSUM_OFFSET && at < CHECKSUM_OFFSET + CHECKSUM_BYTES;
    if (!inField) sum += prefix[at] ?? 0;
  }
  return sum === Number.parseInt(digits, 8);
}
