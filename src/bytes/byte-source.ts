/** Files that are read in parts, and what is made of them: UKIs are hundreds of megabytes and never held whole. */

/** A file that is read in parts. */
export interface ByteSource {
  /** Bytes of the file, a safe integer. */
  readonly size: number;
  /** Exactly `length` bytes from `offset`, in a buffer of the caller's own. Never asked for more than there is. */
  read(offset: number, length: number): Uint8Array;
}

/** Bytes that are read at once. */
const PIECE_BYTES = 1024 * 1024;

/** A buffer as a {@link ByteSource}; what is read are copies. */
export function byteSource(bytes: Uint8Array): ByteSource {
  // Not by slice, which gives a view where the bytes are a Buffer.
  const read = (offset: number, length: number): Uint8Array =>
    new Uint8Array(bytes.subarray(offset, offset + length));
  return { size: bytes.length, read };
}

/** So many zeros. */
export function zeroSource(size: number): ByteSource {
  return { size, read: (_, length) => new Uint8Array(length) };
}

/** One source after the other. */
export function concatSources(sources: readonly ByteSource[]): ByteSource {
  const starts: number[] = [];
  let size = 0;
  for (const source of sources) {
    starts.push(size);
    size += source.size;
  }
  const read = (offset: number, length: number): Uint8Array => {
    const bytes = new Uint8Array(length);
    sources.forEach((source, index) => {
      const start = starts[index] ?? 0;
      const from = Math.max(offset, start);
      const to = Math.min(offset + length, start + source.size);
      if (from < to) bytes.set(source.read(from - start, to - from), from - offset);
    });
    return bytes;
  };
  return { size, read };
}

/** The part `[start, end)` of a source. */
export function sliceSource(source: ByteSource, start: number, end: number): ByteSource {
  return { size: end - start, read: (offset, length) => source.read(start + offset, length) };
}

/** A source with other bytes at an offset. */
export function patchSource(source: ByteSource, offset: number, bytes: Uint8Array): ByteSource {
  return concatSources([
    sliceSource(source, 0, offset),
    byteSource(bytes),
    sliceSource(source, offset + bytes.length, source.size),
  ]);
}

/** The bytes `[start, end)` in pieces of 1 MiB. */
export function* readPieces(source: ByteSource, start = 0, end: number = source.size): Generator<Uint8Array> {
  for (let at = start; at < end; at += PIECE_BYTES) yield source.read(at, Math.min(PIECE_BYTES, end - at));
}
