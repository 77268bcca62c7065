/* See store-files.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store-files.h"

/* Files up to this size are held until their digest is known, so that what is there already is never written. */
#define HELD_BYTES (4u * 1024 * 1024)

/*
 * Seconds that a file must have been left alone to be shared: what is written a moment after it was measured changes no
 * time that is counted in ticks of the clock.
 */
#define AT_REST_SECONDS 2

struct storing {
	struct planish_reader *reader;
	struct planish_place *place;
	/* Whether sharing is wanted, and did not fail yet. */
	int clones;
	/* HELD_BYTES and one more, or NULL as long as they are not needed. */
	unsigned char *held;
};

static int is_at_rest(const struct stat *st)
{
	struct timespec now;

	return clock_gettime(CLOCK_REALTIME, &now) == 0 && st->st_ctim.tv_sec + AT_REST_SECONDS < now.tv_sec;
}

/* Shares a file that was measured; 0 where it cannot be. */
static int share(struct storing *storing, int fd, const struct stat *st, const unsigned char *digest,
		 enum planish_outcome *outcome)
{
	struct planish_place *place = storing->place;
	int draft;

	if (!storing->clones || !is_at_rest(st))
		return 0;
	draft = planish_open_draft(place);
	if (draft < 0)
		return 0;
	storing->clones = planish_clone(draft, fd) == 0;
	if (storing->clones && planish_is_unchanged(fd, st))
		*outcome = planish_name_draft(place, draft, (size_t)st->st_size, digest, storing->reader->digest_length);
	else
		*outcome = PLANISH_LEFT;
	close(draft);
	return storing->clones;
}

/* A file that is read whole before it is measured. As planish_reader_small. */
static int store_held(struct storing *storing, int fd, const struct stat *st, unsigned char *digest,
		      enum planish_outcome *outcome)
{
	struct planish_reader *reader = storing->reader;
	size_t size = (size_t)st->st_size;
	struct planish_content content;
	int failed;

	if (storing->held == NULL)
		storing->held = malloc(HELD_BYTES + 1);
	if (storing->held == NULL)
		return -ENOMEM;
	content = (struct planish_content){ storing->held, size, digest };
	if (planish_read_fully(fd, storing->held, size + 1) != (ssize_t)size || !planish_is_unchanged(fd, st))
		return 1;
	failed = planish_measure_contents(&content, 1, reader->algorithm, NULL);
	if (failed)
		return failed;
	if (storing->clones && planish_look(storing->place, size, digest, reader->digest_length) == 0 &&
	    share(storing, fd, st, digest, outcome))
		return 0;
	*outcome = planish_store_content(storing->place, storing->held, size, digest, reader->digest_length);
	return 0;
}

/* Written while it is measured. As planish_reader_small. */
static int store_written(struct storing *storing, int fd, const struct stat *st, unsigned char *digest,
			 enum planish_outcome *outcome)
{
	struct planish_place *place = storing->place;
	size_t size = (size_t)st->st_size, length = storing->reader->digest_length;
	int draft = planish_open_draft(place);
	int failed = planish_reader_large(storing->reader, fd, st, draft, digest), found;

	*outcome = PLANISH_LEFT;
	if (failed == 0 && draft >= 0) {
		found = planish_look(place, size, digest, length);
		if (found > 0)
			*outcome = PLANISH_PRESENT;
		else if (found == 0)
			*outcome = planish_name_draft(place, draft, size, digest, length);
	}
	if (draft >= 0)
		close(draft);
	/* It could not be written: it is read once more, and left. */
	if (failed == 2)
		failed = lseek(fd, 0, SEEK_SET) < 0 ? 1 : planish_reader_large(storing->reader, fd, st, -1, digest);
	return failed;
}

/* Measured first, because what is shared need not be written. As planish_reader_small. */
static int store_shared(struct storing *storing, int fd, const struct stat *st, unsigned char *digest,
			enum planish_outcome *outcome)
{
	size_t length = storing->reader->digest_length;
	int failed = planish_reader_large(storing->reader, fd, st, -1, digest);
	int found = failed ? -1 : planish_look(storing->place, (size_t)st->st_size, digest, length);

	*outcome = found > 0 ? PLANISH_PRESENT : PLANISH_LEFT;
	if (failed || found != 0 || share(storing, fd, st, digest, outcome))
		return failed;
	return lseek(fd, 0, SEEK_SET) < 0 ? 1 : store_written(storing, fd, st, digest, outcome);
}

static int store_open(struct storing *storing, int fd, const unsigned char *stamp, size_t ticket)
{
	struct planish_reader *reader = storing->reader;
	unsigned char found[PLANISH_STAMP], digest[PLANISH_DIGEST_MAX];
	enum planish_outcome outcome = PLANISH_LEFT;
	struct stat st;
	int failed;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 1;
	planish_put_stamp(found, &st);
	if (memcmp(found, stamp, sizeof found) != 0)
		return 1;
	if ((uint64_t)st.st_size <= reader->small)
		return planish_reader_small(reader, fd, &st, ticket);
	if (st.st_size <= HELD_BYTES)
		failed = store_held(storing, fd, &st, digest, &outcome);
	else
		failed = storing->clones && is_at_rest(&st) ? store_shared(storing, fd, &st, digest, &outcome)
							    : store_written(storing, fd, &st, digest, &outcome);
	if (!failed)
		reader->tell(reader->owner, ticket, digest, outcome);
	return failed;
}

static int store_file(struct storing *storing, const char *path, const unsigned char *stamp, size_t ticket)
{
	int fd = planish_open_file(AT_FDCWD, path);
	int failed;

	if (fd < 0)
		return 1;
	failed = store_open(storing, fd, stamp, ticket);
	close(fd);
	return failed;
}

static void note(void *owner, size_t ticket, const unsigned char *digest, enum planish_outcome outcome)
{
	const struct planish_stored *stored = owner;

	memcpy(stored->digests + ticket * stored->digest_length, digest, stored->digest_length);
	stored->outcomes[ticket] = (unsigned char)outcome;
}

static int store_all(struct storing *storing, const char *paths, const unsigned char *stamps, size_t count)
{
	size_t done = 0;
	int failed = 0, unwritten;

	for (; done < count; done++) {
		failed = store_file(storing, paths, stamps + done * PLANISH_STAMP, done);
		if (failed)
			break;
		paths += strlen(paths) + 1;
	}
	unwritten = planish_reader_flush(storing->reader);
	return failed < 0 ? failed : unwritten < 0 ? unwritten : (int)done;
}

int planish_store_files(const char *directory, const char *paths, const unsigned char *stamps, size_t count,
			uint32_t algorithm, uint32_t flags, const struct planish_stored *stored)
{
	struct planish_place place;
	struct planish_stored owner = *stored;
	struct storing storing = { .place = &place, .clones = (flags & PLANISH_STORE_CLONES) != 0 };
	int result = planish_open_place(&place, directory);

	if (result < 0)
		return result;
	result = -ENOMEM;
	storing.reader = planish_new_reader(algorithm, note, &owner);
	if (storing.reader != NULL) {
		storing.reader->place = &place;
		if (storing.clones)
			storing.reader->small = PLANISH_UNSHARED_BYTES;
		result = store_all(&storing, paths, stamps, count);
	}
	free(storing.reader);
	free(storing.held);
	planish_close_place(&place);
	return result;
}
