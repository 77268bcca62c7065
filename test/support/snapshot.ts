/** What lies in a directory, down to the last byte, to show that nothing was changed or left behind. */
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A line for every path below `directory`, hidden ones included: path, type, mode, and digest of the content. What lies
 * in the directory `except` is not looked at.
 */
export function snapshot(directory: string, except?: string): string[] {
  return list(directory, '', except);
}

function list(root: string, prefix: string, except?: string): string[] {
  const names = readdirSync(join(root, prefix))
    .sort()
    .filter((name) => name !== except);
  return names.flatMap((name) => {
    const path = prefix === '' ? name : `${prefix}/${name}`;
    const stat = lstatSync(join(root, path));
    const mode = stat.mode.toString(8);
    if (stat.isDirectory()) return [`${path}/ ${mode}`, ...list(root, path)];
    return [`${path} ${mode} ${contentOf(join(root, path), stat.isFile(), stat.isSymbolicLink())}`];
  });
}

function contentOf(path: string, isFile: boolean, isLink: boolean): string {
  if (isLink) return readlinkSync(path);
  return isFile ? createHash('sha256').update(readFileSync(path)).digest('hex') : 'special';
}
