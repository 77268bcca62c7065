/** For every rule a way to spoil the clean image so that this rule speaks and no other. */
import type { RuleId } from '../../../src/lint/rules.ts';
import { signPe } from '../../support/signed-pe.ts';
import { directory, extension, file, hardlink, pax, rawHeader, symlink } from '../../support/tar-maker.ts';
import { makePe, makeUki } from '../../support/uki-maker.ts';
import { type ImageFixture, LOADER, WRONG_DIGEST } from './image-fixture.ts';

type Spoil = (image: ImageFixture, temporary: string) => ImageFixture | Promise<ImageFixture>;

const withPax = (records: string, ...blocks: Uint8Array[]): Uint8Array[] => [
  extension('x', records),
  ...blocks,
];
const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex').toString('base64');
const many = (image: ImageFixture, count: number): ImageFixture => {
  while (image.upper.length < count) image.layer();
  return image;
};
const policy = (
  image: ImageFixture,
  rules: string,
  config = 'SELINUX=enforcing\nSELINUXTYPE=test\n',
): ImageFixture =>
  image.file('etc/selinux/config', config).file('etc/selinux/test/contexts/files/file_contexts', rules);
const store =
  (stored: ImageFixture['stored']): Spoil =>
  (image) =>
    Object.assign(image, { stored });

/** Rules about layers and documents. */
const LAYERS = {
  'layer-unreadable': (image) => image.layer(file('usr/a'), Buffer.alloc(512), file('usr/b')),
  'blob-digest-mismatch': store({
    compression: 'gzip',
    // The byte that names the operating system: the same tar, another blob.
    spoil: (blob) => Buffer.concat([blob.subarray(0, 9), Buffer.of(0x42), blob.subarray(10)]),
  }),
  'diffid-mismatch': store({ diffId: `sha256:${'0'.repeat(64)}` }),
  'several-frames': store({ compression: 'zstd', members: 3 }),
  'several-members': store({ compression: 'gzip', members: 2 }),
  'end-of-archive-missing': (image) =>
    Object.assign(image, { editTar: (tar: Buffer) => tar.subarray(0, tar.length - 1024) }),
  'media-type-wrong': store({
    descriptor: { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip' },
  }),
  'sparse-entry': (image) =>
    image.layer(
      ...withPax(
        pax(['GNU.sparse.map', '0,4,100,4'], ['GNU.sparse.numblocks', '2'], ['GNU.sparse.size', '200']),
        file('usr/sparse', 'datadata'),
      ),
    ),
  'size-without-content': (image) =>
    image.layer(rawHeader({ name: 'usr/l', type: '2', linkname: 'lib', size: 3 })),
  'pax-global-header': (image) =>
    image.layer(extension('g', pax(['comment', 'made by hand'])), file('usr/a')),
  'xattr-encoding': (image) =>
    image.layer(...withPax(pax(['LIBARCHIVE.xattr.security.capability', capability]), file('usr/a'))),
  'record-dropped': (image) =>
    image.layer(...withPax(pax(['SCHILY.acl.access', 'user::rw-']), file('usr/a'))),
  'fractional-time': (image) => image.layer(...withPax(pax(['mtime', '1780000000.5']), file('usr/a'))),
  'negative-time': (image) => image.layer(...withPax(pax(['mtime', '-1']), file('usr/a'))),
  'path-invalid': (image) => image.layer(file('../usr/a')),
  'parent-missing': (image) => image.layer(file('usr/none/a')),
  'parent-not-directory': (image) => image.layer(file('etc/os-release/a')),
  'whiteout-below-link': (image) =>
    image.file('usr/lib/old/a').layer(symlink('usr/lib/old', 'new'), file('usr/lib/old/.wh.a')),
  'link-target-missing': (image) => image.layer(hardlink('usr/a', 'usr/none')),
  'duplicate-entry': (image) => image.layer(file('usr/a', '1'), file('./usr/a', '2')),
  'whiteout-order': (image) => image.layer(file('usr/bin/tool', 'new'), file('usr/bin/.wh.tool')),
  'whiteout-without-target': (image) => image.layer(file('usr/bin/.wh.none')),
  'aufs-bookkeeping': (image) => image.layer(directory('.wh..wh.plnk/')),
  'layer-count': (image) => many(image, 125),
  'layer-count-overlay': (image) => many(image, 500),
  'platform-mismatch': (image) => {
    image.layout = {
      index: (index) => ({
        ...index,
        manifests: [{ ...index.manifests[0], platform: { os: 'linux', architecture: 'arm64' } }],
      }),
    };
    return image;
  },
  'label-bootc': (image) => Object.assign(image, { labels: { 'ostree.bootable': '1' } }),
  'label-ostree': (image) => Object.assign(image, { labels: { 'containers.bootc': '1' } }),
} as const satisfies Partial<Record<RuleId, Spoil>>;

/** Rules about the tree. */
const TREES = {
  'usr-missing': (image) => image.application().remove('usr').remove('etc'),
  'run-not-directory': (image) => image.application().remove('run').file('run'),
  'boot-missing': (image) => image.remove('boot'),
  'sysroot-missing': (image) => image.remove('sysroot'),
  'base-directory-missing': (image) => image.remove('proc'),
  'os-release-missing': (image) => image.remove('usr/lib/os-release'),
  'ostree-link': (image) => image.symlink('ostree', '/sysroot/ostree'),
  'ostree-composefs': (image) =>
    image.file('usr/lib/ostree/prepare-root.conf', '[composefs]\nenabled = no\n'),
  'var-run-directory': (image) => image.directory('var/run'),
  'usr-etc': (image) => image.directory('usr/etc'),
  'kargs-invalid': (image) => image.file('usr/lib/bootc/kargs.d/10-x.toml', 'kargs = ["a"]\nextra = 1\n'),
  'name-not-utf8': (image) => image.file('usr/lib/\xff'),
  'build-residue': (image) => image.file('etc/resolv.conf'),
  'log-files': (image) => image.file('var/log/build.log', 'built'),
  'var-content': (image) => image.directory('var/cache'),
  sysusers: (image) => image.file('etc/passwd', 'root:x:0:0::/root:/bin/sh\nghost:x:901:901::/:\n'),
  'boot-content': (image) => image.file('boot/grub2/grub.cfg', 'x'),
  'runtime-content': (image) => image.file('tmp/left', 'x'),
  'xattr-dropped': (image) => image.file('usr/a', 'x', { 'user.note': 'x' }),
  'selinux-policy-missing': (image) => image.file('etc/selinux/config', 'SELINUXTYPE=test\n'),
  'selinux-file-irregular': (image) =>
    policy(image, '/.* u:r:t:s0\n').symlink(
      'etc/selinux/test/contexts/files/file_contexts.subs',
      '/usr/subs',
    ),
  'selinux-rules-unreadable': (image) => policy(image, '/usr(/.* u:r:t:s0\n'),
  'selinux-disabled': (image) => policy(image, '/.* u:r:t:s0\n', 'SELINUX=disabled\nSELINUXTYPE=test\n'),
  // Hosts take the last line that matches, libselinux the plain path before the expression.
  'selinux-readings-differ': (image) => policy(image, '/usr/bin/tool u:r:tool:s0\n/.* u:r:t:s0\n'),
  'selinux-label-in-layer': (image) => image.file('usr/a', 'x', { 'security.selinux': 'u:r:t:s0\0' }),
} as const satisfies Partial<Record<RuleId, Spoil>>;

const addon = 'boot/EFI/Linux/6.12.1.efi.extra.d/debug.addon.efi';

/** Rules about what boots. */
/** Sealed, with something done to the UKI in the end. */
export const withUki = (image: ImageFixture, change: ImageFixture['signUki']): ImageFixture => {
  image.signUki = change;
  return image.seal();
};

/** A UKI in which the kernel is another, and all else as it was. */
export const otherKernel = (uki: Buffer): Buffer => {
  const copy = Buffer.from(uki);
  copy.write('another', copy.indexOf('a kernel'), 'latin1');
  return copy;
};

const BOOT = {
  'host-refuses': (image) => image.seal().remove('usr/lib/modules').symlink('usr/lib/modules', '../share'),
  'kernel-missing': (image) => image.remove('usr/lib/modules'),
  'several-kernels': (image) =>
    image.file('usr/lib/modules/6.13.0/vmlinuz', 'k').file('usr/lib/modules/6.13.0/initramfs.img', 'i'),
  'initramfs-missing': (image) => image.remove('usr/lib/modules/6.12.1/initramfs.img'),
  'kernel-unsuited': (image) =>
    image
      .remove('usr/lib/modules/6.12.1')
      .file('usr/lib/modules/5.10.0-8-amd64/vmlinuz', 'k')
      .file('usr/lib/modules/5.10.0-8-amd64/initramfs.img', 'i'),
  'loose-kernel': (image) => image.seal().file('usr/lib/modules/6.12.1/vmlinuz', 'k'),
  'type1-entry': (image) => image.file('boot/loader/entries/a.conf', 'title x\n'),
  'uki-irregular': (image) => image.seal().symlink('boot/EFI/Linux/other.efi', '6.12.1.efi'),
  'uki-malformed': (image) => image.seal().remove('boot/EFI').file(addon, 'no PE file '.repeat(20)),
  'uki-section-missing': (image) => image.seal({ osrel: undefined }),
  'uki-place': (image) => image.seal({}, 'boot/EFI/Linux/sub/6.12.1.efi'),
  'uki-modules': (image) => image.seal({ uname: '6.99.0' }),
  'uki-addon': async (image) => image.seal().file(addon, await signPe(makePe([['.cmdline', 'debug']]))),
  'uki-signature': (image) => withUki(image, async (uki) => otherKernel(await signPe(uki))),
  'uki-unsigned': (image) => withUki(image, (uki) => uki),
  'bootupd-present': (image) => image.file('usr/lib/bootupd/updates/EFI.json', '{}').seal(),
  'systemd-boot-missing': (image) => image.remove('usr/lib/systemd/boot').seal(),
  'systemd-boot-unsigned': (image) => image.seal().file(LOADER, makePe([['.text', 'a boot loader']])),
  'composefs-missing': (image) => image.seal({ cmdline: 'rw quiet' }),
  'composefs-key': (image) => image.seal({ cmdline: `composefs.digest=v1-sha512-12:${WRONG_DIGEST}` }),
  'composefs-optional': async (image, temporary) => {
    image.seal();
    return image.seal({ cmdline: `composefs=?${await image.digestOf(temporary)}` });
  },
  'composefs-repeated': async (image, temporary) => {
    const digest = await image.seal().digestOf(temporary);
    return image.seal({ cmdline: `composefs=${digest} composefs=${digest}` });
  },
  'composefs-malformed': (image) => image.seal({ cmdline: `composefs=${WRONG_DIGEST.slice(64)}` }),
  'composefs-other-profile': async (image, temporary) => {
    const digest = await image.seal().digestOf(temporary, 'bootc-1.16.0');
    return image.seal({ cmdline: `composefs=${digest}` });
  },
  'composefs-mismatch': (image) => image.seal({ cmdline: `composefs=${WRONG_DIGEST}` }),
} as const satisfies Partial<Record<RuleId, Spoil>>;

/** All of them: the type says when one is missing. */
export const FIXTURES: Readonly<Record<RuleId, Spoil>> = { ...LAYERS, ...TREES, ...BOOT };

/** UKIs that lie, for all of which there is a finding and never an exception. */
export function hostileUkis(): [string, Buffer][] {
  const honest = makeUki({ cmdline: `composefs=${WRONG_DIGEST}`, uname: '6.12.1' });
  const patched = (at: number, value: number): Buffer => {
    const copy = Buffer.from(honest);
    copy.writeUInt32LE(value, at);
    return copy;
  };
  const table = 0x80 + 24 + 240;
  return [
    ['zeros', Buffer.alloc(4096)],
    ['text', Buffer.from('no PE file '.repeat(100))],
    ['MZ alone', Buffer.concat([Buffer.from('MZ'), Buffer.alloc(100, 0xff)])],
    ['cut in the table', honest.subarray(0, table + 50)],
    ['cut in the content', honest.subarray(0, 2000)],
    ['65535 sections', patched(0x86, 0xffff)],
    ['sections over each other', patched(table + 40 + 20, 1024)],
    ['a section beyond the end', patched(table + 20, 0xffff_fe00)],
    ['a text of 4 GiB', patched(table + 40 + 8, 0xffff_ffff)],
    ['a text that is not UTF-8', makePe([['.cmdline', Buffer.alloc(100, 0xff)]])],
  ];
}
