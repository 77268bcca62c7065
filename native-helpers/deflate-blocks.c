/* See deflate-blocks.h. */
#include "deflate-blocks.h"
#include "little-endian.h"

#define CODE_SYMBOLS 19
#define CODE_LIMIT 7
#define STORED_MAX 65535u

static const uint16_t length_base[29] = { 3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
					  31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258 };
static const uint8_t length_extra[29] = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
					  2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0 };

static unsigned log2_of(unsigned value)
{
	return 31 - (unsigned)__builtin_clz(value);
}

/* 0 for a length of 3. */
unsigned planish_length_symbol(unsigned length)
{
	unsigned above = length - 3, log;

	if (length == 258)
		return 28;
	if (above < 8)
		return above;
	log = log2_of(above);
	return 4 * (log - 1) + (above >> (log - 2) & 3);
}

unsigned planish_distance_symbol(unsigned distance)
{
	unsigned above = distance - 1, log;

	if (above < 4)
		return above;
	log = log2_of(above);
	return 2 * log + (above >> (log - 1) & 1);
}

static unsigned distance_extra(unsigned symbol)
{
	return symbol < 4 ? 0 : symbol / 2 - 1;
}

static unsigned distance_base(unsigned symbol)
{
	return symbol < 4 ? symbol + 1 : ((2 + (symbol & 1)) << distance_extra(symbol)) + 1;
}

/* Whole bytes of at most 63 bits go out; room for eight must be there. */
static void drain(struct planish_bits *bits)
{
	store64(bits->out, bits->held);
	bits->out += bits->count >> 3;
	bits->held >>= bits->count & ~7u;
	bits->count &= 7;
}

static void put(struct planish_bits *bits, uint32_t value, unsigned count)
{
	bits->held |= (uint64_t)value << bits->count;
	bits->count += count;
	if (bits->count >= 32)
		drain(bits);
}

/* The head of a block with codes of its own: their lengths, as runs, coded. */
struct head {
	struct planish_code code;
	uint32_t counts[CODE_SYMBOLS];
	unsigned literal_count;
	unsigned distance_count;
	unsigned code_count;
	unsigned run_count;
	/* Symbol, and the value of its extra bits. */
	uint8_t runs[LITERAL_SYMBOLS + DISTANCE_SYMBOLS][2];
};

static const uint8_t code_order[CODE_SYMBOLS] = { 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15 };
static const uint8_t run_extra[3] = { 2, 3, 7 };

static void add_run(struct head *head, unsigned symbol, unsigned extra)
{
	head->counts[symbol]++;
	head->runs[head->run_count][0] = (uint8_t)symbol;
	head->runs[head->run_count++][1] = (uint8_t)extra;
}

static void add_runs(struct head *head, unsigned length, unsigned count)
{
	if (length > 0) {
		add_run(head, length, 0);
		count--;
	}
	while (count >= 3) {
		unsigned most = length > 0 ? 6 : 138, part = count < most ? count : most;

		if (length > 0)
			add_run(head, 16, part - 3);
		else
			add_run(head, part < 11 ? 17 : 18, part - (part < 11 ? 3 : 11));
		count -= part;
	}
	while (count-- > 0)
		add_run(head, length, 0);
}

static unsigned used_symbols(const struct planish_code *code, unsigned count, unsigned least)
{
	while (count > least && code->lengths[count - 1] == 0)
		count--;
	return count;
}

static void make_head(struct head *head, const struct planish_code *literals, const struct planish_code *distances)
{
	uint8_t all[LITERAL_SYMBOLS + DISTANCE_SYMBOLS];
	unsigned total;

	__builtin_memset(head->counts, 0, sizeof head->counts);
	head->run_count = 0;
	head->literal_count = used_symbols(literals, 286, 257);
	head->distance_count = used_symbols(distances, DISTANCE_SYMBOLS, 1);
	total = head->literal_count + head->distance_count;
	__builtin_memcpy(all, literals->lengths, head->literal_count);
	__builtin_memcpy(all + head->literal_count, distances->lengths, head->distance_count);
	for (unsigned i = 0, run; i < total; i += run) {
		for (run = 1; i + run < total && all[i + run] == all[i]; run++)
			;
		add_runs(head, all[i], run);
	}
	planish_make_code(&head->code, head->counts, CODE_SYMBOLS, CODE_LIMIT);
	head->code_count = CODE_SYMBOLS;
	while (head->code_count > 4 && head->code.lengths[code_order[head->code_count - 1]] == 0)
		head->code_count--;
}

static size_t head_bits(const struct head *head)
{
	size_t bits = 14 + 3 * (size_t)head->code_count;

	for (unsigned i = 0; i < CODE_SYMBOLS; i++)
		bits += (size_t)head->counts[i] * (head->code.lengths[i] + (i < 16 ? 0u : run_extra[i - 16]));
	return bits;
}

static void write_head(struct planish_bits *bits, const struct head *head)
{
	put(bits, head->literal_count - 257, 5);
	put(bits, head->distance_count - 1, 5);
	put(bits, head->code_count - 4, 4);
	for (unsigned i = 0; i < head->code_count; i++)
		put(bits, head->code.lengths[code_order[i]], 3);
	for (unsigned i = 0; i < head->run_count; i++) {
		unsigned symbol = head->runs[i][0];

		put(bits, head->code.codes[symbol], head->code.lengths[symbol]);
		if (symbol >= 16)
			put(bits, head->runs[i][1], run_extra[symbol - 16]);
	}
}

static size_t body_bits(const struct planish_block *block, const struct planish_code *literals,
			const struct planish_code *distances)
{
	size_t bits = 0;

	for (unsigned i = 0; i < 286; i++)
		bits += (size_t)block->literals[i] * (literals->lengths[i] + (i < 257 ? 0u : length_extra[i - 257]));
	for (unsigned i = 0; i < DISTANCE_SYMBOLS; i++)
		bits += (size_t)block->distances[i] * (distances->lengths[i] + distance_extra(i));
	return bits;
}

static void write_body(struct planish_bits *bits, const struct planish_block *block,
		       const struct planish_code *literals, const struct planish_code *distances)
{
	struct planish_bits local = *bits;

	for (size_t i = 0; i < block->token_count; i++) {
		uint32_t token = block->tokens[i];

		if (!(token & TOKEN_MATCH)) {
			local.held |= (uint64_t)literals->codes[token] << local.count;
			local.count += literals->lengths[token];
		} else {
			unsigned length = token >> 16 & 511, distance = (token & 0xffff) + 1;
			unsigned symbol = planish_length_symbol(length), extra;

			local.held |= (uint64_t)literals->codes[257 + symbol] << local.count;
			local.count += literals->lengths[257 + symbol];
			local.held |= (uint64_t)(length - length_base[symbol]) << local.count;
			local.count += length_extra[symbol];
			drain(&local);
			symbol = planish_distance_symbol(distance);
			extra = distance_extra(symbol);
			local.held |= (uint64_t)distances->codes[symbol] << local.count;
			local.count += distances->lengths[symbol];
			local.held |= (uint64_t)(distance - distance_base(symbol)) << local.count;
			local.count += extra;
		}
		if (local.count >= 32)
			drain(&local);
	}
	*bits = local;
	put(bits, literals->codes[END_OF_BLOCK], literals->lengths[END_OF_BLOCK]);
}

static void fill_byte(struct planish_bits *bits)
{
	bits->count = (bits->count + 7) & ~7u;
	drain(bits);
}

static void write_stored(struct planish_bits *bits, const unsigned char *data, size_t length, int is_last)
{
	do {
		size_t part = length < STORED_MAX ? length : STORED_MAX;

		length -= part;
		put(bits, is_last && length == 0, 1);
		put(bits, 0, 2);
		fill_byte(bits);
		put(bits, (uint32_t)part | (uint32_t)(~part & 0xffff) << 16, 32);
		drain(bits);
		__builtin_memcpy(bits->out, data, part);
		bits->out += part;
		data += part;
	} while (length > 0);
}

void planish_write_block(struct planish_bits *bits, struct planish_block *block, int is_last)
{
	struct planish_code literals, distances, fixed_literals, fixed_distances;
	struct head head;
	size_t own, fixed, stored = 8 * block->length + 42 * (block->length / STORED_MAX + 1);

	block->literals[END_OF_BLOCK] = 1;
	planish_make_code(&literals, block->literals, LITERAL_SYMBOLS - 2, LENGTH_LIMIT);
	planish_make_code(&distances, block->distances, DISTANCE_SYMBOLS, LENGTH_LIMIT);
	make_head(&head, &literals, &distances);
	planish_make_fixed_codes(&fixed_literals, &fixed_distances);
	own = head_bits(&head) + body_bits(block, &literals, &distances);
	fixed = body_bits(block, &fixed_literals, &fixed_distances);
	if (stored < own && stored < fixed) {
		write_stored(bits, block->data, block->length, is_last);
		return;
	}
	put(bits, is_last != 0, 1);
	put(bits, fixed <= own ? 1 : 2, 2);
	if (fixed <= own) {
		write_body(bits, block, &fixed_literals, &fixed_distances);
		return;
	}
	write_head(bits, &head);
	write_body(bits, block, &literals, &distances);
}

void planish_end_chunk(struct planish_bits *bits, int is_last)
{
	if (!is_last)
		write_stored(bits, bits->out, 0, 0);
	else
		fill_byte(bits);
}
