/** Contents of files of a loaded tree, for package databases and for `cat`. */
import type { ByteString } from '../../bytes/byte-string.ts';
import { PlanishError } from '../../errors.ts';
import { LIMITS } from '../../limits.ts';
import { type ContentFile, ContentReader } from '../../parallel/content-file.ts';
import { type Content, contentSize, type Directory } from '../../tree/tree.ts';
import { lookup } from '../../tree/walk.ts';

/** Largest file that is read whole: an RPM database. Whoever reads others sets tighter bounds. */
const WHOLE_FILE_BYTES = LIMITS.rpmDatabaseBytes;

const PIECE_BYTES = 256 * 1024;

/** See the module. Close it when done. */
export class TreeFileReader {
  readonly #root: Directory;
  readonly #reader: ContentReader;

  constructor(root: Directory, contents: readonly ContentFile[]) {
    this.#root = root;
    this.#reader = new ContentReader(contents);
  }

  /** The content of a regular file, `undefined` when there is none at the path or it is larger than an RPM database may be. */
  read(path: ByteString): Uint8Array | undefined {
    const node = lookup(this.#root, path);
    if (node?.type !== 'regular' || contentSize(node.content) > WHOLE_FILE_BYTES) return undefined;
    return Buffer.concat([...this.pieces(node.content)]);
  }

  /** Bytes of a regular file from an offset on, fewer where it ends; `undefined` when there is none at the path. */
  readPart(path: ByteString, offset: number, length: number): Uint8Array | undefined {
    const node = lookup(this.#root, path);
    return node?.type === 'regular' ? contentPart(this.#reader, node.content, offset, length) : undefined;
  }

  /** The bytes of a content in pieces, each a fresh buffer. */
  pieces(content: Content): Generator<Uint8Array, void, undefined> {
    return contentPieces(this.#reader, content);
  }

  close(): void {
    this.#reader.close();
  }
}

/** The bytes of a content in pieces, each a fresh buffer. Throws `UNREPRESENTABLE` where there is but its digest. */
export function* contentPieces(
  reader: ContentReader,
  content: Content,
): Generator<Uint8Array, void, undefined> {
  if (content.kind === 'inline') {
    yield content.bytes;
    return;
  }
  if (content.location === undefined) {
    throw new PlanishError(
      'UNREPRESENTABLE',
      'the content of the file is not in this source, only its digest',
    );
  }
  const { source, extents } = content.location;
  let position = 0;
  for (const { at, offset, length } of extents) {
    yield* zeros(at - position);
    yield* storedPieces(reader, source, offset, length);
    position = at + length;
  }
  yield* zeros(content.size - position);
}

function contentPart(
  reader: ContentReader,
  content: Content,
  offset: number,
  length: number,
): Uint8Array | undefined {
  if (content.kind === 'inline') return content.bytes.subarray(offset, offset + length);
  if (content.location === undefined) return undefined;
  const { source, extents } = content.location;
  const part = new Uint8Array(Math.max(Math.min(length, content.size - offset), 0));
  for (const extent of extents) {
    const start = Math.max(extent.at, offset);
    const end = Math.min(extent.at + extent.length, offset + part.length);
    if (start < end)
      reader.read(source, extent.offset + start - extent.at, part.subarray(start - offset, end - offset));
  }
  return part;
}

function* storedPieces(
  reader: ContentReader,
  source: number,
  offset: number,
  length: number,
): Generator<Uint8Array, void, undefined> {
  for (let done = 0; done < length; done += PIECE_BYTES) {
    const piece = new Uint8Array(Math.min(PIECE_BYTES, length - done));
    reader.read(source, offset + done, piece);
    yield piece;
  }
}

function* zeros(length: number): Generator<Uint8Array, void, undefined> {
  for (let left = length; left > 0; left -= PIECE_BYTES) yield new Uint8Array(Math.min(PIECE_BYTES, left));
}
