/**
 * Carries a mount plan out: by the mount calls of Linux 5.2 where the native helpers are, else by mount(8). Whatever
 * fails, nothing stays mounted.
 */
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmdirSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ErrorDetail, fromSystemError, isPlanishError, PlanishError } from '../errors.ts';
import { explainMissing, type KernelVersion, parseKernelVersion } from '../host/kernel-features.ts';
import { formatMountOptions, lowerLayers, type MountOption, type MountPlan } from '../host/mount-plan.ts';
import { mapsOwners, parseMountinfo } from '../host/mountinfo.ts';
import type { KernelCalls } from '../native/contract.ts';
import { nativeHelpers } from '../native/load.ts';
import { errnoName, runStandIn } from './call.ts';

/** A way of mounting. */
export interface MountCalls {
  readonly name: string;
  /** Mounts the image (by the path through which it is open) with the plan's options. */
  mountErofs(plan: MountPlan, image: string, target: string): void;
  mountOverlay(plan: MountPlan, metadata: string): void;
  /** Takes the uppermost mount away; lazily where it is in use and `detach` is set. */
  unmount(target: string, detach: boolean): void;
}

/** The best that this machine has. */
export function mountCalls(): MountCalls {
  const helpers = nativeHelpers();
  return helpers === undefined ? TOOL_MOUNT : nativeMount(helpers);
}

/** Version of the kernel that runs. */
export function runningKernel(): KernelVersion {
  return parseKernelVersion(release());
}

/**
 * Mounts. `image` is open as `fd`, and that very file is mounted, whatever its name has come to mean meanwhile. Throws
 * `MOUNT_UNSUPPORTED` where the kernel lacks something, `SYSCALL_FAILED` where it refuses.
 */
export function carryOutMount(plan: MountPlan, fd: number, calls: MountCalls = mountCalls()): void {
  const metadata = temporaryPoint();
  try {
    calls.mountErofs(plan, `/proc/${process.pid}/fd/${fd}`, metadata);
    try {
      calls.mountOverlay(plan, metadata);
    } finally {
      calls.unmount(metadata, true);
    }
  } finally {
    rmdirSync(metadata);
  }
}

function temporaryPoint(): string {
  try {
    return mkdtempSync(join(tmpdir(), 'planish-mount-'));
  } catch (error) {
    throw fromSystemError(error, 'making a directory for the mount', { file: tmpdir() });
  }
}

/** Commands of `fsconfig(2)`, attributes of `fsmount(2)`, flags of `umount2(2)`. */
const FSCONFIG = { flag: 0, string: 1, create: 6 } as const;
const MOUNT_ATTR_RDONLY = 1;
const MOUNT_ATTR_IDMAP = 0x10_0000;
const MNT_DETACH = 2;

/** By the C helpers. */
export function nativeMount(helpers: KernelCalls): MountCalls {
  return {
    name: 'native',
    mountErofs: (plan, image, target) => {
      const options = [...plan.erofs, ['source', image] as const];
      const mount = withoutLoop(() => makeMount(helpers, plan, 'erofs', options, true));
      if (mount === undefined) return TOOL_MOUNT.mountErofs(plan, image, target);
      try {
        if (plan.request.idmap !== undefined) mapOwners(helpers, plan, mount, plan.request.idmap);
        attach(helpers, plan, mount, target);
      } finally {
        closeSync(mount);
      }
    },
    mountOverlay: (plan, metadata) => {
      const options = [['source', plan.source] as const, ...plan.overlay, ...layerOptions(plan, metadata)];
      const mount = makeMount(helpers, plan, 'overlay', options, plan.readOnly);
      try {
        attach(helpers, plan, mount, plan.request.target);
      } finally {
        closeSync(mount);
      }
    },
    unmount: (target, detach) => {
      const result = helpers.unmount(Buffer.from(target), detach ? MNT_DETACH : 0);
      if (result !== 0) throw refusal(undefined, errnoName(result), 'unmounting', { file: target });
    },
  };
}

/** `undefined` where the kernel wants a block device: mount(8) knows how to get one. */
function withoutLoop(make: () => number): number | undefined {
  try {
    return make();
  } catch (error) {
    if (isPlanishError(error) && error.detail.errno === 'ENOTBLK') return undefined;
    throw error;
  }
}

function layerOptions(plan: MountPlan, metadata: string): MountOption[] {
  if (!plan.layersOneByOne) return [['lowerdir', lowerLayers(plan, metadata)]];
  return [['lowerdir+', metadata], ...plan.request.objects.map((path): MountOption => ['datadir+', path])];
}

function makeMount(
  helpers: KernelCalls,
  plan: MountPlan,
  type: 'erofs' | 'overlay',
  options: readonly MountOption[],
  readOnly: boolean,
): number {
  const context = demand(plan, helpers.openFilesystem(Buffer.from(type)), `mounting ${type}`, {});
  try {
    const configure = (command: number, key = '', value = ''): void => {
      const result = helpers.configureFilesystem(context, command, Buffer.from(key), Buffer.from(value), 0);
      const actual = result < 0 ? contextLog(context) : undefined;
      demand(plan, result, `mounting ${type}${key === '' ? '' : `, option ${key}`}`, { actual });
    };
    for (const [key, value] of options)
      configure(value === undefined ? FSCONFIG.flag : FSCONFIG.string, key, value);
    configure(FSCONFIG.create);
    const attributes = readOnly ? MOUNT_ATTR_RDONLY : 0;
    return demand(plan, helpers.makeMount(context, attributes), `mounting ${type}`, {});
  } finally {
    closeSync(context);
  }
}

/** The kernel keeps no more messages of one mount than this. */
const LOG_LINES = 8;

/** What the kernel says of a mount that it refuses: messages such as `e overlay: …`, read from the context. */
function contextLog(context: number): string | undefined {
  const messages: string[] = [];
  const buffer = Buffer.alloc(512);
  try {
    for (let length = 1; length > 0 && messages.length < LOG_LINES; messages.push(logLine(buffer, length))) {
      length = readSync(context, buffer);
    }
  } catch {
    // ENODATA: there are no more.
  }
  return messages.every((text) => text === '') ? undefined : messages.join('; ');
}

function logLine(buffer: Buffer, length: number): string {
  return buffer
    .toString('latin1', 0, length)
    .replace(/^[ewi] /, '')
    .trim();
}

function mapOwners(helpers: KernelCalls, plan: MountPlan, mount: number, file: string): void {
  const namespace = openNamespace(file);
  try {
    const result = helpers.setMountAttributes(mount, MOUNT_ATTR_IDMAP, 0, namespace);
    demand(plan, result, 'mapping owners of the mount', { file });
  } finally {
    closeSync(namespace);
  }
}

function openNamespace(file: string): number {
  try {
    return openSync(file, 'r');
  } catch (error) {
    throw fromSystemError(error, 'opening the user namespace', { file });
  }
}

function attach(helpers: KernelCalls, plan: MountPlan, mount: number, target: string): void {
  demand(plan, helpers.attachMount(mount, Buffer.from(target)), 'attaching the mount', { file: target });
}

function demand(plan: MountPlan, result: number, action: string, detail: ErrorDetail): number {
  if (result >= 0) return result;
  throw refusal(plan, errnoName(result), action, detail);
}

/** What is missing, as far as the kernel's answer tells. */
const REASONS: Readonly<Record<string, string>> = {
  EPERM: 'mounting needs root (CAP_SYS_ADMIN)',
  EACCES: 'mounting needs root (CAP_SYS_ADMIN)',
  ENODEV: 'the kernel does not have that file system (load its module: modprobe erofs overlay)',
  ENOSYS: 'the kernel is older than Linux 5.2',
  ENOTBLK: 'the kernel mounts EROFS from block devices only (Linux 6.12 mounts it from a file)',
};

const UNSUPPORTED = new Set(['ENODEV', 'ENOSYS', 'ENOTBLK', 'EOPNOTSUPP']);

function refusal(
  plan: MountPlan | undefined,
  errno: string,
  action: string,
  detail: ErrorDetail,
): PlanishError {
  const missing = plan === undefined ? undefined : explainMissing(plan.kernel, plan.features);
  const hint = REASONS[errno] ?? (errno === 'EINVAL' ? missing : undefined);
  const unsupported = UNSUPPORTED.has(errno) || (errno === 'EINVAL' && missing !== undefined);
  const code = unsupported ? 'MOUNT_UNSUPPORTED' : 'SYSCALL_FAILED';
  return new PlanishError(code, `${action}: ${errno}`, { ...detail, errno, hint });
}

const MOUNT_TOOL = { action: 'mounting', tool: 'mount (package mount)' };

/** By mount(8) and umount(8), which take a loop device where the kernel needs one. */
const TOOL_MOUNT: MountCalls = {
  name: 'mount',
  mountErofs: (plan, image, target) => {
    const { idmap } = plan.request;
    const options: MountOption[] = idmap === undefined ? [] : [['X-mount.idmap', idmap]];
    runMount(plan, 'erofs', [...plan.erofs, ...options], image, target);
    if (idmap !== undefined) demandMappedOwners(target);
  },
  mountOverlay: (plan, metadata) => {
    const mode: MountOption = [plan.readOnly ? 'ro' : 'rw'];
    const lower: MountOption = ['lowerdir', lowerLayers(plan, metadata)];
    runMount(plan, 'overlay', [mode, ...plan.overlay, lower], plan.source, plan.request.target);
  },
  unmount: (target, detach) => {
    const flags = detach ? ['-l'] : [];
    const result = runStandIn(['umount', ...flags, '--', target], [], MOUNT_TOOL);
    if (!('output' in result)) throw refusal(undefined, result.errno, 'unmounting', { file: target });
  },
};

/** Takes the mount away again where mount(8) passed over `X-mount.idmap`, as before util-linux 2.39 it does without a word. */
function demandMappedOwners(target: string): void {
  if (mapsOwners(parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8')), target)) return;
  TOOL_MOUNT.unmount(target, true);
  throw new PlanishError('MOUNT_UNSUPPORTED', 'mount(8) maps no owners here', {
    hint: 'the native helpers or util-linux 2.39 do',
  });
}

function runMount(
  plan: MountPlan,
  type: string,
  options: readonly MountOption[],
  source: string,
  target: string,
): void {
  const args = ['-t', type, '-o', formatMountOptions(options), '--', source, target] as const;
  const result = runStandIn(['mount', ...args], [], MOUNT_TOOL);
  if (!('output' in result)) throw refusal(plan, result.errno, `mounting ${type}`, { file: target });
}
