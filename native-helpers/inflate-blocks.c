/* Heads of blocks, and blocks that are stored. */
#include "inflate-state.h"

#include <string.h>

/* The lengths of both codes, themselves coded. */
static enum planish_inflate_status read_lengths(struct cursor *cursor, const uint32_t *table, uint8_t *lengths,
						unsigned count)
{
	static const uint8_t bits_of[3] = { 2, 3, 7 }, least[3] = { 3, 3, 11 };
	unsigned done = 0;

	while (done < count) {
		uint32_t entry = table[cursor->bits & mask(CODE_BITS)];
		unsigned symbol = ENTRY_VALUE(entry), repeat = 1;
		uint8_t value = (uint8_t)symbol;

		if (cursor->bit_count < ENTRY_CODE(entry)) {
			if (!need(cursor, cursor->bit_count + 1))
				return PLANISH_INFLATE_INPUT;
			continue;
		}
		if (symbol < 16) {
			take(cursor, ENTRY_CODE(entry));
		} else {
			unsigned extra = bits_of[symbol - 16];

			if (!need(cursor, ENTRY_CODE(entry) + extra))
				return PLANISH_INFLATE_INPUT;
			if (symbol == 16 && done == 0)
				return PLANISH_INFLATE_MALFORMED;
			take(cursor, ENTRY_CODE(entry));
			repeat = least[symbol - 16] + take(cursor, extra);
			value = symbol == 16 ? lengths[done - 1] : 0;
			if (repeat > count - done)
				return PLANISH_INFLATE_MALFORMED;
		}
		memset(lengths + done, value, repeat);
		done += repeat;
	}
	return PLANISH_INFLATE_OUTPUT;
}

/* The head of a block with codes of its own. PLANISH_INFLATE_OUTPUT stands for success. */
static enum planish_inflate_status read_codes(struct planish_inflate *state, struct cursor *cursor)
{
	static const uint8_t order[CODE_SYMBOLS] = { 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15 };
	uint8_t lengths[LENGTH_SYMBOLS + DISTANCE_SYMBOLS] = { 0 };
	unsigned length_count, distance_count, code_count;
	enum planish_inflate_status status;

	if (!need(cursor, 14))
		return PLANISH_INFLATE_INPUT;
	length_count = 257 + take(cursor, 5);
	distance_count = 1 + take(cursor, 5);
	code_count = 4 + take(cursor, 4);
	if (length_count > 286 || distance_count > 30)
		return PLANISH_INFLATE_MALFORMED;
	for (unsigned i = 0; i < code_count; i++) {
		if (!need(cursor, 3))
			return PLANISH_INFLATE_INPUT;
		lengths[order[i]] = (uint8_t)take(cursor, 3);
	}
	if (!planish_inflate_codes(state->lengths, lengths))
		return PLANISH_INFLATE_MALFORMED;
	memset(lengths, 0, sizeof lengths);
	status = read_lengths(cursor, state->lengths, lengths, length_count + distance_count);
	if (status != PLANISH_INFLATE_OUTPUT)
		return status;
	if (lengths[256] == 0 ||
	    !planish_inflate_distances(state->distances, lengths + length_count, distance_count) ||
	    !planish_inflate_lengths(state->lengths, lengths, length_count))
		return PLANISH_INFLATE_MALFORMED;
	return status;
}

/* A stored block begins at a byte. */
static enum planish_inflate_status read_stored(struct planish_inflate *state, struct cursor *cursor)
{
	take(cursor, cursor->bit_count & 7);
	if (!need(cursor, 32))
		return PLANISH_INFLATE_INPUT;
	state->stored = take(cursor, 16);
	if (take(cursor, 16) != (state->stored ^ 0xffff))
		return PLANISH_INFLATE_MALFORMED;
	return PLANISH_INFLATE_OUTPUT;
}

enum planish_inflate_status planish_inflate_head(struct planish_inflate *state, struct cursor *cursor)
{
	const struct cursor before = *cursor;
	enum planish_inflate_status status = PLANISH_INFLATE_OUTPUT;
	unsigned type;

	if (!need(cursor, 3))
		return PLANISH_INFLATE_INPUT;
	state->is_last = take(cursor, 1);
	type = take(cursor, 2);
	if (type == 0)
		status = read_stored(state, cursor);
	else if (type == 1)
		planish_inflate_fixed(state->lengths, state->distances);
	else if (type == 2)
		status = read_codes(state, cursor);
	else
		return PLANISH_INFLATE_MALFORMED;
	if (status == PLANISH_INFLATE_INPUT)
		*cursor = before;
	if (status == PLANISH_INFLATE_OUTPUT)
		state->phase = type == 0 ? IN_STORED : IN_CODES;
	return status;
}

enum planish_inflate_status planish_inflate_stored(struct planish_inflate *state, struct cursor *cursor)
{
	size_t length = state->stored;

	give_back(cursor);
	if (length > (size_t)(cursor->in_end - cursor->in))
		length = (size_t)(cursor->in_end - cursor->in);
	if (length > (size_t)(cursor->out_end - cursor->out))
		length = (size_t)(cursor->out_end - cursor->out);
	if (length > 0)
		memcpy(cursor->out, cursor->in, length);
	cursor->in += length;
	cursor->out += length;
	state->stored -= (uint32_t)length;
	if (state->stored == 0)
		return PLANISH_INFLATE_END;
	return cursor->in == cursor->in_end ? PLANISH_INFLATE_INPUT : PLANISH_INFLATE_OUTPUT;
}
