/* See window.h. */
#include <errno.h>
#include <stdlib.h>

#include "store.h"
#include "window.h"

static int store_measured(const char *directory, const struct planish_content *contents, size_t count,
			  size_t digest_length, unsigned char *outcomes)
{
	struct planish_object *objects = malloc(count * sizeof *objects);
	char *names = malloc(count * 2 * digest_length);
	int failed = -ENOMEM;

	if (objects != NULL && names != NULL) {
		for (size_t i = 0; i < count; i++) {
			char *name = names + i * 2 * digest_length;

			planish_put_digits(name, contents[i].digest, digest_length);
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

int planish_store_part(int fd, const unsigned char *data, size_t length, uint32_t algorithm, unsigned char *digests,
		       struct planish_waiting *waiting)
{
	planish_hash_blocks(data, length, algorithm, digests, waiting);
	hash_rest(waiting);
	return planish_append(fd, data, length);
}
