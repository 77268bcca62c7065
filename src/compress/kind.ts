/** The compressions a layer can have. */

/** How a blob is compressed, by its bytes. */
export type CompressionKind = 'none' | 'gzip' | 'zstd';
