/**
 * Kernels of an image that can be put into a UKI: beside their modules, as bootc images have them, or in /boot under
 * the names that Debian and Fedora give them. Links are not followed, as hosts don't.
 */
import { type ByteString, byteString, decodeUtf8 } from '../bytes/byte-string.ts';
import type { Directory, RegularFile } from '../tree/tree.ts';
import { joinPath, lookup, sortedChildren } from '../tree/walk.ts';
import { MODULES_DIRECTORY } from './boot-entries.ts';

/** A regular file of an image. */
export interface FileAt {
  readonly path: ByteString;
  readonly file: RegularFile;
}

/** A kernel and its initial file system. */
export interface Kernel {
  /** Name of the directory of its modules: what `uname -r` says when it runs. */
  readonly version: string;
  readonly linux: FileAt;
  readonly initramfs: FileAt | undefined;
}

/** All kernels, in byte order of their versions. Those whose version is not UTF-8 are none. */
export function findKernels(root: Directory): Kernel[] {
  const modules = lookup(root, MODULES_DIRECTORY);
  if (modules?.type !== 'directory') return [];
  return sortedChildren(modules).flatMap(([name, node]): Kernel[] => {
    const version = decodeUtf8(name);
    return node.type !== 'directory' || version === undefined ? [] : kernelOf(root, name, version);
  });
}

function kernelOf(root: Directory, name: ByteString, version: string): Kernel[] {
  const beside = joinPath(MODULES_DIRECTORY, name);
  const linux = firstFile(root, [`${beside}/vmlinuz`, `/boot/vmlinuz-${name}`]);
  if (linux === undefined) return [];
  const initramfs = firstFile(root, [
    `${beside}/initramfs.img`,
    `/boot/initramfs-${name}.img`,
    `/boot/initrd.img-${name}`,
  ]);
  return [{ version, linux, initramfs }];
}

function firstFile(root: Directory, paths: readonly string[]): FileAt | undefined {
  for (const path of paths.map(byteString)) {
    const file = lookup(root, path);
    if (file?.type === 'regular') return { path, file };
  }
  return undefined;
}
