/** Opens what a destination names for writing. */
import type { FileDestination } from '../oci/reference.ts';
import { createArchiveWriter } from './archive-writer.ts';
import type { ImageWriter } from './image-writer.ts';
import { createLayoutWriter } from './layout-writer.ts';

/** A writer for the destination; throws `DESTINATION_EXISTS` and `SYSCALL_FAILED`. */
export function openDestination({ kind, path }: FileDestination): ImageWriter {
  return kind === 'oci' ? createLayoutWriter(path) : createArchiveWriter(path);
}
