/** What lies at a bare path: a layout, a directory, an image archive, a flat tar, or an EROFS image. */
import { statSync } from 'node:fs';
import { type ByteString, display, fromUtf8 } from '../bytes/byte-string.ts';
import { fromSystemError, PlanishError, withDetail } from '../errors.ts';
import { type TarEntry, type TarHandler, TarScanner } from '../tar/scanner.ts';
import { type BlobFile, readPart, wholeFile } from './blob-file.ts';
import { compressionOf, readDecompressed } from './image-archive.ts';
import { isLayoutDirectory } from './layout.ts';
import { normalizeName, scanMembers } from './tar-index.ts';

/** What a path can turn out to be. */
export type PathKind = 'oci' | 'rootfs' | 'oci-archive' | 'docker-archive' | 'erofs' | 'tar';

/** The superblock of EROFS and its magic number (`EROFS_SUPER_OFFSET`, `EROFS_SUPER_MAGIC_V1`), little endian. */
const EROFS_SUPER_OFFSET = 1024;
const EROFS_SUPER_MAGIC_V1 = 0xe0f5e1e2;
const USTAR_OFFSET = 257;

/**
 * Tells what lies at a path. Throws `SYSCALL_FAILED` when nothing does, `ARCHIVE_BAD_LAYOUT` for a file that is
 * none of these, and `COMPRESSION_UNSUPPORTED`.
 */
export async function recognizePath(path: string, signal?: AbortSignal): Promise<PathKind> {
  if (isDirectory(path)) return isLayoutDirectory(path) ? 'oci' : 'rootfs';
  const blob = wholeFile(path);
  if (isErofs(blob)) return 'erofs';
  try {
    return await recognizeTar(blob, signal);
  } catch (error) {
    throw withDetail(error, { file: path });
  }
}

/** Whether a file is a tar with the marker of a layout in it. Anything unreadable is not. */
export function isOciArchive(path: string): boolean {
  try {
    const recognizer = new Recognizer();
    scanMembers(wholeFile(path), (entry) => recognizer.visit(entry));
    return recognizer.kind() === 'oci-archive';
  } catch (error) {
    if (error instanceof PlanishError && error.kind === 'input') return false;
    throw error;
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    throw fromSystemError(error, `opening ${display(fromUtf8(path))}`, { file: path });
  }
}

function isErofs(blob: BlobFile): boolean {
  const head = Buffer.from(readPart(blob, 0, EROFS_SUPER_OFFSET + 4));
  if (head.length < EROFS_SUPER_OFFSET + 4) return false;
  const isTar = head.toString('latin1', USTAR_OFFSET, USTAR_OFFSET + 5) === 'ustar';
  return !isTar && head.readUInt32LE(EROFS_SUPER_OFFSET) === EROFS_SUPER_MAGIC_V1;
}

async function recognizeTar(blob: BlobFile, signal: AbortSignal | undefined): Promise<PathKind> {
  if (blob.size === 0) throw new PlanishError('ARCHIVE_BAD_LAYOUT', 'the file is empty');
  const recognizer = new Recognizer();
  try {
    const kind = compressionOf(blob);
    if (kind === 'none') scanMembers(blob, (entry) => recognizer.visit(entry));
    else await scanStream(readDecompressed(blob, kind, signal), recognizer);
  } catch (error) {
    if (recognizer.entries > 0 || !(error instanceof PlanishError) || !error.code.startsWith('TAR_'))
      throw error;
    throw new PlanishError(
      'ARCHIVE_BAD_LAYOUT',
      'neither a tar nor an EROFS image',
      { file: blob.file },
      error,
    );
  }
  return recognizer.kind();
}

async function scanStream(chunks: AsyncIterable<Uint8Array>, recognizer: Recognizer): Promise<void> {
  const scanner = new TarScanner(recognizer);
  for await (const chunk of chunks) {
    scanner.push(chunk);
    if (recognizer.decided) return;
  }
  scanner.finish();
}

/** Names that stand at the root of image archives; a tar with many others is a flat tree. */
const ARCHIVE_NAME =
  /^(?:oci-layout|index\.json|manifest\.json|repositories|blobs|[0-9a-f]{64}(?:\..+)?)(?:\/|$)/;
/** So many other names are put up with: the specification allows extra files in a layout. */
const OTHER_NAMES = 64;

/** Tells archives by their names: `oci-layout` first, as archives with both are layouts, then `manifest.json`. */
class Recognizer implements TarHandler {
  entries = 0;
  #others = 0;
  #layout = false;
  #docker = false;

  get decided(): boolean {
    return this.#layout || this.#others > OTHER_NAMES;
  }

  kind(): 'oci-archive' | 'docker-archive' | 'tar' {
    if (this.#layout) return 'oci-archive';
    return this.#docker && this.#others <= OTHER_NAMES ? 'docker-archive' : 'tar';
  }

  /** Takes in an entry; false once the answer is known. */
  visit(entry: TarEntry): boolean {
    this.entry(entry);
    return !this.decided;
  }

  entry(entry: TarEntry): void {
    this.entries++;
    const name: ByteString | undefined = normalizeName(entry.path);
    if (name === undefined) return;
    if (name === 'oci-layout') this.#layout = true;
    else if (name === 'manifest.json') this.#docker = true;
    else if (!ARCHIVE_NAME.test(name)) this.#others++;
  }

  data(): void {}

  endOfEntry(): void {}
}
