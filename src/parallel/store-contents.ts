/** Contents of a tree into a directory of objects, as a thread does it. */
import { toBytes } from '../bytes/byte-string.ts';
import type { VerityDigest } from '../bytes/digest.ts';
import { PlanishError } from '../errors.ts';
import { type ObjectCounts, type ObjectTarget, threadWriter } from '../repo/object-writer.ts';
import type { ContentLocation } from '../tree/tree.ts';
import { type ContentFile, ContentReader } from './content-file.ts';

/** A content to be stored, measured before. */
export interface ContentToStore {
  readonly digest: VerityDigest;
  readonly size: number;
  readonly location: ContentLocation;
}

/** Arguments of the task. Locations name rows of `files`. */
export interface StoreContentsTask {
  readonly target: ObjectTarget;
  readonly files: readonly ContentFile[];
  readonly contents: readonly ContentToStore[];
}

const PIECE_BYTES = 1024 * 1024;

/**
 * Stores contents; whole files are shared with the source where that can be. What contents have become of meanwhile is not
 * looked at. Throws `CONTENT_CHANGED` where a source is too short, `DISK_FULL`.
 */
export function storeContents(
  { target, files, contents }: StoreContentsTask,
  progress: (bytes: number) => void,
): ObjectCounts {
  const objects = threadWriter(target);
  const reader = new ContentReader(files);
  let done = 0;
  try {
    for (const content of contents) {
      const file = wholeFileOf(files, content);
      if (file !== undefined) objects.putFile(file, content.digest, content.size);
      else for (const piece of pieces(reader, content)) objects.write(piece, 0, piece.length);
      if (file === undefined) objects.finish(content.digest);
      done += content.size;
      progress(done);
    }
    return objects.takeCounts();
  } finally {
    objects.abort();
    reader.close();
  }
}

/** The file that is the content and nothing else. */
function wholeFileOf(
  files: readonly ContentFile[],
  { size, location }: ContentToStore,
): Uint8Array | undefined {
  const file = files[location.source];
  const [extent, ...others] = location.extents;
  if (file === undefined) throw new PlanishError('INVARIANT', `no content source ${location.source}`);
  const isWhole = extent?.at === 0 && extent.offset === 0 && extent.length === size && others.length === 0;
  return file.kind === 'path' && file.base === 0 && file.isWhole === true && isWhole
    ? toBytes(file.path)
    : undefined;
}

function* pieces(
  reader: ContentReader,
  { size, location }: ContentToStore,
): Generator<Uint8Array, void, undefined> {
  let position = 0;
  for (const { at, offset, length } of location.extents) {
    yield* zeros(at - position);
    for (let done = 0; done < length; done += PIECE_BYTES) {
      const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, length - done));
      reader.read(location.source, offset + done, piece);
      yield piece;
    }
    position = at + length;
  }
  yield* zeros(size - position);
}

function* zeros(length: number): Generator<Uint8Array, void, undefined> {
  for (let left = length; left > 0; left -= PIECE_BYTES) yield Buffer.alloc(Math.min(PIECE_BYTES, left));
}
