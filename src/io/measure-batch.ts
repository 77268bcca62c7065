/** Measuring many files of a directory: in one call of the C helpers where there are any, else one after another. */
import type { ByteString } from '../bytes/byte-string.ts';
import { DIGEST_BYTES, type HashAlgorithm, type VerityDigest } from '../bytes/digest.ts';
import { splitDigests } from '../fsverity/digest.ts';
import { HASH_ALGORITHM_ID, type HashHelpers } from '../native/contract.ts';
import { nativeHelpers } from '../native/load.ts';
import { measureFile } from './measure-file.ts';

/** A file by path with the size that it is known to have. */
export interface SizedFile {
  readonly path: ByteString;
  readonly size: number;
}

/**
 * fs-verity digests of files, in their order. Throws what `measureFile` throws for the first that cannot be measured:
 * where the helpers stop, it has the last word.
 */
export function measureFileBatch(
  files: readonly SizedFile[],
  algorithm: HashAlgorithm,
  find: () => HashHelpers | undefined = nativeHelpers,
): VerityDigest[] {
  const helpers = find();
  const digests: VerityDigest[] = [];
  while (digests.length < files.length) {
    if (helpers !== undefined) digests.push(...measureBy(helpers, files.slice(digests.length), algorithm));
    const next = files[digests.length];
    if (next !== undefined) digests.push(measureFile(next.path, next.size, algorithm));
  }
  return digests;
}

/**
 * The same on a thread of libuv's pool, of which there are four: nothing is copied to a thread of ours and none is
 * started.
 */
export async function measureFileBatchLater(
  files: readonly SizedFile[],
  algorithm: HashAlgorithm,
  helpers: HashHelpers,
): Promise<VerityDigest[]> {
  const { paths, sizes, digests } = batchOf(files, algorithm);
  const count = await helpers.measureFilesLater(paths, sizes, HASH_ALGORITHM_ID[algorithm], digests);
  const measured = splitDigests(digests, algorithm, Math.max(0, count));
  const left = files.slice(measured.length);
  return left.length === 0 ? measured : [...measured, ...measureFileBatch(left, algorithm, () => helpers)];
}

function measureBy(
  helpers: HashHelpers,
  files: readonly SizedFile[],
  algorithm: HashAlgorithm,
): VerityDigest[] {
  const { paths, sizes, digests } = batchOf(files, algorithm);
  const count = helpers.measureFiles(paths, sizes, HASH_ALGORITHM_ID[algorithm], digests);
  return splitDigests(digests, algorithm, Math.max(0, count));
}

interface Batch {
  readonly paths: Uint8Array;
  readonly sizes: Float64Array;
  readonly digests: Buffer;
}

function batchOf(files: readonly SizedFile[], algorithm: HashAlgorithm): Batch {
  return {
    paths: Buffer.from(files.map(({ path }) => `${path}\0`).join(''), 'latin1'),
    sizes: Float64Array.from(files, ({ size }) => size),
    digests: Buffer.alloc(files.length * DIGEST_BYTES[algorithm]),
  };
}
