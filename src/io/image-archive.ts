/**
 * Image archives as files: whether one is compressed as a whole, and its uncompressed bytes. A compressed archive
 * is decompressed once to a temporary file, because its members are read in an order of their own.
 */
import { closeSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { decompress } from '../compress/decompress.ts';
import { detectCompression } from '../compress/detect.ts';
import type { CompressionKind } from '../compress/kind.ts';
import { PlanishError, withDetail } from '../errors.ts';
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

/** What decompressing an archive may need. */
export interface ArchiveOptions {
  /** Where compressed archives are decompressed; default: the system's place for temporary files. */
  readonly temporaryDirectory?: string | undefined;
  /** Ends the work with `INTERRUPTED`. */
  readonly signal?: AbortSignal | undefined;
}

/** Pieces after which signals are let in. */
const PIECES_BETWEEN_SIGNALS = 16;

/** The uncompressed bytes of a blob, in pieces. Throws `INTERRUPTED` once the signal is given. */
export async function* readDecompressed(
  blob: BlobFile,
  kind: CompressionKind,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  let pieces = 0;
  for await (const piece of kind === 'none'
    ? readBlob(blob)
    : decompress(readBlob(blob), kind, { members: 0 })) {
    yield piece;
    // Reading and decompressing wait for nothing, so that no signal would arrive before they are done.
    if (++pieces % PIECES_BETWEEN_SIGNALS === 0) await setImmediate();
    if (signal?.aborted === true) throw new PlanishError('INTERRUPTED', 'the run was interrupted');
  }
}

/** Opens an archive, decompressing it to a temporary file where it is compressed. Throws `DISK_FULL`, `INTERRUPTED`. */
export async function openPlainArchive(path: string, options: ArchiveOptions = {}): Promise<PlainArchive> {
  const blob = wholeFile(path);
  const kind = compressionOf(blob);
  if (kind === 'none') return { blob, close: () => {} };
  const directory = createTemporaryDirectory(options.temporaryDirectory);
  try {
    const file = join(directory.path, 'archive.tar');
    await writeAll(file, readDecompressed(blob, kind, options.signal));
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
