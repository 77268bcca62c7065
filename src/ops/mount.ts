/** `mount`: a composefs image over its objects, by digest or not at all. */
import { closeSync, constants, fstatSync, openSync, readFileSync, readSync, realpathSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isVerityDigest, type VerityDigest, verityAlgorithm } from '../bytes/digest.ts';
import { imageDigest } from '../erofs/image-digest.ts';
import { readSuperblock } from '../erofs/read-superblock.ts';
import { fromSystemError, PlanishError, withDetail } from '../errors.ts';
import { parseKernelVersion } from '../host/kernel-features.ts';
import { formatMountCommands } from '../host/mount-commands.ts';
import { type MountPlan, type MountRequest, planMount } from '../host/mount-plan.ts';
import { composefsMountAt, parseMountinfo } from '../host/mountinfo.ts';
import { carryOutMount, mountCalls, runningKernel } from '../kernel/mount.ts';
import { verityCalls } from '../kernel/verity.ts';
import { LIMITS } from '../limits.ts';

/** Options of {@link mount} and {@link mountCommands}. */
export interface MountOptions {
  /** A composefs repository: where images of a digest are, and objects. Default `/sysroot/composefs` for a digest. */
  readonly repository?: string | undefined;
  /** Object directories instead of the repository's. */
  readonly objects?: readonly string[] | undefined;
  /** fs-verity digest that the image must have; a digest as the source says it already. */
  readonly digest?: string | undefined;
  /**
   * `require` (the default): the kernel measures the image and every object, or nothing is mounted. `none`: for file
   * systems without fs-verity. The image must have the promised digest all the same, but nobody watches the objects.
   */
  readonly verity?: 'require' | 'none' | undefined;
  /** Where changes go, and a working directory on the same file system: makes the mount writable. */
  readonly upper?: string | undefined;
  readonly work?: string | undefined;
  /** File of a user namespace (`/proc/PID/ns/user`) whose mapping of owners the mount shows. */
  readonly idmap?: string | undefined;
  /** Version of the kernel to plan for; default: the one that runs. Only of {@link mountCommands}. */
  readonly kernel?: string | undefined;
}

/** Result of {@link mount}. */
export interface MountResult {
  readonly image: string;
  readonly mountpoint: string;
  readonly digest: VerityDigest | undefined;
  /** Whether the kernel checks every object. */
  readonly verity: boolean;
  readonly readOnly: boolean;
}

/** Result of {@link mountCommands}. */
export interface MountCommands extends MountResult {
  /** Lines for a POSIX shell, to be run as root. */
  readonly commands: readonly string[];
}

const SYSTEM_REPOSITORY = '/sysroot/composefs';
const HEAD_BYTES = 1152;

/**
 * Mounts `source`, an fs-verity digest (of an image of the repository) or a composefs EROFS file, at a directory. Throws
 * `VERITY_MISSING` and `VERITY_MISMATCH` where the image is not what was promised, `MOUNT_UNSUPPORTED` and
 * `SYSCALL_FAILED` where the kernel does not mount it, saying what is missing.
 */
export function mount(source: string, mountpoint: string, options: MountOptions = {}): MountResult {
  return withImage(source, mountpoint, options, runningKernel(), existing, (plan, fd) => {
    checkImage(plan.request, fd);
    carryOutMount(plan, fd);
    return describe(plan);
  });
}

/**
 * The commands that {@link mount} stands for. The image is read, but neither measured nor mounted; other places need not
 * be on this machine.
 */
export function mountCommands(source: string, mountpoint: string, options: MountOptions = {}): MountCommands {
  const kernel = options.kernel === undefined ? runningKernel() : parseKernelVersion(options.kernel);
  return withImage(source, mountpoint, options, kernel, resolve, (plan) => ({
    ...describe(plan),
    commands: formatMountCommands(plan),
  }));
}

/** Takes a mount of a composefs image away. Throws `NOT_MOUNTED` where there is none, `SYSCALL_FAILED`. */
export function umount(mountpoint: string, options: { readonly lazy?: boolean | undefined } = {}): void {
  const target = existing(mountpoint);
  const mounts = parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8'));
  if (composefsMountAt(mounts, target) === undefined) {
    throw new PlanishError('NOT_MOUNTED', 'no composefs image is mounted there', { file: target });
  }
  mountCalls().unmount(target, options.lazy === true);
}

function withImage<T>(
  source: string,
  mountpoint: string,
  options: MountOptions,
  kernel: MountPlan['kernel'],
  place: (path: string) => string,
  use: (plan: MountPlan, fd: number) => T,
): T {
  const { image, digest, objects } = locate(source, options);
  const fd = openImage(image);
  try {
    const request: MountRequest = {
      image: resolve(image),
      acl: readAclFlag(fd, image),
      objects: objects.map((path) => place(path)),
      target: place(mountpoint),
      digest,
      verity: options.verity !== 'none',
      upper: options.upper === undefined ? undefined : place(options.upper),
      work: options.work === undefined ? undefined : place(options.work),
      idmap: options.idmap === undefined ? undefined : resolve(options.idmap),
    };
    return use(planMount(request, kernel), fd);
  } finally {
    closeSync(fd);
  }
}

function describe({ request, readOnly }: MountPlan): MountResult {
  const { image, target, digest, verity } = request;
  return { image, mountpoint: target, digest: digest as VerityDigest | undefined, verity, readOnly };
}

/** A digest is looked up in the repository by itself; no name is taken for one. */
function locate(
  source: string,
  options: MountOptions,
): { image: string; digest: VerityDigest | undefined; objects: readonly string[] } {
  const promised = options.digest === undefined ? undefined : parseDigest(options.digest);
  const { repository = isVerityDigest(source) ? SYSTEM_REPOSITORY : undefined } = options;
  const objects = options.objects ?? (repository === undefined ? [] : [join(repository, 'objects')]);
  if (!isVerityDigest(source)) return { image: source, digest: promised, objects };
  if (promised !== undefined && promised !== source) {
    throw new PlanishError('BAD_OPTION', 'the image is named by another digest than --digest promises');
  }
  return { image: join(repository as string, 'images', source), digest: source, objects };
}

function parseDigest(text: string): VerityDigest {
  if (isVerityDigest(text)) return text;
  throw new PlanishError('BAD_OPTION', 'an fs-verity digest has 64 or 128 lower-case hexadecimal digits', {
    actual: text.slice(0, 160),
  });
}

function existing(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    throw fromSystemError(error, 'finding a directory', { file: path });
  }
}

function openImage(file: string): number {
  try {
    const fd = openSync(file, constants.O_RDONLY | constants.O_NOCTTY | constants.O_NONBLOCK);
    if (fstatSync(fd).isFile()) return fd;
    closeSync(fd);
  } catch (error) {
    throw fromSystemError(error, 'opening the image', { file });
  }
  throw new PlanishError('EROFS_BAD_SUPERBLOCK', 'the image is no regular file', { file });
}

function readAclFlag(fd: number, file: string): boolean {
  const { size } = fstatSync(fd);
  const head = Buffer.alloc(Math.min(size, HEAD_BYTES));
  readSync(fd, head, 0, head.length, 0);
  const bytes = (offset: number, length: number): Uint8Array => head.subarray(offset, offset + length);
  try {
    return readSuperblock({ size, bytes }).acl;
  } catch (error) {
    throw withDetail(error, { file });
  }
}

/** By the kernel where it must watch, else over the bytes. */
function checkImage({ image, digest, verity }: MountRequest, fd: number): void {
  if (digest === undefined) return;
  const actual = verity ? verityCalls().measure(fd)?.digest : computeDigest(fd, digest as VerityDigest);
  if (actual === digest) return;
  if (actual === undefined) {
    throw new PlanishError('VERITY_MISSING', 'the image has no fs-verity', {
      file: image,
      hint: 'enable it (fsverity enable), or waive the check with --no-verity',
    });
  }
  const message = 'the image does not have the digest that was promised';
  throw new PlanishError('VERITY_MISMATCH', message, { file: image, expected: digest, actual });
}

function computeDigest(fd: number, digest: VerityDigest): VerityDigest {
  const { size } = fstatSync(fd);
  if (size > LIMITS.erofsBytes) {
    throw new PlanishError('LIMIT_EXCEEDED', 'the image is too large', { limit: 'erofsBytes', actual: size });
  }
  return imageDigest(readFileSync(fd), verityAlgorithm(digest));
}
