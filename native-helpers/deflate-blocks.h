/* Blocks of deflate: from symbols to bits. */
#ifndef PLANISH_DEFLATE_BLOCKS_H
#define PLANISH_DEFLATE_BLOCKS_H

#include "deflate-huffman.h"

#define END_OF_BLOCK 256

/* A literal is its byte; a match has the upper bit, its length from bit 16 on, and its distance less one. */
#define TOKEN_MATCH 0x80000000u

/* Bits on their way out. */
struct planish_bits {
	unsigned char *out;
	uint64_t held;
	unsigned count;
};

/* A block: its bytes as they are, as tokens, and how often each symbol occurs. */
struct planish_block {
	const unsigned char *data;
	size_t length;
	const uint32_t *tokens;
	size_t token_count;
	uint32_t literals[LITERAL_SYMBOLS];
	uint32_t distances[DISTANCE_SYMBOLS];
};

unsigned planish_length_symbol(unsigned length);
unsigned planish_distance_symbol(unsigned distance);

/* Writes a block in the shortest of three ways. */
void planish_write_block(struct planish_bits *bits, struct planish_block *block, int is_last);

/* Writes an empty stored block, after which a byte begins; the last one fills up to a byte instead. */
void planish_end_chunk(struct planish_bits *bits, int is_last);

#endif
