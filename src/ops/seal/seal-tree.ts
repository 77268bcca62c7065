/** What becomes of a tree when it is sealed: without its kernels, and with UKIs. */

import { prepareAuthenticode } from '../../boot/authenticode.ts';
import { UKI_DIRECTORY } from '../../boot/boot-entries.ts';
import { type EfiMachine, efiMachine } from '../../boot/efi-machine.ts';
import type { Kernel } from '../../boot/kernels.ts';
import { decodePeHeaders } from '../../boot/pe-headers.ts';
import { formatDigestArgument, formatSealedCmdline } from '../../boot/sealed-cmdline.ts';
import { buildUki, type PartPlace } from '../../boot/uki-writer.ts';
import type { ByteSource } from '../../bytes/byte-source.ts';
import { byteSource } from '../../bytes/byte-source.ts';
import { type ByteString, byteString, display, fromUtf8 } from '../../bytes/byte-string.ts';
import type { VerityDigest } from '../../bytes/digest.ts';
import { NO_XATTRS, type Timestamp } from '../../bytes/stat.ts';
import { PlanishError } from '../../errors.ts';
import { configPlatform } from '../../oci/config.ts';
import { parsePlatform } from '../../oci/platform.ts';
import { type ContentFile, ContentReader } from '../../parallel/content-file.ts';
import { withLeaves, withoutPaths } from '../../tree/edit.ts';
import { type Directory, INLINE_CONTENT_MAX, type RegularFile } from '../../tree/tree.ts';
import type { ExtendedTree } from '../build/extended-tree.ts';
import { type ShippedLabels, shipTree } from '../build/ship-labels.ts';
import { contentSource } from '../load/content-source.ts';
import { withFileSources } from '../load/file-source.ts';
import type { LoadedTree } from '../load/load-tree.ts';
import type { Session } from '../session.ts';
import type { BootSigner } from './boot-signer.ts';
import { type Addon, placeAddons } from './seal-addons.ts';
import { type BootProfile, sealDigest } from './seal-digest.ts';
import { chooseKernels, readKargs, readOsRelease, readStub, stubPath, wholeStub } from './seal-inputs.ts';
import { signPeSource, spoolSource } from './sign-pe.ts';

/** What decides what a sealed image holds. */
export interface SealTreeOptions {
  readonly profile: BootProfile;
  /** Absent: nothing is signed. */
  readonly signer: BootSigner | undefined;
  /** OCI name of the architecture. */
  readonly architecture: string;
  /** Kernel arguments behind those of kargs.d and the digest. */
  readonly kargs?: readonly string[] | undefined;
  /** File of a stub, instead of the image's. */
  readonly stub?: string | undefined;
  /** Files of initial file systems, instead of the image's. */
  readonly initrds?: readonly string[] | undefined;
  /** Versions of all kernels, for an image that has several. */
  readonly kernels?: readonly string[] | undefined;
  /** Files of addons for every UKI. */
  readonly ukiAddons?: readonly string[] | undefined;
  /** Files of addons in /boot/loader/addons. */
  readonly addons?: readonly string[] | undefined;
  /** Let hosts boot it from a file system without fs-verity: then nothing is sealed. */
  readonly allowMissingVerity?: boolean | undefined;
  /** Put a dumpfile of the tree beside the UKIs, for hosts to explain a mismatch by. */
  readonly dump?: boolean | undefined;
  readonly selinux?: ShippedLabels | undefined;
}

/** A file that was made. */
export interface SealedFile {
  /** Path in the image, for display. */
  readonly path: string;
  readonly kind: 'uki' | 'addon' | 'dump';
  /** Bytes. */
  readonly size: number;
  /** Of a UKI. */
  readonly version: string | undefined;
  readonly cmdline: string | undefined;
  /** SHA-256 Authenticode digest in hexadecimal; of PE files. */
  readonly authenticode: string | undefined;
  /** Subject of the certificate that it was signed with. */
  readonly signer: string | undefined;
}

/** A signature that is wanted, see `seal-request.ts`. */
export interface PendingSignature {
  readonly path: string;
  readonly authenticode: string;
  readonly toBeSigned: Uint8Array;
}

/** A tree with what was added to it. */
export interface SealedTree extends ExtendedTree {
  readonly argument: string;
  readonly digest: VerityDigest;
  readonly files: readonly SealedFile[];
  /** What a key is to sign, of files that are not signed. */
  readonly pending: readonly PendingSignature[];
}

/** Seals a tree that is about to be shipped. */
export async function sealTree(
  session: Session,
  tree: LoadedTree,
  shipped: Directory,
  options: SealTreeOptions,
): Promise<SealedTree> {
  const machine = machineOf(options.architecture);
  const kernels = chooseKernels(shipped, options.kernels ?? []);
  const base = withoutPaths(
    shipped,
    kernels.flatMap(({ linux, initramfs }) => [
      linux.path,
      ...(initramfs === undefined ? [] : [initramfs.path]),
    ]),
  );
  const choices = { optional: options.allowMissingVerity === true, dump: options.dump === true };
  const { argument, dump } = await sealDigest(session, tree, base, options.profile, choices);
  const reader = new ContentReader(tree.contents);
  try {
    const kargs = readKargs(shipped, reader, machine);
    const cmdline = formatSealedCmdline(kargs, argument, options.kargs ?? []);
    const work: Work = {
      session,
      tree,
      shipped,
      reader,
      machine,
      options,
      cmdline,
      made: [],
      contents: [...tree.contents],
    };
    for (const kernel of kernels) await addKernel(work, kernel, dump);
    await addAddons(work, kernels);
    return assemble(work, base, formatDigestArgument(argument), argument.digest);
  } finally {
    reader.close();
  }
}

/** A file on its way into the tree. */
interface Made {
  readonly path: ByteString;
  readonly node: RegularFile;
  readonly file: SealedFile;
  readonly toBeSigned: Uint8Array | undefined;
}

interface Work {
  readonly session: Session;
  readonly tree: LoadedTree;
  readonly shipped: Directory;
  readonly reader: ContentReader;
  readonly machine: EfiMachine;
  readonly options: SealTreeOptions;
  readonly cmdline: string;
  readonly made: Made[];
  readonly contents: ContentFile[];
}

function machineOf(architecture: string): EfiMachine {
  const machine = efiMachine(architecture);
  if (machine !== undefined) return machine;
  throw new PlanishError('NOT_BOOTABLE', 'the image is for an architecture without EFI', {
    actual: architecture,
  });
}

async function addKernel(work: Work, kernel: Kernel, dump: Uint8Array | undefined): Promise<void> {
  const { session, options, shipped, reader, cmdline } = work;
  session.onProgress({ stage: 'digest', done: 0, total: undefined, unit: 'steps' });
  const { version, linux, initramfs } = kernel;
  const time = linux.file.metadata.mtime;
  const { stub, stubPlace } = await stubOf(work);
  await withFileSources(options.initrds ?? [], async (given) => {
    const own = initramfs === undefined ? [] : [contentSource(reader, initramfs.file.content)];
    const initrds = given.length > 0 ? given : own;
    if (initrds.length === 0) {
      throw new PlanishError('NOT_BOOTABLE', `kernel ${version} has no initial file system`, {
        path: display(linux.path),
        hint: 'put one beside it as initramfs.img, or give one with --initrd',
      });
    }
    const { source, sbatMerged } = buildUki({
      ...{ stub, stubPlace, osRelease: readOsRelease(shipped, reader), cmdline, uname: version, initrds },
      ...{ linux: contentSource(reader, linux.file.content), linuxPlace: { path: display(linux.path) } },
    });
    if (!sbatMerged) warnSbat(session, version);
    const path = byteString(`${UKI_DIRECTORY}/${fromUtf8(version)}.efi`);
    await addPe(work, { path, source, isSigned: false }, time, { kind: 'uki', version, cmdline });
  });
  if (dump !== undefined) addDump(work, dump, version, time);
}

interface PlacedStub {
  readonly stub: Uint8Array;
  readonly stubPlace: PartPlace;
}

/** The stub that was given, or the image's. */
async function stubOf({ options, shipped, reader, machine }: Work): Promise<PlacedStub> {
  const { stub: file } = options;
  if (file === undefined) {
    const stubPlace = { path: display(stubPath('linux', machine)) };
    return { stub: readStub(shipped, reader, 'linux', machine), stubPlace };
  }
  const read = async ([source]: readonly ByteSource[]): Promise<Uint8Array> =>
    wholeStub(source as ByteSource, { file });
  return { stub: await withFileSources([file], read), stubPlace: { file } };
}

function warnSbat({ onWarning }: Session, version: string): void {
  const message = `the stub has no room for revocation lines of the kernel and of the UKI of ${version}`;
  onWarning({ code: 'SBAT_NOT_MERGED', message });
}

/** Signs a PE file unless it is signed, and keeps it. */
async function addPe(
  work: Work,
  { path, source, isSigned }: Addon,
  time: Timestamp,
  facts: Pick<SealedFile, 'kind' | 'version' | 'cmdline'>,
): Promise<void> {
  const { signer } = work.options;
  const unsigned = prepareAuthenticode(source);
  const sign = !isSigned && signer !== undefined;
  const final = sign ? await signPeSource(source, signer) : source;
  const { file, content } = spoolSource(work.session, final, work.tree.algorithm, work.contents.length);
  work.contents.push(file);
  work.made.push({
    path,
    node: { type: 'regular', metadata: fileMetadata(time), content },
    toBeSigned: isSigned || sign ? undefined : unsigned.toBeSigned,
    file: {
      path: display(path),
      ...facts,
      size: content.size,
      authenticode: Buffer.from(unsigned.digest).toString('hex'),
      signer: sign ? signer.certificate.subject : undefined,
    },
  });
}

/** As bootc looks for it: /boot/VERSION.dump. */
function addDump(work: Work, dump: Uint8Array, version: string, time: Timestamp): void {
  const path = byteString(`/boot/${fromUtf8(version)}.dump`);
  const row = work.contents.length;
  const spooled =
    dump.length > INLINE_CONTENT_MAX
      ? spoolSource(work.session, byteSource(dump), work.tree.algorithm, row)
      : undefined;
  if (spooled !== undefined) work.contents.push(spooled.file);
  const content = spooled?.content ?? { kind: 'inline' as const, bytes: dump };
  const facts = { version, cmdline: undefined, authenticode: undefined, signer: undefined };
  work.made.push({
    path,
    node: { type: 'regular', metadata: fileMetadata(time), content },
    toBeSigned: undefined,
    file: { path: display(path), kind: 'dump', size: dump.length, ...facts },
  });
}

async function addAddons(work: Work, kernels: readonly Kernel[]): Promise<void> {
  const { ukiAddons = [], addons = [] } = work.options;
  const time = kernels[0]?.linux.file.metadata.mtime ?? { sec: 0, nsec: 0 };
  await withFileSources(ukiAddons, async (sources) => {
    for (const { version } of kernels) {
      const directory = byteString(`${UKI_DIRECTORY}/${fromUtf8(version)}.efi.extra.d`);
      for (const addon of placeAddons(ukiAddons, sources, directory)) await addAddon(work, addon, time);
    }
  });
  await withFileSources(addons, async (sources) => {
    const directory = byteString('/boot/loader/addons');
    for (const addon of placeAddons(addons, sources, directory)) await addAddon(work, addon, time);
  });
}

async function addAddon(work: Work, addon: Addon, time: Timestamp): Promise<void> {
  decodePeHeaders(addon.source);
  await addPe(work, addon, time, { kind: 'addon', version: undefined, cmdline: undefined });
}

function fileMetadata(mtime: Timestamp): RegularFile['metadata'] {
  return { mode: 0o644, uid: 0, gid: 0, mtime: { sec: mtime.sec, nsec: 0 }, xattrs: NO_XATTRS };
}

/** The tree with what was made. New directories take the time of the first kernel, so that no clock is needed. */
function assemble(work: Work, base: Directory, argument: string, digest: VerityDigest): SealedTree {
  const { session, made, contents, options } = work;
  const leaves = new Map(made.map(({ path, node }) => [path, node]));
  const mtime = made[0]?.node.metadata.mtime ?? { sec: 0, nsec: 0 };
  const directory = { mode: 0o755, uid: 0, gid: 0, mtime, xattrs: NO_XATTRS };
  const extended = withLeaves(base, leaves, directory);
  // Labels of what is new; all others stay as they are.
  const full = options.selinux === 'policy' ? shipTree(session, extended, contents, 'policy') : extended;
  const size = made.reduce((sum, { file }) => sum + file.size, 0);
  return {
    base,
    full,
    paths: [...leaves.keys()],
    size,
    contents,
    argument,
    digest,
    files: made.map(({ file }) => file),
    pending: made.flatMap(pendingSignature),
  };
}

function pendingSignature({ file, toBeSigned }: Made): PendingSignature[] {
  const { path, authenticode = '' } = file;
  return toBeSigned === undefined ? [] : [{ path, authenticode, toBeSigned }];
}

/** OCI name of the architecture of what is sealed: the image's, else the platform asked for, else this machine's. */
export function architectureOf(tree: LoadedTree, platform: string | undefined, machine: string): string {
  const own = tree.image === undefined ? undefined : configPlatform(tree.image.config.document)?.architecture;
  return own ?? parsePlatform(platform ?? `linux/${machine}`).architecture;
}
