/* What JavaScript sees of scan.c and store-files.c beside single directories; the typed mirror is src/native/contract.ts. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "later.h"
#include "scan.h"
#include "store-files.h"

/* Directories, and files, of one call. */
#define PATHS_MAX 65536

/* How many strings there are, each with its NUL; false where the last one has none. */
static bool count_paths(const struct planish_view *paths, size_t *count)
{
	*count = 0;
	for (size_t i = 0; i < paths->length; i++)
		*count += paths->data[i] == 0;
	return *count <= PATHS_MAX && (paths->length == 0 || paths->data[paths->length - 1] == 0);
}

/* What is read of the contents that directories list: `directory` is empty where they are not stored. */
struct scan_job {
	struct planish_later later;
	char directory[PATH_MAX];
	uint32_t flags;
	uint32_t algorithm;
	struct planish_listed listed;
	size_t count;
	char paths[];
};

static int scan_with(struct scan_job *job, struct planish_reader *reader)
{
	return planish_scan_directories(job->paths, job->count, job->flags, reader, &job->listed);
}

static int scan_and_store(struct scan_job *job, struct planish_reader *reader)
{
	struct planish_place place;
	int failed = planish_open_place(&place, job->directory);

	if (failed)
		return failed;
	reader->place = &place;
	if (job->flags & PLANISH_SCAN_CLONES)
		reader->small = PLANISH_UNSHARED_BYTES;
	failed = scan_with(job, reader);
	planish_close_place(&place);
	return failed;
}

static int run_scan(struct planish_later *later)
{
	struct scan_job *job = (struct scan_job *)later;
	struct planish_reader *reader;
	int failed;

	if (job->algorithm == 0)
		return scan_with(job, NULL);
	reader = planish_new_reader(job->algorithm, planish_note_content, &job->listed);
	if (reader == NULL)
		return -ENOMEM;
	failed = *job->directory != 0 ? scan_and_store(job, reader) : scan_with(job, reader);
	free(reader);
	return failed;
}

/* The records as a Node Buffer, or the error. */
static napi_value give_listed(napi_env env, struct planish_later *later)
{
	struct planish_bytes *bytes = &((struct scan_job *)later)->listed.bytes;
	napi_value value = NULL;

	if (later->result < 0)
		value = planish_number(env, later->result);
	else if (napi_create_buffer_copy(env, bytes->length, bytes->data, NULL, &value) != napi_ok)
		value = planish_number(env, -ENOMEM);
	planish_release(bytes);
	return value;
}

static struct scan_job *new_scan_job(const struct planish_view *paths, uint32_t flags, uint32_t limit,
				     uint32_t algorithm, const struct planish_view *directory)
{
	struct scan_job *job = malloc(sizeof *job + paths->length);

	if (job == NULL)
		return NULL;
	*job = (struct scan_job){
		.later = { .run = run_scan, .give = give_listed },
		.flags = flags,
		.algorithm = algorithm,
		.listed = { .bytes = { .limit = limit }, .digest_length = planish_digest_length(algorithm) },
	};
	if (paths->length > 0)
		memcpy(job->paths, paths->data, paths->length);
	/* The caller's may be shared with other threads, so it is the copy that is looked at. */
	if (count_paths(&(struct planish_view){ (unsigned char *)job->paths, paths->length }, &job->count) &&
	    planish_copy_string(directory, job->directory, sizeof job->directory) == 0)
		return job;
	free(job);
	return NULL;
}

/*
 * scanDirectoriesLater(paths: Uint8Array, flags, limit, algorithm or 0, directory: Uint8Array): a promise of a Buffer |
 * negative errno
 */
static napi_value scan_directories_later(napi_env env, napi_callback_info info)
{
	size_t wanted = 5;
	napi_value arguments[5];
	struct planish_view paths, directory;
	uint32_t flags, limit, algorithm;
	struct scan_job *job;

	if (napi_get_cb_info(env, info, &wanted, arguments, NULL, NULL) != napi_ok)
		return NULL;
	if (!planish_get_view(env, arguments[0], &paths) || napi_get_value_uint32(env, arguments[1], &flags) != napi_ok ||
	    napi_get_value_uint32(env, arguments[2], &limit) != napi_ok ||
	    napi_get_value_uint32(env, arguments[3], &algorithm) != napi_ok ||
	    (algorithm != 0 && planish_digest_length(algorithm) == 0) ||
	    !planish_get_view(env, arguments[4], &directory))
		return planish_throw_type_error(
			env, "scanDirectoriesLater takes paths, two numbers, 0, 1 or 2, and a path");
	job = new_scan_job(&paths, flags, limit, algorithm, &directory);
	if (job == NULL)
		return planish_throw_type_error(env, "scanDirectoriesLater takes paths that end in NUL");
	return planish_run_later(env, &job->later, NULL, 0);
}

/* A copy of stamps, then of paths. */
struct files_job {
	struct planish_later later;
	char directory[PATH_MAX];
	uint32_t flags;
	uint32_t algorithm;
	struct planish_stored stored;
	size_t count;
	char bytes[];
};

static int run_files(struct planish_later *later)
{
	struct files_job *job = (struct files_job *)later;

	return planish_store_files(job->directory, job->bytes + job->count * PLANISH_STAMP,
				   (const unsigned char *)job->bytes, job->count, job->algorithm, job->flags,
				   &job->stored);
}

static struct files_job *new_files_job(const struct planish_view *directory, const struct planish_view *paths,
				       const struct planish_view *stamps)
{
	struct files_job *job = malloc(sizeof *job + stamps->length + paths->length);
	size_t count;

	if (job == NULL)
		return NULL;
	job->later = (struct planish_later){ .run = run_files };
	if (stamps->length > 0)
		memcpy(job->bytes, stamps->data, stamps->length);
	if (paths->length > 0)
		memcpy(job->bytes + stamps->length, paths->data, paths->length);
	if (count_paths(&(struct planish_view){ (unsigned char *)job->bytes + stamps->length, paths->length }, &count) &&
	    stamps->length == count * PLANISH_STAMP &&
	    planish_copy_string(directory, job->directory, sizeof job->directory) == 0) {
		job->count = count;
		return job;
	}
	free(job);
	return NULL;
}

/*
 * storeFilesLater(directory: Uint8Array, paths: Uint8Array, stamps: Uint8Array, flags, algorithm, digests: Uint8Array,
 * outcomes: Uint8Array): a promise of how many were measured | negative errno
 */
static napi_value store_files_later(napi_env env, napi_callback_info info)
{
	size_t wanted = 7, length;
	napi_value arguments[7];
	struct planish_view directory, paths, stamps, digests, outcomes;
	uint32_t flags, algorithm;
	struct files_job *job;

	if (napi_get_cb_info(env, info, &wanted, arguments, NULL, NULL) != napi_ok)
		return NULL;
	if (!planish_get_view(env, arguments[0], &directory) || !planish_get_view(env, arguments[1], &paths) ||
	    !planish_get_view(env, arguments[2], &stamps) || napi_get_value_uint32(env, arguments[3], &flags) != napi_ok ||
	    napi_get_value_uint32(env, arguments[4], &algorithm) != napi_ok ||
	    planish_digest_length(algorithm) == 0 || !planish_get_view(env, arguments[5], &digests) ||
	    !planish_get_view(env, arguments[6], &outcomes))
		return planish_throw_type_error(
			env, "storeFilesLater takes a path, paths, stamps, flags, 1 or 2, and space");
	job = new_files_job(&directory, &paths, &stamps);
	if (job == NULL)
		return planish_throw_type_error(env, "storeFilesLater takes paths that end in NUL, and their stamps");
	length = planish_digest_length(algorithm);
	if (digests.length / length < job->count || outcomes.length < job->count) {
		free(job);
		return planish_throw_type_error(env, "storeFilesLater takes space for all files");
	}
	job->flags = flags;
	job->algorithm = algorithm;
	job->stored = (struct planish_stored){ (unsigned char *)digests.data, length, (unsigned char *)outcomes.data };
	return planish_run_later(env, &job->later, arguments + 5, 2);
}

bool planish_define_scan(napi_env env, napi_value exports)
{
	return planish_define(env, exports, "scanDirectoriesLater", scan_directories_later) &&
	       planish_define(env, exports, "storeFilesLater", store_files_later);
}
