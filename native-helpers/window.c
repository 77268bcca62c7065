/* See window.h. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "store.h"
#include "window.h"

static void put_digits(char *name, const unsigned char *digest, size_t length)
{
	static const char digits[16] = { '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f' };

	for (size_t i = 0; i < length; i++) {
		*name++ = digits[digest[i] >> 4];
		*name++ = digits[digest[i] & 15];
	}
}

static int store_measured(const char *directory, const struct planish_content *contents, size_t count,
			  size_t digest_length, unsigned char *outcomes)
{
	struct planish_object *objects = malloc(count * sizeof *objects);
	char *names = malloc(count * 2 * digest_length);
	int failed = -ENOMEM;

	if (objects != NULL && names != NULL) {
		for (size_t i = 0; i < count; i++) {
			char *name = names + i * 2 * digest_length;

			put_digits(name, contents[i].digest, digest_length);
			objects[i] = (struct planish_object){ contents[i].data, contents[i].size, name };
		}
		failed = planish_store_objects(directory, objects, count, 2 * digest_length, outcomes);
	}
	free(objects);
	free(names);
	return failed;
}

/* What was not hashed by the way. */
static void hash_rest(struct planish_waiting *waiting)
{
	if (waiting != NULL && waiting->length > 0)
		planish_stream_add(waiting, NULL);
}

int planish_store_window(const char *directory, const struct planish_content *contents, size_t count, uint32_t algorithm,
			 unsigned char *outcomes, struct planish_waiting *waiting)
{
	int failed = count == 0 ? 0 : planish_measure_contents(contents, count, algorithm, waiting);

	hash_rest(waiting);
	if (count == 0 || failed)
		return failed;
	return store_measured(directory, contents, count, planish_digest_length(algorithm), outcomes);
}

static int append(int fd, const unsigned char *data, size_t length)
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

int planish_store_part(int fd, const unsigned char *data, size_t length, uint32_t algorithm, unsigned char *digests,
		       struct planish_waiting *waiting)
{
	planish_hash_blocks(data, length, algorithm, digests, waiting);
	hash_rest(waiting);
	return append(fd, data, length);
}
