/**
 * As much of an ELF file ("System V Application Binary Interface", chapters 4 and 5) as it takes to find a section by its
 * name, and bytes by their address: read in parts, never whole. Whatever is not as it should be is not there.
 */
import { LIMITS } from '../../limits.ts';

/** Bytes from an offset on: fewer than asked for where the file ends, `undefined` where it cannot be read. */
export type ReadPart = (offset: number, length: number) => Uint8Array | undefined;

/** Where a section lies in the file. */
export interface ElfSection {
  readonly offset: number;
  readonly size: number;
}

/** Offsets of the fields that are read, in files of 32 and of 64 bits. */
const LAYOUTS = {
  1: {
    word: 4,
    header: 52,
    programs: { at: 28, entry: 32, fileOffset: 4, address: 8, fileSize: 16, size: 42, count: 44 },
    sections: { at: 32, entry: 40, offset: 16, length: 20, size: 46, count: 48, names: 50 },
  },
  2: {
    word: 8,
    header: 64,
    programs: { at: 32, entry: 56, fileOffset: 8, address: 16, fileSize: 32, size: 54, count: 56 },
    sections: { at: 40, entry: 64, offset: 24, length: 32, size: 58, count: 60, names: 62 },
  },
} as const;

type Layout = (typeof LAYOUTS)[1 | 2];

const MAGIC = 0x7f454c46;
const LITTLE = 1;
const BIG = 2;
const LOADED = 1;

/** Numbers of one byte order; words have 4 or 8 bytes. Words that no file can be as long as are infinite. */
class Numbers {
  readonly #view: DataView;
  readonly #little: boolean;
  readonly #word: 4 | 8;

  constructor(bytes: Uint8Array, little: boolean, word: 4 | 8) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#little = little;
    this.#word = word;
  }

  half(at: number): number {
    return this.#view.getUint16(at, this.#little);
  }

  int(at: number): number {
    return this.#view.getUint32(at, this.#little);
  }

  word(at: number): number {
    if (this.#word === 4) return this.int(at);
    const value = this.#view.getBigUint64(at, this.#little);
    return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : Number.POSITIVE_INFINITY;
  }
}

/** An ELF file. */
export class ElfFile {
  readonly #read: ReadPart;
  readonly #layout: Layout;
  /** Whether its numbers have the lowest byte first. */
  readonly little: boolean;
  readonly #header: Numbers;

  private constructor(read: ReadPart, bytes: Uint8Array, layout: Layout, little: boolean) {
    this.#read = read;
    this.#layout = layout;
    this.little = little;
    this.#header = new Numbers(bytes, little, layout.word);
  }

  /** `undefined` for what is none. */
  static open(read: ReadPart): ElfFile | undefined {
    const bytes = read(0, LAYOUTS[2].header);
    if (bytes === undefined || bytes.length < LAYOUTS[1].header) return undefined;
    const [kind, order] = [bytes[4], bytes[5]];
    if (new Numbers(bytes, false, 4).int(0) !== MAGIC || (kind !== 1 && kind !== 2)) return undefined;
    if (bytes.length < LAYOUTS[kind].header || (order !== LITTLE && order !== BIG)) return undefined;
    return new ElfFile(read, bytes, LAYOUTS[kind], order === LITTLE);
  }

  /** The first section of a name. */
  section(name: string): ElfSection | undefined {
    const { sections } = this.#layout;
    const count = this.#header.half(sections.count);
    const table = this.#table(sections, count);
    if (table === undefined) return undefined;
    const found = (ordinal: number): ElfSection => ({
      offset: table.word(ordinal * sections.entry + sections.offset),
      size: table.word(ordinal * sections.entry + sections.length),
    });
    const namesAt = this.#header.half(sections.names);
    const names = namesAt < count ? this.#names(found(namesAt)) : undefined;
    if (names === undefined) return undefined;
    const wanted = Buffer.from(`${name}\0`, 'latin1');
    for (let ordinal = 0; ordinal < count; ordinal++) {
      const start = table.int(ordinal * sections.entry);
      if (names.subarray(start, start + wanted.length).equals(wanted)) return found(ordinal);
    }
    return undefined;
  }

  /** Bytes that a running program has at an address: all that are asked for, or `undefined`. */
  atAddress(address: number, length: number): Uint8Array | undefined {
    const { programs } = this.#layout;
    const count = this.#header.half(programs.count);
    const table = this.#table(programs, count);
    for (let at = 0; table !== undefined && at < count * programs.entry; at += programs.entry) {
      const inside = address - table.word(at + programs.address);
      if (table.int(at) !== LOADED || inside < 0) continue;
      if (inside + length <= table.word(at + programs.fileSize))
        return this.bytes(table.word(at + programs.fileOffset) + inside, length);
    }
    return undefined;
  }

  /** Bytes of a pointer. */
  get wordBytes(): 4 | 8 {
    return this.#layout.word;
  }

  /** Numbers of the size of pointers, as pointers and lengths are. */
  words(bytes: Uint8Array): number[] {
    const { word } = this.#layout;
    const numbers = new Numbers(bytes, this.little, word);
    return Array.from({ length: Math.floor(bytes.length / word) }, (_, at) => numbers.word(at * word));
  }

  /** Bytes at an offset of the file: all that are asked for, or `undefined`. */
  bytes(offset: number, length: number): Uint8Array | undefined {
    if (!Number.isSafeInteger(offset + length)) return undefined;
    const bytes = this.#read(offset, length);
    return bytes?.length === length ? bytes : undefined;
  }

  #table({ at, entry, size }: Layout['programs' | 'sections'], count: number): Numbers | undefined {
    if (count === 0 || count > LIMITS.elfTableEntries || this.#header.half(size) !== entry) return undefined;
    const bytes = this.bytes(this.#header.word(at), count * entry);
    return bytes === undefined ? undefined : new Numbers(bytes, this.little, this.#layout.word);
  }

  #names({ offset, size }: ElfSection): Buffer | undefined {
    if (size > LIMITS.elfNamesBytes) return undefined;
    const bytes = this.bytes(offset, size);
    return bytes === undefined ? undefined : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }
}
