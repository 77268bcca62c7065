/** Writing into the one buffer of an image. All numbers little-endian; the caller has computed that all fits. */
import type { ByteString } from '../bytes/byte-string.ts';

/** An image under construction: the same memory as bytes and as numbers. */
export interface ImageBuffer {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/** The buffer over zeros. */
export function imageBuffer(bytes: Uint8Array<ArrayBuffer>): ImageBuffer {
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length) };
}

/** Writes a byte string; returns the offset behind it. A loop: names are short, a call into native code is not. */
export function putText(out: ImageBuffer, at: number, text: ByteString): number {
  const { bytes } = out;
  for (let index = 0; index < text.length; index++) bytes[at + index] = text.charCodeAt(index);
  return at + text.length;
}

/** Value of a hexadecimal digit of either case by its code. Without a branch: which way it went could not be foretold. */
export function hexDigit(code: number): number {
  return (code & 0xf) + 9 * (code >> 6);
}

/** Writes the bytes that hexadecimal digits spell; returns the offset behind them. */
export function putHex({ bytes }: ImageBuffer, at: number, hex: string): number {
  const end = at + hex.length / 2;
  for (let index = 0, to = at; to < end; index += 2, to++) {
    bytes[to] = (hexDigit(hex.charCodeAt(index)) << 4) | hexDigit(hex.charCodeAt(index + 1));
  }
  return end;
}

/** Writes a safe integer as 64 bits in two's complement, where zeros were. */
export function putInt64({ view }: ImageBuffer, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  if (value >>> 0 !== value) view.setInt32(at + 4, Math.floor(value / 2 ** 32), true);
}
