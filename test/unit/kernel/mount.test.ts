/** How a plan becomes calls, and what refusals say. Real mounts are in test/interop/mount.test.ts. */
import { closeSync, openSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, describe, expect, it } from 'vitest';
import { type MountRequest, planMount } from '../../../src/host/mount-plan.ts';
import { carryOutMount, nativeMount } from '../../../src/kernel/mount.ts';
import type { KernelCalls } from '../../../src/native/contract.ts';
import { freshDirectory, removeDirectories } from '../io/rootfs-fixture.ts';

afterAll(removeDirectories);

/** Of this file alone, so that what stays in it is seen. */
process.env['TMPDIR'] = freshDirectory();

const REQUEST: MountRequest = {
  image: '/image',
  acl: false,
  objects: ['/o1', '/o2'],
  target: '/mnt',
  digest: 'cd'.repeat(32),
  verity: true,
  upper: undefined,
  work: undefined,
  idmap: undefined,
};

/** A kernel that writes down what it is asked and fails at one call. */
function kernel(fails: Readonly<Record<string, number>> = {}): { calls: KernelCalls; log: string[] } {
  const log: string[] = [];
  const answer = (name: string, args: unknown[], result: number): number => {
    log.push(
      [
        name,
        ...args.map((arg) =>
          ArrayBuffer.isView(arg)
            ? Buffer.from(arg.buffer, arg.byteOffset, arg.byteLength).toString()
            : String(arg),
        ),
      ].join(' '),
    );
    const key = Object.keys(fails).find((call) => (log.at(-1) as string).startsWith(call));
    return key === undefined ? result : (fails[key] as number);
  };
  const descriptor = (): number => openSync('/dev/null', 'r');
  const calls = {
    openFilesystem: (type: Uint8Array) => answer('open', [type], descriptor()),
    configureFilesystem: (_: number, ...args: unknown[]) => answer('config', args, 0),
    makeMount: (_: number, attributes: number) => answer('make', [attributes], descriptor()),
    attachMount: (_: number, path: Uint8Array) => answer('attach', [path], 0),
    setMountAttributes: (_: number, ...args: unknown[]) => answer('setattr', args.slice(0, 2), 0),
    unmount: (path: Uint8Array, flags: number) => answer('unmount', [path, flags], 0),
  } as unknown as KernelCalls;
  return { calls, log };
}

function carryOut(request: MountRequest, version: [number, number], fails = {}): string[] {
  const { calls, log } = kernel(fails);
  const fd = openSync('/dev/null', 'r');
  try {
    carryOutMount(planMount(request, version), fd, nativeMount(calls));
  } finally {
    closeSync(fd);
  }
  return log.map((line) => line.replace(/planish-mount-\w+/, 'POINT').replace(/\/proc\/\d+\/fd\/\d+/, 'FD'));
}

const POINT = `${tmpdir()}/POINT`;

describe('a mount', () => {
  it('is made layer by layer, and one unmount undoes it', () => {
    expect(carryOut(REQUEST, [6, 12])).toEqual([
      'open erofs',
      'config 0 ro  0',
      'config 0 noacl  0',
      'config 1 source FD 0',
      'config 6   0',
      'make 1',
      `attach ${POINT}`,
      'open overlay',
      `config 1 source composefs:${REQUEST.digest} 0`,
      'config 1 metacopy on 0',
      'config 1 redirect_dir on 0',
      'config 1 verity require 0',
      `config 1 lowerdir+ ${POINT} 0`,
      'config 1 datadir+ /o1 0',
      'config 1 datadir+ /o2 0',
      'config 6   0',
      'make 1',
      'attach /mnt',
      `unmount ${POINT} 2`,
    ]);
    expect(readdirSync(tmpdir())).toEqual([]);
  });

  it('gives all layers at once to an older kernel, and may be writable and mapped', () => {
    const request = { ...REQUEST, upper: '/u', work: '/w', idmap: '/proc/self/ns/user' };
    const log = carryOut(request, [6, 6]);
    expect(log).toContain(`config 1 lowerdir ${POINT}::/o1::/o2 0`);
    expect(log.filter((line) => line.startsWith('setattr'))).toEqual(['setattr 1048576 0']);
    expect(log.slice(-5)).toEqual(
      [
        'config 1 workdir /w 0',
        `config 1 lowerdir ${POINT}::/o1::/o2 0`,
        'config 6   0',
        'make 0',
        'attach /mnt',
        `unmount ${POINT} 2`,
      ].slice(1),
    );
  });

  it.each([
    ['open overlay', -19, 'MOUNT_UNSUPPORTED', 'mounting overlay: ENODEV', /modprobe erofs overlay/],
    ['open erofs', -38, 'MOUNT_UNSUPPORTED', 'mounting erofs: ENOSYS', /older than Linux 5\.2/],
    ['open erofs', -1, 'SYSCALL_FAILED', 'mounting erofs: EPERM', /needs root/],
    [
      'config 1 verity',
      -22,
      'MOUNT_UNSUPPORTED',
      'mounting overlay, option verity: EINVAL',
      /verity= came with Linux 6\.6/,
    ],
    ['attach /mnt', -2, 'SYSCALL_FAILED', 'attaching the mount: ENOENT', undefined],
  ])('that fails at "%s" with %i leaves nothing', (call, errno, code, message, hint) => {
    const { calls, log } = kernel({ [call]: errno });
    const run = (): void => carryOutMount(planMount(REQUEST, [6, 1]), 0, nativeMount(calls));
    expect(run).toThrow(expect.objectContaining({ code, message }));
    expect(run).toThrow(
      expect.objectContaining({
        detail: expect.objectContaining(hint === undefined ? {} : { hint: expect.stringMatching(hint) }),
      }),
    );
    const attached = log.filter((line) => line.includes('planish-mount') && line.startsWith('attach'));
    expect(log.filter((line) => line.startsWith('unmount'))).toHaveLength(attached.length);
    expect(readdirSync(tmpdir())).toEqual([]);
  });
});
