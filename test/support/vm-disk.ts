/** ext4 images with fs-verity for test machines, made and damaged without mounting them. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, copyFileSync, openSync, readSync, writeSync } from 'node:fs';

const BLOCK = 4096;

/** An image of `mebibytes` that holds the tree below `directory`, owned by root. */
export function makeDisk(file: string, directory: string, mebibytes: number): void {
  const features = ['-O', 'verity', '-b', String(BLOCK), '-E', 'root_owner=0:0'];
  execFileSync('mke2fs', ['-q', '-F', '-t', 'ext4', ...features, '-d', directory, file, `${mebibytes}M`]);
}

/** A copy that shares blocks where the file system can. */
export function copyDisk(from: string, to: string): string {
  copyFileSync(from, to, constants.COPYFILE_FICLONE);
  return to;
}

function debugfs(disk: string, flags: readonly string[], request: string): string {
  return execFileSync('debugfs', [...flags, '-R', request, disk], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Changes the directory structure: `request` is one of debugfs. The contents of files stay as they are. */
export function changeDisk(disk: string, request: string): void {
  debugfs(disk, ['-w'], request);
}

/** Inverts one byte of a file below the file system, so that only its contents tell. */
export function flipByte(disk: string, path: string, offset = 0): void {
  const block = Number(debugfs(disk, [], `bmap ${path} ${Math.floor(offset / BLOCK)}`).trim());
  if (!(block > 0)) throw new Error(`${path} has no block at ${offset}`);
  const at = block * BLOCK + (offset % BLOCK);
  const fd = openSync(disk, 'r+');
  const byte = Buffer.alloc(1);
  readSync(fd, byte, 0, 1, at);
  byte[0] = (byte[0] as number) ^ 0xff;
  writeSync(fd, byte, 0, 1, at);
  closeSync(fd);
}
