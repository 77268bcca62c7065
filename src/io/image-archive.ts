/**
 * Image archives as files: whether one is compressed as a whole, and its uncompressed bytes. A compressed archive
 * is decompressed once to a temporary file, because its members are read in an order of their own.
 */
import { closeSync } from 'node:fs';
import { join } from 'node:path';
import { decompress } from '../compress/decompress.ts';
import { detectCompression } from '../compress/detect.ts';
import type { CompressionKind } from '../compress/kind.ts';
import { withDetail } from '../errors.ts';
import { type BlobFile, readBlob, readPart, wholeFile } from './blob-file.ts';
import { openNewFile, writeFully } from './durable-file.ts';
import { createTemporaryDirectory } from './temporary.ts';

/** Bytes that tell the compression of a file. */
const PREFIX_BYTES = 512;

/** The uncompressed bytes of an archive, with what they occupy. */
export interface PlainArchive {
  readonly blob: BlobFile;
  /** Removes the temporary file where there is one. */
  close(): void;
}

/** How a file is compressed, by its first bytes. Throws `COMPRESSION_UNSUPPORTED`. */
export function compressionOf(blob: BlobFile): CompressionKind {
  try {
    return detectCompression(readPart(blob, 0, PREFIX_BYTES));
  } catch (error) {
    throw withDetail(error, { file: blob.file });
  }
}

/** The uncompressed bytes of a blob, in pieces. */
export function readDecompressed(blob: BlobFile, kind: CompressionKind): AsyncIterable<Uint8Array> {
  return kind === 'none' ? readBlob(blob) : decompress(readBlob(blob), kind, { members: 0 });
}

/** Opens an archive, decompressing it to a temporary file where it is compressed. Throws `DISK_FULL`. */
export async function openPlainArchive(path: string, temporaryDirectory?: string): Promise<PlainArchive> {
  const blob = wholeFile(path);
  const kind = compressionOf(blob);
  if (kind === 'none') return { blob, close: () => {} };
  const directory = createTemporaryDirectory(temporaryDirectory);
  try {
    const file = join(directory.path, 'archive.tar');
    await writeAll(file, readDecompressed(blob, kind));
    return { blob: wholeFile(file), close: () => directory.close() };
  } catch (error) {
    directory.close();
    throw withDetail(error, { file: path });
  }
}

async function writeAll(file: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const descriptor = openNewFile(file);
  try {
    for await (const chunk of chunks) writeFully(descriptor, chunk, file);
  } finally {
    closeSync(descriptor);
  }
}
