/* Writing objects of a repository, many in a call. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store.h"

/* FICLONE of <linux/fs.h>. */
#define CLONE_FILE _IOW(0x94, 9, int)

static void set_path(struct planish_place *place, const char *name, size_t digits)
{
	memcpy(place->folder, name, PLANISH_FOLDER);
	place->folder[PLANISH_FOLDER] = 0;
	memcpy(place->path, name, PLANISH_FOLDER);
	place->path[PLANISH_FOLDER] = '/';
	memcpy(place->path + PLANISH_FOLDER + 1, name + PLANISH_FOLDER, digits - PLANISH_FOLDER);
	place->path[digits + 1] = 0;
}

/* 1: there with that size; 0: not there; -1: something else is there, or it cannot be told. */
static int look(const struct planish_place *place, size_t size)
{
	struct stat st;

	if (fstatat(place->directory, place->path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -1;
	return S_ISREG(st.st_mode) && st.st_size >= 0 && (size_t)st.st_size == size ? 1 : -1;
}

int planish_append(int fd, const unsigned char *data, size_t length)
{
	while (length > 0) {
		ssize_t count = write(fd, data, length);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -errno;
		if (count == 0)
			return -EIO;
		data += count;
		length -= (size_t)count;
	}
	return 0;
}

static int link_once(struct planish_place *place, int fd)
{
	char name[32];

	if (!place->by_proc && linkat(fd, "", place->directory, place->path, AT_EMPTY_PATH) == 0)
		return 0;
	if (!place->by_proc && errno == EEXIST)
		return -1;
	/* ENOENT: the folder is missing, or the short way is not allowed. */
	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, name, place->directory, place->path, AT_SYMLINK_FOLLOW) < 0)
		return -1;
	place->by_proc = 1;
	return 0;
}

static int give_name(struct planish_place *place, int fd)
{
	if (link_once(place, fd) == 0)
		return 0;
	if (errno != ENOENT || (mkdirat(place->directory, place->folder, 0755) < 0 && errno != EEXIST))
		return -1;
	return link_once(place, fd);
}

/* Somebody else may have written the same meanwhile. */
static enum planish_outcome name_draft(struct planish_place *place, int fd, size_t size)
{
	if (give_name(place, fd) == 0)
		return PLANISH_WRITTEN;
	return errno == EEXIST && look(place, size) > 0 ? PLANISH_PRESENT : PLANISH_LEFT;
}

int planish_open_draft(const struct planish_place *place)
{
	return openat(place->directory, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
}

static enum planish_outcome store(struct planish_place *place, const unsigned char *data, size_t size)
{
	enum planish_outcome outcome = PLANISH_LEFT;
	int found = look(place, size), fd;

	if (found != 0)
		return found > 0 ? PLANISH_PRESENT : PLANISH_LEFT;
	fd = planish_open_draft(place);
	if (fd < 0)
		return PLANISH_LEFT;
	if (planish_append(fd, data, size) == 0)
		outcome = name_draft(place, fd, size);
	/* What some file systems find out only now concerns the bytes: the flush of all of them will say it again. */
	close(fd);
	return outcome;
}

void planish_put_digits(char *name, const unsigned char *digest, size_t length)
{
	static const char digits[16] = { '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f' };

	for (size_t i = 0; i < length; i++) {
		*name++ = digits[digest[i] >> 4];
		*name++ = digits[digest[i] & 15];
	}
}

static void set_digest(struct planish_place *place, const unsigned char *digest, size_t length)
{
	char name[PLANISH_NAME_MAX];

	planish_put_digits(name, digest, length);
	set_path(place, name, 2 * length);
}

enum planish_outcome planish_store_content(struct planish_place *place, const unsigned char *data, size_t size,
					   const unsigned char *digest, size_t length)
{
	set_digest(place, digest, length);
	return store(place, data, size);
}

int planish_look(struct planish_place *place, size_t size, const unsigned char *digest, size_t length)
{
	set_digest(place, digest, length);
	return look(place, size);
}

enum planish_outcome planish_name_draft(struct planish_place *place, int fd, size_t size, const unsigned char *digest,
					size_t length)
{
	set_digest(place, digest, length);
	return name_draft(place, fd, size);
}

int planish_clone(int to, int from)
{
	return ioctl(to, CLONE_FILE, from) < 0 ? -errno : 0;
}

int planish_open_place(struct planish_place *place, const char *directory)
{
	*place = (struct planish_place){ .directory = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC) };
	return place->directory < 0 ? -errno : 0;
}

void planish_close_place(struct planish_place *place)
{
	close(place->directory);
}

static double size_of(const struct planish_place *place)
{
	struct stat st;

	if (fstatat(place->directory, place->path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT || errno == ENOTDIR ? PLANISH_NO_FILE : PLANISH_UNSEEN;
	return S_ISREG(st.st_mode) ? (double)st.st_size : PLANISH_NO_FILE;
}

int planish_size_objects(const char *directory, const char *names, size_t count, size_t digits, double *sizes)
{
	struct planish_place place;
	int failed = planish_open_place(&place, directory);

	if (failed)
		return failed;
	for (size_t i = 0; i < count; i++) {
		set_path(&place, names + i * digits, digits);
		sizes[i] = size_of(&place);
	}
	planish_close_place(&place);
	return 0;
}

int planish_store_objects(const char *directory, const struct planish_object *objects, size_t count, size_t digits,
			  unsigned char *outcomes)
{
	struct planish_place place;
	int failed = planish_open_place(&place, directory);

	if (failed)
		return failed;
	for (size_t i = 0; i < count; i++) {
		set_path(&place, objects[i].name, digits);
		outcomes[i] = (unsigned char)store(&place, objects[i].data, objects[i].size);
	}
	planish_close_place(&place);
	return 0;
}
