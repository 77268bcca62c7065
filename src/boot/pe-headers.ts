/**
 * Headers of PE files beyond the section table (Microsoft PE/COFF specification, "Optional Header"): what is needed to
 * add sections and signatures. Offsets of fields are the same in PE32 and PE32+ but for the data directories.
 */
import type { ByteSource } from '../bytes/byte-source.ts';
import { badPe, decodePe, type PeImage, readPart, SECTION_BYTES } from './pe.ts';

/** Offsets in the optional header. */
export const OPTIONAL = {
  sizeOfInitializedData: 8,
  sectionAlignment: 32,
  fileAlignment: 36,
  sizeOfImage: 56,
  sizeOfHeaders: 60,
  checkSum: 64,
  subsystem: 68,
  dllCharacteristics: 70,
} as const;

/** Offsets in the COFF header, from the signature `PE\0\0` on. */
export const COFF = {
  numberOfSections: 6,
  pointerToSymbolTable: 12,
  numberOfSymbols: 16,
  characteristics: 22,
} as const;

/** DllCharacteristics: memory may be mapped without being executable. */
export const NX_COMPAT = 0x0100;

const OPTIONAL_HEADER_AT = 24;
const PE32 = 0x10b;
const PE32_PLUS = 0x20b;
const SECURITY_DIRECTORY = 4;
const CERTIFICATE_ALIGNMENT = 8;

/** A range of a file. */
export interface FileRange {
  readonly offset: number;
  readonly size: number;
}

/** Tables and headers of a PE file. */
export interface PeHeaders extends PeImage {
  /** Offset of the optional header. */
  readonly optionalHeader: number;
  readonly sizeOfInitializedData: number;
  readonly sectionAlignment: number;
  readonly fileAlignment: number;
  readonly sizeOfImage: number;
  readonly sizeOfHeaders: number;
  readonly checkSum: number;
  /** 10 for EFI applications. */
  readonly subsystem: number;
  readonly dllCharacteristics: number;
  readonly symbolTable: { readonly offset: number; readonly count: number };
  /** Offset of the entry that names the certificate table. */
  readonly securityEntry: number;
  /** Where the signatures are; `undefined` in a file without. */
  readonly certificateTable: FileRange | undefined;
}

/**
 * The headers. Throws `PE_BAD_IMAGE` for what {@link decodePe} refuses, for headers that contradict each other, and for a
 * certificate table that is not at the end of the file.
 */
export function decodePeHeaders(source: ByteSource): PeHeaders {
  const image = decodePe(source);
  const at = image.peOffset + OPTIONAL_HEADER_AT;
  const coff = readPart(source, image.peOffset, OPTIONAL_HEADER_AT, 'the PE header');
  const bytes = readPart(source, at, image.optionalHeaderBytes, 'the optional header');
  if (bytes.length < OPTIONAL.dllCharacteristics + 2) throw badPe('the optional header is too short', at);
  const headers = {
    ...image,
    optionalHeader: at,
    sizeOfInitializedData: bytes.readUInt32LE(OPTIONAL.sizeOfInitializedData),
    sectionAlignment: bytes.readUInt32LE(OPTIONAL.sectionAlignment),
    fileAlignment: bytes.readUInt32LE(OPTIONAL.fileAlignment),
    sizeOfImage: bytes.readUInt32LE(OPTIONAL.sizeOfImage),
    sizeOfHeaders: bytes.readUInt32LE(OPTIONAL.sizeOfHeaders),
    checkSum: bytes.readUInt32LE(OPTIONAL.checkSum),
    subsystem: bytes.readUInt16LE(OPTIONAL.subsystem),
    dllCharacteristics: bytes.readUInt16LE(OPTIONAL.dllCharacteristics),
    symbolTable: {
      offset: coff.readUInt32LE(COFF.pointerToSymbolTable),
      count: coff.readUInt32LE(COFF.numberOfSymbols),
    },
  };
  checkAlignments(headers);
  return { ...headers, ...decodeSecurityEntry(source, bytes, at, headers) };
}

type Bounds = Pick<
  PeHeaders,
  'optionalHeader' | 'sectionAlignment' | 'fileAlignment' | 'sizeOfHeaders' | 'sections' | 'sectionTable'
>;

function checkAlignments(headers: Bounds): void {
  const { optionalHeader, sectionAlignment, fileAlignment, sizeOfHeaders, sectionTable, sections } = headers;
  for (const alignment of [fileAlignment, sectionAlignment]) {
    if (alignment < 1 || alignment > 2 ** 24 || !Number.isInteger(Math.log2(alignment)))
      throw badPe('an alignment is not a power of two, or is too large', optionalHeader, {
        actual: alignment,
      });
  }
  if (sizeOfHeaders < sectionTable + sections.length * SECTION_BYTES)
    throw badPe('the headers end within the section table', optionalHeader, { actual: sizeOfHeaders });
}

function decodeSecurityEntry(
  source: ByteSource,
  bytes: Buffer,
  at: number,
  headers: Bounds,
): Pick<PeHeaders, 'securityEntry' | 'certificateTable'> {
  const magic = bytes.readUInt16LE(0);
  if (magic !== PE32 && magic !== PE32_PLUS) throw badPe('the optional header is of an unknown kind', at);
  const directories = magic === PE32 ? 96 : 112;
  const entry = directories + 8 * SECURITY_DIRECTORY;
  if (bytes.length < entry + 8 || bytes.readUInt32LE(directories - 4) <= SECURITY_DIRECTORY)
    throw badPe('the optional header has no room for a certificate table', at);
  const table = { offset: bytes.readUInt32LE(entry), size: bytes.readUInt32LE(entry + 4) };
  const securityEntry = at + entry;
  if (table.offset === 0 && table.size === 0) return { securityEntry, certificateTable: undefined };
  const end = Math.max(headers.sizeOfHeaders, ...headers.sections.map((s) => s.rawOffset + s.rawSize));
  const isAligned = table.offset % CERTIFICATE_ALIGNMENT === 0 && table.size % CERTIFICATE_ALIGNMENT === 0;
  if (table.offset < end || table.size === 0 || !isAligned || table.offset + table.size !== source.size) {
    throw badPe('the certificate table is not at the end of the file', securityEntry, {
      expected: `${end} to ${source.size}`,
      actual: `${table.offset} to ${table.offset + table.size}`,
    });
  }
  return { securityEntry, certificateTable: table };
}
