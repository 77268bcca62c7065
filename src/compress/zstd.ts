/**
 * Writing zstd: one frame, whose bytes are a function of content and level, and of the version of libzstd, 1.5.7. No
 * checksum, no content size, no worker threads; blocks end every {@link ZSTD_PIECE_BYTES}.
 *
 * Changing anything here changes digests of layers.
 */
import { fixedPieces } from './fixed-pieces.ts';
import { ZSTD_PIECE_BYTES } from './zstd-backend.ts';
import { loadZstd } from './zstd-load.ts';

/**
 * Compresses a stream to one zstd frame at a level of 1 to 19. Pieces are views of one buffer, each valid until the
 * next is asked for.
 */
export async function* zstd(
  input: AsyncIterable<Uint8Array>,
  level: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const compressor = (await loadZstd()).openCompressor(level);
  try {
    for await (const piece of fixedPieces(input, ZSTD_PIECE_BYTES)) {
      const compressed = compressor.compress(piece);
      if (compressed.length > 0) yield compressed;
    }
    yield compressor.finish();
  } finally {
    compressor.close();
  }
}
