/** Storing many files of a directory as objects, each read once, by the C helpers. */
import { DIGEST_BYTES, type HashAlgorithm, type VerityDigest } from '../bytes/digest.ts';
import { splitDigests } from '../fsverity/digest.ts';
import { HASH_ALGORITHM_ID, type ScanHelpers, STORE_CLONES, STORE_OUTCOME } from '../native/contract.ts';
import { verifyFileStamp } from './file-stamps.ts';
import { measureFile } from './measure-file.ts';
import type { UnmeasuredFile } from './rootfs.ts';
import type { ContentWish } from './rootfs-backend.ts';

/** Digests of files in their order, and what became of each as an object (`STORE_OUTCOME`). */
export interface StoredFiles {
  readonly digests: readonly VerityDigest[];
  readonly outcomes: Uint8Array;
}

/** By which algorithm, and where to. */
export type StoreWish = Pick<ContentWish, 'algorithm'> & {
  readonly store: NonNullable<ContentWish['store']>;
};

/** A file, and what tells that it has not changed since it was listed. */
export type StampedFile = UnmeasuredFile & { readonly stamp: string };

/**
 * Measures and stores files on a thread of libuv's pool. Where the helpers stop, calls of Node have the last word: one that is
 * sound is measured and left. Throws `CONTENT_CHANGED`, `SYSCALL_FAILED`.
 */
export async function storeFileBatchLater(
  files: readonly StampedFile[],
  { algorithm, store }: StoreWish,
  helpers: ScanHelpers,
): Promise<StoredFiles> {
  const digests: VerityDigest[] = [];
  const outcomes = new Uint8Array(files.length).fill(STORE_OUTCOME.left);
  while (digests.length < files.length) {
    const batch = files.slice(digests.length);
    digests.push(
      ...(await storeSome(batch, { algorithm, store }, helpers, outcomes.subarray(digests.length))),
    );
    const next = files[digests.length];
    if (next !== undefined) digests.push(measureStamped(next, algorithm));
  }
  return { digests, outcomes };
}

async function storeSome(
  files: readonly StampedFile[],
  { algorithm, store }: StoreWish,
  helpers: ScanHelpers,
  outcomes: Uint8Array,
): Promise<VerityDigest[]> {
  const digests = Buffer.alloc(files.length * DIGEST_BYTES[algorithm]);
  const count = await helpers.storeFilesLater(
    store.directory,
    Buffer.from(files.map(({ path }) => `${path}\0`).join(''), 'latin1'),
    Buffer.from(files.map(({ stamp }) => stamp).join(''), 'latin1'),
    store.clones ? STORE_CLONES : 0,
    HASH_ALGORITHM_ID[algorithm],
    digests,
    outcomes,
  );
  return splitDigests(digests, algorithm, Math.max(0, count));
}

function measureStamped({ path, size, stamp }: StampedFile, algorithm: HashAlgorithm): VerityDigest {
  const digest = measureFile(path, size, algorithm);
  verifyFileStamp(path, stamp);
  return digest;
}
