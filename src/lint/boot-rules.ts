/**
 * Rules about what boots: kernels, UKIs and the digest on their command line. A row is a rule; its key never changes its meaning. See `rules.ts`.
 */
import type { LintRule } from './rule.ts';

/** The rules, in the order in which findings are told. */
export const BOOT_RULES = {
  'host-refuses': {
    severity: 'error',
    scope: 'bootable',
    title: 'Hosts make no bootable image of the tree.',
    hint: 'mend what the message names',
  },
  'kernel-missing': {
    severity: 'error',
    scope: 'bootable',
    title: 'There is no kernel.',
    hint: 'ship a UKI in /boot/EFI/Linux, or vmlinuz and initramfs.img in /usr/lib/modules/VERSION',
  },
  'several-kernels': {
    severity: 'error',
    scope: 'bootable',
    title: 'There are several kernels.',
    hint: 'keep one: bootc lint demands it, and hosts boot the first by name',
  },
  'initramfs-missing': {
    severity: 'error',
    scope: 'bootable',
    title: 'A kernel has no initramfs.img beside it.',
    hint: 'make it during the build, e.g. with dracut',
  },
  'kernel-unsuited': {
    severity: 'warning',
    scope: 'bootable',
    title: 'The kernel is of a version that cannot mount composefs images, or is known to fail.',
    hint: 'ship Linux 6.6 or later, but not 7.0',
  },
  'loose-kernel': {
    severity: 'warning',
    scope: 'bootable',
    title: 'A loose kernel lies beside a UKI.',
    hint: 'remove vmlinuz and initramfs.img from /usr/lib/modules/VERSION: the UKI has them',
  },
  'type1-entry': {
    severity: 'error',
    scope: 'bootable',
    title: 'The image ships boot loader entries.',
    hint: 'remove /boot/loader/entries: hosts write entries themselves',
  },
  'uki-irregular': {
    severity: 'error',
    scope: 'bootable',
    title: 'What has the name of a UKI is none.',
    hint: 'put the file itself there: no link, and more than 64 bytes',
  },
  'uki-malformed': {
    severity: 'error',
    scope: 'bootable',
    title: 'A UKI or addon is no well-formed PE file.',
    hint: 'make it again',
  },
  'uki-section-missing': {
    severity: 'error',
    scope: 'bootable',
    title: 'A UKI lacks a section.',
    hint: 'make it with .cmdline, .osrel, .linux and .initrd',
  },
  'uki-place': {
    severity: 'warning',
    scope: 'bootable',
    title: 'A UKI lies where bootc does not look for it.',
    hint: 'put it at /boot/EFI/Linux/VERSION.efi',
  },
  'uki-modules': {
    severity: 'warning',
    scope: 'bootable',
    title: 'There are no modules for the kernel of a UKI.',
    hint: 'ship /usr/lib/modules/VERSION of the version in its .uname section',
  },
  'uki-addon': {
    severity: 'note',
    scope: 'bootable',
    title: 'There are UKI addons.',
    hint: 'name them at installation (--uki-addon): none is installed by itself, and upgrades skip them',
  },
  'uki-signature': {
    severity: 'error',
    scope: 'bootable',
    title: 'A UKI or addon has signatures, and none of them holds.',
    hint: 'sign it after its last change: pe sign --replace, or seal again',
  },
  'uki-unsigned': {
    severity: 'warning',
    scope: 'bootable',
    title: 'A UKI or addon is not signed.',
    hint: 'sign it (seal --key --cert, or pe sign): machines with Secure Boot refuse it, others believe any other in its place',
  },
  'bootupd-present': {
    severity: 'warning',
    scope: 'bootable',
    title: 'bootupd is installed beside a UKI.',
    hint: 'remove bootupd: where it is, bootc installs GRUB instead of systemd-boot',
  },
  'systemd-boot-missing': {
    severity: 'warning',
    scope: 'bootable',
    title: 'There is a UKI but no systemd-boot to load it.',
    hint: 'ship systemd-boot in /usr/lib/systemd/boot/efi',
  },
  'systemd-boot-unsigned': {
    severity: 'warning',
    scope: 'bootable',
    title: 'A UKI is signed, and no systemd-boot is.',
    hint: 'sign systemd-boot before it is put into the image (pe sign), or ship a signed one',
  },
  'composefs-missing': {
    severity: 'error',
    scope: 'bootable',
    title: 'The command line of a UKI names no composefs digest.',
    hint: 'make the UKI with composefs=DIGEST; digest --bootable prints it',
  },
  'composefs-key': {
    severity: 'error',
    scope: 'bootable',
    title: 'The command line of a UKI has composefs.digest=, which bootc does not read.',
    hint: 'write composefs=DIGEST and leave composefs.digest= out',
  },
  'composefs-optional': {
    severity: 'warning',
    scope: 'bootable',
    title: 'The command line of a UKI makes verification optional.',
    hint: 'drop the ? once the root file systems of all hosts have fs-verity',
  },
  'composefs-repeated': {
    severity: 'error',
    scope: 'bootable',
    title: 'The command line of a UKI names several composefs digests.',
    hint: 'keep one: readers disagree about which of them counts',
  },
  'composefs-malformed': {
    severity: 'error',
    scope: 'bootable',
    title: 'The composefs digest of a UKI is not of the right form.',
    hint: 'hosts want 128 lower-case hexadecimal digits (SHA-512); cfsctl prints 64 when asked for SHA-256',
  },
  'composefs-other-profile': {
    severity: 'error',
    scope: 'bootable',
    title: 'The composefs digest of a UKI is right for other hosts only.',
    hint: 'seal for the hosts that you have, or lint with their --profile',
  },
  'composefs-mismatch': {
    severity: 'error',
    scope: 'bootable',
    title: 'The composefs digest of a UKI is not that of the tree.',
    hint: 'seal again after the last change of the image; explain finds what differs',
  },
} as const satisfies Readonly<Record<string, LintRule>>;
