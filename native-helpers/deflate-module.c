/* What JavaScript sees of deflate.c; the typed mirror is src/native/contract.ts. */
#include <errno.h>

#include "deflate.h"
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

/*
 * deflate(work: Uint8Array, data: Uint8Array, history, level, isLast: 0 | 1, output: Uint8Array): bytes | -EINVAL. The
 * first `history` bytes of the data come before the chunk.
 */
static napi_value deflate(napi_env env, napi_callback_info info)
{
	size_t count = 6;
	napi_value arguments[6];
	struct planish_view work, data, output;
	uint32_t history, is_last;
	int32_t level;

	if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok)
		return NULL;
	if (!planish_get_view(env, arguments[0], &work) || !planish_get_view(env, arguments[1], &data) ||
	    napi_get_value_uint32(env, arguments[2], &history) != napi_ok ||
	    napi_get_value_int32(env, arguments[3], &level) != napi_ok ||
	    napi_get_value_uint32(env, arguments[4], &is_last) != napi_ok ||
	    !planish_get_view(env, arguments[5], &output))
		return planish_throw_type_error(env, "deflate takes memory, data, three numbers and output");
	if (!fits(&work, &data, history, level, &output))
		return planish_number(env, -EINVAL);
	return planish_number(env, (int)planish_deflate_chunk((struct planish_deflate *)(uintptr_t)work.data, data.data,
							      history, data.length - history, level, is_last != 0,
							      (unsigned char *)(uintptr_t)output.data));
}

bool planish_define_deflate(napi_env env, napi_value exports)
{
	napi_value bytes;

	return napi_create_uint32(env, (uint32_t)planish_deflate_bytes(), &bytes) == napi_ok &&
	       napi_set_named_property(env, exports, "deflateWorkBytes", bytes) == napi_ok &&
	       planish_define(env, exports, "deflate", deflate);
}
