/* What JavaScript sees of hash.c, merkle.c and measure.c; the typed mirror is src/native/contract.ts. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash-stream.h"
#include "merkle.h"
#include "later.h"
#include "stream-values.h"
#include "values.h"

/* Paths and sizes of one call. */
#define FILES_MAX 65536

static bool get_arguments(napi_env env, napi_callback_info info, size_t wanted, napi_value *arguments)
{
	size_t count = wanted;

	return napi_get_cb_info(env, info, &count, arguments, NULL, NULL) == napi_ok;
}

/* A number that is a whole count of bytes and at most `limit`. */
static bool is_size(double value, double limit)
{
	return value >= 0 && value <= limit && value == (double)(uint64_t)value;
}

static bool get_size(napi_env env, napi_value value, size_t *size)
{
	double number;

	if (napi_get_value_double(env, value, &number) != napi_ok || !is_size(number, 9007199254740991.0))
		return false;
	*size = (size_t)number;
	return true;
}

static bool get_algorithm(napi_env env, napi_value value, uint32_t *algorithm)
{
	return napi_get_value_uint32(env, value, algorithm) == napi_ok && planish_digest_length(*algorithm) > 0;
}

static void copy_row(const struct planish_kernel_row *row, int is_chosen, char *text, size_t size)
{
	const char *state = row->refusal != NULL ? row->refusal : is_chosen ? "chosen" : "slower here";

	snprintf(text, size, "%s\n%s", row->name, state);
}

/* hashKernels(algorithm): for each kernel two strings: its name, and `chosen`, `slower here` or why it cannot run */
static napi_value hash_kernels(napi_env env, napi_callback_info info)
{
	napi_value arguments[1], list = NULL, item;
	const struct planish_kernel_table *table;
	uint32_t algorithm;
	char text[256];

	if (!get_arguments(env, info, 1, arguments) || !get_algorithm(env, arguments[0], &algorithm))
		return planish_throw_type_error(env, "hashKernels takes 1 or 2");
	table = planish_kernels(algorithm);
	if (napi_create_array_with_length(env, table->count, &list) != napi_ok)
		return NULL;
	for (size_t i = 0; i < table->count; i++) {
		copy_row(&table->rows[i], i == table->chosen, text, sizeof text);
		if (napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &item) != napi_ok ||
		    napi_set_element(env, list, (uint32_t)i, item) != napi_ok)
			return NULL;
	}
	return list;
}

#define ENQUEUED 96

static void hash_blocks_by(const struct planish_kernel_row *row, const unsigned char *data, size_t count, size_t block,
			   unsigned char *digests, size_t digest_length, struct planish_waiting *beside)
{
	struct planish_message messages[ENQUEUED];

	while (count > 0) {
		size_t batch = count < ENQUEUED ? count : ENQUEUED;

		for (size_t i = 0; i < batch; i++, data += block, digests += digest_length)
			messages[i] = (struct planish_message){ data, block, digests };
		size_t done = beside != NULL ? planish_stream_beside(beside, messages, batch, block) : 0;

		planish_hash(row, messages + done, batch - done, block);
		count -= batch;
	}
}

/*
 * hashBlocks(bytes: Uint8Array, start, count, blockSize, algorithm, digests: Uint8Array, at, kernel, stream?: Uint8Array,
 * waiting: Uint8Array): bytes that are still waiting | -EINVAL. The kernel is an index of hashKernels, or -1 for the chosen
 * one; then SHA-256 goes on with the stream beside the blocks.
 */
static napi_value hash_blocks(napi_env env, napi_callback_info info)
{
	napi_value arguments[10];
	struct planish_view bytes, digests;
	struct planish_waiting beside;
	size_t start, count, block, at, digest_length;
	uint32_t algorithm;
	int32_t kernel;
	bool is_chosen;
	const struct planish_kernel_table *table;

	if (!get_arguments(env, info, 10, arguments))
		return NULL;
	if (!planish_get_view(env, arguments[0], &bytes) || !get_size(env, arguments[1], &start) ||
	    !get_size(env, arguments[2], &count) || !get_size(env, arguments[3], &block) ||
	    !get_algorithm(env, arguments[4], &algorithm) || !planish_get_view(env, arguments[5], &digests) ||
	    !get_size(env, arguments[6], &at) || napi_get_value_int32(env, arguments[7], &kernel) != napi_ok ||
	    !planish_get_waiting(env, arguments + 8, &beside))
		return planish_throw_type_error(env, "hashBlocks takes bytes, numbers and a Uint8Array for digests");
	table = planish_kernels(algorithm);
	digest_length = planish_digest_length(algorithm);
	if (block == 0 || block % 128 != 0 || block > PLANISH_MESSAGE_MAX || start > bytes.length ||
	    count > (bytes.length - start) / block || at > digests.length ||
	    count > (digests.length - at) / digest_length || kernel < -1 || kernel >= (int32_t)table->count)
		return planish_number(env, -EINVAL);
	is_chosen = kernel < 0;
	kernel = is_chosen ? (int32_t)table->chosen : kernel;
	if (table->rows[kernel].refusal != NULL)
		return planish_number(env, -EINVAL);
	if (count > 0)
		hash_blocks_by(&table->rows[kernel], bytes.data + start, count, block,
			       (unsigned char *)digests.data + at, digest_length,
			       beside.stream != NULL && algorithm == PLANISH_SHA256 && is_chosen ? &beside : NULL);
	return planish_number(env, (int)beside.length);
}

/* Contents by offset and size; false where one is not in the window. */
static bool fill_contents(struct planish_content *contents, const struct planish_view *window, const double *ranges,
			  size_t count, unsigned char *digests, size_t digest_length)
{
	for (size_t i = 0; i < count; i++) {
		double offset = ranges[2 * i], size = ranges[2 * i + 1];

		if (!is_size(offset, (double)window->length) || !is_size(size, (double)window->length - offset))
			return false;
		contents[i] = (struct planish_content){ window->data + (size_t)offset, (size_t)size,
							digests + i * digest_length };
	}
	return true;
}

/*
 * verityBatch(window: Uint8Array, ranges: Float64Array of offsets and sizes in turns, algorithm, digests: Uint8Array,
 * stream?: Uint8Array, waiting: Uint8Array): bytes that are still waiting | negative errno
 */
static napi_value verity_batch(napi_env env, napi_callback_info info)
{
	napi_value arguments[6];
	struct planish_view window, digests;
	struct planish_doubles ranges;
	struct planish_waiting beside;
	struct planish_content *contents;
	size_t count, digest_length;
	uint32_t algorithm;
	int failed = -EINVAL;

	if (!get_arguments(env, info, 6, arguments))
		return NULL;
	if (!planish_get_view(env, arguments[0], &window) || !planish_get_doubles(env, arguments[1], &ranges) ||
	    !get_algorithm(env, arguments[2], &algorithm) || !planish_get_view(env, arguments[3], &digests) ||
	    !planish_get_waiting(env, arguments + 4, &beside))
		return planish_throw_type_error(env, "verityBatch takes bytes, ranges, 1 or 2, and space for digests");
	count = ranges.count / 2;
	digest_length = planish_digest_length(algorithm);
	if (digests.length / digest_length < count)
		return planish_number(env, -EINVAL);
	contents = malloc((count + 1) * sizeof *contents);
	if (contents == NULL)
		return planish_number(env, -ENOMEM);
	if (fill_contents(contents, &window, ranges.data, count, (unsigned char *)digests.data, digest_length))
		failed = planish_measure_contents(contents, count, algorithm,
						  beside.stream != NULL ? &beside : NULL);
	free(contents);
	return planish_number(env, failed ? failed : (int)beside.length);
}

/* Whether there are exactly `count` strings, each with its NUL. */
static bool holds_paths(const struct planish_view *paths, size_t count)
{
	size_t found = 0;

	for (size_t i = 0; i < paths->length; i++)
		found += paths->data[i] == 0;
	return found == count && (count == 0 || paths->data[paths->length - 1] == 0);
}

/* The caller's bytes may be shared with other threads, so it is a copy that is checked and used. */
static int measure_copied(const struct planish_view *paths, const struct planish_doubles *sizes, uint32_t algorithm,
			  unsigned char *digests, const struct planish_parts *parts)
{
	unsigned char *copy = malloc(paths->length + 1);
	struct planish_view copied = { copy, paths->length };
	int result = -EINVAL;

	if (copy == NULL)
		return -ENOMEM;
	if (paths->length > 0)
		memcpy(copy, paths->data, paths->length);
	if (holds_paths(&copied, sizes->count))
		result = planish_measure_files((const char *)copy, sizes->data, sizes->count, algorithm, digests,
					       parts);
	free(copy);
	return result;
}

/*
 * measureFiles(paths: Uint8Array, sizes: Float64Array, algorithm, digests: Uint8Array): how many were measured before
 * the first that cannot be | negative errno. Paths end in NUL.
 */
static napi_value measure_files(napi_env env, napi_callback_info info)
{
	napi_value arguments[4];
	struct planish_view paths, digests;
	struct planish_doubles sizes;
	uint32_t algorithm;

	if (!get_arguments(env, info, 4, arguments))
		return NULL;
	if (!planish_get_view(env, arguments[0], &paths) || !planish_get_doubles(env, arguments[1], &sizes) ||
	    !get_algorithm(env, arguments[2], &algorithm) || !planish_get_view(env, arguments[3], &digests))
		return planish_throw_type_error(env, "measureFiles takes paths, sizes, 1 or 2, and space for digests");
	if (sizes.count > FILES_MAX || digests.length / planish_digest_length(algorithm) < sizes.count)
		return planish_number(env, -EINVAL);
	return planish_number(env, measure_copied(&paths, &sizes, algorithm, (unsigned char *)digests.data, NULL));
}

/* measureFiles as a job, or measureParts, where there is a stream. */
struct measure_job {
	struct planish_later later;
	struct planish_view paths;
	struct planish_doubles sizes;
	uint32_t algorithm;
	unsigned char *digests;
	struct planish_parts parts;
};

static int run_measure(struct planish_later *later)
{
	struct measure_job *job = (struct measure_job *)later;

	return measure_copied(&job->paths, &job->sizes, job->algorithm, job->digests,
			      job->parts.stream != NULL ? &job->parts : NULL);
}

static bool get_measure(napi_env env, const napi_value *arguments, struct measure_job *job)
{
	struct planish_view digests;

	job->later = (struct planish_later){ .run = run_measure };
	job->parts = (struct planish_parts){ 0 };
	if (!planish_get_view(env, arguments[0], &job->paths) || !planish_get_doubles(env, arguments[1], &job->sizes) ||
	    !get_algorithm(env, arguments[2], &job->algorithm) || !planish_get_view(env, arguments[3], &digests) ||
	    job->sizes.count > FILES_MAX ||
	    digests.length / planish_digest_length(job->algorithm) < job->sizes.count)
		return false;
	job->digests = (unsigned char *)digests.data;
	return true;
}

/* measureFilesLater(…): a promise of what measureFiles returns. */
static napi_value measure_files_later(napi_env env, napi_callback_info info)
{
	napi_value arguments[4];
	struct measure_job *job = malloc(sizeof *job);

	if (job == NULL || !get_arguments(env, info, 4, arguments)) {
		free(job);
		return NULL;
	}
	if (!get_measure(env, arguments, job)) {
		free(job);
		return planish_throw_type_error(
			env, "measureFilesLater takes paths, sizes, 1 or 2, and space for digests");
	}
	return planish_run_later(env, &job->later, (napi_value[]){ arguments[0], arguments[1], arguments[3] }, 3);
}

static bool get_parts(napi_env env, const napi_value *arguments, struct measure_job *job)
{
	struct planish_waiting between;
	struct planish_doubles gaps;

	if (!planish_get_waiting(env, arguments, &between) || between.stream == NULL ||
	    !planish_get_doubles(env, arguments[2], &gaps) || gaps.count != job->sizes.count)
		return false;
	job->parts = (struct planish_parts){ between.stream, between.data, between.length, gaps.data };
	return true;
}

/*
 * measurePartsLater(paths, sizes, algorithm, digests, stream: Uint8Array, between: Uint8Array, gaps: Float64Array): the same
 * of files that are parts of a stream
 */
static napi_value measure_parts_later(napi_env env, napi_callback_info info)
{
	napi_value arguments[7];
	struct measure_job *job = malloc(sizeof *job);

	if (job == NULL || !get_arguments(env, info, 7, arguments)) {
		free(job);
		return NULL;
	}
	if (!get_measure(env, arguments, job) || !get_parts(env, arguments + 4, job)) {
		free(job);
		return planish_throw_type_error(
			env, "measurePartsLater takes paths, sizes, 1 or 2, space for digests, a stream, bytes and gaps");
	}
	return planish_run_later(env, &job->later,
				 (napi_value[]){ arguments[0], arguments[1], arguments[3], arguments[4], arguments[5],
						 arguments[6] },
				 6);
}

bool planish_define_hash(napi_env env, napi_value exports)
{
	return planish_define(env, exports, "hashKernels", hash_kernels) &&
	       planish_define(env, exports, "hashBlocks", hash_blocks) &&
	       planish_define(env, exports, "verityBatch", verity_batch) &&
	       planish_define(env, exports, "measureFiles", measure_files) &&
	       planish_define(env, exports, "measureFilesLater", measure_files_later) &&
	       planish_define(env, exports, "measurePartsLater", measure_parts_later);
}
