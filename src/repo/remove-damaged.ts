/**
 * Taking away what is wrong, so that whoever writes next writes it anew: an object under its right name is believed by its
 * size, and an entry by where it leads, so neither is mended as long as it is there.
 */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { removeFile } from './collect.ts';
import type { Finding } from './finding.ts';
import type { Repository } from './repository.ts';

/**
 * Removes the files and links that findings are about, and gives their paths. What only misses an object stays, and so do
 * directories. Links go before objects, and reach the disk before, as in garbage collection. The repository must be locked
 * exclusively since before it was checked. Throws `SYSCALL_FAILED`.
 */
export function removeDamaged(repository: Repository, findings: readonly Finding[]): string[] {
  const wrong = new Set(
    findings.filter(({ problem }) => problem !== 'object-missing').map(({ path }) => path),
  );
  const paths = [...wrong].filter((path) => isFile(join(repository.path, path)));
  const links = paths.filter((path) => !path.startsWith('objects/'));
  const objects = paths.filter((path) => path.startsWith('objects/'));
  for (const path of links) removeFile(join(repository.path, path));
  if (links.length > 0) repository.sync();
  for (const path of objects) removeFile(join(repository.path, path));
  return [...links, ...objects];
}

function isFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === false;
}
