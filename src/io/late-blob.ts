/**
 * Blobs that are not here yet. Nothing is fetched before it is wanted, so whoever reads a blob by position, or hands it to
 * a thread, awaits {@link bringBlob} first; what reads in a row does so itself.
 */
import type { BlobFile } from './blob-file.ts';

/**
 * A blob whose file comes to be when it is brought. Threads get the plain data of it: of a class only fields cross, so
 * `bring` must be a method.
 */
export interface LateBlob extends BlobFile {
  /** Fetches the blob, unless that was done; several calls are one. Throws what fetching throws. */
  bring(): Promise<void>;
}

/** Sees to it that the file of a blob is there. */
export async function bringBlob(blob: BlobFile): Promise<void> {
  if ('bring' in blob) await (blob as LateBlob).bring();
}

/** The same of several; the first failure is thrown when none is on its way any more. */
export async function bringBlobs(blobs: readonly BlobFile[]): Promise<void> {
  const results = await Promise.allSettled(blobs.map(bringBlob));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
