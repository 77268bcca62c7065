/* What JavaScript sees of window.c; the typed mirror is src/native/contract.ts. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>

#include "later.h"
#include "stream-values.h"
#include "window.h"

/* Contents of one window, and bytes of one part. */
#define CONTENTS_MAX 65536
#define PART_MAX (64u * 1024 * 1024)

/* Numbers and paths are copies: the caller's may be shared with other threads. */
struct window_job {
	struct planish_later later;
	char directory[PATH_MAX];
	uint32_t algorithm;
	struct planish_waiting waiting;
	unsigned char *outcomes;
	size_t count;
	struct planish_content contents[];
};

static struct planish_waiting *wanted(struct planish_waiting *waiting)
{
	return waiting->stream != NULL ? waiting : NULL;
}

static int run_window(struct planish_later *later)
{
	struct window_job *job = (struct window_job *)later;

	return planish_store_window(job->directory, job->contents, job->count, job->algorithm, job->outcomes,
				    wanted(&job->waiting));
}

static bool is_size(double value, double limit)
{
	return value >= 0 && value <= limit && value == (double)(uint64_t)value;
}

static bool fill_window(struct window_job *job, const struct planish_view *window, const double *ranges,
			unsigned char *digests)
{
	size_t digest_length = planish_digest_length(job->algorithm);

	for (size_t i = 0; i < job->count; i++) {
		double offset = ranges[2 * i], size = ranges[2 * i + 1];

		if (!is_size(offset, (double)window->length) || !is_size(size, (double)window->length - offset))
			return false;
		job->contents[i] = (struct planish_content){ window->data + (size_t)offset, (size_t)size,
							     digests + i * digest_length };
	}
	return true;
}

/* What is used until the job is done; the stream and its bytes only where there are some. */
static napi_value run_with_stream(napi_env env, struct planish_later *later, napi_value *kept, size_t count,
				  const struct planish_waiting *waiting, const napi_value *stream)
{
	for (size_t i = 0; waiting->stream != NULL && i < 2; i++)
		kept[count++] = stream[i];
	return planish_run_later(env, later, kept, count);
}

static bool get_algorithm(napi_env env, napi_value value, uint32_t *algorithm)
{
	return napi_get_value_uint32(env, value, algorithm) == napi_ok && planish_digest_length(*algorithm) > 0;
}

/*
 * storeWindowLater(directory: Uint8Array, window: Uint8Array, ranges: Float64Array of offsets and sizes in turns, algorithm,
 * digests: Uint8Array, outcomes: Uint8Array, stream?: Uint8Array, bytes?: Uint8Array): a promise of 0 | negative errno
 */
static napi_value store_window_later(napi_env env, napi_callback_info info)
{
	size_t wanted = 8, count, digest_length;
	napi_value arguments[8], kept[PLANISH_KEPT_MAX];
	struct planish_view directory, window, digests, outcomes;
	struct planish_doubles ranges;
	struct planish_waiting waiting;
	uint32_t algorithm;
	struct window_job *job;

	if (napi_get_cb_info(env, info, &wanted, arguments, NULL, NULL) != napi_ok)
		return NULL;
	if (!planish_get_view(env, arguments[0], &directory) || !planish_get_view(env, arguments[1], &window) ||
	    !planish_get_doubles(env, arguments[2], &ranges) || !get_algorithm(env, arguments[3], &algorithm) ||
	    !planish_get_view(env, arguments[4], &digests) || !planish_get_view(env, arguments[5], &outcomes) ||
	    !planish_get_waiting(env, arguments + 6, &waiting))
		return planish_throw_type_error(env, "storeWindowLater takes bytes, bytes, ranges, 1 or 2, and space");
	count = ranges.count / 2;
	digest_length = planish_digest_length(algorithm);
	if (count > CONTENTS_MAX || outcomes.length < count || digests.length / digest_length < count)
		return planish_throw_type_error(env, "storeWindowLater takes space for all contents");
	job = malloc(sizeof *job + count * sizeof job->contents[0]);
	if (job == NULL)
		return planish_throw_type_error(env, "storeWindowLater lacks memory");
	job->later = (struct planish_later){ .run = run_window };
	job->algorithm = algorithm;
	job->waiting = waiting;
	job->outcomes = (unsigned char *)outcomes.data;
	job->count = count;
	if (!fill_window(job, &window, ranges.data, (unsigned char *)digests.data) ||
	    planish_copy_string(&directory, job->directory, sizeof job->directory)) {
		free(job);
		return planish_throw_type_error(env, "storeWindowLater takes ranges of the window");
	}
	for (size_t i = 0; i < 2; i++)
		kept[1 + i] = arguments[4 + i];
	kept[0] = arguments[1];
	return run_with_stream(env, &job->later, kept, 3, &waiting, arguments + 6);
}

struct part_job {
	struct planish_later later;
	int fd;
	struct planish_view part;
	uint32_t algorithm;
	unsigned char *digests;
	struct planish_waiting waiting;
};

static int run_part(struct planish_later *later)
{
	struct part_job *job = (struct part_job *)later;

	return planish_store_part(job->fd, job->part.data, job->part.length, job->algorithm, job->digests,
				  wanted(&job->waiting));
}

/*
 * storePartLater(fd, part: Uint8Array, algorithm, digests: Uint8Array, stream?: Uint8Array, bytes?: Uint8Array): a promise
 * of 0 | negative errno
 */
static napi_value store_part_later(napi_env env, napi_callback_info info)
{
	size_t wanted = 6;
	napi_value arguments[6], kept[PLANISH_KEPT_MAX];
	struct planish_view part, digests;
	struct planish_waiting waiting;
	uint32_t algorithm;
	int32_t fd;
	struct part_job *job;

	if (napi_get_cb_info(env, info, &wanted, arguments, NULL, NULL) != napi_ok)
		return NULL;
	if (napi_get_value_int32(env, arguments[0], &fd) != napi_ok || !planish_get_view(env, arguments[1], &part) ||
	    !get_algorithm(env, arguments[2], &algorithm) || !planish_get_view(env, arguments[3], &digests) ||
	    !planish_get_waiting(env, arguments + 4, &waiting))
		return planish_throw_type_error(env, "storePartLater takes a descriptor, bytes, 1 or 2, and space");
	if (part.length > PART_MAX || digests.length / planish_digest_length(algorithm) <
					      (part.length + PLANISH_BLOCK - 1) / PLANISH_BLOCK)
		return planish_throw_type_error(env, "storePartLater takes space for all blocks");
	job = malloc(sizeof *job);
	if (job == NULL)
		return planish_throw_type_error(env, "storePartLater lacks memory");
	job->later = (struct planish_later){ .run = run_part };
	job->fd = fd;
	job->part = part;
	job->algorithm = algorithm;
	job->digests = (unsigned char *)digests.data;
	job->waiting = waiting;
	kept[0] = arguments[1];
	kept[1] = arguments[3];
	return run_with_stream(env, &job->later, kept, 2, &waiting, arguments + 4);
}

bool planish_define_window(napi_env env, napi_value exports)
{
	return planish_define(env, exports, "storeWindowLater", store_window_later) &&
	       planish_define(env, exports, "storePartLater", store_part_later);
}
