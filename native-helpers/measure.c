/* Measuring files by path, many small ones at once. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reader.h"

/* Where digests go. */
struct digests {
	unsigned char *digests;
	size_t length;
};

static void note(void *owner, size_t ticket, const unsigned char *digest, enum planish_outcome outcome)
{
	struct digests *digests = owner;

	(void)outcome;
	memcpy(digests->digests + ticket * digests->length, digest, digests->length);
}

/* 0; 1 where the file cannot be measured; -ENOMEM. */
static int measure_open(struct planish_reader *reader, int fd, double size, size_t ticket)
{
	unsigned char digest[PLANISH_DIGEST_MAX];
	struct stat st;
	int failed;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (double)st.st_size != size)
		return 1;
	if ((uint64_t)st.st_size <= reader->small)
		return planish_reader_small(reader, fd, &st, ticket);
	failed = planish_reader_large(reader, fd, &st, -1, digest);
	if (!failed)
		reader->tell(reader->owner, ticket, digest, PLANISH_LEFT);
	return failed;
}

static int measure_file(struct planish_reader *reader, const char *path, double size, size_t ticket)
{
	int fd = planish_open_file(AT_FDCWD, path);
	int failed;

	if (fd < 0)
		return 1;
	failed = measure_open(reader, fd, size, ticket);
	close(fd);
	return failed;
}

/* The bytes before a file; what is left of those between moves on. */
static int add_gap(struct planish_reader *reader, struct planish_parts *parts, double gap)
{
	size_t length;
	int failed;

	if (!(gap >= 0 && gap <= (double)parts->length))
		return -EINVAL;
	length = (size_t)gap;
	failed = planish_reader_between(reader, parts->between, length);
	parts->between += length;
	parts->length -= length;
	return failed;
}

int planish_measure_files(const char *paths, const double *sizes, size_t count, uint32_t algorithm,
			  unsigned char *digests, const struct planish_parts *parts)
{
	struct planish_parts left = parts != NULL ? *parts : (struct planish_parts){ 0 };
	struct digests owner = { digests, planish_digest_length(algorithm) };
	struct planish_reader *reader = planish_new_reader(algorithm, note, &owner);
	size_t done = 0;
	int failed = 0, unwritten;

	if (reader == NULL)
		return -ENOMEM;
	reader->stream = left.stream;
	for (; done < count; done++) {
		if (parts != NULL)
			failed = add_gap(reader, &left, left.gaps[done]);
		if (!failed)
			failed = measure_file(reader, paths, sizes[done], done);
		if (failed)
			break;
		paths += strlen(paths) + 1;
	}
	if (!failed)
		failed = planish_reader_between(reader, left.between, left.length);
	unwritten = planish_reader_flush(reader);
	free(reader);
	return failed < 0 ? failed : unwritten < 0 ? unwritten : (int)done;
}
