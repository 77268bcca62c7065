/** A root that can be sealed, as a tar: small, and with nothing that a machine could really run. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { archive, directory, file } from './tar-maker.ts';
import { makePe, makeStub } from './uki-maker.ts';

export const KERNEL_VERSION = '6.12.1-test';

/** What {@link bootableTar} holds; `undefined` leaves a file out. */
export interface BootableRoot {
  readonly files?: Readonly<Record<string, string | Uint8Array | undefined>>;
  /** Directories that are left out. */
  readonly without?: readonly string[];
}

const DIRECTORIES = [
  ...['boot', 'dev', 'etc', 'proc', 'run', 'sys', 'sysroot', 'tmp', 'usr', 'usr/lib', 'usr/lib/bootc', 'var'],
  ...['usr/lib/bootc/kargs.d', 'usr/lib/modules', `usr/lib/modules/${KERNEL_VERSION}`, 'usr/lib/systemd'],
  ...['usr/lib/systemd/boot', 'usr/lib/systemd/boot/efi'],
];

/** An EFI program that stands for a kernel. */
const testKernel: Buffer = makePe([['.text', 'a kernel that nothing could start']]);

const FILES: Readonly<Record<string, string | Uint8Array>> = {
  [`usr/lib/modules/${KERNEL_VERSION}/vmlinuz`]: testKernel,
  [`usr/lib/modules/${KERNEL_VERSION}/initramfs.img`]: Buffer.alloc(3000, 'initramfs'),
  'usr/lib/os-release': 'ID=test\nVERSION_ID=1\nPRETTY_NAME="A test"\n',
  'usr/lib/systemd/boot/efi/linuxx64.efi.stub': makeStub(),
  'usr/lib/bootc/kargs.d/10-console.toml': 'kargs = ["console=ttyS0", "quiet"]\n',
  'usr/lib/bootc/kargs.d/20-arm.toml': 'kargs = ["arm"]\nmatch-architectures = ["aarch64"]\n',
  'etc/hostname': 'test\n',
};

/** See the module. */
export function bootableTar({ files = {}, without = [] }: BootableRoot = {}): Buffer {
  const all = Object.entries({ ...FILES, ...files }).flatMap(([path, content]) =>
    content === undefined ? [] : [[path, content] as const],
  );
  const extra = all.flatMap(([path]) => ancestors(path));
  const directories = [...new Set([...DIRECTORIES, ...extra])]
    .filter((path) => !without.includes(path))
    .sort();
  return archive(
    ...directories.map((path) => directory(`${path}/`)),
    ...all.map(([path, content]) => file(path, content)),
  );
}

function ancestors(path: string): string[] {
  const names = path.split('/').slice(0, -1);
  return names.map((_, index) => names.slice(0, index + 1).join('/'));
}

let serial = 0;

/** The root as a file below `folder`, as a reference. */
export function bootableSource(folder: string, root: BootableRoot = {}): string {
  const path = join(folder, `root-${serial++}.tar`);
  writeFileSync(path, bootableTar(root));
  return `tar:${path}`;
}
