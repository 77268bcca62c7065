/**
 * Reads the section table of PE32+ files: UKIs, boot loaders, EFI kernels (Microsoft PE/COFF specification).
 *
 * A DOS header of 64 bytes begins with `MZ` and has at 0x3c the offset of the signature `PE\0\0`. The COFF header of
 * 20 bytes follows, then the optional header, then one entry of 40 bytes for each section. All numbers are
 * little-endian. Only these tables are read, never whole files: a UKI is hundreds of megabytes. Nothing that a header
 * claims is believed before it was held against the size of the file.
 */

import type { ByteSource } from '../bytes/byte-source.ts';
import { type ByteString, fromBytes } from '../bytes/byte-string.ts';
import { type ErrorDetail, PlanishError } from '../errors.ts';
import { LIMITS } from '../limits.ts';

/** One row of the section table; offsets and sizes are bytes, as they stand in the file. */
export interface PeSection {
  /** Up to eight bytes, without the NULs that fill them up. */
  readonly name: ByteString;
  /** Bytes in memory; for what is added to a UKI the true length of the content. */
  readonly virtualSize: number;
  readonly virtualAddress: number;
  /** Bytes in the file, rounded up to the file's alignment. */
  readonly rawSize: number;
  /** PointerToRawData. */
  readonly rawOffset: number;
  readonly characteristics: number;
}

/** The tables of a PE file. */
export interface PeImage {
  /** IMAGE_FILE_MACHINE_*: 0x8664 x86-64, 0xaa64 AArch64. */
  readonly machine: number;
  /** Offset of the signature `PE\0\0`. */
  readonly peOffset: number;
  /** Bytes of the optional header, as claimed. */
  readonly optionalHeaderBytes: number;
  /** Offset of the section table. */
  readonly sectionTable: number;
  readonly sections: readonly PeSection[];
}

const DOS_HEADER_BYTES = 64;
const PE_POINTER_AT = 0x3c;
const SIGNATURE = Buffer.from('PE\0\0', 'latin1');
const COFF_BYTES = 20;

/** Bytes of one row of the section table. */
export const SECTION_BYTES = 40;

/**
 * The section table. Throws `PE_BAD_IMAGE` for anything that is no PE file, and for sections that lie outside the file,
 * in its headers, or over each other: readers would disagree about what they hold. Throws `LIMIT_EXCEEDED`
 * (`peSections`).
 */
export function decodePe(source: ByteSource): PeImage {
  const dos = readPart(source, 0, DOS_HEADER_BYTES, 'the DOS header');
  if (dos[0] !== 0x4d || dos[1] !== 0x5a) throw badPe('not a PE file: it does not begin with MZ', 0);
  const pe = dos.readUInt32LE(PE_POINTER_AT);
  const header = readPart(source, pe, SIGNATURE.length + COFF_BYTES, 'the PE header');
  if (!header.subarray(0, SIGNATURE.length).equals(SIGNATURE)) throw badPe('the PE signature is missing', pe);
  const count = header.readUInt16LE(6);
  const optionalHeaderBytes = header.readUInt16LE(20);
  const sectionTable = pe + header.length + optionalHeaderBytes;
  const sections = decodeSections(source, sectionTable, count);
  checkPlaces(source, sections, sectionTable + count * SECTION_BYTES);
  return { machine: header.readUInt16LE(4), peOffset: pe, optionalHeaderBytes, sectionTable, sections };
}

function decodeSections(source: ByteSource, at: number, count: number): PeSection[] {
  if (count > LIMITS.peSections) {
    const detail = { limit: 'peSections', expected: LIMITS.peSections, actual: count, offset: at };
    throw new PlanishError('LIMIT_EXCEEDED', 'a PE file has too many sections', detail);
  }
  const table = readPart(source, at, count * SECTION_BYTES, 'the section table');
  return Array.from({ length: count }, (_, index) => decodeSection(table, index * SECTION_BYTES));
}

function decodeSection(table: Buffer, at: number): PeSection {
  const nul = table.subarray(at, at + 8).indexOf(0);
  return {
    name: fromBytes(table, at, at + (nul < 0 ? 8 : nul)),
    virtualSize: table.readUInt32LE(at + 8),
    virtualAddress: table.readUInt32LE(at + 12),
    rawSize: table.readUInt32LE(at + 16),
    rawOffset: table.readUInt32LE(at + 20),
    characteristics: table.readUInt32LE(at + 36),
  };
}

function checkPlaces(source: ByteSource, sections: readonly PeSection[], headersEnd: number): void {
  const stored = sections.filter(({ rawSize }) => rawSize > 0).sort((a, b) => a.rawOffset - b.rawOffset);
  let end = headersEnd;
  for (const { name, rawOffset, rawSize } of stored) {
    if (rawOffset < end) throw badPe(`section ${quoteSection(name)} overlaps what is before it`, rawOffset);
    end = rawOffset + rawSize;
    if (end > source.size) {
      const detail = { expected: `${end} bytes`, actual: `${source.size} bytes` };
      throw badPe(`section ${quoteSection(name)} ends beyond the file`, rawOffset, detail);
    }
  }
}

/** A section's name for a message. */
export function quoteSection(name: ByteString): string {
  return JSON.stringify(name.replace(/[^\x20-\x7e]/g, '?'));
}

/**
 * The first section of a name, as composefs hosts look it up, or `undefined`.
 */
export function findSection(image: PeImage, name: string): PeSection | undefined {
  return image.sections.find((section) => section.name === name);
}

/**
 * The content of a section: VirtualSize bytes at PointerToRawData, as composefs hosts read it. Throws `PE_BAD_IMAGE`
 * where the file stores fewer, `LIMIT_EXCEEDED` (`peTextBytes`) for a section that is too large to be a text.
 */
export function readTextSection(source: ByteSource, section: PeSection): Uint8Array {
  const { name, virtualSize, rawSize, rawOffset } = section;
  if (virtualSize > rawSize) {
    const detail = { expected: virtualSize, actual: rawSize };
    throw badPe(`section ${quoteSection(name)} is longer than what the file stores of it`, rawOffset, detail);
  }
  return readText(source, section, virtualSize);
}

/** What the file stores of a section of text, fill included. Throws `LIMIT_EXCEEDED` (`peTextBytes`). */
export function readSection(source: ByteSource, section: PeSection): Uint8Array {
  return readText(source, section, section.rawSize);
}

function readText(source: ByteSource, { name, rawOffset }: PeSection, size: number): Uint8Array {
  if (size <= LIMITS.peTextBytes) return source.read(rawOffset, size);
  const detail = { limit: 'peTextBytes', expected: LIMITS.peTextBytes, actual: size };
  throw new PlanishError('LIMIT_EXCEEDED', `section ${quoteSection(name)} is too long for a text`, detail);
}

/** A part of a file. Throws `PE_BAD_IMAGE` where it ends before. */
export function readPart(source: ByteSource, offset: number, length: number, what: string): Buffer {
  if (offset + length > source.size) throw badPe(`the file ends within ${what}`, offset);
  const bytes = source.read(offset, length);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** `PE_BAD_IMAGE` at an offset. */
export function badPe(message: string, offset: number, detail: ErrorDetail = {}): PlanishError {
  return new PlanishError('PE_BAD_IMAGE', message, { offset, ...detail });
}
