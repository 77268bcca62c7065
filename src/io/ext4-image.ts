/**
 * ext4 images, made by mke2fs and debugfs without mounting anything. The same entries give the same bytes on every machine that has
 * the same e2fsprogs: features, times, UUID and hash seed are given, entries are written one by one in the given order
 * (mke2fs -d takes them as a directory lists them), and the builder's mke2fs.conf is not read.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import type { VerityDigest } from '../bytes/digest.ts';
import { PlanishError } from '../errors.ts';
import { VERITY_BLOCK_BYTES } from '../fsverity/descriptor.ts';

/** A directory, a symbolic link, or a file with the bytes of another and, where it is sealed, metadata behind its data. */
export type DiskEntry = { readonly path: string } & (
  | { readonly kind: 'directory'; readonly mode: number }
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'file'; readonly source: string; readonly size: number; readonly sealed: VerityDigest }
);

/** `EXT4_EXTENTS_FL | EXT4_VERITY_FL`. */
const VERITY_FLAGS = '0x180000';
/** Regular, for everybody to read. */
const FILE_MODE = '0100644';

/** What ext4 had by default since 2014, and fs-verity; a journal's checksums and the like are up to whoever mounts it. */
const FEATURES = [
  'none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,sparse_super',
  'large_file,huge_file,dir_nlink,extra_isize,metadata_csum,verity',
].join(',');

/** All times, in seconds; zero would mean the present. */
const TIME = '1';
/** Names in directories are hashed as signed characters, which mke2fs decides by the machine that it runs on. */
const SIGNED_DIRECTORY_HASH = 1;

/**
 * Writes an image of `bytes`, everything in it owned by root. Entries come with their parents before them. Throws
 * `NATIVE_UNAVAILABLE` without e2fsprogs, `SYSCALL_FAILED` where a program of it fails, `UNREPRESENTABLE` for names with
 * a line break.
 */
export function writeExt4Image(file: string, entries: readonly DiskEntry[], bytes: number): void {
  const commands = diskCommands(entries);
  const [uuid, seed] = identify(entries) as [string, string];
  const inodes = entries.length + 64;
  const layout = ['-b', String(VERITY_BLOCK_BYTES), '-I', '256', '-m', '0', '-N', String(inodes)];
  const extended = `root_owner=0:0,hash_seed=${seed},lazy_itable_init=0,lazy_journal_init=0`;
  const features = ['-t', 'ext4', '-O', FEATURES, '-U', uuid, '-J', 'size=4', '-E', extended];
  runE2fs('mke2fs', ['-q', '-F', ...features, ...layout, file, `${Math.ceil(bytes / 1024)}k`]);
  const said = runE2fs('debugfs', ['-w', '-f', '-', file], commands);
  // It never fails by its status; besides its version it only prints complaints.
  const complaint = said.split('\n').find((line) => line !== '' && !line.startsWith('debugfs '));
  if (complaint !== undefined) throw failed('debugfs', complaint);
}

/** UUID and hash seed, from what the image holds. */
function identify(entries: readonly DiskEntry[]): string[] {
  const hash = createHash('sha256');
  for (const entry of entries) {
    const { path, kind } = entry;
    const what = entry.kind === 'link' ? entry.target : entry.kind === 'file' ? entry.sealed : entry.mode;
    hash.update(`${path}\0${kind}\0${what}\0`);
  }
  const digest = hash.digest();
  return [0, 16].map((start) => formatUuid(digest.subarray(start, start + 16)));
}

/** Version 8 of RFC 9562: bits of the maker's own. */
function formatUuid(bytes: Buffer): string {
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function diskCommands(entries: readonly DiskEntry[]): string {
  const lines = [`set_super_value flags ${SIGNED_DIRECTORY_HASH}`];
  let current = '/';
  for (const entry of entries) {
    const slash = entry.path.lastIndexOf('/');
    const parent = entry.path.slice(0, slash) || '/';
    if (parent !== current) lines.push(`cd ${quote(parent)}`);
    current = parent;
    lines.push(...entryCommands(entry, quote(entry.path.slice(slash + 1))));
  }
  return `${lines.join('\n')}\n`;
}

function entryCommands(entry: DiskEntry, name: string): string[] {
  const set = (field: string, value: string | number): string => `set_inode_field ${name} ${field} ${value}`;
  switch (entry.kind) {
    case 'directory':
      return [`mkdir ${name}`, set('mode', `0${(0o040000 | entry.mode).toString(8)}`)];
    case 'link':
      return [`symlink ${name} ${quote(entry.target)}`];
    case 'file':
      return [
        `write ${quote(entry.source)} ${name}`,
        set('mode', FILE_MODE),
        set('size', entry.size),
        set('flags', VERITY_FLAGS),
      ];
  }
}

/** A word of a command: in quotes, where a quote is written twice. */
function quote(text: string): string {
  if (text.includes('\n')) {
    const path = text.slice(0, 160);
    throw new PlanishError('UNREPRESENTABLE', 'a name with a line break cannot be written to a disk', {
      path,
    });
  }
  return `"${text.replaceAll('"', '""')}"`;
}

function runE2fs(program: string, args: readonly string[], input = ''): string {
  const env = {
    ...process.env,
    LC_ALL: 'C',
    PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`,
    MKE2FS_CONFIG: '/dev/null',
    E2FSPROGS_FAKE_TIME: TIME,
    SOURCE_DATE_EPOCH: TIME,
  };
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
