/**
 * What of an image can be booted, found where composefs hosts look for it: Type 1 entries, UKIs and their addons, and
 * kernels beside their modules. Links are not followed, as hosts don't.
 */
import { type ByteString, byteString } from '../bytes/byte-string.ts';
import {
  contentSize,
  type Directory,
  INLINE_CONTENT_MAX,
  type Node,
  type RegularFile,
} from '../tree/tree.ts';
import { joinPath, lookup, sortedChildren } from '../tree/walk.ts';

/** Where UKIs lie on the EFI system partition, and in an image. */
export const UKI_DIRECTORY: ByteString = byteString('/boot/EFI/Linux');

/** Where kernels lie beside their modules. */
export const MODULES_DIRECTORY: ByteString = byteString('/usr/lib/modules');

const TYPE1_DIRECTORY = byteString('/boot/loader/entries');
const GLOBAL_ADDONS_DIRECTORY = byteString('/boot/loader/addons');
const EFI_SUFFIX = '.efi';
const ADDON_SUFFIX = '.addon.efi';

/** A PE file that is bootable by its name. */
export interface EfiFile {
  readonly path: ByteString;
  readonly file: RegularFile;
}

/** A kernel at `/usr/lib/modules/VERSION/vmlinuz`. */
export interface LooseKernel {
  readonly path: ByteString;
  /** Name of the directory. */
  readonly version: ByteString;
  /** Whether a regular `initramfs.img` lies beside it. */
  readonly initramfs: boolean;
}

/** See the module. All lists are in byte order of paths. */
export interface BootEntries {
  /** Boot loader entries that an image ships itself (Boot Loader Specification, "Type #1"). */
  readonly type1: readonly ByteString[];
  readonly ukis: readonly EfiFile[];
  readonly addons: readonly EfiFile[];
  readonly kernels: readonly LooseKernel[];
  /** What has the name of a PE file but is none that hosts take: no regular file, or too small to be stored as one. */
  readonly irregular: readonly { readonly path: ByteString; readonly what: string }[];
}

interface Found {
  readonly ukis: EfiFile[];
  readonly addons: EfiFile[];
  readonly irregular: { path: ByteString; what: string }[];
}

/** Finds them all. Never throws. */
export function findBootEntries(root: Directory): BootEntries {
  const found: Found = { ukis: [], addons: [], irregular: [] };
  for (const path of [UKI_DIRECTORY, GLOBAL_ADDONS_DIRECTORY]) collectEfi(lookup(root, path), path, found);
  const kernels: LooseKernel[] = [];
  for (const [path, directory, version] of moduleDirectories(root)) {
    collectEfi(directory, path, found);
    if (directory.children.get(byteString('vmlinuz'))?.type === 'regular') {
      const initramfs = directory.children.get(byteString('initramfs.img'))?.type === 'regular';
      kernels.push({ path: joinPath(path, byteString('vmlinuz')), version, initramfs });
    }
  }
  return { type1: findType1(root), ...found, kernels };
}

/** Directories of kernel modules: path, node, kernel version. */
function moduleDirectories(root: Directory): [ByteString, Directory, ByteString][] {
  const modules = lookup(root, MODULES_DIRECTORY);
  if (modules?.type !== 'directory') return [];
  return sortedChildren(modules).flatMap(([name, node]): [ByteString, Directory, ByteString][] =>
    node.type === 'directory' ? [[joinPath(MODULES_DIRECTORY, name), node, name]] : [],
  );
}

function findType1(root: Directory): ByteString[] {
  const entries = lookup(root, TYPE1_DIRECTORY);
  if (entries?.type !== 'directory') return [];
  const names = sortedChildren(entries).filter(([name]) => name.endsWith('.conf'));
  return names.map(([name]) => joinPath(TYPE1_DIRECTORY, name));
}

function collectEfi(start: Node | undefined, path: ByteString, found: Found): void {
  if (start?.type !== 'directory') return;
  const pending: [ByteString, Node][] = [[path, start]];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [at, node] = next;
    if (node.type === 'directory') {
      const children = sortedChildren(node).reverse();
      for (const [name, child] of children) pending.push([joinPath(at, name), child]);
    } else if (at.endsWith(EFI_SUFFIX)) {
      addEfi(at, node, found);
    }
  }
}

function addEfi(path: ByteString, node: Exclude<Node, Directory>, found: Found): void {
  if (node.type !== 'regular') {
    found.irregular.push({ path, what: `of type ${node.type}, not a regular file` });
  } else if (contentSize(node.content) <= INLINE_CONTENT_MAX) {
    found.irregular.push({ path, what: `of ${contentSize(node.content)} bytes, too small for a PE file` });
  } else {
    (path.endsWith(ADDON_SUFFIX) ? found.addons : found.ukis).push({ path, file: node });
  }
}
