/** `emit --disk`: an ext4 image that holds a composefs repository, with fs-verity on everything that needs it. */
import { lstatSync, mkdirSync, readdirSync, renameSync, statSync, unlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { HashAlgorithm } from '../bytes/digest.ts';
import { fromSystemError } from '../errors.ts';
import { appendVerityMetadata, type DiskContents, writeExt4Image } from '../io/ext4-verity.ts';
import { createTemporaryDirectory } from '../io/temporary.ts';
import type { OnWarning } from '../warnings.ts';
import { type EmitOptions, type EmitResult, emit } from './emit.ts';

/** Options of {@link emitDisk}. */
export type EmitDiskOptions = Omit<EmitOptions, 'repository' | 'verity' | 'onlyMissingFrom'>;

/** Result of {@link emitDisk}. */
export interface EmitDiskResult extends Omit<EmitResult, 'repository'> {
  readonly disk: string;
  /** Where the repository is in the image. */
  readonly repository: string;
  /** Bytes of the image. */
  readonly size: number;
}

/** The repository's directory at the root of the image: `/sysroot/composefs` where that is mounted on `/sysroot`. */
const REPOSITORY = 'composefs';

/** For the journal, tables and bitmaps, besides two percent of everything. */
const OVERHEAD_BYTES = 24 << 20;
const DIRECTORY_BYTES = 4096;
const INODE_BYTES = 256;

/**
 * Writes an ext4 image with the repository at `/composefs`, aside and renamed. Needs mke2fs and debugfs, but neither root nor
 * fs-verity here: the metadata is written as the kernel would. Throws what {@link emit} throws, `NATIVE_UNAVAILABLE` without e2fsprogs.
 */
export async function emitDisk(
  source: string,
  disk: string,
  options: EmitDiskOptions,
): Promise<EmitDiskResult> {
  const staging = createTemporaryDirectory(dirname(disk));
  const aside = join(dirname(disk), `.${basename(disk)}.planish-${process.pid}`);
  try {
    const root = join(staging.path, 'root');
    mkdirSync(root, { mode: 0o755 });
    const repository = join(root, REPOSITORY);
    const result = await emit(source, {
      ...options,
      repository,
      verity: 'none',
      onWarning: exceptInsecure(options.onWarning),
    });
    writeExt4Image(aside, prepareContents(root, result.algorithm));
    renameSync(aside, disk);
    const { size } = statSync(disk);
    return { ...result, disk, repository: `/${REPOSITORY}`, size, secure: true, verity: 'required' };
  } catch (error) {
    throw fromSystemError(error, 'writing the disk', { file: disk });
  } finally {
    removeQuietly(aside);
    staging.close();
  }
}

/** The staging directory is insecure, and the image is not. */
function exceptInsecure(onWarning: OnWarning | undefined): OnWarning {
  return (warning) => {
    if (warning.code !== 'REPOSITORY_INSECURE') onWarning?.(warning);
  };
}

function prepareContents(directory: string, algorithm: HashAlgorithm): DiskContents {
  const verity = new Map<string, number>();
  const others: string[] = ['/'];
  let bytes = 0;
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    const path = file.slice(directory.length);
    bytes += INODE_BYTES;
    if (isSealed(path) && lstatSync(file).isFile()) {
      const { size, blocks } = appendVerityMetadata(file, algorithm);
      verity.set(path, size);
      bytes += blocks * 4096;
    } else {
      others.push(path);
      bytes += DIRECTORY_BYTES;
    }
  }
  return { directory, verity, others, bytes: Math.ceil(bytes * 1.02) + OVERHEAD_BYTES };
}

/** What hosts demand it of: objects, and the document that says that the repository is secure. */
function isSealed(path: string): boolean {
  return path.startsWith(`/${REPOSITORY}/objects/`) || path === `/${REPOSITORY}/meta.json`;
}

function removeQuietly(file: string): void {
  try {
    unlinkSync(file);
  } catch {
    // It was renamed, or never made.
  }
}
