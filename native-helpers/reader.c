/* See reader.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helpers.h"
#include "reader.h"

/* Contents of a stream lie in the buffer as they do in a tar, to so many bytes: rows of the second cache. */
#define ROW_BYTES 64u

/* Empties the buffer; what follows in the stream lies as if it had not been. */
static void start_over(struct planish_reader *reader, size_t end)
{
	reader->pending = 0;
	reader->start = reader->filled = reader->stream != NULL ? end % ROW_BYTES : 0;
}

struct planish_reader *planish_new_reader(uint32_t algorithm, planish_tell *tell, void *owner)
{
	struct planish_reader *reader = malloc(sizeof *reader);

	if (reader == NULL)
		return NULL;
	reader->algorithm = algorithm;
	reader->digest_length = planish_digest_length(algorithm);
	reader->stream = NULL;
	reader->place = NULL;
	reader->small = PLANISH_SMALL_BYTES;
	reader->tell = tell;
	reader->owner = owner;
	start_over(reader, 0);
	return reader;
}

static void tell_all(struct planish_reader *reader)
{
	for (size_t i = 0; i < reader->pending; i++) {
		const struct planish_content *content = &reader->contents[i];
		enum planish_outcome outcome = PLANISH_LEFT;

		if (reader->place != NULL)
			outcome = planish_store_content(reader->place, content->data, content->size, content->digest,
							reader->digest_length);
		reader->tell(reader->owner, reader->tickets[i], content->digest, outcome);
	}
}

int planish_reader_flush(struct planish_reader *reader)
{
	struct planish_waiting waiting = { reader->stream, reader->buffer + reader->start,
					   reader->filled - reader->start };
	struct planish_waiting *beside = reader->stream != NULL ? &waiting : NULL;
	int failed = planish_measure_contents(reader->contents, reader->pending, reader->algorithm, beside);

	if (beside != NULL)
		planish_stream_add(beside, NULL);
	if (!failed)
		tell_all(reader);
	start_over(reader, reader->filled);
	return failed;
}

int planish_reader_between(struct planish_reader *reader, const unsigned char *data, size_t length)
{
	int failed = 0;

	while (length > 0 && !failed) {
		size_t room = PLANISH_READER_BYTES - reader->filled, part = length < room ? length : room;

		memcpy(reader->buffer + reader->filled, data, part);
		reader->filled += part;
		data += part;
		length -= part;
		if (reader->filled == PLANISH_READER_BYTES)
			failed = planish_reader_flush(reader);
	}
	return failed;
}

int planish_open_file(int directory, const char *path)
{
	return openat(directory, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

ssize_t planish_read_fully(int fd, unsigned char *at, size_t length)
{
	size_t done = 0;

	while (done < length) {
		ssize_t count = read(fd, at + done, length - done);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -errno;
		if (count == 0)
			break;
		done += (size_t)count;
	}
	return (ssize_t)done;
}

void planish_put_stamp(unsigned char stamp[PLANISH_STAMP], const struct stat *st)
{
	planish_put64(stamp, (uint64_t)st->st_size);
	planish_put64(stamp + 8, (uint64_t)(int64_t)st->st_mtim.tv_sec);
	planish_put32(stamp + 16, (uint32_t)st->st_mtim.tv_nsec);
	planish_put64(stamp + 20, (uint64_t)st->st_dev);
	planish_put64(stamp + 28, (uint64_t)st->st_ino);
	planish_put32(stamp + 36, (uint32_t)st->st_ctim.tv_nsec);
	planish_put64(stamp + 40, (uint64_t)(int64_t)st->st_ctim.tv_sec);
}

int planish_is_unchanged(int fd, const struct stat *st)
{
	unsigned char before[PLANISH_STAMP], after[PLANISH_STAMP];
	struct stat now;

	if (fstat(fd, &now) < 0)
		return 0;
	planish_put_stamp(before, st);
	planish_put_stamp(after, &now);
	return memcmp(before, after, sizeof before) == 0;
}

/* One byte more than there should be tells a file that has grown; a file ends where less comes than was asked for. */
static int read_whole(int fd, unsigned char *at, size_t size)
{
	size_t done = 0;

	for (;;) {
		ssize_t count = read(fd, at + done, size + 1 - done);

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return -1;
		done += (size_t)count;
		if (done >= size)
			return done == size ? 0 : -1;
	}
}

int planish_reader_small(struct planish_reader *reader, int fd, const struct stat *st, size_t ticket)
{
	size_t size = (size_t)st->st_size, index;
	unsigned char *at;

	if (reader->pending == PLANISH_READER_FILES || reader->filled + size + ROW_BYTES > PLANISH_READER_BYTES) {
		int failed = planish_reader_flush(reader);

		if (failed)
			return failed;
	}
	at = reader->buffer + reader->filled;
	if ((size > 0 && read_whole(fd, at, size) < 0) || !planish_is_unchanged(fd, st))
		return 1;
	index = reader->pending++;
	reader->tickets[index] = ticket;
	reader->contents[index] = (struct planish_content){ at, size, reader->digests[index] };
	reader->filled += reader->stream != NULL ? size : (size + ROW_BYTES - 1) / ROW_BYTES * ROW_BYTES;
	return 0;
}

/* A piece of a large file, the buffer being empty. */
static void hash_piece(struct planish_reader *reader, struct planish_tree *tree, size_t length)
{
	struct planish_waiting waiting = { reader->stream, reader->buffer, length };
	struct planish_waiting *beside = reader->stream != NULL ? &waiting : NULL;

	planish_tree_add(tree, reader->buffer, length, beside);
	if (beside != NULL)
		planish_stream_add(beside, NULL);
}

static int read_pieces(struct planish_reader *reader, struct planish_tree *tree, int fd, uint64_t size, int copy)
{
	uint64_t done = 0;
	ssize_t length;

	do {
		length = planish_read_fully(fd, reader->buffer, PLANISH_READER_BYTES);
		if (length < 0)
			return 1;
		hash_piece(reader, tree, (size_t)length);
		if (copy >= 0 && planish_append(copy, reader->buffer, (size_t)length) < 0)
			return 2;
		done += (uint64_t)length;
	} while (length == PLANISH_READER_BYTES && done <= size);
	return done == size ? 0 : 1;
}

int planish_reader_large(struct planish_reader *reader, int fd, const struct stat *st, int copy, unsigned char *digest)
{
	uint64_t size = (uint64_t)st->st_size;
	int failed = planish_reader_flush(reader);
	struct planish_tree *tree = failed ? NULL : malloc(sizeof *tree);

	if (tree == NULL)
		return -ENOMEM;
	planish_tree_begin(tree, reader->algorithm);
	failed = read_pieces(reader, tree, fd, size, copy);
	planish_tree_end(tree, digest);
	free(tree);
	start_over(reader, reader->filled + (size_t)(size % ROW_BYTES));
	return failed ? failed : planish_is_unchanged(fd, st) ? 0 : 1;
}
