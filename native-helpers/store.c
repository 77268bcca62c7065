/* Writing objects of a repository, many in a call. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store.h"

/* Digits of the folder. */
#define FOLDER 2

struct place {
	int directory;
	/* Whether names are given by way of /proc alone: kernels before 6.10 want a capability for the short way. */
	int by_proc;
	char folder[FOLDER + 1];
	/* Folder, slash, the other digits. */
	char path[PLANISH_NAME_MAX + 2];
};

static void set_path(struct place *place, const char *name, size_t digits)
{
	memcpy(place->folder, name, FOLDER);
	place->folder[FOLDER] = 0;
	memcpy(place->path, name, FOLDER);
	place->path[FOLDER] = '/';
	memcpy(place->path + FOLDER + 1, name + FOLDER, digits - FOLDER);
	place->path[digits + 1] = 0;
}

/* 1: there with that size; 0: not there; -1: something else is there, or it cannot be told. */
static int look(const struct place *place, size_t size)
{
	struct stat st;

	if (fstatat(place->directory, place->path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -1;
	return S_ISREG(st.st_mode) && st.st_size >= 0 && (size_t)st.st_size == size ? 1 : -1;
}

static int write_fully(int fd, const unsigned char *data, size_t size)
{
	while (size > 0) {
		ssize_t count = write(fd, data, size);

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return -1;
		data += count;
		size -= (size_t)count;
	}
	return 0;
}

static int link_once(struct place *place, int fd)
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

static int give_name(struct place *place, int fd)
{
	if (link_once(place, fd) == 0)
		return 0;
	if (errno != ENOENT || (mkdirat(place->directory, place->folder, 0755) < 0 && errno != EEXIST))
		return -1;
	return link_once(place, fd);
}

static enum planish_outcome store(struct place *place, const struct planish_object *object)
{
	int found = look(place, object->size), fd, failed;

	if (found != 0)
		return found > 0 ? PLANISH_PRESENT : PLANISH_LEFT;
	fd = openat(place->directory, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
	if (fd < 0)
		return PLANISH_LEFT;
	failed = write_fully(fd, object->data, object->size) < 0 || give_name(place, fd) < 0;
	/* What some file systems find out only now concerns the bytes: the flush of all of them will say it again. */
	close(fd);
	return failed ? PLANISH_LEFT : PLANISH_WRITTEN;
}

static double size_of(const struct place *place)
{
	struct stat st;

	if (fstatat(place->directory, place->path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT || errno == ENOTDIR ? PLANISH_NO_FILE : PLANISH_UNSEEN;
	return S_ISREG(st.st_mode) ? (double)st.st_size : PLANISH_NO_FILE;
}

int planish_size_objects(const char *directory, const char *names, size_t count, size_t digits, double *sizes)
{
	struct place place = { .directory = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC) };

	if (place.directory < 0)
		return -errno;
	for (size_t i = 0; i < count; i++) {
		set_path(&place, names + i * digits, digits);
		sizes[i] = size_of(&place);
	}
	close(place.directory);
	return 0;
}

int planish_store_objects(const char *directory, const struct planish_object *objects, size_t count, size_t digits,
			  unsigned char *outcomes)
{
	struct place place = { .directory = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC) };

	if (place.directory < 0)
		return -errno;
	for (size_t i = 0; i < count; i++) {
		set_path(&place, objects[i].name, digits);
		outcomes[i] = (unsigned char)store(&place, &objects[i]);
	}
	close(place.directory);
	return 0;
}
