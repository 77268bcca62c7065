/*
 * Inflating (RFC 1951) as a stream. All state lies in a block of memory of the caller's that holds no pointers. What is
 * refused is what zlib refuses: codes that are over-subscribed or incomplete (but for a single distance or length code
 * of one bit), no code for the end of a block, distances beyond what came before, symbols without a meaning.
 */
#ifndef PLANISH_INFLATE_H
#define PLANISH_INFLATE_H

#include <stddef.h>
#include <stdint.h>

#define PLANISH_INFLATE_HISTORY 32768u

/* The longest match: so much room there must be behind the history for any progress. */
#define PLANISH_INFLATE_ROOM 258u

enum planish_inflate_status {
	/* Nothing more can be done without more input; what was not consumed must be given again, in front of it. */
	PLANISH_INFLATE_INPUT = 0,
	/* The output has no room for the next symbol. */
	PLANISH_INFLATE_OUTPUT = 1,
	/* The last block has ended; the input stands right behind it. */
	PLANISH_INFLATE_END = 2,
	PLANISH_INFLATE_MALFORMED = -1
};

struct planish_inflate;

/* Bytes of the state; it must be aligned as a uint64_t is. */
size_t planish_inflate_bytes(void);

/* Begins a stream. */
void planish_inflate_begin(struct planish_inflate *state);

/* Whether memory holds a state that was begun. */
int planish_inflate_is_begun(const struct planish_inflate *state);

/*
 * Inflates until one of `planish_inflate_status` is reached. `output` has `size` bytes, of which the first
 * PLANISH_INFLATE_HISTORY are for the history (filled here); `produced` bytes follow it.
 */
enum planish_inflate_status planish_inflate_run(struct planish_inflate *state, const unsigned char *input,
						size_t length, unsigned char *output, size_t size, size_t *consumed,
						size_t *produced);

#endif
