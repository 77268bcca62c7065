/**
 * Adds sections to a PE file, as ukify 257 does to systemd's stubs, byte for byte.
 *
 * A section follows the last one: in memory at the next multiple of SectionAlignment, in the file at the next multiple
 * of FileAlignment. Its row is put after the last row, for which there must be room in the headers. A section whose name
 * the stub has replaces that one's content and must fit in its place. Leftovers of old stubs are put right first: a
 * symbol table at the end is cut off, and sections that are not aligned in the file are moved.
 */

import { type ByteSource, byteSource, concatSources, zeroSource } from '../bytes/byte-source.ts';
import { type ByteString, byteString } from '../bytes/byte-string.ts';
import { PlanishError } from '../errors.ts';
import { badPe, type PeSection, quoteSection, SECTION_BYTES } from './pe.ts';
import { COFF, decodePeHeaders, NX_COMPAT, OPTIONAL, type PeHeaders } from './pe-headers.ts';

/** A section to add. */
export interface NewSection {
  /** At most eight bytes of ASCII. */
  readonly name: string;
  readonly content: ByteSource;
  /** Whether it is code: the kernel. Default: data. */
  readonly code?: boolean | undefined;
}

/** Choices of {@link addSections}. */
export interface AddSectionsOptions {
  /** Takes the claim out of the headers that memory need not be executable. */
  readonly clearNxCompat?: boolean | undefined;
}

const SYMBOL_BYTES = 18;
const LOCAL_SYMBOLS_STRIPPED = 0x0008;
const DATA = 0x4000_0040;
const CODE = 0x4000_0020;
const UINT32_MAX = 0xffff_ffff;

/**
 * The file with these sections. Throws `PE_BAD_IMAGE` for a stub that is malformed, signed, or has no room, and
 * `LIMIT_EXCEEDED` for a result beyond 4 GiB.
 */
export function addSections(
  stub: Uint8Array,
  sections: readonly NewSection[],
  options: AddSectionsOptions = {},
): ByteSource {
  const builder = new Builder(mend(stub));
  for (const section of sections) builder.add(section);
  return builder.finish(options);
}

/** A stub without its flaws, its headers rounded up. */
function mend(stub: Uint8Array): Buffer {
  let bytes = withoutSymbols(Buffer.from(stub));
  const count = decodePeHeaders(byteSource(bytes)).sections.length;
  for (let index = 0; index < count; index += 1) bytes = aligned(bytes, index);
  const headers = decodePeHeaders(byteSource(bytes));
  if (headers.certificateTable !== undefined) {
    throw badPe('the stub is signed already', headers.certificateTable.offset);
  }
  const { sizeOfHeaders, fileAlignment, optionalHeader } = headers;
  const field = optionalHeader + OPTIONAL.sizeOfHeaders;
  if (sizeOfHeaders > bytes.length) throw badPe('the headers of the stub end behind it', field);
  bytes.writeUInt32LE(roundUp(sizeOfHeaders, fileAlignment), field);
  return bytes;
}

function withoutSymbols(bytes: Buffer): Buffer {
  const { symbolTable, peOffset } = decodePeHeaders(byteSource(bytes));
  const strings = symbolTable.offset + symbolTable.count * SYMBOL_BYTES;
  if (symbolTable.offset === 0 || strings + 4 > bytes.length) return bytes;
  if (strings + bytes.readUInt32LE(strings) !== bytes.length) return bytes;
  const kept = Buffer.from(bytes.subarray(0, symbolTable.offset));
  const flags = peOffset + COFF.characteristics;
  kept.writeUInt32LE(0, peOffset + COFF.pointerToSymbolTable);
  kept.writeUInt32LE(0, peOffset + COFF.numberOfSymbols);
  kept.writeUInt16LE(kept.readUInt16LE(flags) | LOCAL_SYMBOLS_STRIPPED, flags);
  return kept;
}

/** Zeros put before and after the content of a section, and what lies behind moved on. */
function aligned(bytes: Buffer, index: number): Buffer {
  const { sections, fileAlignment, sectionTable } = decodePeHeaders(byteSource(bytes));
  const section = sections[index];
  if (section === undefined) return bytes;
  const before = roundUp(section.rawOffset, fileAlignment) - section.rawOffset;
  const after = roundUp(section.rawSize, fileAlignment) - section.rawSize;
  if (before === 0 && after === 0) return bytes;
  const end = section.rawOffset + section.rawSize;
  const pieces = [bytes.subarray(0, section.rawOffset), Buffer.alloc(before)];
  pieces.push(bytes.subarray(section.rawOffset, end), Buffer.alloc(after), bytes.subarray(end));
  const moved = Buffer.concat(pieces);
  const row = (which: number): number => sectionTable + which * SECTION_BYTES;
  moved.writeUInt32LE(section.rawSize + after, row(index) + 16);
  moved.writeUInt32LE(section.rawOffset + before, row(index) + 20);
  for (let later = index + 1; later < sections.length; later += 1) {
    moved.writeUInt32LE((sections[later]?.rawOffset ?? 0) + before + after, row(later) + 20);
  }
  return moved;
}

/** Collects headers and contents. */
class Builder {
  readonly #bytes: Buffer;
  readonly #headers: PeHeaders;
  readonly #sections: PeSection[];
  readonly #contents: ByteSource[] = [];
  #size: number;
  #initializedData: number;

  constructor(stub: Buffer) {
    this.#bytes = stub;
    this.#headers = decodePeHeaders(byteSource(stub));
    this.#sections = [...this.#headers.sections];
    this.#size = stub.length;
    this.#initializedData = this.#headers.sizeOfInitializedData;
  }

  add(section: NewSection): void {
    if (!/^[\x21-\x7e]{1,8}$/.test(section.name))
      throw new PlanishError('INVARIANT', `${section.name} is no name of a section`);
    const index = this.#headers.sections.findIndex(({ name }) => name === section.name);
    if (index >= 0) this.#replace(index, section.content);
    else this.#append(section);
  }

  #append({ name, content, code }: NewSection): void {
    const { fileAlignment, sectionAlignment, sectionTable, sizeOfHeaders } = this.#headers;
    const row = sectionTable + this.#sections.length * SECTION_BYTES;
    if (row + SECTION_BYTES > Math.min(sizeOfHeaders, this.#bytes.length))
      throw badPe(`the stub has no room in its headers for section "${name}"`, row);
    const section: PeSection = {
      name: byteString(name),
      virtualSize: content.size,
      virtualAddress: roundUp(this.#endInMemory(), sectionAlignment),
      rawSize: roundUp(content.size, fileAlignment),
      rawOffset: roundUp(this.#size, fileAlignment),
      characteristics: code === true ? CODE : DATA,
    };
    checkSize(section.rawOffset + section.rawSize);
    checkSize(section.virtualAddress + section.virtualSize);
    this.#contents.push(zeroSource(section.rawOffset - this.#size), content);
    this.#contents.push(zeroSource(section.rawSize - content.size));
    this.#size = section.rawOffset + section.rawSize;
    this.#initializedData += content.size;
    this.#sections.push(section);
    writeRow(this.#bytes, row, section);
  }

  #replace(index: number, content: ByteSource): void {
    const old = this.#headers.sections[index];
    if (old === undefined) return;
    if (content.size > roomFor(this.#headers, old))
      throw badPe(`the stub has no room in its section ${quoteSection(old.name)}`, old.rawOffset);
    this.#bytes.fill(0, old.rawOffset, old.rawOffset + old.rawSize);
    this.#bytes.set(content.read(0, content.size), old.rawOffset);
    const section = { ...old, virtualSize: content.size };
    this.#sections[index] = section;
    writeRow(this.#bytes, this.#headers.sectionTable + index * SECTION_BYTES, section);
  }

  finish({ clearNxCompat }: AddSectionsOptions): ByteSource {
    const { peOffset, optionalHeader: at, sectionAlignment, dllCharacteristics } = this.#headers;
    const characteristics = clearNxCompat === true ? dllCharacteristics & ~NX_COMPAT : dllCharacteristics;
    const sizeOfImage = roundUp(this.#endInMemory(), sectionAlignment);
    checkSize(sizeOfImage);
    checkSize(this.#initializedData);
    this.#bytes.writeUInt16LE(this.#sections.length, peOffset + COFF.numberOfSections);
    this.#bytes.writeUInt32LE(this.#initializedData, at + OPTIONAL.sizeOfInitializedData);
    this.#bytes.writeUInt32LE(sizeOfImage, at + OPTIONAL.sizeOfImage);
    this.#bytes.writeUInt32LE(0, at + OPTIONAL.checkSum);
    this.#bytes.writeUInt16LE(characteristics, at + OPTIONAL.dllCharacteristics);
    return concatSources([byteSource(this.#bytes), ...this.#contents]);
  }

  #endInMemory(): number {
    const last = this.#sections.at(-1);
    return last === undefined ? this.#headers.sizeOfHeaders : last.virtualAddress + last.virtualSize;
  }
}

/** Bytes that a section of a stub can hold, in the file and before the next one in memory. */
export function roomFor({ sections }: PeHeaders, section: PeSection): number {
  const next = sections.filter(({ virtualAddress }) => virtualAddress > section.virtualAddress);
  const room = next.map(({ virtualAddress }) => virtualAddress - section.virtualAddress);
  return Math.min(section.rawSize, ...room);
}

function writeRow(bytes: Buffer, at: number, section: PeSection): void {
  bytes.fill(0, at, at + 8);
  bytes.write(section.name as ByteString, at, 'latin1');
  bytes.writeUInt32LE(section.virtualSize, at + 8);
  bytes.writeUInt32LE(section.virtualAddress, at + 12);
  bytes.writeUInt32LE(section.rawSize, at + 16);
  bytes.writeUInt32LE(section.rawOffset, at + 20);
  bytes.writeUInt32LE(section.characteristics, at + 36);
}

function checkSize(size: number): void {
  if (size <= UINT32_MAX) return;
  throw new PlanishError('LIMIT_EXCEEDED', 'a PE file cannot be larger than 4 GiB', { actual: size });
}

function roundUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}
