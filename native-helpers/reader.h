/* Reading files to be measured, and stored where that is wanted: small ones wait for each other in a buffer. */
#ifndef PLANISH_READER_H
#define PLANISH_READER_H

#include <sys/stat.h>
#include <sys/types.h>

#include "merkle.h"
#include "store.h"

/* Bytes that are read before they are hashed: they shall still be in the second cache then. */
#define PLANISH_READER_BYTES (512u * 1024)

/* A file of up to that many bytes waits for others; a larger one is read piece by piece. */
#define PLANISH_SMALL_BYTES (128u * 1024)

/* Opens what is to be read, relative to a directory or AT_FDCWD: no link is followed, no pipe waited for. Negative where it cannot be. */
int planish_open_file(int directory, const char *path);

/* Files that wait. */
#define PLANISH_READER_FILES 256

/* See planish_reader_tell. */
typedef void planish_tell(void *owner, size_t ticket, const unsigned char *digest, enum planish_outcome outcome);

struct planish_reader {
	uint32_t algorithm;
	size_t digest_length;
	/* What the files are parts of, or NULL. */
	struct planish_stream *stream;
	/* Where contents are stored, or NULL. */
	struct planish_place *place;
	/* Bytes of the largest file that is read with others: PLANISH_SMALL_BYTES, or less. */
	size_t small;
	/* Is told of each file by the number that was given with it, as soon as it is measured, and stored if it is to be. */
	planish_tell *tell;
	void *owner;
	/* Contents that were read and wait, and the bytes of the buffer that they fill, or the stream since `start`. */
	size_t pending;
	size_t start;
	size_t filled;
	size_t tickets[PLANISH_READER_FILES];
	struct planish_content contents[PLANISH_READER_FILES];
	unsigned char digests[PLANISH_READER_FILES][PLANISH_DIGEST_MAX];
	unsigned char buffer[PLANISH_READER_BYTES];
};

/* A reader without stream and place, which the caller may add before anything is read; free() it. NULL where memory is lacking. */
struct planish_reader *planish_new_reader(uint32_t algorithm, planish_tell *tell, void *owner);

/* Measures what waits, stores it, and tells. 0 or -ENOMEM. */
int planish_reader_flush(struct planish_reader *reader);

/* Adds bytes of the stream that are no file. 0 or -ENOMEM. */
int planish_reader_between(struct planish_reader *reader, const unsigned char *data, size_t length);

/*
 * Reads a file of at most `small` bytes, whose descriptor is not needed afterwards. 0; 1 where it is not as `st` says,
 * or cannot be read; -ENOMEM.
 */
int planish_reader_small(struct planish_reader *reader, int fd, const struct stat *st, size_t ticket);

/*
 * Reads a file of any size piece by piece, and appends it to `copy` on the way, unless that is negative. Its digest goes to
 * `digest`; nobody is told. As above, and 2 where it cannot be written.
 */
int planish_reader_large(struct planish_reader *reader, int fd, const struct stat *st, int copy, unsigned char *digest);

/* Reads until `length` bytes are there or the file ends; how many, or a negative errno. */
ssize_t planish_read_fully(int fd, unsigned char *at, size_t length);

/* Bytes of what tells that a file is the same and has not changed: size, times of both changes, device, inode. */
#define PLANISH_STAMP 48

/* Size, seconds and nanoseconds of mtime, device, inode, nanoseconds and seconds of ctime; little-endian, see scan.c. */
void planish_put_stamp(unsigned char stamp[PLANISH_STAMP], const struct stat *st);

/* Whether an open file still is what it was. */
int planish_is_unchanged(int fd, const struct stat *st);

#endif
