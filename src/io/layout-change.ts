/** What a change of a layout or archive is: a function from its index to another. See `layout-editor.ts`. */
import { formatJson } from '../oci/json.ts';
import type { Index } from '../oci/manifest.ts';
import type { BlobIdentity, BlobStaging } from './image-writer.ts';
import type { Layout } from './layout.ts';

/** What a change has at hand. */
export interface LayoutEdit {
  /** The layout as it is, with the blobs that this change has taken in. */
  readonly layout: Layout;
  readonly index: Index;
  /** Takes in a blob; it is there once the change is. */
  addBytes(bytes: Uint8Array): Promise<BlobIdentity>;
}

/** Gives the new index; the same one when there is nothing to change. It may be asked more than once. */
export type LayoutChange = (edit: LayoutEdit) => Promise<Index>;

/** Whether a change changed nothing. */
export function sameIndex(before: Index, after: Index): boolean {
  return before === after || Buffer.compare(formatJson(before), formatJson(after)) === 0;
}

/** What a change is given: the layout, in which staged blobs are found as well. */
export function beginEdit(layout: Layout, index: Index, staging: BlobStaging): LayoutEdit {
  const { reference, file } = layout;
  return {
    index,
    layout: {
      reference,
      file,
      find: (digest) => layout.find(digest) ?? staging.find(digest),
      findRootFile: (name) => layout.findRootFile(name),
    },
    addBytes: (bytes) => staging.addBytes(bytes),
  };
}
