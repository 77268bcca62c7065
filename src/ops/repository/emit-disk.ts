/** `emit --disk`: an ext4 image that holds a composefs repository, with fs-verity on everything that needs it. */
import { lstatSync, mkdirSync, readdirSync, readlinkSync, renameSync, statSync, unlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { HashAlgorithm } from '../../bytes/digest.ts';
import { fromSystemError } from '../../errors.ts';
import { type DiskEntry, writeExt4Image } from '../../io/ext4-image.ts';
import { appendVerityMetadata } from '../../io/ext4-verity.ts';
import { createTemporaryDirectory } from '../../io/temporary.ts';
import type { OnWarning } from '../../warnings.ts';
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
 * fs-verity here: the metadata is written as the kernel would. The same image and options give the same bytes, with the
 * same e2fsprogs. Throws what {@link emit} throws, `NATIVE_UNAVAILABLE` without e2fsprogs, `UNREPRESENTABLE` for a tag with a line break.
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
    const { entries, bytes } = prepareContents(root, result.algorithm);
    writeExt4Image(aside, entries, bytes);
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

interface DiskContents {
  readonly entries: readonly DiskEntry[];
  readonly bytes: number;
}

/** Everything below a directory in byte order of paths; puts metadata behind its files. */
function prepareContents(directory: string, algorithm: HashAlgorithm): DiskContents {
  const entries: DiskEntry[] = [];
  let bytes = 0;
  for (const path of pathsBelow(directory)) {
    const source = join(directory, path);
    const stat = lstatSync(source);
    bytes += INODE_BYTES;
    if (stat.isFile()) {
      const { size, blocks, digest } = appendVerityMetadata(source, algorithm);
      entries.push({ path, kind: 'file', source, size, sealed: digest });
      bytes += blocks * 4096;
    } else {
      entries.push(stat.isSymbolicLink() ? linkAt(path, source) : directoryAt(path));
      bytes += DIRECTORY_BYTES;
    }
  }
  return { entries, bytes: Math.ceil(bytes * 1.02) + OVERHEAD_BYTES };
}

function pathsBelow(directory: string): string[] {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((name) => `/${name}`);
  return names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

function linkAt(path: string, source: string): DiskEntry {
  return { path, kind: 'link', target: readlinkSync(source) };
}

/** Modes as hosts make them: not the umask's of whoever runs this. */
function directoryAt(path: string): DiskEntry {
  return { path, kind: 'directory', mode: path === `/${REPOSITORY}` ? 0o700 : 0o755 };
}

function removeQuietly(file: string): void {
  try {
    unlinkSync(file);
  } catch {
    // It was renamed, or never made.
  }
}
