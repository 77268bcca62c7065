/*
 * Target for libFuzzer: whatever comes in is inflated in pieces of odd sizes, and deflated and inflated again, which must
 * give it back; and hashed in blocks by every kernel, which must agree. The sanitizers see all else.
 */
#include <stdlib.h>
#include <string.h>

#include "crc32.h"
#include "deflate.h"
#include "hash-stream.h"
#include "inflate.h"

#define ROOM (PLANISH_INFLATE_HISTORY + 4096)

/* Inflates as far as it goes, at most 1 MiB; bytes produced, and compared where `expected` is given. */
static size_t inflate_all(const unsigned char *data, size_t length, size_t step, const unsigned char *expected)
{
	struct planish_inflate *state = malloc(planish_inflate_bytes());
	unsigned char *output = malloc(ROOM);
	size_t at = 0, end = step < length ? step : length, total = 0;

	planish_inflate_begin(state);
	for (;;) {
		/* A copy of its own size, so that the sanitizer sees every byte read beyond it. */
		unsigned char *piece = malloc(end - at + 1);
		size_t consumed, produced;
		enum planish_inflate_status status;

		memcpy(piece, data + at, end - at);
		status = planish_inflate_run(state, piece, end - at, output, ROOM, &consumed, &produced);
		free(piece);
		if (consumed > end - at || produced > ROOM - PLANISH_INFLATE_HISTORY)
			abort();
		if (expected != NULL && memcmp(output + PLANISH_INFLATE_HISTORY, expected + total, produced) != 0)
			abort();
		at += consumed;
		total += produced;
		if (status < 0 || status == PLANISH_INFLATE_END || total > 1 << 20)
			break;
		if (status == PLANISH_INFLATE_INPUT && end == length)
			break;
		if (status == PLANISH_INFLATE_INPUT)
			end = end + step < length ? end + step : length;
	}
	free(state);
	free(output);
	return total;
}

static void there_and_back(const unsigned char *data, size_t length, int level)
{
	struct planish_deflate *work = malloc(planish_deflate_bytes());
	unsigned char *out = malloc(planish_deflate_bound(length));
	size_t written = planish_deflate_chunk(work, data, 0, length, level, 1, out);

	if (written > planish_deflate_bound(length) || inflate_all(out, written, 1000, data) != length)
		abort();
	free(work);
	free(out);
}

static void hash_by_all(const unsigned char *data, size_t length)
{
	for (uint32_t algorithm = PLANISH_SHA256; algorithm <= PLANISH_SHA512; algorithm++) {
		const struct planish_kernel_table *table = planish_kernels(algorithm);
		unsigned char digests[5][PLANISH_DIGEST_MAX], first[5][PLANISH_DIGEST_MAX];
		struct planish_message messages[5];

		for (size_t i = 0; i < table->count; i++) {
			if (table->rows[i].refusal != NULL)
				continue;
			for (size_t m = 0; m < 5; m++)
				messages[m] = (struct planish_message){ data, length * m / 4, digests[m] };
			memset(digests, 0, sizeof digests);
			planish_hash(&table->rows[i], messages, 5, (length + 255) / 128 * 128);
			if (i == 0)
				memcpy(first, digests, sizeof first);
			else if (memcmp(first, digests, sizeof first) != 0)
				abort();
		}
	}
}

static void sum_by_both(const unsigned char *data, size_t length)
{
	if (planish_crc32(data, length, (uint32_t)length) != planish_crc32_portable(data, length, (uint32_t)length))
		abort();
}

/* A stream in two pieces, beside messages and another stream; against a message, whose length is a multiple of 128. */
static void hash_streams(const unsigned char *data, size_t length, size_t cut)
{
	size_t whole = length / 128 * 128, first = cut < whole ? cut : whole;
	unsigned char digest[PLANISH_DIGEST_MAX], other[PLANISH_DIGEST_MAX], beside[3][PLANISH_DIGEST_MAX];
	struct planish_message message = { data, whole, digest };
	struct planish_message messages[3];
	struct planish_stream stream, second;
	struct planish_waiting waiting = { &stream, data, first }, more = { &second, data, length };

	if (!planish_streams_run() || whole == 0)
		return;
	for (size_t i = 0; i < 3; i++)
		messages[i] = (struct planish_message){ data, 60 * i, beside[i] };
	planish_stream_begin(&stream);
	planish_stream_begin(&second);
	planish_stream_beside(&waiting, messages, 3, 128);
	planish_stream_add(&waiting, &more);
	waiting = (struct planish_waiting){ &stream, data + first, whole - first };
	planish_stream_add(&waiting, &more);
	planish_stream_add(&more, NULL);
	planish_stream_end(&stream, other);
	planish_hash(&planish_kernels(PLANISH_SHA256)->rows[0], &message, 1, whole);
	if (memcmp(digest, other, 32) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t length);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t length)
{
	if (length == 0 || length > 16384)
		return 0;
	inflate_all(data + 1, length - 1, 1 + data[0], NULL);
	there_and_back(data, length, 1 + data[0] % 9);
	hash_by_all(data, length);
	sum_by_both(data + 1, length - 1);
	hash_streams(data, length, data[0] * 64u + data[length - 1]);
	return 0;
}
