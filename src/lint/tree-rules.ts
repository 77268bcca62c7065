/**
 * Rules about the tree: what hosts and `bootc container lint` demand of it, SELinux included. A row is a rule; its key never changes its meaning. See `rules.ts`.
 */
import type { LintRule } from './rule.ts';

/** The rules, in the order in which findings are told. */
export const TREE_RULES = {
  'usr-missing': {
    severity: 'error',
    scope: 'any',
    title: 'There is no directory /usr.',
    hint: 'hosts take the metadata of / from /usr: it must be a directory',
  },
  'run-not-directory': {
    severity: 'error',
    scope: 'any',
    title: '/run is no directory.',
    hint: 'make /run a directory, or leave it out',
  },
  'boot-missing': {
    severity: 'error',
    scope: 'bootable',
    title: 'There is no directory /boot.',
    hint: 'add an empty directory /boot',
  },
  'sysroot-missing': {
    severity: 'error',
    scope: 'bootable',
    title: 'There is no directory /sysroot.',
    hint: 'add an empty directory /sysroot',
  },
  'base-directory-missing': {
    severity: 'error',
    scope: 'bootable',
    title: 'A directory that every system needs is missing.',
    hint: 'add empty directories /dev /etc /proc /run /sys /tmp /var',
  },
  'os-release-missing': {
    severity: 'warning',
    scope: 'bootable',
    title: '/usr/lib/os-release is missing.',
    hint: 'put the file there and make /etc/os-release a link to it',
  },
  'ostree-link': {
    severity: 'warning',
    scope: 'bootable',
    title: '/ostree is not the link that bootc demands.',
    hint: 'make /ostree a symbolic link to sysroot/ostree',
  },
  'ostree-composefs': {
    severity: 'note',
    scope: 'bootable',
    title: 'composefs is not switched on for hosts that use ostree.',
    hint: 'put "[composefs]" and "enabled = true" into /usr/lib/ostree/prepare-root.conf',
  },
  'var-run-directory': {
    severity: 'error',
    scope: 'bootable',
    title: '/var/run is a directory.',
    hint: 'make it a symbolic link to ../run',
  },
  'usr-etc': {
    severity: 'error',
    scope: 'bootable',
    title: 'There are both /etc and /usr/etc.',
    hint: 'move everything to /etc: bootc makes /usr/etc itself',
  },
  'kargs-invalid': {
    severity: 'error',
    scope: 'bootable',
    title: 'A file of kernel arguments cannot be read.',
    hint: 'write kargs = ["…"] and, if need be, match-architectures = ["…"], and nothing else',
  },
  'name-not-utf8': {
    severity: 'warning',
    scope: 'bootable',
    title: 'Names or link targets are not UTF-8.',
    hint: 'rename the files',
  },
  'build-residue': {
    severity: 'warning',
    scope: 'bootable',
    title: 'An empty /etc/hostname or /etc/resolv.conf came from the build.',
    hint: 'remove the file: container engines leave it behind as an empty one',
  },
  'log-files': {
    severity: 'warning',
    scope: 'bootable',
    title: 'There are log files in /var/log.',
    hint: 'remove them at the end of the build',
  },
  'var-content': {
    severity: 'warning',
    scope: 'bootable',
    title: '/var has content that tmpfiles.d does not make.',
    hint: 'ship it in /usr, and let /usr/lib/tmpfiles.d make directories and links in /var',
  },
  sysusers: {
    severity: 'warning',
    scope: 'bootable',
    title: 'Users or groups are not described in sysusers.d.',
    hint: 'describe them in /usr/lib/sysusers.d',
  },
  'boot-content': {
    severity: 'warning',
    scope: 'bootable',
    title: '/boot holds more than EFI files.',
    hint: 'move kernels to /usr/lib/modules/VERSION, and leave the rest out',
  },
  'runtime-content': {
    severity: 'warning',
    scope: 'bootable',
    title: '/run or /tmp is not empty.',
    hint: 'remove what the build left there',
  },
  'xattr-dropped': {
    severity: 'note',
    scope: 'any',
    title: 'Files have extended attributes that hosts drop.',
    hint: 'rely on nothing but security.capability; labels come from the policy',
  },
  'selinux-policy-missing': {
    severity: 'error',
    scope: 'bootable',
    title: 'The SELinux policy that is named is not there.',
    hint: 'install the policy, or remove SELINUXTYPE from /etc/selinux/config',
  },
  'selinux-file-irregular': {
    severity: 'error',
    scope: 'bootable',
    title: 'A file of the SELinux policy is no regular file.',
    hint: 'put the file itself there: hosts follow no links',
  },
  'selinux-rules-unreadable': {
    severity: 'error',
    scope: 'bootable',
    title: 'A rule of the SELinux policy cannot be read.',
    hint: 'mend or remove the line',
  },
  'selinux-disabled': {
    severity: 'note',
    scope: 'bootable',
    title: 'SELinux is disabled, but hosts label the tree all the same.',
    hint: 'remove SELINUXTYPE from /etc/selinux/config if no labels are wanted',
  },
  'selinux-readings-differ': {
    severity: 'warning',
    scope: 'bootable',
    title: 'Hosts label files in another way than SELinux itself does.',
    hint: 'sort file_contexts as the policy tools do, the most specific rules last',
  },
  'selinux-label-in-layer': {
    severity: 'note',
    scope: 'bootable',
    title: 'Layers carry SELinux labels, which hosts replace.',
    hint: 'ship no labels, and a policy instead',
  },
} as const satisfies Readonly<Record<string, LintRule>>;
