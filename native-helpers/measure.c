/* Reading files and measuring them, many small ones at once. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "merkle.h"

/* Bytes that are read before they are hashed: they shall still be in the second cache then. */
#define BUFFER_BYTES (512u * 1024)

/* A file of up to that many bytes waits for others; a larger one is hashed piece by piece. */
#define SMALL_BYTES (128u * 1024)

#define PENDING 256

/* Contents of a stream lie in the buffer as they do in a tar, to so many bytes: rows of the second cache. */
#define ROW_BYTES 64u

struct reader {
	uint32_t algorithm;
	size_t digest_length;
	/* What the files are parts of, or NULL. */
	struct planish_stream *stream;
	/* Contents that were read and wait, and the bytes of the buffer that they fill, or the stream since `start`. */
	size_t pending;
	size_t start;
	size_t filled;
	struct planish_content contents[PENDING];
	struct planish_tree tree;
	unsigned char buffer[BUFFER_BYTES];
};

/* Empties the buffer; what follows in the stream lies as if it had not been. */
static void start_over(struct reader *reader, size_t end)
{
	reader->pending = 0;
	reader->start = reader->filled = reader->stream != NULL ? end % ROW_BYTES : 0;
}

static int flush(struct reader *reader)
{
	struct planish_waiting waiting = { reader->stream, reader->buffer + reader->start,
					   reader->filled - reader->start };
	struct planish_waiting *beside = reader->stream != NULL ? &waiting : NULL;
	int failed = planish_measure_contents(reader->contents, reader->pending, reader->algorithm, beside);

	if (beside != NULL)
		planish_stream_add(beside, NULL);
	start_over(reader, reader->filled);
	return failed;
}

/* Adds bytes of the stream that are no file. */
static int add_between(struct reader *reader, const unsigned char *data, size_t length)
{
	int failed = 0;

	while (length > 0 && !failed) {
		size_t room = BUFFER_BYTES - reader->filled, part = length < room ? length : room;

		memcpy(reader->buffer + reader->filled, data, part);
		reader->filled += part;
		data += part;
		length -= part;
		if (reader->filled == BUFFER_BYTES)
			failed = flush(reader);
	}
	return failed;
}

/* Reads until `length` bytes are there or the file ends; how many, or a negative errno. */
static ssize_t read_fully(int fd, unsigned char *at, size_t length)
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

/* One byte more than there should be tells a file that has grown, without another call. */
static int read_small(struct reader *reader, int fd, size_t size, unsigned char *digest)
{
	unsigned char *at = reader->buffer + reader->filled;

	if (read_fully(fd, at, size + 1) != (ssize_t)size)
		return -EIO;
	reader->contents[reader->pending++] = (struct planish_content){ at, size, digest };
	reader->filled += reader->stream != NULL ? size : (size + ROW_BYTES - 1) / ROW_BYTES * ROW_BYTES;
	return 0;
}

/* A piece of a large file, the buffer being empty. */
static void hash_piece(struct reader *reader, size_t length)
{
	struct planish_waiting waiting = { reader->stream, reader->buffer, length };
	struct planish_waiting *beside = reader->stream != NULL ? &waiting : NULL;

	planish_tree_add(&reader->tree, reader->buffer, length, beside);
	if (beside != NULL)
		planish_stream_add(beside, NULL);
}

static int read_large(struct reader *reader, int fd, uint64_t size, unsigned char *digest)
{
	uint64_t done = 0;
	ssize_t length;

	planish_tree_begin(&reader->tree, reader->algorithm);
	do {
		length = read_fully(fd, reader->buffer, BUFFER_BYTES);
		if (length < 0)
			return -EIO;
		hash_piece(reader, (size_t)length);
		done += (uint64_t)length;
	} while (length == BUFFER_BYTES && done <= size);
	planish_tree_end(&reader->tree, digest);
	start_over(reader, (reader->filled + (size_t)(size % ROW_BYTES)));
	return done == size ? 0 : -EIO;
}

static int is_expected(int fd, double size)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (double)st.st_size == size;
}

/* 0; 1 where the file cannot be measured; -ENOMEM. */
static int measure_file(struct reader *reader, const char *path, double size, unsigned char *digest)
{
	int small = size <= SMALL_BYTES, failed = 0, fd;

	if (!(size >= 0))
		return 1;
	if (reader->pending == PENDING || !small || reader->filled + (size_t)size + ROW_BYTES > BUFFER_BYTES)
		failed = flush(reader);
	if (failed)
		return failed;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return 1;
	if (!is_expected(fd, size))
		failed = 1;
	else if (small)
		failed = read_small(reader, fd, (size_t)size, digest) != 0;
	else
		failed = read_large(reader, fd, (uint64_t)size, digest) != 0;
	close(fd);
	return failed;
}

/* The bytes before a file; what is left of those between moves on. */
static int add_gap(struct reader *reader, struct planish_parts *parts, double gap)
{
	size_t length;
	int failed;

	if (!(gap >= 0 && gap <= (double)parts->length))
		return -EINVAL;
	length = (size_t)gap;
	failed = add_between(reader, parts->between, length);
	parts->between += length;
	parts->length -= length;
	return failed;
}

int planish_measure_files(const char *paths, const double *sizes, size_t count, uint32_t algorithm,
			  unsigned char *digests, const struct planish_parts *parts)
{
	struct planish_parts left = parts != NULL ? *parts : (struct planish_parts){ 0 };
	struct reader *reader = malloc(sizeof *reader);
	size_t done = 0;
	int failed = 0, unwritten;

	if (reader == NULL)
		return -ENOMEM;
	reader->algorithm = algorithm;
	reader->digest_length = planish_digest_length(algorithm);
	reader->stream = left.stream;
	start_over(reader, 0);
	for (; done < count; done++) {
		if (parts != NULL)
			failed = add_gap(reader, &left, left.gaps[done]);
		if (!failed)
			failed = measure_file(reader, paths, sizes[done], digests + done * reader->digest_length);
		if (failed)
			break;
		paths += strlen(paths) + 1;
	}
	if (!failed)
		failed = add_between(reader, left.between, left.length);
	unwritten = flush(reader);
	free(reader);
	return failed < 0 ? failed : unwritten < 0 ? unwritten : (int)done;
}
