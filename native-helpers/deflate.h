/*
 * Deflating (RFC 1951) chunk by chunk. What a chunk becomes depends on its bytes, on up to 32 KiB before it, on the
 * level, and on whether it is the last; so chunks can be made anywhere and in any order, and joined: all but the last end
 * at a byte, by an empty stored block. Integer arithmetic only: the same bytes on every machine, and from WebAssembly.
 *
 * Changing anything in deflate*.c changes digests of layers.
 */
#ifndef PLANISH_DEFLATE_H
#define PLANISH_DEFLATE_H

#include <stddef.h>
#include <stdint.h>

#define PLANISH_DEFLATE_HISTORY 32768u
#define PLANISH_DEFLATE_CHUNK_MAX (4u << 20)
#define PLANISH_LEVEL_MIN 1
#define PLANISH_LEVEL_MAX 9

struct planish_deflate;

/* Bytes of the working memory, aligned as a uint32_t is; its content means nothing between calls. */
size_t planish_deflate_bytes(void);

/* Bytes that a chunk may come to. */
size_t planish_deflate_bound(size_t length);

/*
 * Deflates `length` bytes (at most PLANISH_DEFLATE_CHUNK_MAX) that follow `history` bytes (at most
 * PLANISH_DEFLATE_HISTORY) at `data`. `out` has room for the bound. Returns the bytes written.
 */
size_t planish_deflate_chunk(struct planish_deflate *work, const unsigned char *data, size_t history, size_t length,
			     int level, int is_last, unsigned char *out);

#endif
