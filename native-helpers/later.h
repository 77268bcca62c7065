/* Calls that run on a thread of libuv's pool. Part of what the module files share; plain C knows nothing of it. */
#ifndef PLANISH_LATER_H
#define PLANISH_LATER_H

#include "values.h"

#define PLANISH_KEPT_MAX 6

/* The first member of what such a call allocates with malloc; the last that is done with it gives it back. */
struct planish_later {
	/* Does the work, on another thread; the result of the promise. */
	int (*run)(struct planish_later *job);
	int result;
	/* Where the promise is not of the result itself: makes its value of that, NULL where there is none, and gives back all else. */
	napi_value (*give)(napi_env env, struct planish_later *job);
	napi_async_work work;
	napi_deferred deferred;
	napi_ref kept[PLANISH_KEPT_MAX];
	size_t kept_count;
};

/*
 * Queues the job, `run` being set. `values` are kept alive until it is done: the arrays whose memory it uses, which the
 * caller in JavaScript leaves alone until then. A promise of a number, or NULL with an exception pending.
 */
napi_value planish_run_later(napi_env env, struct planish_later *job, const napi_value *values, size_t count);

#endif
