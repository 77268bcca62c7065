/**
 * A small image that boots, as a careful builder would make it, and ways to spoil it. Paths are given one byte a
 * character, without a slash in front.
 */
import { byteString } from '../../../src/bytes/byte-string.ts';
import type { VerityDigest } from '../../../src/bytes/digest.ts';
import { type LintOptions, type LintResult, lint } from '../../../src/ops/lint/lint.ts';
import { END_OF_ARCHIVE, encodeTarHeader, paddingLength } from '../../../src/tar/writer.ts';
import { type LayerSpec, type LayoutSpec, makeLayout } from '../../support/layout-maker.ts';
import { signPe } from '../../support/signed-pe.ts';
import { makePe, makeUki, type UkiSpec } from '../../support/uki-maker.ts';

/** One file of the base layer. */
interface FixtureEntry {
  readonly type: 'directory' | 'regular' | 'symlink';
  readonly content?: string | Uint8Array;
  readonly target?: string;
  readonly xattrs?: Readonly<Record<string, string>>;
}

const KERNEL = 'usr/lib/modules/6.12.1';
const UKI = 'boot/EFI/Linux/6.12.1.efi';

/** Where systemd-boot lies, signed like the UKIs. */
export const LOADER = 'usr/lib/systemd/boot/efi/systemd-bootx64.efi';
const signedLoader = await signPe(makePe([['.text', 'a boot loader']]));

/** 128 digits that no tree has. */
export const WRONG_DIGEST = '0123456789abcdef'.repeat(8);

const DIRECTORIES =
  'boot dev etc proc run sys sysroot tmp usr usr/bin usr/lib usr/lib/modules usr/lib/ostree usr/lib/systemd usr/lib/systemd/boot usr/lib/systemd/boot/efi usr/lib/sysusers.d usr/lib/tmpfiles.d var var/lib var/lib/app var/log';

const FILES: Readonly<Record<string, string>> = {
  'usr/bin/tool': '#!/bin/sh\n',
  'usr/lib/os-release': 'ID=test\nVERSION_ID=1\n',
  'usr/lib/ostree/prepare-root.conf': '# for hosts with ostree\n[composefs]\nenabled = true\n',
  'usr/lib/sysusers.d/base.conf':
    '# users\nu daemon 1 - -\ng wheel 10\nu! app - "An app" /var/lib/app\nm app wheel\n',
  'usr/lib/tmpfiles.d/var.conf': 'd /var/lib/app 0755 - - -\nd! "/var/log" 0755\nL /var/run - - - - ../run\n',
  'etc/passwd': 'root:x:0:0::/root:/bin/sh\ndaemon:x:1:1::/:\napp:x:900:900::/var/lib/app:\n',
  'etc/group': 'root:x:0:\ndaemon:x:1:\nwheel:x:10:\napp:x:900:\n',
};

const LINKS: Readonly<Record<string, string>> = {
  ostree: 'sysroot/ostree',
  'etc/os-release': '../usr/lib/os-release',
  'var/run': '../run',
};

/** See the module. */
export class ImageFixture {
  readonly entries = new Map<string, FixtureEntry>();
  labels: Record<string, string> = { 'containers.bootc': '1', 'ostree.bootable': 'true' };
  /** Changes of the base layer's tar, and of how it is stored. */
  editTar: (tar: Buffer) => Buffer = (tar) => tar;
  stored: Partial<LayerSpec> = {};
  /** Layers above the base. */
  readonly upper: LayerSpec[] = [];
  layout: LayoutSpec = {};
  /** Absent: a kernel beside its modules. `digest` is put on the command line. */
  uki: { spec: UkiSpec; digest: boolean; path: string } | undefined;
  /** What is done to the UKI in the end. */
  signUki: (uki: Buffer) => Buffer | Promise<Buffer> = signPe;
  options: LintOptions = {};

  constructor() {
    for (const path of DIRECTORIES.split(' ')) this.directory(path);
    for (const [path, content] of Object.entries(FILES)) this.file(path, content);
    for (const [path, target] of Object.entries(LINKS)) this.symlink(path, target);
    this.file(LOADER, signedLoader);
    this.directory(KERNEL)
      .file(`${KERNEL}/vmlinuz`, 'k'.repeat(100))
      .file(`${KERNEL}/initramfs.img`, 'i'.repeat(100));
  }

  directory(path: string): this {
    this.entries.set(path, { type: 'directory' });
    return this;
  }

  /** A file, with the directories on the way to it. */
  file(path: string, content: string | Uint8Array = '', xattrs: Readonly<Record<string, string>> = {}): this {
    this.#parents(path);
    this.entries.set(path, { type: 'regular', content, xattrs });
    return this;
  }

  symlink(path: string, target: string): this {
    this.#parents(path);
    this.entries.set(path, { type: 'symlink', target });
    return this;
  }

  #parents(path: string): void {
    const names = path.split('/');
    for (let count = 1; count < names.length; count++) {
      const parent = names.slice(0, count).join('/');
      if (!this.entries.has(parent)) this.directory(parent);
    }
  }

  /** Takes away a path and all below it. */
  remove(path: string): this {
    for (const known of this.entries.keys()) {
      if (known === path || known.startsWith(`${path}/`)) this.entries.delete(known);
    }
    return this;
  }

  /** A layer of these blocks on top. */
  layer(...blocks: readonly Uint8Array[]): this {
    this.upper.push({ tar: Buffer.concat([...blocks, END_OF_ARCHIVE]) });
    return this;
  }

  /** Replaces the loose kernel by a UKI with the digest of the tree on its command line. */
  seal(spec: UkiSpec = {}, path: string = UKI): this {
    this.remove(`${KERNEL}/vmlinuz`).remove(`${KERNEL}/initramfs.img`);
    this.uki = { spec, digest: !('cmdline' in spec), path };
    return this;
  }

  /** An application image: no kernel, no labels, no state. */
  application(): this {
    for (const path of ['boot', 'sysroot', 'usr/lib/modules', 'var']) this.remove(path);
    this.labels = {};
    return this;
  }

  /** Writes the image into a new directory and lints it. */
  async lint(directory: string): Promise<LintResult> {
    if (this.uki !== undefined) this.file(this.uki.path, await this.#makeUki(directory, this.uki));
    return await this.#lintAs(`${directory}/image`);
  }

  async #makeUki(directory: string, { spec, digest }: { spec: UkiSpec; digest: boolean }): Promise<Buffer> {
    if (!digest) return await this.signUki(makeUki(spec));
    const cmdline = `rw composefs=${await this.digestOf(directory)}`;
    return await this.signUki(makeUki({ ...spec, cmdline }));
  }

  /** What a host of the profile computes: what it says of a UKI that has another digest. */
  async digestOf(directory: string, profile?: string): Promise<VerityDigest> {
    const path = this.uki?.path ?? UKI;
    const probe = this.entries.get(path);
    this.file(path, makeUki({ ...this.uki?.spec, cmdline: `composefs=${WRONG_DIGEST}` }));
    const options = { ...this.options, ...(profile === undefined ? {} : { profile }) };
    const { findings } = await this.#lintAs(`${directory}/probe-${profile ?? 'default'}`, options);
    if (probe === undefined) this.entries.delete(path);
    else this.entries.set(path, probe);
    const mismatch = findings.find(({ rule }) => rule === 'composefs-mismatch');
    return (mismatch?.expected ?? WRONG_DIGEST) as VerityDigest;
  }

  /** The reference of the image, written into the directory. */
  async write(directory: string): Promise<string> {
    const base: LayerSpec = { ...this.stored, tar: this.editTar(this.#tar()) };
    const { config } = this.layout;
    const made = await makeLayout(directory, [base, ...this.upper], {
      ...this.layout,
      config: (document) => {
        const labelled = { ...document, config: { ...document.config, Labels: this.labels } };
        return config === undefined ? labelled : config(labelled);
      },
    });
    return made.reference;
  }

  async #lintAs(directory: string, options: LintOptions = this.options): Promise<LintResult> {
    return await lint(await this.write(directory), options);
  }

  #tar(): Buffer {
    const paths = [...this.entries.keys()].sort((a, b) => (a < b ? -1 : 1));
    const blocks = paths.map((path) => entryBlocks(path, this.entries.get(path) ?? { type: 'directory' }));
    return Buffer.concat([...blocks, END_OF_ARCHIVE]);
  }
}

function entryBlocks(path: string, { type, content = '', target = '', xattrs = {} }: FixtureEntry): Buffer {
  const bytes = Buffer.from(content as Uint8Array);
  const header = encodeTarHeader({
    type,
    path: byteString(type === 'directory' ? `${path}/` : path),
    linkTarget: byteString(target),
    mode: type === 'directory' ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    mtime: { sec: 1_780_000_000, nsec: 0 },
    size: bytes.length,
    xattrs: new Map(Object.entries(xattrs).map(([name, value]) => [byteString(name), Buffer.from(value)])),
    major: 0,
    minor: 0,
  });
  return Buffer.concat([header, bytes, Buffer.alloc(paddingLength(bytes.length))]);
}
