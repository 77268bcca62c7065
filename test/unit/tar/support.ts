/** Reading tars into plain values, and making blocks by hand that no writer would make. */
import { createHash } from 'node:crypto';
import { byteString } from '../../../src/bytes/byte-string.ts';
import { NO_XATTRS } from '../../../src/bytes/stat.ts';
import { type ErrorDetail, isPlanishError } from '../../../src/errors.ts';
import {
  BLOCK_BYTES,
  END_OF_ARCHIVE,
  encodeTarHeader,
  paddingLength,
  type TarEnd,
  type TarEntry,
  type TarHandler,
  type TarRecord,
  TarScanner,
  type TarScannerOptions,
} from '../../../src/tar/index.ts';

/** An entry with its stored content. */
export interface Scanned {
  readonly entry: TarEntry;
  readonly stored: Buffer;
}

/** Collects everything and checks that calls come in their order. */
export class Collector implements TarHandler {
  readonly found: Scanned[] = [];
  #entry: TarEntry | undefined;
  #parts: Buffer[] = [];

  entry(entry: TarEntry): void {
    if (this.#entry !== undefined) throw new Error('entry before the end of the last one');
    this.#entry = entry;
    this.#parts = [];
  }

  data(chunk: Uint8Array, start: number, end: number): void {
    if (end <= start || end > chunk.length) throw new Error(`empty or wrong range ${start} ${end}`);
    this.#parts.push(Buffer.from(chunk.subarray(start, end)));
  }

  endOfEntry(): void {
    if (this.#entry === undefined) throw new Error('end without entry');
    const stored = Buffer.concat(this.#parts);
    if (stored.length !== this.#entry.storedSize) throw new Error('content of another length');
    this.found.push({ entry: this.#entry, stored });
    this.#entry = undefined;
  }
}

/** Scans a tar in pieces of `step` bytes (all at once unless given). */
export function scan(
  tar: Uint8Array,
  options: TarScannerOptions & { step?: number } = {},
): { found: Scanned[]; end: TarEnd } {
  const collector = new Collector();
  const scanner = new TarScanner(collector, options);
  const step = options.step ?? Math.max(tar.length, 1);
  for (let at = 0; at < tar.length; at += step) scanner.push(tar.subarray(at, at + step));
  return { found: collector.found, end: scanner.finish() };
}

/** The code of the error that scanning throws, with some of its detail; `undefined` when it throws none. */
export function failure(tar: Uint8Array, step?: number): (ErrorDetail & { code: string }) | undefined {
  try {
    scan(tar, step === undefined ? {} : { step });
  } catch (error) {
    if (isPlanishError(error)) return { code: error.code, ...error.detail };
    throw error;
  }
  return undefined;
}

/** What an expectation file says of an entry. */
export function describeEntry({ entry, stored }: Scanned): object {
  const { type, linkTarget, mode, uid, gid, mtime, size } = entry;
  const xattrs = [...entry.xattrs].sort(([a], [b]) => (a < b ? -1 : 1));
  const hash = createHash('sha256');
  if (size <= 2 ** 24) hash.update(expand({ entry, stored }));
  return {
    type,
    path: entry.path.replace(/\/$/, ''),
    linkTarget,
    mode,
    uid,
    gid,
    mtime: [mtime.sec, mtime.nsec],
    size,
    xattrs: Object.fromEntries(xattrs.map(([name, value]) => [name, Buffer.from(value).toString('hex')])),
    device: [entry.major, entry.minor],
    sparse: entry.sparse !== undefined,
    sha256: type === 'regular' && size <= 2 ** 24 ? hash.digest('hex') : null,
  };
}

/** The whole content of a file, holes filled. */
export function expand({ entry, stored }: Scanned): Buffer {
  if (entry.sparse === undefined) return stored;
  const content = Buffer.alloc(entry.size);
  for (const { at, offset, length } of entry.sparse) {
    const from = offset - entry.dataOffset;
    stored.copy(content, at, from, from + length);
  }
  return content;
}

/** A record with ordinary values. */
export function record(
  fields: Partial<Omit<TarRecord, 'path' | 'linkTarget'>> & { path?: string; linkTarget?: string },
): TarRecord {
  const { path = 'file', linkTarget = '', ...rest } = fields;
  return {
    type: 'regular',
    mode: 0o644,
    uid: 0,
    gid: 0,
    mtime: { sec: 0, nsec: 0 },
    size: 0,
    xattrs: NO_XATTRS,
    major: 0,
    minor: 0,
    ...rest,
    path: byteString(path),
    linkTarget: byteString(linkTarget),
  };
}

/** Header, content, padding. */
export function entryBytes(of: TarRecord, content: Uint8Array = new Uint8Array(of.size)): Buffer {
  return Buffer.concat([encodeTarHeader(of), content, Buffer.alloc(paddingLength(content.length))]);
}

/** Entries and an end of archive. */
export function archive(...parts: Uint8Array[]): Buffer {
  return Buffer.concat([...parts, END_OF_ARCHIVE]);
}

/** Fields of a header made by hand: text is written at its offset, then the checksum is put right. */
export interface RawFields {
  readonly name?: string;
  readonly mode?: string;
  readonly uid?: string;
  readonly gid?: string;
  readonly size?: string | number;
  readonly mtime?: string;
  readonly type?: string;
  readonly linkname?: string;
  readonly magic?: string;
  readonly major?: string;
  readonly minor?: string;
  readonly prefix?: string;
  /** Offset and bytes of anything else. */
  readonly more?: readonly (readonly [number, string])[];
}

const octal = (value: number, digits: number): string => value.toString(8).padStart(digits, '0');

/** A header block with any values at all. */
export function rawHeader(fields: RawFields): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  const size = fields.size ?? 0;
  const texts: (readonly [number, string])[] = [
    [0, fields.name ?? 'file'],
    [100, fields.mode ?? '0000644'],
    [108, fields.uid ?? '0000000'],
    [116, fields.gid ?? '0000000'],
    [124, typeof size === 'number' ? octal(size, 11) : size],
    [136, fields.mtime ?? '00000000000'],
    [156, fields.type ?? '0'],
    [157, fields.linkname ?? ''],
    [257, fields.magic ?? 'ustar\x0000'],
    [329, fields.major ?? '0000000'],
    [337, fields.minor ?? '0000000'],
    [345, fields.prefix ?? ''],
    ...(fields.more ?? []),
  ];
  for (const [at, text] of texts) block.write(text, at, 'latin1');
  return checksummed(block);
}

/** Puts the checksum of a block right, in place. */
export function checksummed(block: Buffer, signed = false): Buffer {
  block.fill(0x20, 148, 156);
  let sum = 0;
  for (let index = 0; index < BLOCK_BYTES; index++)
    sum += signed ? block.readInt8(index) : block.readUInt8(index);
  block.write(`${octal(sum, 6)}\0 `, 148, 'latin1');
  return block;
}

/** Content padded to whole blocks. */
export function padded(content: string | Uint8Array): Buffer {
  const bytes = typeof content === 'string' ? Buffer.from(content, 'latin1') : content;
  return Buffer.concat([bytes, Buffer.alloc(paddingLength(bytes.length))]);
}

/** An extension header with its content. */
export function extension(type: string, content: string, name = 'extension'): Buffer {
  return Buffer.concat([rawHeader({ name, type, size: content.length }), padded(content)]);
}

/** PAX records, with their lengths put right. */
export function pax(...records: (readonly [string, string])[]): string {
  return records.map(([key, value]) => paxRecord(`${key}=${value}`)).join('');
}

function paxRecord(body: string): string {
  let length = body.length + 3;
  while (`${length} ${body}\n`.length !== length) length = `${length} ${body}\n`.length;
  return `${length} ${body}\n`;
}
