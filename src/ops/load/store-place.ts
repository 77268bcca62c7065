/** Where contents of a directory are stored while it is read; loaded only where that is wanted. */
import { fromUtf8, toBytes } from '../../bytes/byte-string.ts';
import type { ContentWish } from '../../io/rootfs-backend.ts';
import { nativeHelpers } from '../../native/load.ts';
import { type ObjectTarget, ObjectWriter } from '../../repo/object-writer.ts';
import { canShare } from '../../repo/sharing.ts';

/** The place for contents of a source; none where only step by step it can be done. */
export function storePlace(target: ObjectTarget, source: string): ContentWish['store'] {
  if (nativeHelpers() === undefined || !new ObjectWriter(target).allowsOthers) return undefined;
  return { directory: toBytes(fromUtf8(target.directory)), clones: canShare(source, target.staging) };
}
