/**
 * A directory on disk as a tree: what `rootfs:DIR` names.
 *
 * Below the root nothing is followed; the root itself may be reached through links. Mounts are entered, as
 * mkcomposefs and composefs-rs do: what is wanted is what a process would see, so unmount /proc and its like before.
 * Names and link targets are bytes. Hard links are found by device and inode for every type but directories. Sockets
 * are kept: whoever writes a tar warns of them. A file whose size is told as 0 (as in procfs) is empty.
 *
 * Whole-tree consistency is the caller's: nobody may write meanwhile. What is noticed (something vanished, a
 * directory was replaced, a size is different when content is read) is `CONTENT_CHANGED`.
 */
import { opendirSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { type ByteString, display, fromBytes } from '../bytes/byte-string.ts';
import type { VerityDigest } from '../bytes/digest.ts';
import { PlanishError } from '../errors.ts';
import type { ExternalContent, RegularFile } from '../tree/tree.ts';
import type { OnWarning } from '../warnings.ts';
import { chooseBackend, type RootfsBackend, type XattrMode } from './rootfs-backend.ts';
import { type Rootfs, RootfsScan, type ScanOptions } from './rootfs-scan.ts';

/** How a directory is read. */
export interface ScanRootfsOptions extends ScanOptions {
  readonly onWarning?: OnWarning | undefined;
  /** `all` (default) or `skip`; `skip` needs neither native helpers nor tools. */
  readonly xattrs?: XattrMode | undefined;
  /** Reads directories; by default the best that is here. */
  readonly backend?: RootfsBackend | undefined;
}

/**
 * Reads a directory. A text is taken as UTF-8. Throws `NO_SUCH_IMAGE` where there is no directory, `SYSCALL_FAILED`
 * where reading is refused, `CONTENT_CHANGED` where something vanished, `NATIVE_UNAVAILABLE` where attributes cannot
 * be read completely, `LIMIT_EXCEEDED`.
 */
export async function scanRootfs(
  directory: string | Uint8Array,
  options: ScanRootfsOptions = {},
): Promise<Rootfs> {
  const top = resolveTop(directory);
  const backend = options.backend ?? (await chooseBackend(options.xattrs ?? 'all'));
  if (backend.slowBecause !== undefined) warnSlow(backend, backend.slowBecause, options.onWarning);
  return await new RootfsScan(top, backend, options).run();
}

function resolveTop(directory: string | Uint8Array): ByteString {
  const given = typeof directory === 'string' ? resolve(directory) : Buffer.from(directory);
  try {
    const top = realpathSync.native(given, { encoding: 'buffer' });
    // Fails with ENOTDIR for anything else.
    opendirSync(top as unknown as string).closeSync();
    return fromBytes(top);
  } catch (error) {
    const errno = (error as NodeJS.ErrnoException).code ?? String(error);
    const detail = { file: typeof given === 'string' ? given : display(fromBytes(given)), errno };
    if (errno === 'ENOENT' || errno === 'ENOTDIR') {
      throw new PlanishError('NO_SUCH_IMAGE', 'there is no such directory', detail, error);
    }
    throw new PlanishError('SYSCALL_FAILED', `opening the root directory: ${errno}`, detail, error);
  }
}

function warnSlow(backend: RootfsBackend, reason: string, onWarning: OnWarning | undefined): void {
  const message = `the directory is read without the native helpers (${backend.name}): ${reason}`;
  onWarning?.({ code: 'SLOW_FALLBACK', message });
}

/** A file without a digest yet: plain data that may cross a thread. */
export interface UnmeasuredFile {
  /** Absolute path on this machine. */
  readonly path: ByteString;
  readonly size: number;
  /** What tells that it has not changed since it was listed, where that is known. */
  readonly stamp?: string | undefined;
}

/** Measures files; digests in the order of the files. May spread them over threads as it likes. */
export type MeasureFiles = (files: readonly UnmeasuredFile[]) => Promise<readonly VerityDigest[]>;

/**
 * Fills in the fs-verity digest of every file that has none: one call of `measure` with all of them, in the order of the
 * content sources, each inode once. Nothing is filled in where `measure` fails, and its error is passed on.
 */
export async function measureTree(
  scan: Pick<Rootfs, 'files' | 'leaves' | 'stamps'>,
  measure: MeasureFiles,
): Promise<void> {
  const leaves = unmeasuredLeaves(scan);
  if (leaves.length === 0) return;
  const digests = await measure(leaves.map(({ file }) => file));
  if (digests.length !== leaves.length) throw outOfStep('digests', leaves.length, digests.length);
  for (const [index, { leaf, content }] of leaves.entries()) {
    leaf.content = { ...content, verity: digests[index] };
  }
}

interface UnmeasuredLeaf {
  readonly leaf: RegularFile;
  readonly content: ExternalContent;
  readonly file: UnmeasuredFile;
}

function unmeasuredLeaves({
  files,
  leaves,
  stamps,
}: Pick<Rootfs, 'files' | 'leaves' | 'stamps'>): UnmeasuredLeaf[] {
  const unmeasured: UnmeasuredLeaf[] = [];
  for (const [source, leaf] of leaves.entries()) {
    const { content } = leaf;
    if (content.kind !== 'external' || content.verity !== undefined) continue;
    const path = files[source];
    if (path === undefined) throw outOfStep('content sources', source, files.length);
    unmeasured.push({ leaf, content, file: { path, size: content.size, stamp: stamps[source] } });
  }
  return unmeasured;
}

function outOfStep(what: string, expected: number, actual: number): PlanishError {
  return new PlanishError('INVARIANT', `the ${what} are not those of the tree`, { expected, actual });
}
