/**
 * Programs in Go that no package owns: by the module that they were built from ("debug/buildinfo" of Go's standard
 * library). The linker leaves a section with a magic number, the size of pointers, flags, and two strings: the version
 * of Go and the list of modules. The strings follow it, or it holds addresses of them, in programs of Go before 1.18.
 */
import { byteString, fromBytes } from '../../bytes/byte-string.ts';
import { LIMITS } from '../../limits.ts';
import type { ComponentSource } from '../component.ts';
import type { ElfFile } from '../databases/elf-file.ts';
import { dayOf } from '../rates.ts';
import { type BinaryHint, binarySource } from './binary-claims.ts';

const SECTION = '.go.buildinfo';
const MAGIC = '\xff Go buildinf:';
const HEAD_BYTES = 32;
const POINTER_SIZE_AT = 14;
const FLAGS_AT = 15;
const POINTERS_AT = 16;
const BIG_ENDIAN = 1;
const INLINE = 2;
/** Bytes before and after the list: Go finds it by them where it knows of nothing else. */
const FRAME_BYTES = 16;
const MAX_VARINT_BYTES = 10;

/** Module paths as Go has them, without what would be odd in a key. */
const MODULE = /^[A-Za-z0-9_][A-Za-z0-9._~/-]{0,254}$/;
/** A major version in a path is a version: `github.com/a/b/v3`, `gopkg.in/yaml.v3`. */
const MAJOR = /(?:\/v\d+|(?<=^gopkg\.in\/.*)\.v\d+)$/;

/** The source of Go programs: `go/MODULE`. */
export const goBinariesSource: ComponentSource = binarySource('go-binaries', hintOf);

function hintOf(elf: ElfFile): BinaryHint | undefined {
  const list = readList(elf);
  return list === undefined ? undefined : parseList(list);
}

/** The key and the day of the last commit, of lines of a word, a tab, and what goes with it. */
function parseList(list: string): BinaryHint | undefined {
  let module: string | undefined;
  let time: number | undefined;
  for (const line of list.split('\n')) {
    const [word, first = ''] = line.split('\t');
    if (word === 'mod') module ??= first;
    // The commands of Go itself are in no module.
    if (word === 'path' && first.startsWith('cmd/')) module ??= 'cmd';
    if (word === 'build' && first.startsWith('vcs.time=')) time = parseTime(first.slice('vcs.time='.length));
  }
  const name = module?.replace(MAJOR, '');
  if (name === undefined || !MODULE.test(name) || name === 'command-line-arguments') return undefined;
  return { key: byteString(`go/${name}`), day: time === undefined ? undefined : dayOf(time) };
}

/** Seconds since 1970 of `2024-08-01T22:16:56Z`. */
function parseTime(text: string): number | undefined {
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) || time < 0 ? undefined : time / 1000;
}

function readList(elf: ElfFile): string | undefined {
  const section = elf.section(SECTION);
  const head = section === undefined ? undefined : elf.bytes(section.offset, HEAD_BYTES);
  if (section === undefined || head === undefined || fromBytes(head.subarray(0, MAGIC.length)) !== MAGIC)
    return undefined;
  const flags = head[FLAGS_AT] ?? 0;
  const framed =
    (flags & INLINE) !== 0 ? inlineList(elf, section.offset + HEAD_BYTES) : listByAddress(elf, head);
  if (framed === undefined || framed.length < 2 * FRAME_BYTES) return undefined;
  return fromBytes(framed.subarray(FRAME_BYTES, -FRAME_BYTES));
}

/** The second of two strings, each behind its length. */
function inlineList(elf: ElfFile, start: number): Uint8Array | undefined {
  const version = readLength(elf, start);
  const list = version === undefined ? undefined : readLength(elf, version.end + version.length);
  return list === undefined ? undefined : elf.bytes(list.end, list.length);
}

/** A length of seven bits a byte, the lowest first, and where it ends. */
function readLength(elf: ElfFile, at: number): { readonly length: number; readonly end: number } | undefined {
  let length = 0;
  for (let count = 0; count < MAX_VARINT_BYTES; count++) {
    const byte = elf.bytes(at + count, 1)?.[0];
    if (byte === undefined) return undefined;
    length += (byte & 0x7f) * 128 ** count;
    if (length > LIMITS.moduleListBytes) return undefined;
    if (byte < 0x80) return { length, end: at + count + 1 };
  }
  return undefined;
}

/** The second of two pointers, each to a pointer and a length. */
function listByAddress(elf: ElfFile, head: Uint8Array): Uint8Array | undefined {
  const size = head[POINTER_SIZE_AT] ?? 0;
  const little = ((head[FLAGS_AT] ?? 0) & BIG_ENDIAN) === 0;
  if (size !== elf.wordBytes || little !== elf.little) return undefined;
  const [, pointer = 0] = elf.words(head.subarray(POINTERS_AT, POINTERS_AT + 2 * size));
  const [address = 0, length = 0] = elf.words(elf.atAddress(pointer, 2 * size) ?? new Uint8Array());
  return length === 0 || length > LIMITS.moduleListBytes ? undefined : elf.atAddress(address, length);
}
