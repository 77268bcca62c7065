/**
 * Whether files on disk stayed as they were between two readings. A directory source is read twice, once to be
 * measured and once to be written; a file that changes in between would give an image whose digests lie.
 */
import { type BigIntStats, lstatSync } from 'node:fs';
import { type ByteString, display, toBytes } from '../bytes/byte-string.ts';
import { fromSystemError, PlanishError } from '../errors.ts';

/** What the kernel changes whenever content does; one text a file, in the order of the files. */
export type FileStamps = readonly string[];

/** Stamps of files as they are now. Throws `SYSCALL_FAILED`. */
export function takeFileStamps(files: readonly ByteString[]): FileStamps {
  return files.map(stampOf);
}

/** Throws `CONTENT_CHANGED` naming the first file that is not as it was. */
export function verifyFileStamps(files: readonly ByteString[], stamps: FileStamps): void {
  for (const [index, file] of files.entries()) {
    if (stampOf(file) === stamps[index]) continue;
    throw new PlanishError('CONTENT_CHANGED', 'a file changed while the image was built', {
      file: display(file),
      hint: 'build from a directory that nobody writes to',
    });
  }
}

function stampOf(file: ByteString): string {
  const { dev, ino, size, mtimeNs, ctimeNs } = statOf(file);
  return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
}

function statOf(file: ByteString): BigIntStats {
  try {
    return lstatSync(Buffer.from(toBytes(file)), { bigint: true });
  } catch (error) {
    throw fromSystemError(error, 'looking at a source file', { file: display(file) });
  }
}
