/**
 * What strict mode refuses beyond the lenient one: whatever composefs-rs refuses, whatever the C tool refuses under
 * `CFS_PARSE_STRICT`, and what both take but read as different trees.
 */
import { isUtf8 } from 'node:buffer';
import type { ByteString } from '../bytes/byte-string.ts';
import { DIGEST_BYTES, type VerityDigest } from '../bytes/digest.ts';
import type { FileType } from '../tree/tree.ts';
import { type DumpLine, FIELD, FIELD_COUNT } from './line.ts';

/** Bytes of content in composefs-rs (`MAX_INLINE_CONTENT`). */
export const STRICT_CONTENT_MAX = 512;
/** Bytes of a symlink target in composefs-rs (`SYMLINK_MAX`). */
export const STRICT_TARGET_MAX = 1024;
/** Bytes of a path in composefs-rs (`PATH_MAX`). */
const STRICT_PATH_MAX = 4096;

/** Checks the line as a whole: eleven fields, and UTF-8. */
export function checkStrictLine(line: DumpLine): void {
  if (line.fieldCount < FIELD_COUNT)
    line.failAt(line.end, `the line has ${line.fieldCount} of ${FIELD_COUNT} fields`);
  if (!isUtf8(line.bytes.subarray(line.start, line.end)))
    line.failAt(line.start, 'the line holds raw bytes that are not UTF-8');
}

/** Checks that a path is absolute with single slashes; components are looked at when the name is placed. */
export function checkStrictPath(
  line: DumpLine,
  field: typeof FIELD.path | typeof FIELD.payload,
  path: string,
): void {
  if (!path.startsWith('/')) line.fail(field, 'is not an absolute path');
  if (path.includes('//')) line.fail(field, 'holds an empty component');
  if (path.length > 1 && path.endsWith('/')) line.fail(field, 'ends in a slash');
  if (path.length > STRICT_PATH_MAX) line.fail(field, `passes ${STRICT_PATH_MAX} bytes`);
}

/** Checks of a line that is no hard link, by its type. */
export function checkStrictFields(
  line: DumpLine,
  type: FileType,
  numbers: { readonly size: number; readonly nlink: number; readonly rdev: number },
): void {
  const device = type === 'character' || type === 'block';
  if (numbers.rdev !== 0 && !device) line.fail(FIELD.rdev, 'is not 0, but this is no device');
  if (type === 'character' && numbers.rdev === 0 && numbers.nlink > 1)
    line.fail(FIELD.nlink, 'says that a whiteout has several names');
  if (type === 'symlink' && numbers.size !== line.cString(FIELD.payload, true).length)
    line.fail(FIELD.size, 'is not the length of the target');
  if (type === 'regular') return;
  if (!line.isNone(FIELD.content)) line.fail(FIELD.content, 'is not "-", but this is no regular file');
  if (!line.isNone(FIELD.digest)) line.fail(FIELD.digest, 'is not "-", but this is no regular file');
}

/** Checks of a regular file: content, or an object named by payload and digest alike, or neither. */
export function checkStrictRegular(
  line: DumpLine,
  size: number,
  payload: ByteString | undefined,
  content: Uint8Array | undefined,
  verity: VerityDigest | undefined,
): void {
  const backed = !line.isNone(FIELD.payload);
  if (verity !== undefined && !backed) line.fail(FIELD.digest, 'is given without a PAYLOAD');
  if (content !== undefined && backed) line.fail(FIELD.content, 'is given beside a PAYLOAD');
  if (!backed) return;
  if (size === 0) line.fail(FIELD.payload, 'is given for an empty file');
  if (payload === undefined) return;
  if (verity !== undefined && payload !== objectPath(verity))
    line.fail(FIELD.payload, 'is not the object path of DIGEST');
  if (!isObjectName(payload)) line.fail(FIELD.payload, 'is not an object path of the form "hh/hex digits"');
}

/** Path of an object in a repository: the first two digits of its digest, a slash, the others. */
export function objectPath(verity: VerityDigest): string {
  return `${verity.slice(0, 2)}/${verity.slice(2)}`;
}

const OBJECT_PATHS = Object.values(DIGEST_BYTES).map(
  (bytes) => new RegExp(`^[0-9a-fA-F]{2}/[0-9a-fA-F]{${2 * bytes - 2}}$`),
);

function isObjectName(payload: string): boolean {
  return OBJECT_PATHS.some((pattern) => pattern.test(payload));
}
