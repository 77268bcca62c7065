/**
 * Whether files on disk stayed as they were between two readings. A directory source is read twice, once to be
 * measured and once to be written; a file that changes in between would give an image whose digests lie.
 */
import { type BigIntStats, lstatSync } from 'node:fs';
import { type ByteString, display, toBytes } from '../bytes/byte-string.ts';
import { fromSystemError, PlanishError } from '../errors.ts';
import { STAMP_BYTES } from '../native/contract.ts';

/**
 * What the kernel changes whenever content does, one text a file, in the order of the files: the bytes that
 * `native-helpers/reader.h` describes, one a character.
 */
export type FileStamps = readonly string[];

/** Stamps of files as they are now. Throws `SYSCALL_FAILED`. */
export function takeFileStamps(files: readonly ByteString[]): FileStamps {
  return files.map(stampOf);
}

/** Throws `CONTENT_CHANGED` naming the first file that is not as it was; those without a stamp are passed over. */
export function verifyFileStamps(
  files: readonly ByteString[],
  stamps: readonly (string | undefined)[],
): void {
  for (const [index, file] of files.entries()) {
    const stamp = stamps[index];
    if (stamp !== undefined) verifyFileStamp(file, stamp);
  }
}

/** The same of one file. */
export function verifyFileStamp(file: ByteString, stamp: string): void {
  if (stampOf(file) === stamp) return;
  throw new PlanishError('CONTENT_CHANGED', 'a file changed while the image was built', {
    file: display(file),
    hint: 'build from a directory that nobody writes to',
  });
}

/** The stamp of a file as it is now. Throws `SYSCALL_FAILED`. */
export function stampOf(file: ByteString): string {
  return formatStamp(statOf(file));
}

/** The stamp of a file by what the system tells of it. */
export function formatStamp({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  const bytes = Buffer.alloc(STAMP_BYTES);
  bytes.writeBigInt64LE(size, 0);
  bytes.writeBigInt64LE(secondsOf(mtimeNs), 8);
  bytes.writeUInt32LE(Number(mtimeNs - secondsOf(mtimeNs) * BILLION), 16);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, dev), 20);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, ino), 28);
  bytes.writeUInt32LE(Number(ctimeNs - secondsOf(ctimeNs) * BILLION), 36);
  bytes.writeBigInt64LE(secondsOf(ctimeNs), 40);
  return bytes.toString('latin1');
}

const BILLION = 1_000_000_000n;

/** Rounded down, before 1970 as well. */
function secondsOf(nanoseconds: bigint): bigint {
  const rest = ((nanoseconds % BILLION) + BILLION) % BILLION;
  return (nanoseconds - rest) / BILLION;
}

function statOf(file: ByteString): BigIntStats {
  try {
    return lstatSync(Buffer.from(toBytes(file)), { bigint: true });
  } catch (error) {
    throw fromSystemError(error, 'looking at a source file', { file: display(file) });
  }
}
