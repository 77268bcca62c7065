/** Measures the files of a directory source, and stores them where that is wanted, in batches. */
import type { HashAlgorithm, VerityDigest } from '../../bytes/digest.ts';
import { stampOf } from '../../io/file-stamps.ts';
import { measureFileBatchLater } from '../../io/measure-batch.ts';
import type { UnmeasuredFile } from '../../io/rootfs.ts';
import type { StoredContents } from '../../io/rootfs-scan.ts';
import { type StoreWish, storeFileBatchLater } from '../../io/store-batch.ts';
import type { HashHelpers, ScanHelpers } from '../../native/contract.ts';
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
  return await inBatches(session, files, async (batch) =>
    helpers === undefined
      ? await session.pool.run('measure', { files: batch, algorithm })
      : await measureFileBatchLater(batch, algorithm, helpers),
  );
}

/** The same, and stores them as objects, which is noted; what could not be stored is measured. */
export async function storeFiles(
  session: Session,
  files: readonly UnmeasuredFile[],
  wish: StoreWish,
  { stored, helpers }: { stored: StoredContents; helpers: ScanHelpers },
): Promise<VerityDigest[]> {
  return await inBatches(session, files, async (batch) => {
    const stamped = batch.map((file) => ({ ...file, stamp: file.stamp ?? stampOf(file.path) }));
    const { digests, outcomes } = await storeFileBatchLater(stamped, wish, helpers);
    for (const [index, digest] of digests.entries())
      stored.note(digest, batch[index]?.size ?? 0, outcomes[index] ?? 0);
    return digests;
  });
}

async function inBatches(
  session: Session,
  files: readonly UnmeasuredFile[],
  work: (batch: UnmeasuredFile[]) => Promise<readonly VerityDigest[]>,
): Promise<VerityDigest[]> {
  const total = files.reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  const measure = async (batch: UnmeasuredFile[]): Promise<readonly VerityDigest[]> => {
    session.checkInterrupted();
    const digests = await work(batch);
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
