/* What JavaScript sees of deflate.c; the typed mirror is src/native/contract.ts. */
#include <errno.h>
#include <stdlib.h>

#include "deflate.h"
#include "later.h"
#include "values.h"

/* Whether all sizes fit each other. */
static bool fits(const struct planish_view *work, const struct planish_view *data, uint32_t history, int32_t level,
		 const struct planish_view *output)
{
	return work->length >= planish_deflate_bytes() && (uintptr_t)work->data % sizeof(uint64_t) == 0 &&
	       history <= PLANISH_DEFLATE_HISTORY && history <= data->length &&
	       data->length - history <= PLANISH_DEFLATE_CHUNK_MAX && level >= PLANISH_LEVEL_MIN &&
	       level <= PLANISH_LEVEL_MAX && output->length >= planish_deflate_bound(data->length - history);
}

/* A chunk and where it goes. */
struct deflate_job {
	struct planish_later later;
	struct planish_view work, data, output;
	uint32_t history, is_last;
	int32_t level;
};

static int run_deflate(struct planish_later *later)
{
	const struct deflate_job *job = (const struct deflate_job *)later;

	return (int)planish_deflate_chunk((struct planish_deflate *)(uintptr_t)job->work.data, job->data.data, job->history,
					  job->data.length - job->history, job->level, job->is_last != 0,
					  (unsigned char *)(uintptr_t)job->output.data);
}

/* Whether the arguments are of the right types; throws where they are not. */
static bool get_job(napi_env env, napi_callback_info info, napi_value arguments[6], struct deflate_job *job)
{
	size_t count = 6;

	if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok)
		return false;
	if (planish_get_view(env, arguments[0], &job->work) && planish_get_view(env, arguments[1], &job->data) &&
	    napi_get_value_uint32(env, arguments[2], &job->history) == napi_ok &&
	    napi_get_value_int32(env, arguments[3], &job->level) == napi_ok &&
	    napi_get_value_uint32(env, arguments[4], &job->is_last) == napi_ok &&
	    planish_get_view(env, arguments[5], &job->output))
		return true;
	planish_throw_type_error(env, "deflate takes memory, data, three numbers and output");
	return false;
}

static bool job_fits(const struct deflate_job *job)
{
	return fits(&job->work, &job->data, job->history, job->level, &job->output);
}

/*
 * deflate(work: Uint8Array, data: Uint8Array, history, level, isLast: 0 | 1, output: Uint8Array): bytes | -EINVAL. The
 * first `history` bytes of the data come before the chunk.
 */
static napi_value deflate(napi_env env, napi_callback_info info)
{
	napi_value arguments[6];
	struct deflate_job job;

	if (!get_job(env, info, arguments, &job))
		return NULL;
	return planish_number(env, job_fits(&job) ? run_deflate(&job.later) : -EINVAL);
}

/* deflateLater(…): a promise of what deflate returns. */
static napi_value deflate_later(napi_env env, napi_callback_info info)
{
	napi_value arguments[6];
	struct deflate_job *job = malloc(sizeof *job);

	if (job == NULL || !get_job(env, info, arguments, job)) {
		free(job);
		return NULL;
	}
	if (!job_fits(job)) {
		free(job);
		return planish_throw_type_error(env, "deflateLater takes a chunk that fits, and room for it");
	}
	job->later = (struct planish_later){ .run = run_deflate };
	return planish_run_later(env, &job->later, (napi_value[]){ arguments[0], arguments[1], arguments[5] }, 3);
}

bool planish_define_deflate(napi_env env, napi_value exports)
{
	napi_value bytes;

	return napi_create_uint32(env, (uint32_t)planish_deflate_bytes(), &bytes) == napi_ok &&
	       napi_set_named_property(env, exports, "deflateWorkBytes", bytes) == napi_ok &&
	       planish_define(env, exports, "deflate", deflate) &&
	       planish_define(env, exports, "deflateLater", deflate_later);
}
