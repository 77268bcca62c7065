/** Measures the files of a directory source on the pool. */
import type { HashAlgorithm, VerityDigest } from '../bytes/digest.ts';
import type { UnmeasuredFile } from '../io/rootfs.ts';
import type { Session } from './session.ts';

/** Files that one task measures: enough to be worth a message, few enough to share out. */
const MEASURE_FILES = 512;
const MEASURE_BYTES = 64 * 1024 * 1024;

/** fs-verity digests of files on disk, in the order of the files. Batches are shared out over the pool. */
export async function measureFiles(
  session: Session,
  files: readonly UnmeasuredFile[],
  algorithm: HashAlgorithm,
): Promise<VerityDigest[]> {
  const batches = splitIntoBatches(files);
  const total = files.reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  const results = batches.map(async (batch) => {
    const digests = await session.pool.run('measure', { files: batch, algorithm });
    done += batch.reduce((sum, { size }) => sum + size, 0);
    session.onProgress({ stage: 'read', done, total, unit: 'bytes' });
    return digests;
  });
  return (await Promise.all(results)).flat();
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
