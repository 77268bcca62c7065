/**
 * What hosts demand of boot entries before they make a bootable image. They collect the entries from the tree, and an
 * entry that they cannot collect costs the image its digest; which entries there are does not change it. The rules
 * are composefs-rs' (`composefs-boot`, bootloader): Boot Loader Specification entries (type 1), unified kernel images
 * (type 2), kernels of /usr/lib/modules, and Android boot images.
 */
import { type ByteString, byteString, decodeUtf8, fromBytes } from '../bytes/byte-string.ts';
import { baseName, parentPath } from '../tree/path.ts';
import type { Directory, Node } from '../tree/tree.ts';
import { hostDirectory, listDirectory, type ReadFile, refusal } from './read-file.ts';

/** Which kinds of entry a host knows. */
export interface BootEntryRules {
  /** Addons for all kernels, in /boot/loader/addons. */
  readonly addons: boolean;
  /** Android boot images in /boot. Their content is not looked into. */
  readonly androidImages: boolean;
}

const ENTRIES = byteString('/boot/loader/entries');
const KERNELS = byteString('/boot/EFI/Linux');
const ADDONS = byteString('/boot/loader/addons');
const MODULES = byteString('/usr/lib/modules');
const BOOT = byteString('/boot');

/** Throws `HOST_TREE_INVALID` where a host could not collect the boot entries of a tree. */
export function checkBootEntries(root: Directory, read: ReadFile, rules: BootEntryRules): void {
  const type1 = checkLoaderEntries(root, read);
  const images = checkKernelImages(root, KERNELS);
  if (rules.addons) checkKernelImages(root, ADDONS);
  const kernels = checkModules(root);
  if (rules.androidImages) checkAndroidImages(root, type1 || images || kernels);
}

/** Type 1: every `*.conf` is a text that names files of the tree. Returns whether there is any. */
function checkLoaderEntries(root: Directory, read: ReadFile): boolean {
  const directory = hostDirectory(root, ENTRIES);
  if (directory === undefined) return false;
  const entries = listDirectory(directory, ENTRIES).filter(([name]) => name.endsWith('.conf'));
  for (const [, path, node] of entries) {
    if (node.type !== 'regular') throw refusal(path, 'a boot loader entry must be a regular file');
    const text = decodeUtf8(fromBytes(read(node, path)));
    if (text === undefined) throw refusal(path, 'a boot loader entry must be UTF-8');
    for (const file of namedFiles(text)) checkNamedFile(root, path, file);
  }
  return entries.length > 0;
}

/** Values of the keys that name files. A key ends at white space; other spellings are other keys. */
function namedFiles(text: string): string[] {
  const lines = text.split('\n');
  return ['linux', 'initrd', 'efi'].flatMap((key) =>
    lines
      .filter((line) => line.startsWith(key) && /^[\t\n\f\r ]/.test(line.slice(key.length)))
      .map((line) => line.slice(key.length).trimStart()),
  );
}

function checkNamedFile(root: Directory, entry: ByteString, named: string): void {
  const components = Buffer.from(named, 'utf8').toString('latin1').split('/');
  const names = components.filter((name, index) => name !== '' && (name !== '.' || index === 0));
  const last = names.pop();
  const bad =
    last === undefined || last === '..' || last === '.' || names.includes('..') || names.includes('.');
  const directory = bad ? undefined : hostDirectory(root, names.join('/'));
  if (directory?.children.get(byteString(last ?? ''))?.type === 'regular') return;
  throw refusal(entry, `it names ${JSON.stringify(named)}, which is no regular file of the tree`);
}

/** Type 2: every `*.efi` at any depth is a regular file. Returns whether a kernel image is among them. */
function checkKernelImages(root: Directory, top: ByteString): boolean {
  const directory = hostDirectory(root, top);
  return directory !== undefined && hasKernelImage(directory, top);
}

function hasKernelImage(top: Directory, topPath: ByteString): boolean {
  let found = false;
  const pending: [ByteString, Directory][] = [[topPath, top]];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for (const [name, path, node] of listDirectory(next[1], next[0])) {
      if (node.type === 'directory') pending.push([path, node]);
      else if (name.endsWith('.efi')) {
        if (node.type !== 'regular') throw refusal(path, `a kernel image is of type ${node.type}`);
        found ||= !name.endsWith('.addon.efi');
      }
    }
  }
  return found;
}

/** Kernels beside their modules. Returns whether there is any, of either kind. */
function checkModules(root: Directory): boolean {
  const directory = hostDirectory(root, MODULES);
  if (directory === undefined) return false;
  const versions = listDirectory(directory, MODULES).filter(([, , node]) => node.type === 'directory');
  const images = versions.map(([, path, node]) => hasKernelImage(node as Directory, path));
  const kernels = versions.map(([name, path, node]) => hasKernel(name, path, node as Directory));
  return images.includes(true) || kernels.includes(true);
}

function hasKernel(version: ByteString, path: ByteString, directory: Directory): boolean {
  if (directory.children.get(byteString('vmlinuz'))?.type !== 'regular') return false;
  if (decodeUtf8(version) === undefined) throw refusal(path, 'the version of a kernel must be UTF-8');
  return true;
}

const PAYLOAD = /^aboot-(.*)\.img$/s;
const VBMETA = /^vbmeta-(.*)\.img$/s;

/** Android boot images: one at most, beside no other kernel, and no vbmeta image without its payload. */
function checkAndroidImages(root: Directory, otherKernels: boolean): void {
  const boot = hostDirectory(root, BOOT);
  if (boot === undefined) return;
  const files = listDirectory(boot, BOOT);
  const payloads = files.filter(([name]) => PAYLOAD.test(name));
  for (const [, path, node] of payloads) checkPayload(path, node, boot);
  for (const [name, path] of files) {
    const version = VBMETA.exec(name)?.[1];
    if (version !== undefined) requireRegular(boot, path, `aboot-${version}.img`);
  }
  const [first, second] = payloads;
  if (first === undefined) return;
  if (second !== undefined) throw refusal(second[1], 'there may be one Android boot image only');
  if (otherKernels) throw refusal(first[1], 'an Android boot image cannot be combined with other kernels');
}

function checkPayload(path: ByteString, node: Node, boot: Directory): void {
  const version = PAYLOAD.exec(baseName(path))?.[1] ?? '';
  if (version === '') throw refusal(path, 'an Android boot image must name a kernel version');
  if (node.type !== 'regular') throw refusal(path, `an Android boot image is of type ${node.type}`);
  if (decodeUtf8(byteString(version)) === undefined) throw refusal(path, 'a kernel version must be UTF-8');
  const vbmeta = boot.children.get(byteString(`vbmeta-${version}.img`));
  if (vbmeta !== undefined && vbmeta.type !== 'regular') {
    throw refusal(path, `its vbmeta image is of type ${vbmeta.type}`);
  }
}

function requireRegular(boot: Directory, path: ByteString, name: string): void {
  if (boot.children.get(byteString(name))?.type === 'regular') return;
  throw refusal(path, `there is no ${name} in ${parentPath(path)} to go with it`);
}
