/** Makes RPM headers and the databases around them, from the description of the formats. */
import type { TreeFixture } from './tree-fixture.ts';
import { putText } from './tree-fixture.ts';

export interface MadeFile {
  readonly path: string;
  readonly flags?: number;
  readonly state?: number;
}

export interface MadePackage {
  readonly name: string;
  readonly sourceRpm?: string;
  readonly buildTime?: number;
  readonly changes?: readonly number[];
  readonly files?: readonly MadeFile[];
}

const u32 = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [ordinal, value] of values.entries()) bytes.writeUInt32BE(value, ordinal * 4);
  return bytes;
};
const u32le = (...values: number[]): Buffer => Buffer.from(u32(...values)).swap32();

/** One field of a header: tag, type, count, data. */
export type Field = readonly [tag: number, type: number, count: number, data: Buffer];

export const text = (tag: number, value: string): Field => [tag, 6, 1, Buffer.from(`${value}\0`, 'latin1')];
export const texts = (tag: number, values: readonly string[]): Field => [
  tag,
  8,
  values.length,
  Buffer.from(values.map((value) => `${value}\0`).join(''), 'latin1'),
];
export const numbers = (tag: number, values: readonly number[]): Field => [
  tag,
  4,
  values.length,
  u32(...values),
];

export function headerOf(fields: readonly Field[]): Buffer {
  const index: Buffer[] = [];
  const data: Buffer[] = [];
  let offset = 0;
  for (const [tag, type, count, bytes] of fields) {
    index.push(u32(tag, type, offset, count));
    data.push(bytes);
    offset += bytes.length;
  }
  return Buffer.concat([u32(fields.length, offset), ...index, ...data]);
}

export function packageHeader(pkg: MadePackage): Buffer {
  const files = pkg.files ?? [];
  const directories = [...new Set(files.map(({ path }) => path.slice(0, path.lastIndexOf('/') + 1)))];
  const fields: Field[] = [text(1000, pkg.name), text(1001, '1'), text(1002, '1')];
  if (pkg.sourceRpm !== undefined) fields.push(text(1044, pkg.sourceRpm));
  if (pkg.buildTime !== undefined) fields.push(numbers(1006, [pkg.buildTime]));
  if (pkg.changes !== undefined) fields.push(numbers(1080, pkg.changes));
  if (files.length > 0) {
    const indexes = files.map(({ path }) => directories.indexOf(path.slice(0, path.lastIndexOf('/') + 1)));
    fields.push(
      numbers(1116, indexes),
      texts(
        1117,
        files.map(({ path }) => path.slice(path.lastIndexOf('/') + 1)),
      ),
      texts(1118, directories),
      numbers(
        1037,
        files.map(({ flags }) => flags ?? 0),
      ),
      [1029, 1, files.length, Buffer.from(files.map(({ state }) => state ?? 0))],
    );
  }
  return headerOf(fields);
}

function adler32(bytes: Buffer): number {
  let low = 1;
  let high = 0;
  for (const byte of bytes) {
    low = (low + byte) % 65_521;
    high = (high + low) % 65_521;
  }
  return high * 65_536 + low;
}

/** A `Packages.db` with the blobs as packages 1, 2, …, each in the next free blocks, and one free slot between. */
export function ndbOf(blobs: readonly Buffer[]): Buffer {
  const slots = Buffer.concat(Array.from({ length: 256 }, () => u32le(0x746f6c53, 0, 0, 0)));
  u32le(0x506d7052, 0, 7, 1, blobs.length + 1, 0, 0, 0).copy(slots);
  const parts = [slots];
  let block = 256;
  for (const [ordinal, blob] of blobs.entries()) {
    const head = u32le(0x53626c42, ordinal + 1, 0, blob.length);
    const pad = Buffer.alloc(-(blob.length + 12) & 15);
    const covered = Buffer.concat([head, blob, pad]);
    const whole = Buffer.concat([covered, u32le(adler32(covered), blob.length, 0x45626c42)]);
    u32le(0x746f6c53, ordinal + 1, block, whole.length / 16).copy(slots, 32 + 2 * 16 * ordinal);
    parts.push(whole);
    block += whole.length / 16;
  }
  return Buffer.concat(parts);
}

/** Puts packages into a tree, as a database where SUSE has it. */
export function putPackages(fixture: TreeFixture, packages: readonly MadePackage[]): void {
  putText(fixture, '/usr/lib/sysimage/rpm/Packages.db', ndbOf(packages.map(packageHeader)));
}
