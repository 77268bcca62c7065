/**
 * Kernels and initramfs images: what no package owns of a kernel goes where the rest of that kernel is, so that its
 * version appears in no key.
 */
import { type ByteString, byteString } from '../../bytes/byte-string.ts';
import type { Claim, ClaimContext, ComponentFacts, ComponentSource, SourceClaims } from '../component.ts';
import { unionRate } from '../rates.ts';

/** Key of a kernel that no package owns. */
const KERNEL_KEY: ByteString = byteString('kernel');
/** Key of all initramfs images. */
const INITRAMFS_KEY: ByteString = byteString('initramfs');

const MODULES = /^\/(?:usr\/)?lib\/modules\/([^/]+)\/(.+)$/;
const BOOT = /^\/boot\/(?:[^/]+\/)*[A-Za-z][A-Za-z_.]*?-(.*\d.*)$/;
const INITRAMFS_NAME = /(?:^|\/)(?:initrd|initramfs)(?:[.-][^/]*)?$/;
const ROOT_LINK = /^\/(?:vmlinuz|initrd\.img)(?:\.old)?$/;

/** Packages whose files usually end up in an initramfs, by the last part of their key. */
const INPUTS = new Set([
  'amd64-microcode',
  'busybox',
  'coreutils',
  'cryptsetup',
  'dracut',
  'e2fsprogs',
  'firmware-nonfree',
  'glibc',
  'initramfs-tools',
  'intel-microcode',
  'klibc',
  'kmod',
  'linux-firmware',
  'lvm2',
  'mdadm',
  'mkinitcpio',
  'ostree',
  'plymouth',
  'systemd',
  'util-linux',
]);

/** The source of kernels and initramfs images. */
export const kernelSource: ComponentSource = {
  name: 'kernel',
  priority: 40,
  strength: 'weak',
  wantedPaths: () => [],
  claim,
};

function claim(context: ClaimContext): SourceClaims {
  const owners = kernelOwners(context);
  const [anyOwner = KERNEL_KEY] = [...new Set(owners.values())].sort();
  const claims: Claim[] = [];
  for (const { path, node } of context.unowned()) {
    const version = MODULES.exec(path)?.[1] ?? BOOT.exec(path)?.[1];
    if (ROOT_LINK.test(path) && node.type === 'symlink') claims.push({ path, key: anyOwner });
    else if (isInitramfs(path)) claims.push({ path, key: INITRAMFS_KEY });
    else if (version !== undefined) claims.push({ path, key: ownerOfVersion(owners, version) ?? anyOwner });
  }
  const used = new Set(claims.map(({ key }) => key));
  const components = new Map<ByteString, ComponentFacts>();
  if (used.has(KERNEL_KEY)) components.set(KERNEL_KEY, { kind: 'kernel' });
  if (used.has(INITRAMFS_KEY)) {
    components.set(INITRAMFS_KEY, { kind: 'initramfs', rate: inputRate(context, owners) });
  }
  return { components, claims };
}

function isInitramfs(path: ByteString): boolean {
  return INITRAMFS_NAME.test(path) && (path.startsWith('/boot/') || MODULES.test(path));
}

/** Boot files are named after the version, sometimes with something behind it (`.old-dkms`, `.img`). */
function ownerOfVersion(owners: ReadonlyMap<string, ByteString>, tail: string): ByteString | undefined {
  const exact = owners.get(tail);
  if (exact !== undefined) return exact;
  for (const [version, key] of owners) if (tail.startsWith(version)) return key;
  return undefined;
}

/** For every version with modules: the component that owns most of them, {@link KERNEL_KEY} where none does. */
function kernelOwners(context: ClaimContext): Map<string, ByteString> {
  const counts = new Map<string, Map<ByteString, number>>();
  for (const { path } of context.index.items) {
    const version = MODULES.exec(path)?.[1];
    if (version === undefined) continue;
    const tally = counts.get(version) ?? new Map<ByteString, number>();
    counts.set(version, tally);
    const owner = context.ownerOf(path);
    if (owner !== undefined) tally.set(owner, (tally.get(owner) ?? 0) + 1);
  }
  const owners = new Map<string, ByteString>();
  for (const [version, tally] of counts) owners.set(version, mostFrequent(tally) ?? KERNEL_KEY);
  return owners;
}

function mostFrequent(tally: ReadonlyMap<ByteString, number>): ByteString | undefined {
  return [...tally].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))[0]?.[0];
}

/**
 * Whether files of a component usually end up in an initramfs.
 *
 * @public the maker of the replay's table asks
 */
export function isInitramfsInput(key: ByteString): boolean {
  return INPUTS.has(key.slice(key.lastIndexOf('/') + 1));
}

/** An initramfs changes when any of its inputs does: the kernels and {@link INPUTS}. */
function inputRate(context: ClaimContext, owners: ReadonlyMap<string, ByteString>): number | undefined {
  const kernels = new Set(owners.values());
  const rates: number[] = [];
  for (const [key, rate] of context.rates) if (kernels.has(key) || isInitramfsInput(key)) rates.push(rate);
  return rates.length === 0 ? undefined : unionRate(rates);
}
