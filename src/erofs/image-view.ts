/**
 * Random access to the bytes of an image. All reading goes through an {@link ImageView}, so that an image can be
 * looked at without being loaded whole; the reader asks for no more than one inode, block or entry at a time.
 */
import { type ErrorCode, PlanishError } from '../errors.ts';

/** The bytes of an image. */
export interface ImageView {
  /** Bytes of the whole image. */
  readonly size: number;
  /**
   * `length` bytes from `offset`; the reader asks only for what lies inside. What is returned must stay as it is: trees
   * hold on to attribute values and file contents.
   */
  bytes(offset: number, length: number): Uint8Array;
}

/** A view of an image in memory. It returns views, not copies: the buffer must not change while trees are in use. */
export function bufferView(image: Uint8Array): ImageView {
  return {
    size: image.length,
    bytes: (offset, length) => image.subarray(offset, offset + length),
  };
}

/** Bytes of a view, after a check that they exist. Throws the given code otherwise. */
export function readBytes(
  view: ImageView,
  offset: number,
  length: number,
  code: ErrorCode,
  what: string,
): Uint8Array {
  const inside = length >= 0 && offset >= 0 && offset + length <= view.size;
  if (!inside) throw new PlanishError(code, `${what} lies outside the image`, { offset, actual: length });
  const bytes = view.bytes(offset, length);
  if (bytes.length !== length) throw new PlanishError(code, `${what} could not be read whole`, { offset });
  return bytes;
}

/** Little-endian unsigned 16-bit number. */
export function readU16(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
}

/** Little-endian unsigned 32-bit number. */
export function readU32(bytes: Uint8Array, at: number): number {
  return (readU16(bytes, at) | (readU16(bytes, at + 2) << 16)) >>> 0;
}

/** Little-endian unsigned 64-bit number, rounded to a double above 2^53: compare before use. */
export function readU64(bytes: Uint8Array, at: number): number {
  return readU32(bytes, at + 4) * 2 ** 32 + readU32(bytes, at);
}

/** Little-endian signed 64-bit number in two's complement, rounded beyond 2^53: compare before use. */
export function readI64(bytes: Uint8Array, at: number): number {
  return (readU32(bytes, at + 4) | 0) * 2 ** 32 + readU32(bytes, at);
}
