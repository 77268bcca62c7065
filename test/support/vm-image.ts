/**
 * The image that the test machine boots: a small Debian root with a 6.12 kernel (`make-vm-root.sh`), and a layer over it
 * with the initramfs of the tests, kernel arguments, and a file with a capability.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeLayout } from './layout-maker.ts';
import { archive, directory, file, pax, paxHeader } from './tar-maker.ts';
import { makeInitramfs } from './vm-initramfs.ts';

/** What no machine here looks at, four fifths of the root: an emulated processor reads and hashes all that is left. */
const LEFT_OUT = [
  './etc/selinux/*/contexts/files/*.bin',
  './usr/bin/[!dgst]*',
  './usr/lib/[!mosx]*',
  './usr/lib/modules/*/kernel/*',
  './usr/lib/x86_64-linux-gnu/[!l]*',
  './usr/lib/x86_64-linux-gnu/lib[!acmpsz]*',
  './usr/lib/x86_64-linux-gnu/libc[!.]*',
  './usr/lib/x86_64-linux-gnu/libperl*',
  './usr/sbin/*',
  './usr/share/*',
  './var/lib/*',
];

/** See the module. */
export interface VmSource {
  /** Reference to the image, not sealed yet. */
  readonly reference: string;
  readonly kernelVersion: string;
  /** Kernel and initramfs as files, for starting without firmware. */
  readonly kernel: string;
  readonly initrd: string;
}

/** `cap_net_raw=ep`, as the kernel stores it. */
export const CAPABILITY = Buffer.from('0100000200200000000000000000000000000000', 'hex');

/** The root as a tar, or why there is none. */
export function vmRoot(): { readonly tar: string } | { readonly missing: string } {
  const tar = process.env['PLANISH_VM_ROOT'] ?? '';
  if (tar === '') return { missing: 'PLANISH_VM_ROOT is not set (test/support/make-vm-root.sh)' };
  return existsSync(tar) ? { tar } : { missing: `${tar} is missing (test/support/make-vm-root.sh)` };
}

/** Makes the image below a directory. */
export async function makeVmSource(tar: string, top: string): Promise<VmSource> {
  const parts = join(top, 'parts');
  mkdirSync(parts);
  const wanted = ['./usr/lib/modules', './usr/lib/systemd/boot'];
  execFileSync('tar', ['-C', parts, '-xf', tar, ...wanted]);
  const [kernelVersion] = readdirSync(join(parts, 'usr/lib/modules')) as [string];
  const modules = join(parts, 'usr/lib/modules', kernelVersion);
  const initramfs = makeInitramfs(modules);
  const initrd = join(top, 'initrd');
  writeFileSync(initrd, initramfs);
  const over = archive(
    file(`usr/lib/modules/${kernelVersion}/initramfs.img`, initramfs),
    directory('usr/lib/bootc/'),
    directory('usr/lib/bootc/kargs.d/'),
    // Not even errors: what the kernel says would stand amid the lines of the init program.
    file(
      'usr/lib/bootc/kargs.d/10-console.toml',
      'kargs = ["console=ttyS0", "quiet", "loglevel=1", "panic=-1"]\n',
    ),
    directory('opt/'),
    capability(),
    file('opt/capable', 'a file with a capability, and too long to lie in an inode of the image\n', {
      mode: '0000755',
    }),
  );
  const { reference } = await makeLayout(join(top, 'source'), [{ tar: smallRoot(tar) }, { tar: over }]);
  return { reference, kernelVersion, kernel: join(modules, 'vmlinuz'), initrd };
}

function capability(): Buffer {
  return paxHeader(pax(['SCHILY.xattr.security.capability', CAPABILITY.toString('latin1')]));
}

/** The root without {@link LEFT_OUT}, everything else of each entry as it was. */
function smallRoot(tar: string): Buffer {
  const excluded = LEFT_OUT.flatMap((pattern) => ['--exclude', pattern]);
  const args = ['--format', 'pax', '-c', '-f', '-', ...excluded, `@${tar}`];
  return execFileSync('bsdtar', args, { maxBuffer: 2 ** 30 });
}
