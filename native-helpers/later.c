/* Running a call on a thread of libuv's pool, its result by a promise. */
#include <errno.h>
#include <stdlib.h>

#include "later.h"

static void forget(napi_env env, struct planish_later *job)
{
	for (size_t i = 0; i < job->kept_count; i++)
		napi_delete_reference(env, job->kept[i]);
	if (job->work != NULL)
		napi_delete_async_work(env, job->work);
	free(job);
}

/* On a thread of the pool: nothing of Node may be called. */
static void execute(napi_env env, void *data)
{
	struct planish_later *job = data;

	(void)env;
	job->result = job->run(job);
}

static void settle(napi_env env, struct planish_later *job, int result)
{
	napi_value value;

	job->result = result;
	value = job->give != NULL ? job->give(env, job) : planish_number(env, result);
	/* Fails only where the thread is being ended, and nobody waits any more. */
	if (value != NULL)
		(void)napi_resolve_deferred(env, job->deferred, value);
	forget(env, job);
}

static void complete(napi_env env, napi_status status, void *data)
{
	struct planish_later *job = data;

	settle(env, job, status == napi_ok ? job->result : -ECANCELED);
}

static bool keep(napi_env env, struct planish_later *job, const napi_value *values, size_t count)
{
	for (size_t i = 0; i < count && i < PLANISH_KEPT_MAX; i++) {
		if (napi_create_reference(env, values[i], 1, &job->kept[i]) != napi_ok)
			return false;
		job->kept_count = i + 1;
	}
	return true;
}

napi_value planish_run_later(napi_env env, struct planish_later *job, const napi_value *values, size_t count)
{
	napi_value promise, name;

	job->work = NULL;
	job->kept_count = 0;
	if (napi_create_promise(env, &job->deferred, &promise) != napi_ok) {
		free(job);
		return NULL;
	}
	if (!keep(env, job, values, count) ||
	    napi_create_string_utf8(env, "planish", NAPI_AUTO_LENGTH, &name) != napi_ok ||
	    napi_create_async_work(env, NULL, name, execute, complete, job, &job->work) != napi_ok ||
	    napi_queue_async_work(env, job->work) != napi_ok)
		settle(env, job, -ENOMEM);
	return promise;
}
