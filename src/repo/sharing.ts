/** Whether a file system lets files share their bytes (FICLONE), which nothing tells but trying. */
import { constants, copyFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Whether files of a directory can share their bytes with new ones beside `staging`, a directory of this run. */
export function canShare(source: string, staging: string): boolean {
  const [from, to] = [join(staging, 'share-probe'), join(staging, 'share-probe-copy')];
  try {
    if (statSync(source).dev !== statSync(staging).dev) return false;
    writeFileSync(from, Buffer.alloc(PROBE_BYTES, 1));
    copyFileSync(from, to, constants.COPYFILE_FICLONE_FORCE);
    return true;
  } catch {
    return false;
  } finally {
    for (const file of [from, to]) rmSync(file, { force: true });
  }
}

/** More than file systems keep beside the inode. */
const PROBE_BYTES = 64 * 1024;
