/*
 * One directory, packed: a record for the directory itself (without a name), then one for each child.
 *
 *  0 u32 bytes of this record       36 u32 links                     64 u16 bytes of the name
 *  4 u32 st_mode, all bits          40 u32 device number, major      66 u16 bytes of the symlink target
 *  8 u32 owner                      44 u32 device number, minor      68 u32 bytes of all attributes
 * 12 u32 group                      48 u64 device of the file system 72 name, target, attributes
 * 16 u64 size                       56 u64 inode number
 * 24 i64 mtime, seconds
 * 32 u32 mtime, nanoseconds
 *
 * Where contents are read, a regular file that was opened has a tail behind that: u8 what is known of its content (enum
 * planish_known), u32 nanoseconds and i64 seconds of its ctime, then the content itself or its digest. All little-endian.
 *
 * The record of a child that is a directory carries no attributes: they come with its own scan, from the open
 * descriptor, and the caller compares device and inode to see that it scanned what it had listed.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "scan.h"

/* Contents of up to that many bytes are told themselves. */
#define INLINE_BYTES 64

/* A list of directories ends early where so many bytes were packed, so that whoever waits gets something to do. */
#define ENOUGH_BYTES (1024u * 1024)

struct scan {
	int fd;
	uint32_t flags;
	/* Reads contents, or NULL. */
	struct planish_reader *reader;
	struct planish_bytes *out;
	struct planish_failure *failure;
	/* Path of a child for the l*xattr calls; `prefix` bytes of it, with the slash, are the same for all. */
	char path[PATH_MAX + NAME_MAX + 2];
	size_t prefix;
};

static int fail(struct scan *scan, enum planish_step step, const char *name, int error)
{
	scan->failure->step = step;
	snprintf(scan->failure->name, sizeof scan->failure->name, "%s", name);
	return error;
}

static void put_stat(unsigned char *at, const struct stat *st)
{
	uint64_t links = st->st_nlink;

	planish_put32(at + 4, st->st_mode);
	planish_put32(at + 8, st->st_uid);
	planish_put32(at + 12, st->st_gid);
	planish_put64(at + 16, (uint64_t)st->st_size);
	planish_put64(at + 24, (uint64_t)(int64_t)st->st_mtim.tv_sec);
	planish_put32(at + 32, (uint32_t)st->st_mtim.tv_nsec);
	planish_put32(at + 36, links > UINT32_MAX ? UINT32_MAX : (uint32_t)links);
	planish_put32(at + 40, major(st->st_rdev));
	planish_put32(at + 44, minor(st->st_rdev));
	planish_put64(at + 48, (uint64_t)st->st_dev);
	planish_put64(at + 56, (uint64_t)st->st_ino);
}

/* Appends the target of a link behind a name; its length, or a negative errno. */
static int append_link_target(struct scan *scan, const char *name)
{
	ssize_t length;
	int failed = planish_reserve(scan->out, PATH_MAX + 1);

	if (failed)
		return failed;
	length = readlinkat(scan->fd, name, (char *)scan->out->data + scan->out->length, PATH_MAX + 1);
	if (length < 0)
		return -errno;
	if (length > PATH_MAX)
		return -ENAMETOOLONG;
	scan->out->length += (size_t)length;
	return (int)length;
}

static int append_child_xattrs(struct scan *scan, const char *name)
{
	struct planish_target target = { .path = scan->path, .fd = -1 };

	snprintf(scan->path + scan->prefix, sizeof scan->path - scan->prefix, "%s", name);
	return planish_append_xattrs(&target, scan->out);
}

/* The attributes that belong into the record: `name` is "" for the directory itself, `fd` the open child or negative. */
static int append_record_xattrs(struct scan *scan, const char *name, int fd, const struct stat *st)
{
	struct planish_target open = { .path = NULL, .fd = *name == 0 ? scan->fd : fd };

	if (scan->flags & PLANISH_SCAN_WITHOUT_XATTRS)
		return 0;
	if (open.fd >= 0)
		return planish_append_xattrs(&open, scan->out);
	return S_ISDIR(st->st_mode) ? 0 : append_child_xattrs(scan, name);
}

static int append_record(struct scan *scan, const char *name, int fd, const struct stat *st)
{
	struct planish_bytes *out = scan->out;
	size_t start = out->length;
	size_t named = strlen(name);
	size_t before_xattrs;
	int target = 0;
	int failed = named > NAME_MAX ? -ENAMETOOLONG : planish_reserve(out, PLANISH_RECORD_HEAD + named);

	if (failed)
		return fail(scan, PLANISH_STEP_LIST, name, failed);
	memcpy(out->data + start + PLANISH_RECORD_HEAD, name, named);
	out->length += PLANISH_RECORD_HEAD + named;
	if (S_ISLNK(st->st_mode))
		target = append_link_target(scan, name);
	if (target < 0)
		return fail(scan, PLANISH_STEP_READLINK, name, target);
	before_xattrs = out->length;
	failed = append_record_xattrs(scan, name, fd, st);
	if (failed)
		return fail(scan, PLANISH_STEP_XATTR, name, failed);
	/* Only now: the buffer may have moved. */
	put_stat(out->data + start, st);
	planish_put16(out->data + start + 64, (uint16_t)named);
	planish_put16(out->data + start + 66, (uint16_t)target);
	planish_put32(out->data + start + 68, (uint32_t)(out->length - before_xattrs));
	planish_put32(out->data + start, (uint32_t)(out->length - start));
	return 0;
}

static int append_plain(struct scan *scan, const char *name)
{
	struct stat st;

	if (fstatat(scan->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(scan, PLANISH_STEP_STAT, name, -errno);
	return append_record(scan, name, -1, &st);
}

/* A few bytes, told themselves; 0 where they are not what they should be. */
static size_t read_inline(int fd, const struct stat *st, unsigned char *at)
{
	unsigned char bytes[INLINE_BYTES + 1];
	size_t size = (size_t)st->st_size;

	if (planish_read_fully(fd, bytes, size + 1) != (ssize_t)size || !planish_is_unchanged(fd, st))
		return 0;
	memcpy(at, bytes, size);
	return size;
}

/* Whether a content is measured with its directory; all others are larger, or have names that stand elsewhere as well. */
static int is_read_here(const struct planish_reader *reader, const struct stat *st)
{
	return st->st_size > INLINE_BYTES && (uint64_t)st->st_size <= reader->small && st->st_nlink == 1;
}

/* What is known of the content. 0 or a negative errno; a file that has changed meanwhile is left to whoever opens it next. */
static int append_content(struct scan *scan, int fd, const struct stat *st, size_t tail)
{
	struct planish_reader *reader = scan->reader;
	unsigned char *at = scan->out->data + tail;
	int failed;

	if (st->st_size <= INLINE_BYTES) {
		size_t size = read_inline(fd, st, at + PLANISH_TAIL_HEAD);

		at[0] = size > 0 ? PLANISH_KNOWN_ITSELF : PLANISH_UNKNOWN;
		scan->out->length += size;
		return 0;
	}
	if (!is_read_here(reader, st))
		return 0;
	scan->out->length += reader->digest_length;
	memset(at + PLANISH_TAIL_HEAD, 0, reader->digest_length);
	failed = planish_reader_small(reader, fd, st, tail);
	return failed < 0 ? failed : 0;
}

static int append_tail(struct scan *scan, const char *name, int fd, const struct stat *st, size_t start)
{
	struct planish_bytes *out = scan->out;
	size_t tail = out->length;
	int failed = planish_reserve(out, PLANISH_TAIL_HEAD + PLANISH_DIGEST_MAX);

	if (failed)
		return fail(scan, PLANISH_STEP_LIST, name, failed);
	out->data[tail] = PLANISH_UNKNOWN;
	planish_put32(out->data + tail + 1, (uint32_t)st->st_ctim.tv_nsec);
	planish_put64(out->data + tail + 5, (uint64_t)(int64_t)st->st_ctim.tv_sec);
	out->length += PLANISH_TAIL_HEAD;
	failed = append_content(scan, fd, st, tail);
	if (failed)
		return fail(scan, PLANISH_STEP_LIST, name, failed);
	planish_put32(out->data + start, (uint32_t)(out->length - start));
	return 0;
}

/* A child that is a regular file, opened once for all that is to be known of it. */
static int append_file(struct scan *scan, const char *name)
{
	size_t start = scan->out->length;
	struct stat st;
	int failed, fd = planish_open_file(scan->fd, name);

	/* May not be read, or is no such file any more: it is told of as others are. */
	if (fd < 0)
		return append_plain(scan, name);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return append_plain(scan, name);
	}
	failed = append_record(scan, name, fd, &st);
	if (!failed)
		failed = append_tail(scan, name, fd, &st, start);
	close(fd);
	return failed;
}

/*
 * There is no lgetxattr relative to a directory before Linux 6.13. The way round, /proc/self/fd/N/NAME, costs 2 µs a
 * call, half as much again as the whole scan, so attributes are read by path, and afterwards it is checked that the
 * path still leads to the directory that was opened.
 */
static int set_prefix(struct scan *scan, const char *path)
{
	int length = snprintf(scan->path, sizeof scan->path, "%s/", path);

	if (length < 0 || (size_t)length >= sizeof scan->path - NAME_MAX)
		return -ENAMETOOLONG;
	scan->prefix = (size_t)length;
	return 0;
}

static int check_same(const char *path, const struct stat *opened)
{
	struct stat now;

	if (lstat(path, &now) < 0)
		return -errno;
	return now.st_dev == opened->st_dev && now.st_ino == opened->st_ino ? 0 : -ESTALE;
}

static int is_dot(const char *name)
{
	return name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0));
}

static int append_children(struct scan *scan, DIR *directory)
{
	for (;;) {
		struct dirent *entry;
		int failed;

		errno = 0;
		entry = readdir(directory);
		if (entry == NULL)
			return errno == 0 ? 0 : fail(scan, PLANISH_STEP_LIST, "", -errno);
		if (is_dot(entry->d_name))
			continue;
		failed = scan->reader != NULL && entry->d_type == DT_REG ? append_file(scan, entry->d_name)
									 : append_plain(scan, entry->d_name);
		if (failed)
			return failed;
	}
}

static int scan_open_directory(struct scan *scan, const char *path, DIR *directory)
{
	struct stat st;
	int failed;

	if (fstat(scan->fd, &st) < 0)
		return fail(scan, PLANISH_STEP_STAT, "", -errno);
	failed = set_prefix(scan, path);
	if (failed)
		return fail(scan, PLANISH_STEP_OPEN, "", failed);
	failed = append_record(scan, "", -1, &st);
	if (!failed)
		failed = append_children(scan, directory);
	if (failed)
		return failed;
	failed = check_same(path, &st);
	return failed ? fail(scan, PLANISH_STEP_STAT, "", failed) : 0;
}

static int scan_directory(const char *path, uint32_t flags, struct planish_reader *reader, struct planish_bytes *out,
			  struct planish_failure *failure)
{
	struct scan scan = { .flags = flags, .reader = reader, .out = out, .failure = failure };
	DIR *directory;
	int failed;

	scan.fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (scan.fd < 0)
		return fail(&scan, PLANISH_STEP_OPEN, "", -errno);
	directory = fdopendir(scan.fd);
	if (directory == NULL) {
		failed = fail(&scan, PLANISH_STEP_OPEN, "", -errno);
		close(scan.fd);
		return failed;
	}
	failed = scan_open_directory(&scan, path, directory);
	closedir(directory); /* closes the descriptor as well */
	return failed;
}

int planish_scan_directory(const char *path, uint32_t flags, struct planish_bytes *out,
			   struct planish_failure *failure)
{
	return scan_directory(path, flags, NULL, out, failure);
}

/* The digest of a file into its tail. Those of a directory that could not be listed to its end are in none. */
void planish_note_content(void *owner, size_t tail, const unsigned char *digest, enum planish_outcome outcome)
{
	struct planish_listed *listed = owner;
	unsigned char *at = listed->bytes.data + tail;

	if (tail >= listed->bytes.length)
		return;
	at[0] = (unsigned char)(PLANISH_MEASURED + outcome);
	memcpy(at + PLANISH_TAIL_HEAD, digest, listed->digest_length);
}

int planish_scan_directories(const char *paths, size_t count, uint32_t flags, struct planish_reader *reader,
			     struct planish_listed *listed)
{
	struct planish_failure failure;
	struct planish_bytes *out = &listed->bytes;
	int failed = 0;

	for (size_t i = 0; i < count && out->length < ENOUGH_BYTES && !failed; i++) {
		size_t start = out->length;

		failed = scan_directory(paths, flags, reader, out, &failure);
		if (failed)
			out->length = start;
		paths += strlen(paths) + 1;
	}
	/* Why a directory could not be listed, the caller finds out with the first one that is missing. */
	return reader == NULL ? 0 : planish_reader_flush(reader);
}
