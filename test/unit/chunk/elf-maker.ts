/** Makes ELF files with sections, and what compilers of Go and Rust leave in them, from the descriptions of the formats. */
import { deflateSync } from 'node:zlib';

/** 32 or 64 bits, and the order of bytes. */
export interface ElfShape {
  readonly bits: 32 | 64;
  readonly little: boolean;
}

export const SHAPES: readonly ElfShape[] = [
  { bits: 64, little: true },
  { bits: 64, little: false },
  { bits: 32, little: true },
  { bits: 32, little: false },
];

/** Address of the start of the file in its one segment. */
const BASE = 0x400000;
/** Offset of the first section. */
export const FIRST = 0x1000;
/** Bytes of made files: what is smaller is not looked at. */
const SIZE = 70_000;

class Writer {
  readonly bytes = Buffer.alloc(SIZE);
  readonly #shape: ElfShape;

  constructor(shape: ElfShape) {
    this.#shape = shape;
  }

  half(at: number, value: number): void {
    if (this.#shape.little) this.bytes.writeUInt16LE(value, at);
    else this.bytes.writeUInt16BE(value, at);
  }

  int(at: number, value: number): void {
    if (this.#shape.little) this.bytes.writeUInt32LE(value, at);
    else this.bytes.writeUInt32BE(value, at);
  }

  word(at: number, value: number): void {
    if (this.#shape.bits === 32) this.int(at, value);
    else if (this.#shape.little) this.bytes.writeBigUInt64LE(BigInt(value), at);
    else this.bytes.writeBigUInt64BE(BigInt(value), at);
  }
}

/** A program with one section, at {@link FIRST}. The tables of segments and sections lie behind the header. */
export function elfOf(shape: ElfShape, name: string, section: Buffer): Buffer {
  const wide = shape.bits === 64;
  const file = new Writer(shape);
  const [programs, sections, names] = [0x80, 0x100, 0x300];
  file.bytes.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, shape.little ? 1 : 2, 1]);
  const [programEntry, sectionEntry] = wide ? [56, 64] : [32, 40];
  file.word(wide ? 32 : 28, programs);
  file.word(wide ? 40 : 32, sections);
  const tail = wide ? 54 : 42;
  for (const [ordinal, value] of [programEntry, 2, sectionEntry, 3, 2].entries())
    file.half(tail + 2 * ordinal, value);
  // A note, which is not loaded, before the segment.
  file.int(programs, 4);
  file.int(programs + programEntry, 1);
  const [fileOffset, address, fileSize] = wide ? [8, 16, 32] : [4, 8, 16];
  file.word(programs + programEntry + fileOffset, 0);
  file.word(programs + programEntry + address, BASE);
  file.word(programs + programEntry + fileSize, SIZE);
  const text = `\0${name}\0.shstrtab\0`;
  file.bytes.write(text, names, 'latin1');
  const put = (ordinal: number, nameAt: number, offset: number, size: number): void => {
    const at = sections + ordinal * sectionEntry;
    file.int(at, nameAt);
    file.word(at + (wide ? 24 : 16), offset);
    file.word(at + (wide ? 32 : 20), size);
  };
  put(1, 1, FIRST, section.length);
  put(2, name.length + 2, names, text.length);
  section.copy(file.bytes, FIRST);
  return file.bytes;
}

const FRAME = Buffer.alloc(16, 0xa5);
const framed = (list: string): Buffer => Buffer.concat([FRAME, Buffer.from(list, 'latin1'), FRAME]);

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return Buffer.from([...bytes, rest]);
}

const goHead = (pointerSize: number, flags: number): Buffer =>
  Buffer.concat([
    Buffer.from('\xff Go buildinf:', 'latin1'),
    Buffer.from([pointerSize, flags]),
    Buffer.alloc(16),
  ]);

/** As linkers of Go leave it since 1.18. */
export function goInline(list: string, version = 'go1.26.8'): Buffer {
  const text = framed(list);
  return Buffer.concat([
    goHead(0, 2),
    varint(version.length),
    Buffer.from(version),
    varint(text.length),
    text,
  ]);
}

/** As they left it before: the strings lie behind it, and are found by addresses. */
export function goPointers(shape: ElfShape, list: string): Buffer {
  const size = shape.bits / 8;
  const text = framed(list);
  const file = new Writer(shape);
  goHead(size, shape.little ? 0 : 1).copy(file.bytes);
  const [headers, strings] = [0x40, 0x80];
  file.word(16, BASE + FIRST + headers);
  file.word(16 + size, BASE + FIRST + headers + 2 * size);
  for (const [ordinal, value] of [
    BASE + FIRST + strings,
    8,
    BASE + FIRST + strings + 16,
    text.length,
  ].entries())
    file.word(headers + ordinal * size, value);
  file.bytes.write('go1.17.1', strings);
  text.copy(file.bytes, strings + 16);
  return file.bytes.subarray(0, strings + 16 + text.length);
}

/** A program as `go build` makes it. */
export const goProgram = (list: string): Buffer =>
  elfOf({ bits: 64, little: true }, '.go.buildinfo', goInline(list));

/** A program as `cargo auditable build` makes it. */
export const rustProgram = (document: unknown): Buffer =>
  elfOf({ bits: 64, little: true }, '.dep-v0', deflateSync(JSON.stringify(document)));
