/** Writing into the one buffer of an image. All numbers little-endian; the caller has computed that all fits. */
import type { ByteString } from '../bytes/byte-string.ts';

/** An image under construction: the same memory as bytes and as numbers. */
export interface ImageBuffer {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/** A buffer of zeros. */
export function newImageBuffer(size: number): ImageBuffer {
  const bytes = new Uint8Array(size);
  return { bytes, view: new DataView(bytes.buffer) };
}

/** Writes a byte string; returns the offset behind it. A loop: names are short, a call into native code is not. */
export function putText(out: ImageBuffer, at: number, text: ByteString): number {
  const { bytes } = out;
  for (let index = 0; index < text.length; index++) bytes[at + index] = text.charCodeAt(index);
  return at + text.length;
}

/** Value of a hexadecimal digit, lower or upper case. */
function digitAt(hex: string, index: number): number {
  const code = hex.charCodeAt(index);
  return code <= 0x39 ? code - 0x30 : (code | 0x20) - 0x57;
}

/** Writes the bytes that hexadecimal digits spell; returns the offset behind them. */
export function putHex(out: ImageBuffer, at: number, hex: string): number {
  for (let index = 0; index < hex.length; index += 2) {
    out.bytes[at + index / 2] = (digitAt(hex, index) << 4) | digitAt(hex, index + 1);
  }
  return at + hex.length / 2;
}

/** Writes a safe integer as 64 bits in two's complement. */
export function putInt64(out: ImageBuffer, at: number, value: number): void {
  out.view.setUint32(at, (value % 2 ** 32) >>> 0, true);
  out.view.setInt32(at + 4, Math.floor(value / 2 ** 32), true);
}
