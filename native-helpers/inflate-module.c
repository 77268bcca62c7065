/* What JavaScript sees of inflate.c and crc32.c; the typed mirror is src/native/contract.ts. */
#include <errno.h>
#include <stdint.h>

#include "crc32.h"
#include "inflate.h"
#include "values.h"

/* The state in a Uint8Array of the caller's; NULL where it is too small or lies askew. */
static struct planish_inflate *get_state(napi_env env, napi_value value)
{
	struct planish_view view;

	if (!planish_get_view(env, value, &view) || view.length < planish_inflate_bytes() ||
	    (uintptr_t)view.data % sizeof(uint64_t) != 0)
		return NULL;
	return (struct planish_inflate *)(uintptr_t)view.data;
}

/* beginInflate(state: Uint8Array) */
static napi_value begin_inflate(napi_env env, napi_callback_info info)
{
	size_t count = 1;
	napi_value arguments[1];
	struct planish_inflate *state;

	if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok)
		return NULL;
	state = get_state(env, arguments[0]);
	if (state == NULL)
		return planish_throw_type_error(env, "beginInflate takes inflateStateBytes bytes");
	planish_inflate_begin(state);
	return planish_number(env, 0);
}

/*
 * inflate(state: Uint8Array, input: Uint8Array, output: Uint8Array, counts: Float64Array): a status of inflate.h, or
 * -EINVAL; bytes consumed and produced to `counts`.
 */
static napi_value inflate(napi_env env, napi_callback_info info)
{
	size_t count = 4, consumed = 0, produced = 0;
	napi_value arguments[4];
	struct planish_inflate *state;
	struct planish_view input, output;
	struct planish_doubles counts;
	int status;

	if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok)
		return NULL;
	state = get_state(env, arguments[0]);
	if (state == NULL || !planish_get_view(env, arguments[1], &input) ||
	    !planish_get_view(env, arguments[2], &output) || !planish_get_doubles(env, arguments[3], &counts))
		return planish_throw_type_error(env, "inflate takes a state, input, output and counts");
	if (!planish_inflate_is_begun(state) || counts.count < 2 ||
	    output.length < PLANISH_INFLATE_HISTORY + PLANISH_INFLATE_ROOM)
		return planish_number(env, -EINVAL);
	status = planish_inflate_run(state, input.data, input.length, (unsigned char *)(uintptr_t)output.data,
				     output.length, &consumed, &produced);
	((double *)(uintptr_t)counts.data)[0] = (double)consumed;
	((double *)(uintptr_t)counts.data)[1] = (double)produced;
	return planish_number(env, status);
}

/* crc32(bytes: Uint8Array, crc: number): the sum of the bytes behind those whose sum is `crc`. */
static napi_value crc32(napi_env env, napi_callback_info info)
{
	size_t count = 2;
	napi_value arguments[2], result = NULL;
	struct planish_view bytes;
	uint32_t crc;

	if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok)
		return NULL;
	if (!planish_get_view(env, arguments[0], &bytes) || napi_get_value_uint32(env, arguments[1], &crc) != napi_ok)
		return planish_throw_type_error(env, "crc32 takes a Uint8Array and a number");
	if (napi_create_uint32(env, planish_crc32(bytes.data, bytes.length, crc), &result) != napi_ok)
		return NULL;
	return result;
}

bool planish_define_inflate(napi_env env, napi_value exports)
{
	napi_value bytes, kernel;

	return napi_create_uint32(env, (uint32_t)planish_inflate_bytes(), &bytes) == napi_ok &&
	       napi_set_named_property(env, exports, "inflateStateBytes", bytes) == napi_ok &&
	       planish_define(env, exports, "beginInflate", begin_inflate) &&
	       planish_define(env, exports, "inflate", inflate) &&
	       napi_create_string_utf8(env, planish_crc32_kernel(), NAPI_AUTO_LENGTH, &kernel) == napi_ok &&
	       napi_set_named_property(env, exports, "crc32Kernel", kernel) == napi_ok &&
	       planish_define(env, exports, "crc32", crc32);
}
