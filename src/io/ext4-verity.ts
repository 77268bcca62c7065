/**
 * ext4 images whose files have fs-verity from the start, made without mounting anything, for builders whose own file
 * system has none.
 *
 * ext4 keeps the Merkle tree of a file behind its data, from the next boundary of 64 KiB, then the descriptor, and in
 * the last four bytes of the last block the descriptor's size (Linux, fs/ext4/verity.c). So a file is made longer by
 * those bytes, mke2fs copies it with the holes between, and debugfs then sets the true size and the flag that says
 * that a file has fs-verity. What comes out is what the kernel writes when fs-verity is switched on.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import type { HashAlgorithm, VerityDigest } from '../bytes/digest.ts';
import { fromSystemError, PlanishError } from '../errors.ts';
import { VERITY_BLOCK_BYTES } from '../fsverity/descriptor.ts';
import { buildVerityMetadata } from '../fsverity/merkle-tree.ts';

/** Where the tree begins is a multiple of this. */
const METADATA_ALIGNMENT = 65_536;

/** `EXT4_EXTENTS_FL | EXT4_VERITY_FL`. */
const VERITY_FLAGS = '0x180000';

/** What was put behind a file. */
export interface ExtendedFile {
  /** Of the data alone. */
  readonly size: number;
  /** Blocks of data and metadata together. */
  readonly blocks: number;
  readonly digest: VerityDigest;
}

/** Puts the metadata behind the data of a file, with a hole between. Throws `SYSCALL_FAILED`, `DISK_FULL`. */
export function appendVerityMetadata(file: string, algorithm: HashAlgorithm): ExtendedFile {
  try {
    const fd = openSync(file, 'r+');
    try {
      return appendTo(fd, algorithm);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw fromSystemError(error, 'writing fs-verity metadata', { file });
  }
}

function appendTo(fd: number, algorithm: HashAlgorithm): ExtendedFile {
  const { size } = fstatSync(fd);
  const { tree, descriptor, digest } = buildVerityMetadata(
    size,
    (at, length) => readFully(fd, at, length),
    algorithm,
  );
  const start = Math.ceil(size / METADATA_ALIGNMENT) * METADATA_ALIGNMENT;
  const last = Buffer.alloc(VERITY_BLOCK_BYTES);
  last.set(descriptor);
  last.writeUInt32LE(descriptor.length, VERITY_BLOCK_BYTES - 4);
  writeFully(fd, tree, start);
  writeFully(fd, last, start + tree.length);
  ftruncateSync(fd, start + tree.length + last.length);
  const blocks = Math.ceil(size / VERITY_BLOCK_BYTES) + tree.length / VERITY_BLOCK_BYTES + 1;
  return { size, blocks, digest };
}

function readFully(fd: number, offset: number, length: number): Uint8Array {
  const bytes = Buffer.alloc(length);
  for (let done = 0; done < length; ) {
    const count = readSync(fd, bytes, done, length - done, offset + done);
    if (count === 0) throw new PlanishError('CONTENT_CHANGED', 'a file became shorter while it was read');
    done += count;
  }
  return bytes;
}

function writeFully(fd: number, bytes: Uint8Array, offset: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(fd, bytes, done, bytes.length - done, offset + done);
  }
}

/** What an image is made of. */
export interface DiskContents {
  /** Becomes the root of the file system; what is below has fs-verity where {@link verity} says so. */
  readonly directory: string;
  /** Extended files by their path in the image (from `/`), with the size of their data. */
  readonly verity: ReadonlyMap<string, number>;
  /** All other entries by path: theirs and the files' owner becomes root where the user is somebody else. */
  readonly others: readonly string[];
  readonly bytes: number;
}

/** Writes the image. Throws `NATIVE_UNAVAILABLE` without e2fsprogs, `SYSCALL_FAILED` where a program of it fails. */
export function writeExt4Image(file: string, { directory, verity, others, bytes }: DiskContents): void {
  const inodes = verity.size + others.length + 64;
  const layout = ['-b', String(VERITY_BLOCK_BYTES), '-m', '0', '-N', String(inodes), '-J', 'size=4'];
  const features = ['-t', 'ext4', '-O', 'verity', '-E', 'root_owner=0:0'];
  const kibibytes = `${Math.ceil(bytes / 1024)}k`;
  runE2fs('mke2fs', ['-q', '-F', ...features, ...layout, '-d', directory, file, kibibytes]);
  const said = runE2fs('debugfs', ['-w', '-f', '-', file], fieldCommands(verity, others));
  // It never fails by its status; besides its version it only prints complaints.
  const complaint = said.split('\n').find((line) => line !== '' && !line.startsWith('debugfs '));
  if (complaint !== undefined) throw failed('debugfs', complaint);
}

function fieldCommands(verity: ReadonlyMap<string, number>, others: readonly string[]): string {
  const lines: string[] = [];
  const set = (path: string, field: string, value: string | number): unknown =>
    lines.push(`set_inode_field ${path} ${field} ${value}`);
  for (const [path, size] of verity) {
    set(path, 'size', size);
    set(path, 'flags', VERITY_FLAGS);
  }
  if (process.getuid?.() !== 0) {
    for (const path of [...verity.keys(), ...others]) {
      set(path, 'uid', 0);
      set(path, 'gid', 0);
    }
  }
  return `${lines.join('\n')}\n`;
}

function runE2fs(program: string, args: readonly string[], input = ''): string {
  const env = { ...process.env, LC_ALL: 'C', PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };
  const result = spawnSync(program, args, { encoding: 'utf8', env, input, maxBuffer: 1 << 28 });
  if (result.error !== undefined) {
    const hint = `install ${program} (package e2fsprogs)`;
    throw new PlanishError('NATIVE_UNAVAILABLE', 'making a disk needs e2fsprogs', { hint }, result.error);
  }
  if (result.status !== 0) throw failed(program, result.stderr);
  return result.stderr;
}

function failed(program: string, said: string): PlanishError {
  const actual = said.trim().split('\n', 1)[0] ?? '';
  return new PlanishError('SYSCALL_FAILED', `${program} failed`, { actual: actual.slice(0, 300) });
}
