/*
 * See deflate.h. Matches are found by chains of positions that begin with the same four bytes, and one by three; a match
 * is put off by one literal where the next position has a better one. A block ends where its symbols become others.
 */
#include "deflate-blocks.h"
#include "little-endian.h"

#define HASH3_BITS 15
#define HASH4_BITS 16
#define MATCH_MAX 258u
#define TOKENS 65536u

/* Blocks are not split before, and are split at the latest after, so many bytes. */
#define BLOCK_MIN 5000u
#define BLOCK_MAX 300000u

/* A match of three bytes from farther away costs more than three literals. */
#define FAR_FOR_THREE 4096u

/*
 * How hard a level tries: candidates for a match, and lengths that are good enough; whether a match may be put off; how
 * many literals in a row, as a power of two, make it look at one byte less of those to come.
 */
struct effort {
	unsigned depth;
	unsigned nice;
	int is_lazy;
	unsigned patience;
};

#define ENDLESS 31

static const struct effort efforts[PLANISH_LEVEL_MAX + 1] = {
	{ 0, 0, 0, 0 },	   { 3, 16, 0, 5 },  { 6, 24, 0, 5 },  { 8, 32, 0, 6 },		{ 8, 32, 1, 6 },
	{ 10, 40, 1, 6 }, { 14, 48, 1, 6 }, { 32, 72, 1, 8 }, { 100, 200, 1, ENDLESS }, { 400, 258, 1, ENDLESS },
};

/* Bytes that are passed over at most: what is found behind them was missed by no more. */
#define PASSED_OVER_MAX 15u

#define KINDS 10

/* What kinds of symbols a block has had, and the last few. */
struct trend {
	uint32_t old[KINDS];
	uint32_t fresh[KINDS];
	uint32_t old_count;
	uint32_t fresh_count;
};

#define TREND_STEP 512

/*
 * Positions are kept modulo 2^16; what is stale leads to a candidate that does not match, or that does and is as good
 * as any other.
 */
struct planish_deflate {
	uint16_t heads3[1 << HASH3_BITS];
	uint16_t heads4[1 << HASH4_BITS];
	uint16_t previous[PLANISH_DEFLATE_HISTORY];
	uint32_t tokens[TOKENS];
	struct planish_block block;
	struct trend trend;
	const unsigned char *base;
	const unsigned char *end;
	/* Literals since the last match. */
	unsigned barren;
};

size_t planish_deflate_bytes(void)
{
	return sizeof(struct planish_deflate);
}

/* A block is stored where it would grow, by five bytes for each 65,535; the rest is for bits on their way. */
size_t planish_deflate_bound(size_t length)
{
	return length + 16 * (length / BLOCK_MIN + 2) + 64;
}

#define GOLDEN 0x9e3779b1u

static uint32_t hash3(uint32_t four)
{
	return (four << 8) * GOLDEN >> (32 - HASH3_BITS);
}

static uint32_t hash4(uint32_t four)
{
	return four * GOLDEN >> (32 - HASH4_BITS);
}

/* Equal bytes from `length` on, up to `most`. */
static unsigned extend(const unsigned char *a, const unsigned char *b, unsigned length, unsigned most)
{
	for (; length + 8 <= most; length += 8) {
		uint64_t difference = load64(a + length) ^ load64(b + length);

		if (difference != 0)
			return length + ((unsigned)__builtin_ctzll(difference) >> 3);
	}
	while (length < most && a[length] == b[length])
		length++;
	return length;
}

/* Notes a position; four bytes must be there. */
static void insert(struct planish_deflate *work, const unsigned char *at)
{
	uint32_t four = load32(at), position = (uint32_t)(at - work->base), h4 = hash4(four);

	work->previous[position & (PLANISH_DEFLATE_HISTORY - 1)] = work->heads4[h4];
	work->heads4[h4] = (uint16_t)position;
	work->heads3[hash3(four)] = (uint16_t)position;
}

/* Has the processor fetch what a look at a position begins with, while it is busy with the one before. */
static void announce(struct planish_deflate *work, const unsigned char *at)
{
	uint32_t four = load32(at);

	__builtin_prefetch(&work->heads3[hash3(four)], 1);
	__builtin_prefetch(&work->heads4[hash4(four)], 1);
}

struct match {
	unsigned length;
	unsigned distance;
};

/* The longest match at a position, if longer than `beat`; notes the position. Four bytes must be there. */
static struct match find(struct planish_deflate *work, const unsigned char *at, unsigned beat, unsigned depth,
			 unsigned nice)
{
	uint32_t four = load32(at), position = (uint32_t)(at - work->base), h3 = hash3(four), h4 = hash4(four);
	unsigned most = (size_t)(work->end - at) < MATCH_MAX ? (unsigned)(work->end - at) : MATCH_MAX;
	unsigned distance = (uint16_t)(position - work->heads3[h3]), last = 0;
	uint32_t farthest = position < PLANISH_DEFLATE_HISTORY - 1 ? position : PLANISH_DEFLATE_HISTORY - 1;
	uint32_t offset, tail;
	uint16_t next = work->heads4[h4];
	struct match best = { beat, 0 };

	work->heads3[h3] = work->heads4[h4] = (uint16_t)position;
	work->previous[position & (PLANISH_DEFLATE_HISTORY - 1)] = next;
	if (most > 4)
		announce(work, at + 1);
	if (beat >= most)
		return best;
	if (beat < 3 && distance > 0 && distance <= farthest && distance <= FAR_FOR_THREE &&
	    (load32(at - distance) ^ four) << 8 == 0)
		best = (struct match){ 3, distance };
	offset = best.length > 3 ? best.length - 3 : 0;
	tail = load32(at + offset);
	for (; depth > 0 && best.length < most; depth--) {
		const unsigned char *candidate;

		distance = (uint16_t)(position - next);
		/* Nearer than the last one is stale; farther than the history, unreachable. */
		if (distance - last - 1 >= farthest - last)
			break;
		candidate = at - distance;
		if (load32(candidate + offset) == tail && load32(candidate) == four) {
			unsigned length = extend(at, candidate, 4, most);

			if (length > best.length) {
				best = (struct match){ length, distance };
				if (length >= nice || length >= most)
					break;
				offset = length - 3;
				tail = load32(at + offset);
			}
		}
		last = distance;
		next = work->previous[(position - distance) & (PLANISH_DEFLATE_HISTORY - 1)];
	}
	return best;
}

static void begin_block(struct planish_deflate *work, const unsigned char *at)
{
	__builtin_memset(&work->block, 0, sizeof work->block);
	__builtin_memset(&work->trend, 0, sizeof work->trend);
	work->block.data = at;
	work->block.tokens = work->tokens;
}

static void add_literal(struct planish_deflate *work, unsigned char byte)
{
	work->tokens[work->block.token_count++] = byte;
	work->block.literals[byte]++;
	work->trend.fresh[byte >> 5]++;
	work->trend.fresh_count++;
}

static void add_match(struct planish_deflate *work, struct match match)
{
	work->tokens[work->block.token_count++] = TOKEN_MATCH | match.length << 16 | (match.distance - 1);
	work->block.literals[257 + planish_length_symbol(match.length)]++;
	work->block.distances[planish_distance_symbol(match.distance)]++;
	work->trend.fresh[8 + (match.length >= 9)]++;
	work->trend.fresh_count++;
}

/*
 * Whether the last symbols are of other kinds than those before: the sum of differences between both shares, against a
 * bound of two fifths that falls as the block grows.
 */
static int has_turned(struct trend *trend, size_t block_length)
{
	uint64_t difference = 0, scale = (uint64_t)trend->old_count * trend->fresh_count, bound = scale * 2 / 5;

	for (int i = 0; i < KINDS; i++) {
		uint64_t before = (uint64_t)trend->old[i] * trend->fresh_count;
		uint64_t now = (uint64_t)trend->fresh[i] * trend->old_count;

		difference += before > now ? before - now : now - before;
	}
	if (trend->old_count > 0 && difference + scale / TREND_STEP * (block_length / 4096) >= bound)
		return 1;
	for (int i = 0; i < KINDS; i++)
		trend->old[i] += trend->fresh[i];
	trend->old_count += trend->fresh_count;
	__builtin_memset(trend->fresh, 0, sizeof trend->fresh);
	trend->fresh_count = 0;
	return 0;
}

static int ends_here(struct planish_deflate *work, const unsigned char *at)
{
	size_t length = (size_t)(at - work->block.data), left = (size_t)(work->end - at);

	/* A match may still be put off once for every token that there is room for. */
	if (work->block.token_count + 2 >= TOKENS || length >= BLOCK_MAX)
		return 1;
	if (work->trend.fresh_count < TREND_STEP || length < BLOCK_MIN || left < BLOCK_MIN)
		return 0;
	return has_turned(&work->trend, length);
}

static unsigned log2_of(unsigned value)
{
	return 31 - (unsigned)__builtin_clz(value);
}

/* Whether a match one byte on is worth a literal: four for each byte more, one for each bit of distance less. */
static int is_better(struct match next, struct match match)
{
	if (next.distance == 0 || next.length < match.length)
		return 0;
	return 4 * (int)(next.length - match.length) + (int)log2_of(match.distance) - (int)log2_of(next.distance) > 2;
}

static int can_search(const struct planish_deflate *work, const unsigned char *at)
{
	return work->end - at >= 4;
}

/*
 * Writes a literal, and the more after it without a look the longer nothing has matched: what is compressed already
 * holds no matches. All are noted, so that a copy of such bytes is found, if a little late.
 */
static const unsigned char *pass_over(struct planish_deflate *work, const unsigned char *at, unsigned patience)
{
	unsigned more = ++work->barren >> patience;

	add_literal(work, *at++);
	if (more > PASSED_OVER_MAX)
		more = PASSED_OVER_MAX;
	for (; more > 0 && can_search(work, at) && work->block.token_count + 2 < TOKENS; more--) {
		insert(work, at);
		add_literal(work, *at++);
	}
	return at;
}

/* Writes one match or literals, with the literals before it that it was put off for; where the next symbol begins. */
static const unsigned char *step(struct planish_deflate *work, const unsigned char *at, const struct effort *effort)
{
	struct match match = { 0, 0 };
	const unsigned char *noted = at + 1;

	if (can_search(work, at))
		match = find(work, at, 2, effort->depth, effort->nice);
	if (match.distance == 0)
		return pass_over(work, at, effort->patience);
	work->barren = 0;
	while (effort->is_lazy && match.length < effort->nice && can_search(work, at + 1) &&
	       work->block.token_count + 2 < TOKENS) {
		struct match next = find(work, at + 1, match.length - 1, effort->depth / 2, effort->nice);

		noted = at + 2;
		if (!is_better(next, match))
			break;
		add_literal(work, *at++);
		match = next;
	}
	add_match(work, match);
	for (at += match.length; noted < at && can_search(work, noted); noted++)
		insert(work, noted);
	return at;
}

size_t planish_deflate_chunk(struct planish_deflate *work, const unsigned char *data, size_t history, size_t length,
			     int level, int is_last, unsigned char *out)
{
	const struct effort *effort = &efforts[level];
	struct planish_bits bits = { .out = out };
	const unsigned char *at = data + history;

	__builtin_memset(work->heads3, 0, sizeof work->heads3);
	__builtin_memset(work->heads4, 0, sizeof work->heads4);
	__builtin_memset(work->previous, 0, sizeof work->previous);
	work->base = data;
	work->end = at + length;
	work->barren = 0;
	for (const unsigned char *before = data; before < at && can_search(work, before); before++)
		insert(work, before);
	begin_block(work, at);
	while (at < work->end) {
		at = step(work, at, effort);
		if (at < work->end && !ends_here(work, at))
			continue;
		work->block.length = (size_t)(at - work->block.data);
		planish_write_block(&bits, &work->block, is_last && at == work->end);
		begin_block(work, at);
	}
	if (length == 0 && is_last)
		planish_write_block(&bits, &work->block, 1);
	planish_end_chunk(&bits, is_last);
	return (size_t)(bits.out - out);
}
