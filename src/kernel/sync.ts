/** One sync for many files. */
import { nativeHelpers } from '../native/load.ts';
import { callError, errnoName, runStandIn } from './call.ts';

/**
 * Writes everything of the file system that `fd` is on to its device: one call where `fsync` of each of thousands of
 * files would be as many. By the native helpers, else by `sync -f`. Throws `SYSCALL_FAILED`, `DISK_FULL`.
 */
export function syncFilesystem(fd: number, helpers = nativeHelpers()): void {
  const action = 'syncing a file system';
  if (helpers !== undefined) {
    const result = helpers.syncFilesystem(fd);
    if (result !== 0) throw callError(errnoName(result), action, {});
    return;
  }
  const tool = { action, tool: 'sync (package coreutils)' };
  const result = runStandIn(['sync', '-f', '/proc/self/fd/3'], [fd], tool);
  if (!('output' in result)) throw callError(result.errno, action, {});
}
