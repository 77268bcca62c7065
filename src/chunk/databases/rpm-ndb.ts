/**
 * `Packages.db`, the native database of rpm that SUSE uses: pages of 4096 bytes with slots of 16, then blobs in
 * blocks of 16 bytes. Numbers are little-endian.
 *
 * Header, in place of the first two slots: magic `RpmP`, version, generation, pages of slots, next package number.
 * Slot: magic `Slot`, package, first block (0: free), number of blocks. Blob: magic `BlbS`, package, time, length,
 * content, zeros, then Adler-32 of all before, length, magic `BlbE`.
 */
import { badDatabase } from './sqlite-file.ts';

const magicOf = (text: string): number => Buffer.from(text, 'latin1').readUInt32LE();
const FILE_MAGIC = magicOf('RpmP');
const SLOT_MAGIC = magicOf('Slot');
const HEAD_MAGIC = magicOf('BlbS');
const TAIL_MAGIC = magicOf('BlbE');

const VERSION = 0;
const PAGE_BYTES = 4096;
const UNIT = 16;
const FILE_HEADER_BYTES = 32;
const HEAD_BYTES = 16;
const TAIL_BYTES = 12;

/** Header blobs in order of package numbers: views of the file. Throws `RPM_BAD_DATABASE`. */
export function readNdb(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < PAGE_BYTES || view.getUint32(0, true) !== FILE_MAGIC)
    throw badDatabase('the file is no database of rpm', 0);
  if (view.getUint32(4, true) !== VERSION) throw badDatabase('the database has an unknown version', 4);
  const slotBytes = view.getUint32(12, true) * PAGE_BYTES;
  if (slotBytes > bytes.length) throw badDatabase('the database claims more slots than it has room for', 12);
  const blobs = new Map<number, Uint8Array>();
  const taken = new Set<number>();
  for (let at = FILE_HEADER_BYTES; at < slotBytes; at += UNIT) {
    if (view.getUint32(at, true) !== SLOT_MAGIC) throw badDatabase('a slot has no magic number', at);
    const start = view.getUint32(at + 8, true) * UNIT;
    if (start === 0) continue;
    const number = view.getUint32(at + 4, true);
    // Blobs that lie over each other would let a small file hold more than its size.
    if (blobs.has(number) || taken.has(start)) throw badDatabase('two slots are the same package', at);
    taken.add(start);
    blobs.set(number, readBlob(bytes, view, number, start, view.getUint32(at + 12, true) * UNIT));
  }
  return [...blobs].sort(([a], [b]) => a - b).map(([, blob]) => blob);
}

function readBlob(
  bytes: Uint8Array,
  view: DataView,
  number: number,
  start: number,
  length: number,
): Uint8Array {
  if (length < HEAD_BYTES + TAIL_BYTES || start + length > bytes.length)
    throw badDatabase('a package lies beyond the end of the database', start);
  const size = view.getUint32(start + 12, true);
  const tail = start + length - TAIL_BYTES;
  const framed =
    view.getUint32(start, true) === HEAD_MAGIC &&
    view.getUint32(start + 4, true) === number &&
    Math.ceil((HEAD_BYTES + size + TAIL_BYTES) / UNIT) * UNIT === length &&
    view.getUint32(tail + 4, true) === size &&
    view.getUint32(tail + 8, true) === TAIL_MAGIC;
  if (!framed) throw badDatabase('the frame of a package is malformed', start);
  if (adler32(bytes, start, tail) !== view.getUint32(tail, true))
    throw badDatabase('a package does not match its checksum', start);
  return bytes.subarray(start + HEAD_BYTES, start + HEAD_BYTES + size);
}

const ADLER_PRIME = 65_521;
/** Bytes that can be added before a sum must be reduced (RFC 1950). */
const ADLER_RUN = 5552;

/** Adler-32 (RFC 1950, section 8) of the bytes `[start, end)`. */
function adler32(bytes: Uint8Array, start: number, end: number): number {
  let low = 1;
  let high = 0;
  for (let at = start; at < end; ) {
    const stop = Math.min(at + ADLER_RUN, end);
    for (; at < stop; at++) {
      low += bytes[at] as number;
      high += low;
    }
    low %= ADLER_PRIME;
    high %= ADLER_PRIME;
  }
  return high * 65_536 + low;
}
