/* The state of a stream, the bits at hand, and the steps that take a stream on. Private to inflate*.c. */
#ifndef PLANISH_INFLATE_STATE_H
#define PLANISH_INFLATE_STATE_H

#include "inflate.h"
#include "inflate-tables.h"

enum phase { AT_BLOCK, IN_STORED, IN_CODES, AT_END };

struct planish_inflate {
	uint32_t magic;
	uint32_t phase;
	uint32_t is_last;
	uint32_t stored;
	uint64_t bits;
	uint32_t bit_count;
	uint32_t history;
	uint32_t lengths[LENGTH_ENTRIES];
	uint32_t distances[DISTANCE_ENTRIES];
	unsigned char window[PLANISH_INFLATE_HISTORY];
};

/* Where reading and writing stand. */
struct cursor {
	const unsigned char *in;
	const unsigned char *in_end;
	unsigned char *out;
	unsigned char *out_end;
	/* First byte that a distance may reach. */
	const unsigned char *out_start;
	uint64_t bits;
	unsigned bit_count;
};

static inline uint64_t mask(unsigned count)
{
	return ((uint64_t)1 << count) - 1;
}

/* Takes whole bytes while they fit; whether `count` bits are there then. */
static inline int need(struct cursor *cursor, unsigned count)
{
	while (cursor->bit_count < count) {
		if (cursor->in == cursor->in_end)
			return 0;
		cursor->bits |= (uint64_t)*cursor->in++ << cursor->bit_count;
		cursor->bit_count += 8;
	}
	return 1;
}

static inline unsigned take(struct cursor *cursor, unsigned count)
{
	unsigned value = (unsigned)(cursor->bits & mask(count));

	cursor->bits >>= count;
	cursor->bit_count -= count;
	return value;
}

/* Gives whole bytes back. */
static inline void give_back(struct cursor *cursor)
{
	cursor->in -= cursor->bit_count >> 3;
	cursor->bit_count &= 7;
	cursor->bits &= mask(cursor->bit_count);
}

/* Reads the head of a block, or nothing of it where input is short. PLANISH_INFLATE_OUTPUT stands for success. */
enum planish_inflate_status planish_inflate_head(struct planish_inflate *state, struct cursor *cursor);

/* Copies a stored block. PLANISH_INFLATE_END stands for the end of the block, here and below. */
enum planish_inflate_status planish_inflate_stored(struct planish_inflate *state, struct cursor *cursor);

/* Decodes the symbols of a block. */
enum planish_inflate_status planish_inflate_symbols(const struct planish_inflate *state, struct cursor *cursor);

#endif
