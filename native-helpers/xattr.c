/* Extended attributes of one inode, links not followed. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/xattr.h>

#include "helpers.h"

/* First guess for a list of names and for a value: nearly all are smaller, and the kernel clears what it is offered. */
#define FIRST_GUESS 1024

int planish_reserve(struct planish_bytes *bytes, size_t more)
{
	size_t capacity = bytes->capacity == 0 ? 16384 : bytes->capacity;
	unsigned char *data;

	if (more > bytes->limit || bytes->length > bytes->limit - more)
		return -EOVERFLOW;
	if (bytes->length + more <= bytes->capacity)
		return 0;
	while (capacity < bytes->length + more) {
		if (capacity > SIZE_MAX / 2)
			return -EOVERFLOW;
		capacity *= 2;
	}
	data = realloc(bytes->data, capacity);
	if (data == NULL)
		return -ENOMEM;
	bytes->data = data;
	bytes->capacity = capacity;
	return 0;
}

void planish_release(struct planish_bytes *bytes)
{
	free(bytes->data);
	bytes->data = NULL;
	bytes->length = 0;
	bytes->capacity = 0;
}

void planish_put16(unsigned char *at, uint16_t value)
{
	at[0] = (unsigned char)(value & 0xff);
	at[1] = (unsigned char)(value >> 8);
}

void planish_put32(unsigned char *at, uint32_t value)
{
	planish_put16(at, (uint16_t)(value & 0xffff));
	planish_put16(at + 2, (uint16_t)(value >> 16));
}

void planish_put64(unsigned char *at, uint64_t value)
{
	planish_put32(at, (uint32_t)(value & 0xffffffffu));
	planish_put32(at + 4, (uint32_t)(value >> 32));
}

static ssize_t list_names(const struct planish_target *target, char *names, size_t size)
{
	ssize_t length = target->path != NULL ? llistxattr(target->path, names, size)
					      : flistxattr(target->fd, names, size);

	return length < 0 ? -errno : length;
}

static ssize_t get_value(const struct planish_target *target, const char *name, void *value, size_t size)
{
	ssize_t length = target->path != NULL ? lgetxattr(target->path, name, value, size)
					      : fgetxattr(target->fd, name, value, size);

	return length < 0 ? -errno : length;
}

/*
 * Reads straight into the result. No attribute is larger than XATTR_SIZE_MAX, so a second offer of that size fits
 * whatever a value has grown to: at most two calls, however fast somebody else writes.
 */
static int append_one(const struct planish_target *target, const char *name, struct planish_bytes *out)
{
	static const size_t offers[] = { FIRST_GUESS, XATTR_SIZE_MAX };
	size_t head = PLANISH_XATTR_HEAD + strlen(name);
	ssize_t length = -ERANGE;
	unsigned char *at;

	for (size_t i = 0; i < 2 && length == -ERANGE; i++) {
		int failed = planish_reserve(out, head + offers[i]);

		if (failed)
			return failed;
		length = get_value(target, name, out->data + out->length + head, offers[i]);
	}
	if (length == -ENODATA)
		return 0;
	if (length < 0)
		return (int)length;
	at = out->data + out->length;
	planish_put16(at, (uint16_t)(head - PLANISH_XATTR_HEAD));
	planish_put32(at + 2, (uint32_t)length);
	memcpy(at + PLANISH_XATTR_HEAD, name, head - PLANISH_XATTR_HEAD);
	out->length += head + (size_t)length;
	return 0;
}

/* `names` holds `length` bytes of names, each ending in NUL. */
static int append_named(const struct planish_target *target, const char *names, size_t length,
			struct planish_bytes *out)
{
	const char *end = names + length;

	for (const char *name = names; name < end;) {
		const char *nul = memchr(name, 0, (size_t)(end - name));
		int failed;

		if (nul == NULL || nul - name > XATTR_NAME_MAX)
			return -EIO;
		failed = append_one(target, name, out);
		if (failed)
			return failed;
		name = nul + 1;
	}
	return 0;
}

/* The list is limited as values are, so one larger offer is enough here as well. */
int planish_append_xattrs(const struct planish_target *target, struct planish_bytes *out)
{
	char guess[FIRST_GUESS];
	char *large;
	ssize_t length = list_names(target, guess, sizeof guess);
	int failed;

	if (length == -ENOTSUP)
		return 0;
	if (length >= 0)
		return append_named(target, guess, (size_t)length, out);
	if (length != -ERANGE)
		return (int)length;
	large = malloc(XATTR_LIST_MAX);
	if (large == NULL)
		return -ENOMEM;
	length = list_names(target, large, XATTR_LIST_MAX);
	failed = length < 0 ? (int)length : append_named(target, large, (size_t)length, out);
	free(large);
	return failed;
}

int planish_set_xattr(const char *path, const char *name, const void *value, size_t length)
{
	return lsetxattr(path, name, value, length, 0) < 0 ? -errno : 0;
}
