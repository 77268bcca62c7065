/** Initramfs archives (newc cpio), and the one that the test machine runs. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

/** A file or, without bytes, a directory. */
interface ArchiveEntry {
  readonly name: string;
  readonly mode: number;
  readonly bytes?: Uint8Array;
}

const NATIVE = fileURLToPath(new URL('../../native-helpers', import.meta.url));
const VM = fileURLToPath(new URL('vm', import.meta.url));

/** What a mounted composefs image and the disk below it need; what the kernel has built in needs no file. */
const MODULES = ['virtio_blk', 'erofs', 'overlay', 'efivarfs', 'loop'];

/** `fsverity measure FILE` in the words of that program. */
const FSVERITY =
  '#!/bin/sh\ntool measure "$2" | while read -r _ file digest; do echo "$digest $file"; done\n';

/** A newc archive: per entry 110 bytes of hexadecimal fields, the name and the bytes, both padded to 4. */
function newc(entries: readonly ArchiveEntry[]): Buffer {
  const trailer = { name: 'TRAILER!!!', mode: 0 };
  const parts = [...entries, trailer].flatMap(
    ({ name, mode, bytes = new Uint8Array(0) }: ArchiveEntry, at) => {
      const fields = [at + 1, mode, 0, 0, 1, 0, bytes.length, 0, 0, 0, 0, name.length + 1, 0];
      const head = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}${name}\0`;
      return [padded(Buffer.from(head, 'latin1')), padded(Buffer.from(bytes))];
    },
  );
  return Buffer.concat(parts);
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}

/** The initramfs of the test machine, for the kernel whose modules lie in `modules` (`/usr/lib/modules/VERSION`). */
export function makeInitramfs(modules: string): Buffer {
  const order = moduleOrder(modules);
  const files: ArchiveEntry[] = [
    directory('bin'),
    directory('modules'),
    directory('dev'),
    program('init', readFileSync(join(VM, 'init.sh'))),
    program('bin/busybox', readFileSync(execFileSync('which', ['busybox'], { encoding: 'utf8' }).trim())),
    program('bin/tool', compileTool()),
    program('bin/fsverity', Buffer.from(FSVERITY)),
    ...order.map((path) => program(`modules/${baseName(path)}`, decompressed(join(modules, path)))),
    program('modules/order', Buffer.from(order.map((path) => `${baseName(path)}\n`).join(''))),
  ];
  return gzipSync(newc(files), { level: 6 });
}

function directory(name: string): ArchiveEntry {
  return { name, mode: 0o040755 };
}

function program(name: string, bytes: Uint8Array): ArchiveEntry {
  return { name, mode: 0o100755, bytes };
}

function baseName(path: string): string {
  return (path.split('/').at(-1) as string).replace(/\.ko.*$/, '.ko');
}

/** Files in the order in which they can be loaded: `modules.dep` names what a module needs, the last first. */
function moduleOrder(modules: string): string[] {
  const lines = readFileSync(join(modules, 'modules.dep'), 'utf8').trim().split('\n');
  const needs = new Map(lines.map((line) => splitDependency(line)));
  const found = MODULES.flatMap((name) => {
    const path = [...needs.keys()].find((file) => baseName(file) === `${name}.ko`);
    return path === undefined ? [] : [...(needs.get(path) as string[]).toReversed(), path];
  });
  return [...new Set(found)];
}

function splitDependency(line: string): [string, string[]] {
  const [path, rest] = line.split(':') as [string, string];
  return [path, rest.trim() === '' ? [] : rest.trim().split(' ')];
}

function decompressed(path: string): Buffer {
  return path.endsWith('.xz')
    ? execFileSync('xz', ['-dc', path], { maxBuffer: 2 ** 26 })
    : readFileSync(path);
}

/** planish's own calls of the kernel, as a program without libraries. */
export function compileTool(): Buffer {
  const output = join(mkdtempSync(join(tmpdir(), 'planish-vm-tool-')), 'tool');
  const sources = [join(VM, 'tool.c'), join(NATIVE, 'verity.c'), join(NATIVE, 'mount.c')];
  const flags = ['-std=c11', '-O2', '-static', '-Wall', '-Wextra', '-Werror', '-I', NATIVE];
  execFileSync('cc', [...flags, '-o', output, ...sources], { stdio: 'inherit' });
  return readFileSync(output);
}
