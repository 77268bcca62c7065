/** Whether one place on disk lies in another. */
import { realpathSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';

/** Whether a path, which need not be there yet, is a directory or lies anywhere below it. Links on the way are followed. */
export function isWithin(path: string, directory: string): boolean {
  const way = relative(realpathSync(directory), realPlace(resolve(path)));
  return way !== '..' && !way.startsWith(`..${sep}`);
}

/** The real path of what is there of it, and the rest. */
function realPlace(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    const parent = dirname(path);
    if (parent === path) throw error;
    return join(realPlace(parent), path.slice(parent.length));
  }
}
