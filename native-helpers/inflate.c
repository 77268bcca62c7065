/*
 * See inflate.h. A fast loop decodes while both ends are far: it refills a buffer of 64 bits by one load, looks symbols
 * up in wide tables and copies matches in words, a little beyond their end. A careful loop does the rest, symbol by
 * symbol, and stops before a symbol that input or output have no room for. Between two calls at most seven bits are
 * held; longer rests are given back to the caller.
 */
#include "inflate.h"

/* GCC 12 makes vectors of loops of eight bytes and loses a tenth. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-tree-vectorize")
#endif

#include <string.h>

#define LENGTH_BITS 11
#define DISTANCE_BITS 9
#define CODE_BITS 7
#define LENGTH_SYMBOLS 288
#define DISTANCE_SYMBOLS 32
#define CODE_SYMBOLS 19
#define LONGEST 15

/* Every second-level table serves two symbols or more and has at most 2^(15 - bits) entries. */
#define LENGTH_ENTRIES ((1 << LENGTH_BITS) + LENGTH_SYMBOLS / 2 * (1 << (LONGEST - LENGTH_BITS)))
#define DISTANCE_ENTRIES ((1 << DISTANCE_BITS) + DISTANCE_SYMBOLS / 2 * (1 << (LONGEST - DISTANCE_BITS)))

/*
 * An entry of a table: bits 0 to 7 all bits of the symbol with its extra bits, 8 to 12 those of the code alone, 16 to 30
 * its value: the literal, or the base of a length or distance. Of a link to a second level: the bits of the first level,
 * those of the second, and its place. Neither: the symbol ends the block, or has no meaning.
 */
#define LITERAL 0x80000000u
#define SPECIAL 0x8000u
#define LINK 0x4000u
#define END 0x2000u
#define INVALID SPECIAL
#define ENTRY_BITS(entry) ((entry) & 0xff)
#define ENTRY_CODE(entry) ((entry) >> 8 & 0x1f)
#define ENTRY_VALUE(entry) ((entry) >> 16 & 0x7fff)

#define MAGIC 0x504c494eu

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

static uint64_t load64(const unsigned char *at)
{
	uint64_t value;

	memcpy(&value, at, 8);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	value = __builtin_bswap64(value);
#endif
	return value;
}

static uint64_t mask(unsigned count)
{
	return ((uint64_t)1 << count) - 1;
}

/* Takes whole bytes while they fit; whether `count` bits are there then. */
static int need(struct cursor *cursor, unsigned count)
{
	while (cursor->bit_count < count) {
		if (cursor->in == cursor->in_end)
			return 0;
		cursor->bits |= (uint64_t)*cursor->in++ << cursor->bit_count;
		cursor->bit_count += 8;
	}
	return 1;
}

static unsigned take(struct cursor *cursor, unsigned count)
{
	unsigned value = (unsigned)(cursor->bits & mask(count));

	cursor->bits >>= count;
	cursor->bit_count -= count;
	return value;
}

static const uint16_t length_base[29] = { 3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
					  31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258 };
static const uint8_t length_extra[29] = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
					  2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0 };
static const uint16_t distance_base[30] = { 1,	 2,   3,   4,	5,   7,	   9,	 13,   17,   25,
					    33,	 49,  65,  97,	129, 193,  257,	 385,  513,  769,
					    1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577 };
static const uint8_t distance_extra[30] = { 0, 0, 0, 0, 1, 1, 2, 2,  3,  3,  4,  4,  5,  5,  6,
					    6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13 };

/* What a symbol means, without the bits of its code. */
static uint32_t length_entry(unsigned symbol)
{
	if (symbol < 256)
		return LITERAL | (uint32_t)symbol << 16;
	if (symbol == 256)
		return SPECIAL | END;
	if (symbol > 285)
		return INVALID;
	return (uint32_t)length_base[symbol - 257] << 16 | length_extra[symbol - 257];
}

static uint32_t distance_entry(unsigned symbol)
{
	if (symbol > 29)
		return INVALID;
	return (uint32_t)distance_base[symbol] << 16 | distance_extra[symbol];
}

static uint32_t code_entry(unsigned symbol)
{
	return (uint32_t)symbol << 16;
}

/* The next code of the same length, bits in the order of the stream. */
static uint32_t next_code(uint32_t code, unsigned length)
{
	uint32_t bit = (uint32_t)1 << (length - 1);

	while (code & bit) {
		code ^= bit;
		bit >>= 1;
	}
	return code | bit;
}

/* Bits of the second level below a code of `length`: enough for all codes that begin alike. */
static unsigned second_level(const uint16_t *left, unsigned length, unsigned longest, unsigned root)
{
	unsigned bits = length - root;
	int room = 1 << bits;

	for (; bits + root < longest; bits++, room <<= 1) {
		room -= left[bits + root];
		if (room <= 0)
			break;
	}
	return bits;
}

struct code {
	uint16_t counts[LONGEST + 1];
	uint16_t symbols[LENGTH_SYMBOLS];
	unsigned longest;
};

/* Sorts symbols by length; 0 where the lengths make no code that zlib would take. */
static int read_code(struct code *code, const uint8_t *lengths, unsigned count, int may_be_incomplete)
{
	uint16_t place[LONGEST + 2] = { 0 };
	int room = 1;

	memset(code->counts, 0, sizeof code->counts);
	for (unsigned i = 0; i < count; i++)
		code->counts[lengths[i]]++;
	code->longest = LONGEST;
	while (code->longest > 0 && code->counts[code->longest] == 0)
		code->longest--;
	for (unsigned length = 1; length <= LONGEST; length++) {
		room = 2 * room - code->counts[length];
		if (room < 0)
			return 0;
		place[length + 1] = place[length] + code->counts[length];
	}
	if (room > 0 && code->longest > 0 && !(may_be_incomplete && code->longest == 1))
		return 0;
	for (unsigned i = 0; i < count; i++)
		if (lengths[i] > 0)
			code->symbols[place[lengths[i]]++] = (uint16_t)i;
	return 1;
}

static int build_table(uint32_t *table, unsigned root, const uint8_t *lengths, unsigned count,
		       uint32_t (*meaning)(unsigned symbol), int may_be_incomplete)
{
	struct code code;
	uint32_t bits = 0, used = (uint32_t)1 << root, link = UINT32_MAX, base = 0;
	unsigned second = 0, symbol = 0;

	if (!read_code(&code, lengths, count, may_be_incomplete))
		return 0;
	/* What no code leads to; only incomplete codes leave any of it. Without lengths, zlib reads zeros of one bit. */
	if (code.longest < 2)
		for (uint32_t i = 0; i < used; i++)
			table[i] = root == CODE_BITS ? 1 << 8 | 1 : INVALID | 1;
	for (unsigned length = 1; length <= code.longest; length++) {
		for (; code.counts[length] > 0; code.counts[length]--, symbol++) {
			uint32_t entry = meaning(code.symbols[symbol]);
			uint32_t step = (uint32_t)1 << length, end = (uint32_t)1 << root, at = bits;
			unsigned depth = length;

			if (length > root) {
				if ((bits & mask(root)) != link) {
					link = bits & (uint32_t)mask(root);
					base = used;
					second = second_level(code.counts, length, code.longest, root);
					used += (uint32_t)1 << second;
					table[link] = base << 16 | SPECIAL | LINK | second << 8 | root;
				}
				depth = length - root;
				step >>= root;
				end = (uint32_t)1 << second;
				at >>= root;
			}
			entry += (depth << 8) + depth;
			for (; at < end; at += step)
				table[(length > root ? base : 0) + at] = entry;
			bits = next_code(bits, length);
		}
	}
	return 1;
}

static void build_fixed(struct planish_inflate *state)
{
	uint8_t lengths[LENGTH_SYMBOLS];

	for (unsigned i = 0; i < LENGTH_SYMBOLS; i++)
		lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
	build_table(state->lengths, LENGTH_BITS, lengths, LENGTH_SYMBOLS, length_entry, 0);
	memset(lengths, 5, DISTANCE_SYMBOLS);
	build_table(state->distances, DISTANCE_BITS, lengths, DISTANCE_SYMBOLS, distance_entry, 0);
}

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
	if (!build_table(state->lengths, CODE_BITS, lengths, CODE_SYMBOLS, code_entry, 0))
		return PLANISH_INFLATE_MALFORMED;
	memset(lengths, 0, sizeof lengths);
	status = read_lengths(cursor, state->lengths, lengths, length_count + distance_count);
	if (status != PLANISH_INFLATE_OUTPUT)
		return status;
	if (lengths[256] == 0 ||
	    !build_table(state->distances, DISTANCE_BITS, lengths + length_count, distance_count, distance_entry, 1) ||
	    !build_table(state->lengths, LENGTH_BITS, lengths, length_count, length_entry, 1))
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

/* Gives whole bytes back. */
static void give_back(struct cursor *cursor)
{
	cursor->in -= cursor->bit_count >> 3;
	cursor->bit_count &= 7;
	cursor->bits &= mask(cursor->bit_count);
}

/* The head of a block, or nothing of it where input is short. */
static enum planish_inflate_status begin_block(struct planish_inflate *state, struct cursor *cursor)
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
		build_fixed(state);
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

static void end_block(struct planish_inflate *state)
{
	state->phase = state->is_last ? AT_END : AT_BLOCK;
}

/* PLANISH_INFLATE_END stands for the end of the block here and below. */
static enum planish_inflate_status copy_stored(struct planish_inflate *state, struct cursor *cursor)
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

static enum planish_inflate_status decode(const struct planish_inflate *state, struct cursor *cursor)
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

static enum planish_inflate_status run(struct planish_inflate *state, struct cursor *cursor)
{
	for (;;) {
		enum planish_inflate_status status = PLANISH_INFLATE_END;

		if (state->phase == AT_BLOCK) {
			status = begin_block(state, cursor);
			if (status == PLANISH_INFLATE_OUTPUT)
				continue;
		} else if (state->phase != AT_END) {
			status = state->phase == IN_STORED ? copy_stored(state, cursor) : decode(state, cursor);
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
