/** Which way the entries of a layer are read, and reading them. */
import type { BlobDigest } from '../bytes/digest.ts';
import { DETECT_BYTES, detectCompression } from '../compress/detect.ts';
import type { IngestSinks, ListRequest } from '../layer/ingest.ts';
import { listTar } from '../layer/list-tar.ts';
import type { ListResult } from '../layer/listing.ts';
import { type BlobFile, readBlob, readPart, withBlob } from './blob-file.ts';

/**
 * Whether only headers need be read: of a tar that is not compressed and that no digest names. What has a digest is read
 * whole, or it could not be held to it.
 */
export function isReadByPosition(blob: BlobFile, digest: BlobDigest | undefined): boolean {
  return digest === undefined && detectCompression(readPart(blob, 0, DETECT_BYTES)) === 'none';
}

/** The entries of a layer. Throws as `listLayer`; `tar` is given nothing where contents are passed over. */
export async function listBlob(
  blob: BlobFile,
  request: ListRequest,
  sinks: Omit<IngestSinks, 'parts'> = {},
): Promise<ListResult> {
  if (!isReadByPosition(blob, request.digest)) {
    // With it come the codecs, which a plain tar does without.
    const { listLayer } = await import('../layer/list-layer.ts');
    return await listLayer(readBlob(blob, { oneBuffer: true }), request, sinks);
  }
  return await withBlob(blob, (read) => listTar({ size: blob.size, read }, request, sinks));
}
