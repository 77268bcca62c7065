/**
 * One directory of an EROFS file, without reading the file whole: the inodes on the way and those of the entries. Faults
 * elsewhere in the image are not noticed.
 */
import type { ByteString } from '../../bytes/byte-string.ts';
import { LAYOUT_CHUNK } from '../../erofs/format.ts';
import { ErofsImage, type ImageEntry } from '../../erofs/image.ts';
import type { ErofsInode } from '../../erofs/read-inode.ts';
import { PlanishError, withDetail } from '../../errors.ts';
import type { Node } from '../../tree/tree.ts';
import { joinPath } from '../../tree/walk.ts';
import { openFileSource } from '../load/file-source.ts';
import { noSuchPath } from './no-such-path.ts';
import { pagedView } from './paged-view.ts';

/** One path, with the number of names that its inode says it has. */
export interface FoundPath {
  readonly path: ByteString;
  readonly node: Node;
  readonly links: number;
}

/**
 * What stands at a path, or in the directory that stands there, in byte order. `undefined` where one of them has other
 * names, which only the whole image can tell. Throws `PATH_NOT_FOUND` and what {@link ErofsImage} throws.
 */
export function lookIntoImage(file: string, top: ByteString): FoundPath[] | undefined {
  const source = openFileSource(file);
  try {
    const image = new ErofsImage(pagedView(source));
    const entry = image.lookup(top);
    if (entry === undefined) throw noSuchPath(top);
    const found =
      entry.inode.type === 'directory' ? childrenOf(image, entry, top) : [ofInode(image, entry.inode, top)];
    return found === undefined || found.some(({ node, links }) => node.type !== 'directory' && links !== 1)
      ? undefined
      : found;
  } catch (error) {
    if (!(error instanceof PlanishError) || error.code === 'PATH_NOT_FOUND') throw error;
    throw withDetail(error, { file });
  } finally {
    source.close();
  }
}

/** `undefined` where an inode is met twice or structures overlap: reading the image whole says what is wrong with it. */
function childrenOf(image: ErofsImage, entry: ImageEntry, top: ByteString): FoundPath[] | undefined {
  const children: FoundPath[] = [];
  const seen = new Set<number>();
  let bytes = 0;
  for (const { name, nid } of image.entries(entry)) {
    const inode = image.inode(nid);
    bytes += inode.xattrSize + (inode.layout === LAYOUT_CHUNK ? 0 : inode.size);
    if (seen.has(nid) || bytes > image.view.size) return undefined;
    seen.add(nid);
    if (!image.isStub(inode)) children.push(ofInode(image, inode, joinPath(top, name)));
  }
  return children;
}

function ofInode(image: ErofsImage, inode: ErofsInode, path: ByteString): FoundPath {
  return { path, node: image.node(inode), links: inode.nlink };
}
