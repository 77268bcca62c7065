/* What JavaScript sees of store.c; the typed mirror is src/native/contract.ts. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "later.h"
#include "store.h"
#include "values.h"

/* Objects of one call. */
#define OBJECTS_MAX 65536

static bool is_size(double value, double limit)
{
	return value >= 0 && value <= limit && value == (double)(uint64_t)value;
}

static bool are_digits(const char *names, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!((names[i] >= '0' && names[i] <= '9') || (names[i] >= 'a' && names[i] <= 'f')))
			return false;
	return true;
}

/* Objects by offset and size; false where one is not in the window. */
static bool fill_objects(struct planish_object *objects, const struct planish_view *window, const double *ranges,
			 size_t count, const char *names, size_t digits)
{
	for (size_t i = 0; i < count; i++) {
		double offset = ranges[2 * i], size = ranges[2 * i + 1];

		if (!is_size(offset, (double)window->length) || !is_size(size, (double)window->length - offset))
			return false;
		objects[i] = (struct planish_object){ window->data + (size_t)offset, (size_t)size, names + i * digits };
	}
	return true;
}

/* The caller's bytes may be shared with other threads, so it is copies of numbers and names that are checked and used. */
static int store_copied(const char *directory, const struct planish_view *window, const struct planish_doubles *ranges,
			const struct planish_view *names, unsigned char *outcomes)
{
	size_t count = ranges->count / 2, digits = names->length / count;
	struct planish_object *objects = malloc(count * sizeof *objects);
	char *copy = malloc(names->length);
	int result = -EINVAL;

	if (objects == NULL || copy == NULL) {
		free(objects);
		free(copy);
		return -ENOMEM;
	}
	memcpy(copy, names->data, names->length);
	if (are_digits(copy, names->length) && fill_objects(objects, window, ranges->data, count, copy, digits))
		result = planish_store_objects(directory, objects, count, digits, outcomes);
	free(objects);
	free(copy);
	return result;
}

/*
 * storeObjects(directory: Uint8Array, window: Uint8Array, ranges: Float64Array of offsets and sizes in turns,
 * names: Uint8Array of digits, outcomes: Uint8Array): 0 | negative errno
 */
static napi_value store_objects(napi_env env, napi_callback_info info)
{
	size_t wanted = 5, count;
	napi_value arguments[5];
	struct planish_view directory, window, names, outcomes;
	struct planish_doubles ranges;
	char path[PATH_MAX];
	int failed;

	if (napi_get_cb_info(env, info, &wanted, arguments, NULL, NULL) != napi_ok)
		return NULL;
	if (!planish_get_view(env, arguments[0], &directory) || !planish_get_view(env, arguments[1], &window) ||
	    !planish_get_doubles(env, arguments[2], &ranges) || !planish_get_view(env, arguments[3], &names) ||
	    !planish_get_view(env, arguments[4], &outcomes))
		return planish_throw_type_error(env, "storeObjects takes bytes, bytes, ranges, names, space for outcomes");
	count = ranges.count / 2;
	if (count == 0 || count > OBJECTS_MAX || outcomes.length < count ||
	    (names.length != count * 64 && names.length != count * 128))
		return planish_number(env, -EINVAL);
	failed = planish_copy_string(&directory, path, sizeof path);
	if (!failed)
		failed = store_copied(path, &window, &ranges, &names, (unsigned char *)outcomes.data);
	return planish_number(env, failed);
}

/* A copy of the names: the caller's may be shared with other threads. */
struct size_job {
	struct planish_later later;
	char directory[PATH_MAX];
	double *sizes;
	size_t count;
	size_t digits;
	char names[];
};

static int run_sizes(struct planish_later *later)
{
	struct size_job *job = (struct size_job *)later;

	return planish_size_objects(job->directory, job->names, job->count, job->digits, job->sizes);
}

/* NULL, nothing being thrown, where names or path are none or memory is lacking. */
static struct size_job *new_size_job(const struct planish_view *directory, const struct planish_view *names,
				     const struct planish_doubles *sizes)
{
	size_t digits = sizes->count > 0 ? names->length / sizes->count : 0;
	struct size_job *job;

	if (sizes->count > OBJECTS_MAX || (digits != 64 && digits != 128) || names->length != sizes->count * digits)
		return NULL;
	job = malloc(sizeof *job + names->length);
	if (job == NULL)
		return NULL;
	job->later = (struct planish_later){ .run = run_sizes };
	job->sizes = (double *)(uintptr_t)sizes->data;
	job->count = sizes->count;
	job->digits = digits;
	memcpy(job->names, names->data, names->length);
	if (are_digits(job->names, names->length) &&
	    planish_copy_string(directory, job->directory, sizeof job->directory) == 0)
		return job;
	free(job);
	return NULL;
}

/*
 * sizeObjectsLater(directory: Uint8Array, names: Uint8Array of digits, sizes: Float64Array): a promise of 0 | negative errno
 */
static napi_value size_objects_later(napi_env env, napi_callback_info info)
{
	size_t wanted = 3;
	napi_value arguments[3];
	struct planish_view directory, names;
	struct planish_doubles sizes;
	struct size_job *job;

	if (napi_get_cb_info(env, info, &wanted, arguments, NULL, NULL) != napi_ok)
		return NULL;
	if (!planish_get_view(env, arguments[0], &directory) || !planish_get_view(env, arguments[1], &names) ||
	    !planish_get_doubles(env, arguments[2], &sizes))
		return planish_throw_type_error(env, "sizeObjectsLater takes bytes, names, space for sizes");
	job = new_size_job(&directory, &names, &sizes);
	if (job == NULL)
		return planish_throw_type_error(env, "sizeObjectsLater takes a path and names of objects");
	return planish_run_later(env, &job->later, (napi_value[]){ arguments[2] }, 1);
}

bool planish_define_store(napi_env env, napi_value exports)
{
	return planish_define(env, exports, "storeObjects", store_objects) &&
	       planish_define(env, exports, "sizeObjectsLater", size_objects_later);
}
