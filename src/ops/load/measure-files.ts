/** Measures the files of a directory source on the pool. */
import type { HashAlgorithm, VerityDigest } from '../../bytes/digest.ts';
import { measureFileBatchLater } from '../../io/measure-batch.ts';
import type { UnmeasuredFile } from '../../io/rootfs.ts';
import type { HashHelpers } from '../../native/contract.ts';
import { nativeHelpers } from '../../native/load.ts';
import { mapConcurrently } from '../concurrently.ts';
import type { Session } from '../session.ts';

/** Files that one task measures: enough to be worth a message, few enough to share out. */
const MEASURE_FILES = 512;
const MEASURE_BYTES = 64 * 1024 * 1024;

/**
 * fs-verity digests of files on disk, in the order of the files. As many batches at once as the pool has threads: by the C
 * helpers on threads of theirs, else on the pool.
 */
export async function measureFiles(
  session: Session,
  files: readonly UnmeasuredFile[],
  algorithm: HashAlgorithm,
  helpers: HashHelpers | undefined = nativeHelpers(),
): Promise<VerityDigest[]> {
  const total = files.reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  const measure = async (batch: UnmeasuredFile[]): Promise<VerityDigest[]> => {
    session.checkInterrupted();
    const digests =
      helpers === undefined
        ? await session.pool.run('measure', { files: batch, algorithm })
        : await measureFileBatchLater(batch, algorithm, helpers);
    done += batch.reduce((sum, { size }) => sum + size, 0);
    session.onProgress({ stage: 'read', done, total, unit: 'bytes' });
    return digests;
  };
  return (await mapConcurrently(splitIntoBatches(files), session.pool.width, measure)).flat();
}

function splitIntoBatches(files: readonly UnmeasuredFile[]): UnmeasuredFile[][] {
  const batches: UnmeasuredFile[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const file of files) {
    const last = batches.at(-1);
    if (last === undefined || last.length >= MEASURE_FILES || bytes + file.size > MEASURE_BYTES) {
      batches.push([file]);
      bytes = file.size;
    } else {
      last.push(file);
      bytes += file.size;
    }
  }
  return batches;
}
