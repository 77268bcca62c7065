/*
 * Symbols of a block, in two loops. The fast one decodes while both ends are far: it refills a buffer of 64 bits by one
 * load, looks symbols up in wide tables and copies matches in words, a little beyond their end. The careful one does the
 * rest, symbol by symbol, and stops before a symbol that input or output have no room for.
 */
#include "inflate-state.h"
#include "little-endian.h"

/* GCC 12 makes vectors of loops of eight bytes and loses a tenth. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-tree-vectorize")
#endif

#include <string.h>

/* Bytes that the fast loop may write and read beyond a symbol. */
#define OUTPUT_MARGIN (PLANISH_INFLATE_ROOM + 48)
#define INPUT_MARGIN 32

/* Copies a match of the fast loop: up to 32 bytes beyond its end. */
static inline void copy_match(unsigned char *out, size_t distance, size_t length)
{
	const unsigned char *from = out - distance;
	unsigned char *end = out + length;

	if (distance >= 16) {
		do {
			memcpy(out, from, 16);
			out += 16;
			from += 16;
		} while (out < end);
	} else if (distance >= 8) {
		do {
			memcpy(out, from, 8);
			out += 8;
			from += 8;
		} while (out < end);
	} else if (distance == 1) {
		memset(out, *from, length);
	} else {
		/* Eight bytes by hand; then the pattern can be read from a multiple of its length before. */
		for (int i = 0; i < 8; i++)
			out[i] = from[i];
		from = out + 8 - (7 + distance) / distance * distance;
		for (out += 8; out < end; out += 8, from += 8)
			memcpy(out, from, 8);
	}
}

#define REFILL()                                    \
	do {                                        \
		bits |= load64(in) << bit_count;    \
		in += (63 - bit_count) >> 3;        \
		bit_count |= 56;                    \
	} while (0)
#define NEXT_ENTRY()                                \
	do {                                        \
		REFILL();                           \
		entry = LOOK(lengths, LENGTH_BITS); \
	} while (0)
#define TAKE(count) (bits >>= (count), bit_count -= (count))
#define LOOK(table, width) table[bits & (((uint64_t)1 << (width)) - 1)]

/* Decodes while both ends are far. PLANISH_INFLATE_OUTPUT: the careful loop shall go on. */
static inline __attribute__((always_inline)) enum planish_inflate_status
fast_loop(const struct planish_inflate *state, struct cursor *cursor)
{
	const uint32_t *lengths = state->lengths, *distances = state->distances;
	const unsigned char *in = cursor->in, *in_stop = cursor->in_end - INPUT_MARGIN;
	unsigned char *out = cursor->out, *out_stop = cursor->out_end - OUTPUT_MARGIN;
	enum planish_inflate_status status = PLANISH_INFLATE_OUTPUT;
	uint64_t bits = cursor->bits;
	unsigned bit_count = cursor->bit_count;
	uint32_t entry;

	REFILL();
	entry = LOOK(lengths, LENGTH_BITS);
	while (in < in_stop && out < out_stop) {
		size_t length, distance;

		/* The entry was looked up before; its bits are not taken, and as many as it may need are there. */
		if (entry & LITERAL) {
			TAKE(ENTRY_BITS(entry));
			*out++ = (unsigned char)(entry >> 16);
			entry = LOOK(lengths, LENGTH_BITS);
			if (entry & LITERAL) {
				TAKE(ENTRY_BITS(entry));
				*out++ = (unsigned char)(entry >> 16);
				entry = LOOK(lengths, LENGTH_BITS);
				if (entry & LITERAL) {
					TAKE(ENTRY_BITS(entry));
					*out++ = (unsigned char)(entry >> 16);
					NEXT_ENTRY();
					continue;
				}
			}
		}
		if (entry & SPECIAL) {
			if (entry & LINK) {
				TAKE(LENGTH_BITS);
				entry = lengths[ENTRY_VALUE(entry) + (bits & mask(ENTRY_CODE(entry)))];
				if (entry & LITERAL) {
					TAKE(ENTRY_BITS(entry));
					*out++ = (unsigned char)(entry >> 16);
					NEXT_ENTRY();
					continue;
				}
			}
			if (entry & SPECIAL) {
				TAKE(ENTRY_BITS(entry));
				status = entry & END ? PLANISH_INFLATE_END : PLANISH_INFLATE_MALFORMED;
				break;
			}
		}
		length = ENTRY_VALUE(entry) + ((bits & mask(ENTRY_BITS(entry))) >> ENTRY_CODE(entry));
		TAKE(ENTRY_BITS(entry));
		REFILL();
		entry = LOOK(distances, DISTANCE_BITS);
		if (entry & SPECIAL) {
			if (entry & LINK) {
				TAKE(DISTANCE_BITS);
				entry = distances[ENTRY_VALUE(entry) + (bits & mask(ENTRY_CODE(entry)))];
			}
			if (entry & SPECIAL) {
				status = PLANISH_INFLATE_MALFORMED;
				break;
			}
		}
		distance = ENTRY_VALUE(entry) + ((bits & mask(ENTRY_BITS(entry))) >> ENTRY_CODE(entry));
		TAKE(ENTRY_BITS(entry));
		if (distance > (size_t)(out - cursor->out_start)) {
			status = PLANISH_INFLATE_MALFORMED;
			break;
		}
		NEXT_ENTRY();
		copy_match(out, distance, length);
		out += length;
	}
	cursor->in = in;
	cursor->out = out;
	cursor->bits = bits;
	cursor->bit_count = bit_count;
	return status;
}

#if defined(__x86_64__)
/* Shifts and masks by a count in any register take one instruction. */
__attribute__((target("bmi2"))) static enum planish_inflate_status
decode_fast_bmi2(const struct planish_inflate *state, struct cursor *cursor)
{
	return fast_loop(state, cursor);
}
#endif

static enum planish_inflate_status decode_fast(const struct planish_inflate *state, struct cursor *cursor)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("bmi2"))
		return decode_fast_bmi2(state, cursor);
#endif
	return fast_loop(state, cursor);
}

/* Looks a symbol up with no more bits than there are; its entry, or SPECIAL | LINK where input is short. */
static uint32_t find_entry(struct cursor *cursor, const uint32_t *table, unsigned root, unsigned *taken)
{
	for (;;) {
		uint32_t entry = table[cursor->bits & mask(root)];
		unsigned skipped = 0;

		if (entry & LINK && entry & SPECIAL) {
			skipped = root;
			entry = table[ENTRY_VALUE(entry) + (cursor->bits >> root & mask(ENTRY_CODE(entry)))];
		}
		*taken = skipped;
		if (cursor->bit_count >= skipped + ENTRY_BITS(entry))
			return entry;
		if (!need(cursor, cursor->bit_count + 1))
			return SPECIAL | LINK;
	}
}

/* One symbol, or nothing of it. PLANISH_INFLATE_INPUT and _OUTPUT: no room; 3: go on. */
static int decode_one(const struct planish_inflate *state, struct cursor *cursor)
{
	const struct cursor before = *cursor;
	unsigned skipped;
	uint32_t entry = find_entry(cursor, state->lengths, LENGTH_BITS, &skipped);
	size_t length, distance;

	if (entry == (SPECIAL | LINK))
		return PLANISH_INFLATE_INPUT;
	if (entry & LITERAL) {
		if (cursor->out == cursor->out_end)
			return PLANISH_INFLATE_OUTPUT;
		take(cursor, skipped + ENTRY_BITS(entry));
		*cursor->out++ = (unsigned char)(entry >> 16);
		return 3;
	}
	take(cursor, skipped);
	length = ENTRY_VALUE(entry) + (size_t)((cursor->bits & mask(ENTRY_BITS(entry))) >> ENTRY_CODE(entry));
	take(cursor, ENTRY_BITS(entry));
	if (entry & SPECIAL)
		return entry & END ? PLANISH_INFLATE_END : PLANISH_INFLATE_MALFORMED;
	entry = find_entry(cursor, state->distances, DISTANCE_BITS, &skipped);
	if (entry == (SPECIAL | LINK)) {
		*cursor = before;
		return PLANISH_INFLATE_INPUT;
	}
	if (entry & SPECIAL)
		return PLANISH_INFLATE_MALFORMED;
	take(cursor, skipped);
	distance = ENTRY_VALUE(entry) + (size_t)((cursor->bits & mask(ENTRY_BITS(entry))) >> ENTRY_CODE(entry));
	take(cursor, ENTRY_BITS(entry));
	if (distance > (size_t)(cursor->out - cursor->out_start))
		return PLANISH_INFLATE_MALFORMED;
	if (length > (size_t)(cursor->out_end - cursor->out)) {
		*cursor = before;
		return PLANISH_INFLATE_OUTPUT;
	}
	for (; length > 0; length--, cursor->out++)
		*cursor->out = *(cursor->out - distance);
	return 3;
}

enum planish_inflate_status planish_inflate_symbols(const struct planish_inflate *state, struct cursor *cursor)
{
	for (;;) {
		if (cursor->in_end - cursor->in > INPUT_MARGIN && cursor->out_end - cursor->out > (int)OUTPUT_MARGIN) {
			enum planish_inflate_status status = decode_fast(state, cursor);

			if (status == PLANISH_INFLATE_MALFORMED)
				return status;
			give_back(cursor);
			if (status == PLANISH_INFLATE_END)
				return status;
		}
		int status = decode_one(state, cursor);

		if (status != 3)
			return (enum planish_inflate_status)status;
	}
}
