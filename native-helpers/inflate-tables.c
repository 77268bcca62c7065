/* See inflate-tables.h. */
#include "inflate-tables.h"

#include <string.h>

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
	const uint32_t first_level = used - 1;
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
				if ((bits & first_level) != link) {
					link = bits & first_level;
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

int planish_inflate_lengths(uint32_t *table, const uint8_t *lengths, unsigned count)
{
	return build_table(table, LENGTH_BITS, lengths, count, length_entry, 1);
}

int planish_inflate_distances(uint32_t *table, const uint8_t *lengths, unsigned count)
{
	return build_table(table, DISTANCE_BITS, lengths, count, distance_entry, 1);
}

int planish_inflate_codes(uint32_t *table, const uint8_t *lengths)
{
	return build_table(table, CODE_BITS, lengths, CODE_SYMBOLS, code_entry, 0);
}

void planish_inflate_fixed(uint32_t *length_table, uint32_t *distance_table)
{
	uint8_t lengths[LENGTH_SYMBOLS];

	for (unsigned i = 0; i < LENGTH_SYMBOLS; i++)
		lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
	planish_inflate_lengths(length_table, lengths, LENGTH_SYMBOLS);
	memset(lengths, 5, DISTANCE_SYMBOLS);
	planish_inflate_distances(distance_table, lengths, DISTANCE_SYMBOLS);
}
