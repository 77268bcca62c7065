/* See deflate-huffman.h. */
#include "deflate-huffman.h"

static unsigned gather_used(uint32_t *keys, const uint32_t *counts, unsigned symbols)
{
	unsigned used = 0;

	for (unsigned i = 0; i < symbols; i++)
		if (counts[i] > 0)
			keys[used++] = counts[i] << 9 | i;
	/* Readers of old want two codes at least. */
	for (unsigned i = 0; used < 2; i++)
		if (counts[i] == 0)
			keys[used++] = 1u << 9 | i;
	return used;
}

static void sort(uint32_t *keys, unsigned count)
{
	static const unsigned gaps[] = { 132, 57, 23, 10, 4, 1 };

	for (unsigned g = 0; g < 6; g++) {
		for (unsigned i = gaps[g]; i < count; i++) {
			uint32_t key = keys[i];
			unsigned at = i;

			for (; at >= gaps[g] && keys[at - gaps[g]] > key; at -= gaps[g])
				keys[at] = keys[at - gaps[g]];
			keys[at] = key;
		}
	}
}

/* How many leaves of Huffman's tree lie at each depth, those beyond the limit counted at it. */
static void count_depths(const uint32_t *keys, unsigned used, unsigned limit, unsigned *counts)
{
	uint32_t weights[LITERAL_SYMBOLS];
	uint16_t parents[2 * LITERAL_SYMBOLS];
	uint8_t depths[LITERAL_SYMBOLS];
	unsigned leaf = 0, inner = 0;

	for (unsigned node = 0; node + 1 < used; node++) {
		uint32_t weight = 0;

		for (int child = 0; child < 2; child++) {
			if (leaf < used && (inner >= node || keys[leaf] >> 9 <= weights[inner])) {
				weight += keys[leaf] >> 9;
				parents[leaf++] = (uint16_t)node;
			} else {
				weight += weights[inner];
				parents[LITERAL_SYMBOLS + inner++] = (uint16_t)node;
			}
		}
		weights[node] = weight;
	}
	depths[used - 2] = 0;
	for (unsigned node = used - 2; node-- > 0;)
		depths[node] = depths[parents[LITERAL_SYMBOLS + node]] + 1;
	for (unsigned i = 0; i < used; i++) {
		unsigned depth = depths[parents[i]] + 1u;

		counts[depth < limit ? depth : limit]++;
	}
}

/* Takes leaves from above the limit until those at it fit: each step makes room for one. */
static void fit_depths(unsigned *counts, unsigned limit)
{
	uint32_t total = 0;

	for (unsigned depth = 1; depth <= limit; depth++)
		total += (uint32_t)counts[depth] << (limit - depth);
	for (; total > 1u << limit; total--) {
		unsigned depth = limit - 1;

		while (counts[depth] == 0)
			depth--;
		counts[limit]--;
		counts[depth]--;
		counts[depth + 1] += 2;
	}
}

static uint16_t reverse(unsigned code, unsigned length)
{
	unsigned reversed = 0;

	for (; length > 0; length--, code >>= 1)
		reversed = reversed << 1 | (code & 1);
	return (uint16_t)reversed;
}

static void assign_codes(struct planish_code *code, unsigned symbols)
{
	unsigned next[LENGTH_LIMIT + 2] = { 0 }, counts[LENGTH_LIMIT + 1] = { 0 };

	for (unsigned i = 0; i < symbols; i++)
		counts[code->lengths[i]]++;
	counts[0] = 0;
	for (unsigned length = 1; length <= LENGTH_LIMIT; length++)
		next[length] = (next[length - 1] + counts[length - 1]) << 1;
	for (unsigned i = 0; i < symbols; i++)
		code->codes[i] = reverse(next[code->lengths[i]]++, code->lengths[i]);
}

void planish_make_code(struct planish_code *code, const uint32_t *counts, unsigned symbols, unsigned limit)
{
	uint32_t keys[LITERAL_SYMBOLS];
	unsigned depths[LENGTH_LIMIT + 1] = { 0 };
	unsigned used = gather_used(keys, counts, symbols), at = 0;

	sort(keys, used);
	count_depths(keys, used, limit, depths);
	fit_depths(depths, limit);
	__builtin_memset(code->lengths, 0, sizeof code->lengths);
	/* The rarest get the longest. */
	for (unsigned depth = limit; depth > 0; depth--)
		for (unsigned i = 0; i < depths[depth]; i++)
			code->lengths[keys[at++] & 511] = (uint8_t)depth;
	assign_codes(code, symbols);
}

void planish_make_fixed_codes(struct planish_code *literals, struct planish_code *distances)
{
	for (unsigned i = 0; i < LITERAL_SYMBOLS; i++)
		literals->lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
	__builtin_memset(distances->lengths, 5, DISTANCE_SYMBOLS);
	assign_codes(literals, LITERAL_SYMBOLS);
	assign_codes(distances, DISTANCE_SYMBOLS);
}
