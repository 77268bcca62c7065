/*
 * SHA-256 of streams, in what a processor leaves idle while it hashes something else: blocks of fs-verity, or another
 * stream. One stream alone is no faster than OpenSSL; two things side by side take little longer than one.
 */
#ifndef PLANISH_HASH_STREAM_H
#define PLANISH_HASH_STREAM_H

#include "hash.h"

/* What is known of a stream; in memory of the caller's, without pointers. */
struct planish_stream {
	uint32_t magic;
	uint32_t filled;
	uint64_t length;
	uint32_t state[8];
	unsigned char rest[64];
};

/* The next bytes of a stream, as many as are still to be hashed. */
struct planish_waiting {
	struct planish_stream *stream;
	const unsigned char *data;
	size_t length;
};

/* Whether the processor has the instructions; nothing below may be called otherwise. */
int planish_streams_run(void);

void planish_stream_begin(struct planish_stream *stream);

/* Whether memory holds a stream that was begun, and nothing that none could hold. */
int planish_stream_is_begun(const struct planish_stream *stream);

/* Hashes all that waits of the first stream and, beside it, of the second, which may be NULL, at most as much. */
void planish_stream_add(struct planish_waiting *first, struct planish_waiting *second);

/*
 * Hashes messages (see `planish_kernel`) and, beside them, bytes that wait, until there are too few of either; how many
 * messages were done.
 */
size_t planish_stream_beside(struct planish_waiting *waiting, const struct planish_message *messages, size_t count,
			     size_t size);

/* The digest of all that was hashed. The stream must be begun anew afterwards. */
void planish_stream_end(struct planish_stream *stream, unsigned char *digest);

#endif
