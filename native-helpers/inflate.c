/*
 * See inflate.h. What a block is made of is read by inflate-blocks.c and inflate-symbols.c. Between two calls at most
 * seven bits are held; longer rests are given back to the caller.
 */
#include "inflate-state.h"

#include <string.h>

#define MAGIC 0x504c494eu

size_t planish_inflate_bytes(void)
{
	return sizeof(struct planish_inflate);
}

void planish_inflate_begin(struct planish_inflate *state)
{
	state->magic = MAGIC;
	state->phase = AT_BLOCK;
	state->is_last = state->stored = state->bit_count = state->history = 0;
	state->bits = 0;
}

int planish_inflate_is_begun(const struct planish_inflate *state)
{
	return state->magic == MAGIC;
}

static void end_block(struct planish_inflate *state)
{
	state->phase = state->is_last ? AT_END : AT_BLOCK;
}

static enum planish_inflate_status run(struct planish_inflate *state, struct cursor *cursor)
{
	for (;;) {
		enum planish_inflate_status status = PLANISH_INFLATE_END;

		if (state->phase == AT_BLOCK) {
			status = planish_inflate_head(state, cursor);
			if (status == PLANISH_INFLATE_OUTPUT)
				continue;
		} else if (state->phase != AT_END) {
			status = state->phase == IN_STORED ? planish_inflate_stored(state, cursor) :
							 planish_inflate_symbols(state, cursor);
			if (status == PLANISH_INFLATE_END) {
				end_block(state);
				continue;
			}
		}
		return status;
	}
}

enum planish_inflate_status planish_inflate_run(struct planish_inflate *state, const unsigned char *input,
						size_t length, unsigned char *output, size_t size, size_t *consumed,
						size_t *produced)
{
	unsigned char *start = output + PLANISH_INFLATE_HISTORY;
	size_t history = state->history;
	struct cursor cursor = {
		.in = input,
		.in_end = input + length,
		.out = start,
		.out_end = output + size,
		.out_start = start - history,
		.bits = state->bits,
		.bit_count = state->bit_count,
	};
	enum planish_inflate_status status;

	memcpy(start - history, state->window, history);
	status = run(state, &cursor);
	give_back(&cursor);
	if (status == PLANISH_INFLATE_END)
		cursor.bits = cursor.bit_count = 0;
	*consumed = (size_t)(cursor.in - input);
	*produced = (size_t)(cursor.out - start);
	state->bits = cursor.bits;
	state->bit_count = cursor.bit_count;
	history += *produced;
	state->history = (uint32_t)(history < PLANISH_INFLATE_HISTORY ? history : PLANISH_INFLATE_HISTORY);
	memcpy(state->window, cursor.out - state->history, state->history);
	return status;
}
