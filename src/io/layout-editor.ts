/**
 * Changing what a layout or archive says of its images: attaching signatures and other artifacts, replacing a manifest.
 * What is there stays. In a directory the whole change is made under the layout's lock, and `index.json` is replaced
 * last; an archive is written anew beside itself, every byte but `index.json` as it was, and renamed into place.
 */
import { realpathSync } from 'node:fs';
import { PlanishError } from '../errors.ts';
import { formatJson } from '../oci/json.ts';
import type { FileDestination } from '../oci/reference.ts';
import { editArchive } from './archive-editor.ts';
import { syncDirectory } from './durable-file.ts';
import { BlobStaging } from './image-writer.ts';
import { checkMarker, isLayoutDirectory, LayoutDirectory, readLayoutIndex } from './layout.ts';
import { beginEdit, type LayoutChange, sameIndex } from './layout-change.ts';
import { lockLayout } from './layout-lock.ts';
import { placeBlobs, placeIndex } from './layout-writer.ts';
import { createTemporaryDirectory } from './temporary.ts';

/**
 * Changes a layout or an archive. Gives whether anything was. Throws what reading it throws, `CONTENT_CHANGED` when an
 * archive was changed by someone else meanwhile, `COMPRESSION_UNSUPPORTED` for compressed archives.
 */
export async function editLayout(
  { kind, path }: Pick<FileDestination, 'kind' | 'path'>,
  change: LayoutChange,
): Promise<boolean> {
  if (kind === 'oci-archive') return await editArchive(path, change);
  if (!isLayoutDirectory(path)) {
    throw new PlanishError('ARCHIVE_BAD_LAYOUT', 'there is no image layout', { file: path });
  }
  const target = realpathSync(path);
  for (;;) {
    const done = await editDirectory(target, change);
    if (done !== undefined) return done;
  }
}

/** One attempt; `undefined` when the lock was lost and the change is to be made again. */
async function editDirectory(target: string, change: LayoutChange): Promise<boolean | undefined> {
  const directory = createTemporaryDirectory(target);
  try {
    const staging = new BlobStaging(directory, true);
    const lock = await lockLayout(target, directory.path);
    try {
      const layout = new LayoutDirectory(target, target);
      checkMarker(layout);
      const index = readLayoutIndex(layout);
      const next = await change(beginEdit(layout, index, staging));
      if (sameIndex(index, next)) return false;
      placeBlobs(target, staging);
      if (!placeIndex({ target, staging: directory.path, lock }, formatJson(next))) return undefined;
      syncDirectory(target);
      return true;
    } finally {
      lock.release();
    }
  } finally {
    directory.close();
  }
}
