/** Where the blobs of an image lie, and reading its documents from there, each checked against its descriptor. */
import { createHash } from 'node:crypto';
import { type BlobDigest, blobDigest, splitBlobDigest } from '../bytes/digest.ts';
import { PlanishError, withDetail } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { type Descriptor, verifySize } from '../oci/descriptor.ts';
import { type BlobFile, readSmallBlob } from './blob-file.ts';

/** The blobs of a layout, archive or other source. */
export interface BlobStore {
  /** The store as a reference, for messages. */
  readonly reference: string;
  /** The file or directory it is, for messages. */
  readonly file: string;
  /** Where a blob lies; `undefined` when it is not there. Its content is not looked at. */
  find(digest: BlobDigest): BlobFile | undefined;
}

/** Where a blob lies, its size checked. Throws `BLOB_MISSING` and `DIGEST_MISMATCH`. */
export function findBlob(store: BlobStore, descriptor: Descriptor, what: string): BlobFile {
  const blob = store.find(descriptor.digest);
  if (blob === undefined) {
    throw new PlanishError('BLOB_MISSING', `${what} ${descriptor.digest} is not there`, { file: store.file });
  }
  try {
    verifySize(descriptor, blob.size);
  } catch (error) {
    throw withDetail(error, { file: blob.file });
  }
  return blob;
}

/** The bytes of a document, its size and digest checked. `what` names it in errors: `manifest`, `config`. */
export function readDocument(store: BlobStore, descriptor: Descriptor, what: string): Uint8Array {
  const blob = findBlob(store, descriptor, what);
  const bytes = readSmallBlob(blob, LIMITS.jsonBytes);
  verifyDigest(bytes, descriptor.digest, what, blob.file);
  return bytes;
}

/** Refuses bytes that have not the digest that names them. Throws `DIGEST_MISMATCH`. */
export function verifyDigest(bytes: Uint8Array, expected: BlobDigest, what: string, file: string): void {
  const { algorithm } = splitBlobDigest(expected);
  const actual = blobDigest(algorithm, createHash(algorithm).update(bytes).digest('hex'));
  if (actual === expected) return;
  throw new PlanishError('DIGEST_MISMATCH', `${what} has not the digest that names it`, {
    file,
    expected,
    actual,
  });
}
