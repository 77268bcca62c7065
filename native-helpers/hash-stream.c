/* See hash-stream.h. States are kept as ABEF and CDGH, the order of the instructions. */
#include "hash-stream.h"

#include <string.h>

#define MAGIC 0x53323536u
#define CHUNK_BYTES 64u

int planish_stream_is_begun(const struct planish_stream *stream)
{
	return stream->magic == MAGIC && stream->filled < CHUNK_BYTES;
}

#if defined(__x86_64__)

#include "hash-ni-rounds.h"

#define READ(s, _)                                                      \
	abef##s = _mm_loadu_si128((const __m128i *)state##s);           \
	cdgh##s = _mm_loadu_si128((const __m128i *)(state##s + 4));
#define WRITE(s, _)                                                     \
	_mm_storeu_si128((__m128i *)state##s, abef##s);                 \
	_mm_storeu_si128((__m128i *)(state##s + 4), cdgh##s);
#define FIND(s, _) const unsigned char *chunk##s = data##s + CHUNK_BYTES * c;

/* The body of both functions below: so many chunks of each, from state to state. */
#define RUN                                       \
	const __m128i swap = SWAP;                \
	EACH(DECLARE, 0)                          \
	EACH(READ, 0)                             \
	for (size_t c = 0; c < chunks; c++) {     \
		EACH(FIND, 0)                     \
		EACH(KEEP, 0)                     \
		CHUNK                             \
		EACH(ADD, 0)                      \
	}                                         \
	EACH(WRITE, 0)

#define EACH(F, ...) F(a, __VA_ARGS__)
TARGET static void run_one(uint32_t *statea, const unsigned char *dataa, size_t chunks)
{
	RUN
}
#undef EACH

#define EACH(F, ...) F(a, __VA_ARGS__) F(b, __VA_ARGS__)
TARGET static void run_two(uint32_t *statea, const unsigned char *dataa, uint32_t *stateb, const unsigned char *datab,
			   size_t chunks)
{
	RUN
}

TARGET static void begin_state(uint32_t *state)
{
	_mm_storeu_si128((__m128i *)state, ABEF(planish_h256));
	_mm_storeu_si128((__m128i *)(state + 4), CDGH(planish_h256));
}

TARGET static void store_state(unsigned char *digest, const uint32_t *state)
{
	planish_store_digest(digest, _mm_loadu_si128((const __m128i *)state),
			     _mm_loadu_si128((const __m128i *)(state + 4)));
}

/* The kernels of the same instructions have given the known answers. */
int planish_streams_run(void)
{
	const struct planish_kernel_table *table = planish_kernels(PLANISH_SHA256);

	for (size_t i = 0; i < table->count; i++)
		if (table->rows[i].run == planish_sha256_ni2)
			return table->rows[i].refusal == NULL;
	return 0;
}

void planish_stream_begin(struct planish_stream *stream)
{
	memset(stream, 0, sizeof *stream);
	stream->magic = MAGIC;
	begin_state(stream->state);
}

/* Notes that bytes were taken. */
static void advance(struct planish_waiting *waiting, size_t length)
{
	if (length == 0)
		return;
	waiting->stream->length += length;
	waiting->data += length;
	waiting->length -= length;
}

/* Takes bytes to the chunk that is begun, and hashes it when it is full. */
static void fill_rest(struct planish_waiting *waiting)
{
	struct planish_stream *stream = waiting->stream;
	size_t room = CHUNK_BYTES - stream->filled;
	size_t length = waiting->length < room ? waiting->length : room;

	if (length == 0)
		return;
	memcpy(stream->rest + stream->filled, waiting->data, length);
	stream->filled += (uint32_t)length;
	advance(waiting, length);
	if (stream->filled < CHUNK_BYTES)
		return;
	run_one(stream->state, stream->rest, 1);
	stream->filled = 0;
}

static void align(struct planish_waiting *waiting)
{
	if (waiting->stream->filled > 0)
		fill_rest(waiting);
}

static void finish(struct planish_waiting *waiting)
{
	size_t chunks = waiting->length / CHUNK_BYTES;

	run_one(waiting->stream->state, waiting->data, chunks);
	advance(waiting, chunks * CHUNK_BYTES);
	fill_rest(waiting);
}

void planish_stream_add(struct planish_waiting *first, struct planish_waiting *second)
{
	planish_clean_vectors();
	align(first);
	if (second != NULL) {
		size_t shorter;

		align(second);
		shorter = first->length < second->length ? first->length : second->length;
		shorter -= shorter % CHUNK_BYTES;
		run_two(first->stream->state, first->data, second->stream->state, second->data,
			shorter / CHUNK_BYTES);
		advance(first, shorter);
		advance(second, shorter);
	}
	finish(first);
}

/* What follows the whole chunks of a message: its last bytes, zeros, and the padding. */
static size_t make_tail(unsigned char *tail, const struct planish_message *message, size_t whole, size_t size)
{
	size_t rest = message->length % CHUNK_BYTES, chunks = size / CHUNK_BYTES - whole;

	memset(tail, 0, (chunks + 1) * CHUNK_BYTES);
	if (rest > 0)
		memcpy(tail, message->data + whole * CHUNK_BYTES, rest);
	tail[chunks * CHUNK_BYTES] = 0x80;
	planish_store64(tail + (chunks + 1) * CHUNK_BYTES - 8, (uint64_t)size * 8);
	return chunks + 1;
}

size_t planish_stream_beside(struct planish_waiting *waiting, const struct planish_message *messages, size_t count,
			     size_t size)
{
	unsigned char tail[PLANISH_MESSAGE_MAX + CHUNK_BYTES];
	size_t bytes = size + CHUNK_BYTES, done = 0;

	planish_clean_vectors();
	align(waiting);
	for (; done < count && waiting->length >= bytes; done++) {
		const struct planish_message *message = &messages[done];
		size_t whole = message->length / CHUNK_BYTES, rest = make_tail(tail, message, whole, size);
		uint32_t state[8];

		begin_state(state);
		run_two(waiting->stream->state, waiting->data, state, message->data, whole);
		advance(waiting, whole * CHUNK_BYTES);
		run_two(waiting->stream->state, waiting->data, state, tail, rest);
		advance(waiting, rest * CHUNK_BYTES);
		store_state(message->digest, state);
	}
	return done;
}

void planish_stream_end(struct planish_stream *stream, unsigned char *digest)
{
	unsigned char tail[2 * CHUNK_BYTES] = { 0 };
	size_t chunks = stream->filled < CHUNK_BYTES - 8 ? 1 : 2;

	memcpy(tail, stream->rest, stream->filled);
	tail[stream->filled] = 0x80;
	planish_store64(tail + chunks * CHUNK_BYTES - 8, stream->length * 8);
	run_one(stream->state, tail, chunks);
	store_state(digest, stream->state);
	stream->magic = 0;
}

#else

int planish_streams_run(void)
{
	return 0;
}

void planish_stream_begin(struct planish_stream *stream)
{
	stream->magic = 0;
}

void planish_stream_add(struct planish_waiting *first, struct planish_waiting *second)
{
	(void)first;
	(void)second;
}

size_t planish_stream_beside(struct planish_waiting *waiting, const struct planish_message *messages, size_t count,
			     size_t size)
{
	(void)waiting;
	(void)messages;
	(void)count;
	(void)size;
	return 0;
}

void planish_stream_end(struct planish_stream *stream, unsigned char *digest)
{
	(void)digest;
	stream->magic = 0;
}

#endif
